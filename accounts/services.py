"""Signing in and out, choosing a place, settings. The only writers of this room's tables."""

from datetime import timedelta
from uuid import UUID, uuid4

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, Sum
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from . import audit, sealing
from .errors import LaunchRefused, NotAMember, SignInRefused, TooManyAttempts
from .models import LaunchUse, Membership, Organisation, PackKey, Standby, User
from .policies import Acting
from .queries import StandbyTurn, acting_as, memberships_of

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


# --- The downtime page and packs -----------------------------------------------------------------

STANDBY_EVERY = timedelta(minutes=15)
STANDBY_LEASE = timedelta(minutes=10)
STANDBY_RETRY = timedelta(minutes=1)


def make_pack_key(place: Organisation, *, by: Acting) -> str:
    """A new passphrase for the place's pack, given back this once: only what it derives is kept.

    Packs that were written before open with the passphrase of their own time.
    """
    passphrase, salt = sealing.new_passphrase(), sealing.new_salt()
    facts = {
        "salt": salt, "iterations": sealing.ITERATIONS,
        "key": sealing.key_from(passphrase, salt), "made_at": timezone.now(), "made_by": by.label,
    }  # fmt: skip
    with transaction.atomic():
        PackKey.objects.update_or_create(organisation=place, defaults=facts)
        audit.record(
            acting=by, action="make_pack_key", object_type="accounts.Organisation",
            object_id=place.pk,
        )  # fmt: skip
    return passphrase


def claim_standby(*, at_once: bool = False) -> StandbyTurn | None:
    """The turn to write the downtime page and packs, if one is due by the database's clock and
    nobody else has it. `at_once`: a person wants it now."""
    Standby.objects.get_or_create(pk=1, defaults={"since": Now()})
    with transaction.atomic():
        rows = Standby.objects.select_for_update(skip_locked=True)
        row = rows.annotate(now=Now(output_field=DateTimeField())).first()
        if row is None or not _standby_is_due(row, at_once=at_once):
            return None
        row.lease_token, row.lease_until = uuid4(), row.now + STANDBY_LEASE
        row.save(update_fields=["lease_token", "lease_until"])
    return StandbyTurn(row.lease_token, row.now)


def _standby_is_due(row: Standby, *, at_once: bool) -> bool:
    now = row.now  # type: ignore[attr-defined]
    if row.lease_until and row.lease_until > now:
        return False
    if at_once:
        return True
    waits = row.retry_at is not None and row.retry_at > now
    return not waits and (row.as_of is None or now - row.as_of >= STANDBY_EVERY)


def keep_standby(turn: StandbyTurn) -> bool:
    """Longer for a writer at work; False: the turn is somebody else's by now, stop."""
    mine = Standby.objects.filter(lease_token=turn.token)
    return mine.update(lease_until=Now() + STANDBY_LEASE) == 1


def standby_written(
    turn: StandbyTurn, *, generation: str, packs: int, size: int, seconds: float
) -> None:
    """A whole generation is in its place."""
    Standby.objects.filter(lease_token=turn.token).update(
        lease_token=None, lease_until=None, retry_at=None, as_of=turn.as_of, packs=packs,
        generation=generation, size=size, seconds=seconds, failing_since=None, sentence="",
    )  # fmt: skip


def standby_failed(turn: StandbyTurn, *, sentence: str) -> None:
    """It was not written: tried again in a minute, and people are told when it is old."""
    for row in Standby.objects.filter(lease_token=turn.token):
        row.lease_token = row.lease_until = None
        row.failing_since = row.failing_since or turn.as_of
        row.retry_at, row.sentence = Now() + STANDBY_RETRY, sentence[:300]
        row.save()


def standby_copied(turn: StandbyTurn, *, sentence: str = "") -> None:
    """The other host has it; or, with a sentence, why it has not."""
    if not sentence:
        Standby.objects.update(copied_as_of=turn.as_of, copy_failing_since=None, copy_sentence="")
        return
    Standby.objects.update(copy_sentence=sentence[:300])
    Standby.objects.filter(copy_failing_since__isnull=True).update(copy_failing_since=turn.as_of)
