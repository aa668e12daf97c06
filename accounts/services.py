"""Signing in and out, choosing a place, settings. The only writers of this room's tables."""

from datetime import timedelta
from uuid import UUID

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.http import HttpRequest
from django.utils import timezone

from . import audit
from .errors import LaunchRefused, NotAMember, SignInRefused, TooManyAttempts
from .models import LaunchUse, Membership, User
from .policies import Acting
from .queries import acting_as, memberships_of

MEMBERSHIP_KEY = "membership"
SIGNED_IN_KEY = "signed_in_at"
SEEN_KEY = "seen_at"
WHOLE_BACKEND = "django.contrib.auth.backends.ModelBackend"


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """Check the password and open a new session. Raises SignInRefused, TooManyAttempts."""
    if _source_guessed_too_often(request):
        audit.record(acting=None, action="sign-in", outcome="refused", reason="source limit",
                     request=request)  # fmt: skip
        raise TooManyAttempts
    user = authenticate(request, username=username, password=password)
    if not isinstance(user, User) or not may_use(user):
        audit.record(acting=None, action="sign-in", outcome="refused", request=request)
        raise SignInRefused
    open_session(request, user)
    return user


def may_use(user: User) -> bool:
    """The invented people are let in only where the demo runs."""
    return user.is_active and (settings.DEMO_ALLOWED or not user.is_demo)


def open_session(request: HttpRequest, user: User) -> None:
    """A new session key for the person; another person's session is emptied first."""
    login(request, user, backend=WHOLE_BACKEND)
    now = int(timezone.now().timestamp())
    request.session[SIGNED_IN_KEY] = request.session[SEEN_KEY] = now
    places = list(memberships_of(user.pk)[:2])
    if len(places) == 1:
        request.session[MEMBERSHIP_KEY] = places[0].pk
    acting = acting_as(places[0]) if len(places) == 1 else _nowhere_yet(user)
    audit.record(acting=acting, action="sign-in", request=request)


def choose_place(request: HttpRequest, user: User, *, membership_id: int) -> Acting:
    """Act for one of the person's own organisations from now on. Raises NotAMember."""
    membership = memberships_of(user.pk).filter(pk=membership_id).first()
    if membership is None:
        raise NotAMember
    return _act_for(request, membership)


def act_for(request: HttpRequest, user: User, *, ods_code: str) -> Acting:
    """The same by the organisation's code, as a launch link names it. Raises NotAMember."""
    membership = memberships_of(user.pk).filter(organisation__ods_code=ods_code).first()
    if membership is None:
        raise NotAMember
    return _act_for(request, membership)


def _act_for(request: HttpRequest, membership: Membership) -> Acting:
    request.session[MEMBERSHIP_KEY] = membership.pk
    request.session.cycle_key()
    acting = acting_as(membership)
    audit.record(acting=acting, action="choose-place", request=request)
    return acting


def sign_out(request: HttpRequest, *, acting: Acting | None, reason: str = "") -> None:
    """Empty the session; what was in it is gone."""
    if request.user.is_authenticated:
        audit.record(acting=acting, action="sign-out", reason=reason, request=request)
    logout(request)


def change_undo_time(user: User, *, seconds: int, by: Acting) -> User:
    """How long a sent request can be taken back: 10, 20 or 30 seconds."""
    user.undo_seconds = seconds
    with transaction.atomic():
        user.save(update_fields=["undo_seconds"])
        audit.record(acting=by, action="change-settings", object_type="user", object_id=user.pk)
    return user


def was_used(nonce: UUID) -> bool:
    """Whether a launch link opened before."""
    return LaunchUse.objects.filter(nonce=nonce).exists()


def use_launch(nonce: UUID) -> None:
    """Note that a link was used; raises LaunchRefused("replayed") the second time.

    Notes older than a day go: a link lives for a minute, so they can no longer be needed.
    """
    LaunchUse.objects.filter(used_at__lt=timezone.now() - timedelta(days=1)).delete()
    try:
        with transaction.atomic():
            LaunchUse.objects.create(nonce=nonce)
    except IntegrityError:
        raise LaunchRefused("replayed") from None


def _nowhere_yet(user: User) -> Acting:
    return Acting(user=user, organisation=None, role="")


def _source_guessed_too_often(request: HttpRequest) -> bool:
    """Password spraying: one guess at each of many accounts stays under the limit per account."""
    since = timezone.now() - timedelta(hours=settings.AXES_COOLOFF_TIME)
    failed = AccessAttempt.objects.filter(
        ip_address=request.META.get("REMOTE_ADDR"), attempt_time__gte=since
    ).aggregate(total=Sum("failures_since_start"))["total"]
    return (failed or 0) >= settings.SIGN_IN_FAILURES_PER_SOURCE
