"""A screen on a wall goes on reading when the session of who put it there has ended.

It keeps a token of its own in a cookie: signed, good for a day, of one role of one person. The
access table decides with it as with a session, but for the addresses of settings.WALL_SCREENS and
for reading only (AccessMiddleware); everywhere else it is nothing. It ends sooner with the role,
the account, the password, and with signing out in that browser.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts import audit
from accounts.models import Membership
from accounts.policies import Acting
from accounts.queries import acting_as, current_membership
from accounts.roles import Permission
from accounts.services import MEMBERSHIP_KEY, may_use

LIVES_SECONDS = 24 * 3600
_SALT = "a screen on a wall"


def is_wall(request: HttpRequest) -> bool:
    """Whether the address asks for what a wall shows."""
    return request.GET.get("wall") == "1"


def stay(request: Any, response: HttpResponse) -> None:
    """Give this browser the token, where a person is signed in; written down. A token that is
    already there is not made to last longer by itself."""
    chosen = request.session.get(MEMBERSHIP_KEY)
    membership = current_membership(chosen) if chosen else None
    if membership is None or request.user.pk != membership.user_id:
        return
    said = {"membership": membership.pk, "account": _account(membership)}
    response.set_cookie(
        settings.WALL_COOKIE_NAME, signing.dumps(said, salt=_SALT), max_age=LIVES_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Strict",
    )  # fmt: skip
    audit.record(acting=request.acting, action="start-wall", request=request)


def leave(response: HttpResponse) -> None:
    """Nothing of it stays in this browser."""
    response.delete_cookie(settings.WALL_COOKIE_NAME, samesite="Strict")


def acting_of(request: HttpRequest, name: str, needed: Any) -> Acting | None:
    """Who put the screen there, with what the address needs and no more; None: no such screen."""
    is_reading = request.method in ("GET", "HEAD")
    if name not in settings.WALL_SCREENS or not is_reading or not is_wall(request):
        return None
    membership = _opened(request.COOKIES.get(settings.WALL_COOKIE_NAME, ""))
    acting = acting_as(membership) if membership is not None else None
    if acting is None or not isinstance(needed, Permission) or not acting.may(needed):
        return None
    return replace(acting, permissions=frozenset({needed}))


def _opened(token: str) -> Membership | None:
    """The role as it is now: what ended since is not there."""
    try:
        said = signing.loads(token, salt=_SALT, max_age=LIVES_SECONDS)
    except signing.BadSignature:
        return None
    found = current_membership(said["membership"])
    if found is None or not may_use(found.user):
        return None
    return found if constant_time_compare(said["account"], _account(found)) else None


def _account(membership: Membership) -> str:
    """Changes with the password, as sessions do; nothing can be read from it."""
    return salted_hmac(_SALT, membership.user.get_session_auth_hash()).hexdigest()
