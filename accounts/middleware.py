"""The person and the place on every request, and the access table that guards every address.

Also the two things that every response carries: a request id, and the order not to store it.
"""

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.module_loading import import_string

from . import audit, screens
from .policies import Acting
from .queries import acting_as, memberships_of, roles_that_may
from .roles import Permission
from .services import MEMBERSHIP_KEY, SEEN_KEY, SIGNED_IN_KEY, may_use, sign_out

PUBLIC = "public"
SIGNED_IN = "signed_in"
ANYONE_NAMED = "anyone_named"  # signed in, though no place is chosen yet

# Static files say themselves how long they may be kept; everything else is not stored anywhere.
ON_EVERY_RESPONSE = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

GetResponse = Callable[[HttpRequest], HttpResponse]


class RequestIdMiddleware:
    """One id for each request: on its log lines, its audit rows and its response."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.request_id = uuid.uuid4().hex  # type: ignore[attr-defined]
        response = self.get_response(request)
        response["X-Request-ID"] = request.request_id  # type: ignore[attr-defined]
        for name, value in ON_EVERY_RESPONSE.items():
            response.headers.setdefault(name, value)
        return response


class ActingMiddleware:
    """Puts `request.acting` in place, read anew each time: a role that ended is gone at once.

    Ends sessions that went idle or that are too old, whichever comes first.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.acting = None  # type: ignore[attr-defined]
        request.has_other_places = False  # type: ignore[attr-defined]
        request.session_ended = ""  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            self._fill(request)
        return self.get_response(request)

    def _fill(self, request: Any) -> None:
        ended = _why_ended(request)
        if ended:
            sign_out(request, acting=None, reason=ended)
            request.session_ended = ended
            return
        _note_seen(request)
        places = list(memberships_of(request.user.pk))
        chosen = [place for place in places if place.pk == request.session.get(MEMBERSHIP_KEY)]
        request.has_other_places = len(places) > 1
        request.acting = acting_as(chosen[0]) if chosen else None


def _why_ended(request: Any) -> str:
    """Either "idle", "too old" or "not in use"; empty while the session is good."""
    now = timezone.now().timestamp()
    if not may_use(request.user):
        return "not in use"
    if now - request.session.get(SIGNED_IN_KEY, 0) > settings.SESSION_COOKIE_AGE:
        return "too old"
    return "idle" if now - request.session.get(SEEN_KEY, 0) > settings.SESSION_IDLE_SECONDS else ""


def _note_seen(request: Any) -> None:
    """Once a minute at most, and never for what the page asks by itself (app.js says which)."""
    now = int(timezone.now().timestamp())
    by_itself = "X-Background" in request.headers
    if not by_itself and now - request.session.get(SEEN_KEY, 0) >= 60:
        request.session[SEEN_KEY] = now


class AccessMiddleware:
    """Refuses what the access table does not grant. A route that it lacks is nobody's."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.table: dict[str, Any] = import_string(settings.ACCESS_TABLE)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: Any, view: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        """Runs when the address is known, before the view."""
        name = request.resolver_match.view_name
        needed = needed_for(self.table, name, request.method)
        if request.acting is None:
            request.acting = screens.acting_of(request, name, needed)
        if needed == PUBLIC or _is_granted(request, needed):
            return None
        if request.acting is None and needed is not None:
            return _ask_who(request, name)
        return refuse(request, needed, name)


def needed_for(table: dict[str, Any], name: str, method: str) -> Any:
    """What the table asks for a route and method: a word, a permission, or None for "nobody"."""
    needed = table.get(name)
    if not isinstance(needed, dict):
        return needed
    return needed.get("GET" if method == "HEAD" else method)


def _is_granted(request: Any, needed: Any) -> bool:
    if needed == ANYONE_NAMED:
        return request.user.is_authenticated
    if request.acting is None or needed is None:
        return False
    return needed == SIGNED_IN or any(request.acting.may(each) for each in any_of(needed))


def any_of(needed: Any) -> tuple[Permission, ...]:
    """The permissions of which one is enough: a line of the table may name several."""
    several = needed if isinstance(needed, tuple) else (needed,)
    return tuple(each for each in several if isinstance(each, Permission))


def _ask_who(request: Any, name: str) -> HttpResponse:
    """Nobody, or nowhere: to the sign-in page or the choice of place, and back here after."""
    page = "accounts:place" if request.user.is_authenticated else "accounts:sign-in"
    if request.headers.get("HX-Request"):
        here = urlsplit(request.headers.get("HX-Current-URL", ""))
        back = f"{here.path}?{here.query}" if here.query else here.path
        there = with_next(page, back, request.session_ended)
        return HttpResponse(status=401, headers={"HX-Redirect": there})
    if request.method in ("GET", "HEAD"):
        return HttpResponseRedirect(with_next(page, request.get_full_path(), request.session_ended))
    audit.record(acting=None, action="denied", object_type=name[:40], outcome="denied",
                 reason="not signed in", request=request)  # fmt: skip
    context = {"page": with_next(page, request.path), "ended": request.session_ended}
    return render(request, "accounts/not_signed_in.html", context, status=403)


def with_next(page: str, address: str, ended: str = "") -> str:
    """The page's address, with where to go after it."""
    words = {REDIRECT_FIELD_NAME: address} | ({"ended": ended} if ended else {})
    return f"{reverse(page)}?{urlencode(words)}"


def refuse(request: Any, needed: Any, name: str) -> HttpResponse:
    """The refusal page: what is refused, why in words, and who can help. Written down first."""
    acting: Acting | None = request.acting
    audit.record(acting=acting, action="denied", object_type=name[:40], outcome="denied",
                 reason=" or ".join(any_of(needed)) or str(needed or "no such grant"),
                 request=request)  # fmt: skip
    may = roles_that_may(*any_of(needed))
    waits = needed == Permission.REQUEST_TESTS and acting and not acting.organisation.may_request
    first = next(iter(any_of(needed)), needed)
    context = {"needed": first, "roles_that_may": may, "organisation_may_not": waits}
    return render(request, "accounts/denied.html", context, status=403)
