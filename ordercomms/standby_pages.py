"""A practice's own downtime pack: its passphrase, its newest file; the downtime page to keep."""

from __future__ import annotations

from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts import audit, services
from accounts.queries import pack_key_of
from accounts.roles import Permission
from ordercomms.standby import writing

FETCHED = "fetch_pack"


@require_safe
def pack(request: HttpRequest) -> HttpResponse:
    """What the place has, as of when, and how it is opened."""
    return _page(request)


@require_POST
def passphrase(request: HttpRequest) -> HttpResponse:
    """A new passphrase, shown this once. A second press, or coming back, makes another."""
    place = request.acting.organisation
    if request.POST.get("sure") != "yes":
        problem = {"text": "Say that you will write it down", "href": "#sure"}
        return _page(request, errors=[problem])
    return _page(request, words=services.make_pack_key(place, by=request.acting))


@require_safe
def pack_file(request: HttpRequest) -> HttpResponseBase:
    """The newest pack of the person's own place, sealed as it is."""
    place = request.acting.organisation
    found = writing.newest_pack(place.ods_code) if place else None
    audit.record(
        acting=request.acting, action=FETCHED, object_type="accounts.Organisation",
        object_id=place.pk if place else "", outcome="ok" if found else "denied",
        reason=found.name if found else "none written", request=request,
    )  # fmt: skip
    return _file(request, found)


@require_safe
def standby_page(request: HttpRequest) -> HttpResponseBase:
    """The page that a proxy shows when the service is down, to be kept on one's own computer."""
    return _file(request, writing.newest_page(), name="downtime-page.html")


def _file(request: HttpRequest, path: Path | None, *, name: str = "") -> HttpResponseBase:
    """As a file, never as a page of ours: its style and script are not under our policy."""
    if path is None:
        return _page(request, is_missing=True)
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=name or path.name,
        content_type="application/octet-stream",
    )  # fmt: skip


def _page(
    request: HttpRequest,
    *,
    words: str = "",
    errors: list[dict[str, str]] | None = None,
    is_missing: bool = False,
) -> HttpResponse:
    place = request.acting.organisation
    found = writing.newest_pack(place.ods_code) if place else None
    context = {
        "place": place,
        "key": pack_key_of(place) if place else None,
        "file_name": found.name if found else "",
        "size": max(1, found.stat().st_size // 1000) if found else 0,
        "words": words,
        "errors": errors or [],
        "is_missing": is_missing,
        "tracks": request.acting.may(Permission.TRACK_REQUESTS),
        "may_hold": request.acting.may(Permission.HOLD_PACK_KEY),
    }
    status = 422 if errors else 404 if is_missing else 200
    return render(request, "ordercomms/pack.html", context, status=status)
