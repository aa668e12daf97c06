"""R6 and R7: one test, how far it has got, and what may be done about it now.

Every deed is a POST that leads back to the page. What could not be done changes nothing, says why,
and keeps what was typed.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from requesting import policies, queries, services
from requesting.errors import MoveRefused, Refused, TooLateToUndo
from requesting.queries import forms as form_queries

Item = Any  # a requesting.models.RequestItem: screens never touch models


@require_safe
def detail(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    """R6 `/requests/<uuid>/`."""
    return _page(request, item_id)


def _page(
    request: HttpRequest,
    item_id: uuid.UUID,
    *,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    page = queries.item_for(request.acting, item_id, request=request)
    context = {
        "page": page,
        "item": page.item,
        "patient": page.patient,
        "known": _fingerprint(page.item.status, page.sentence),
        "errors": errors,
        "by_message": policies.is_cancelled_by_message(page.item),
        "offer": form_queries.offer_for(request.acting, page.item),
        "may_vet": policies.may_vet(request.acting, page.item) and page.item.status == "vetting",
    }
    return render(request, "requesting/detail.html", context | more, status=status)


def _fingerprint(status: str, sentence: str) -> str:
    return f"{zlib.crc32(f'{status} {sentence}'.encode()):x}"


@require_safe
def status(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    """The tag and the sentence as they are now; nothing while they are as the page has them."""
    item = queries.item_in_hand(request.acting, item_id)
    sentence = queries.sentence_for(request.acting, item)
    known = _fingerprint(item.status, sentence)
    if request.GET.get("known") == known:
        return HttpResponse(status=204)
    context = {"item": item, "sentence": sentence, "known": known, "has_changed": True}
    return render(request, "requesting/_status.html", context)


# --- What may be done ----------------------------------------------------------------------------


@require_POST
def act(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    """One of DEEDS, as the pressed button names it."""
    item = queries.item_row(request.acting, item_id, request=request)
    deed = DEEDS.get(request.POST.get("do", ""))
    if deed is None:
        return _page(request, item_id, errors=_error("Choose what to do"), status=400)
    try:
        return deed(request, item)
    except TooLateToUndo as late:
        return _not_done(request, item_id, f"It has been sent. Ring {late.phone} to change it.")
    except MoveRefused:
        return _not_done(request, item_id)
    except Refused as refused:
        return _refused(request, item_id, refused)


def _error(words: str, href: str = "#act") -> list[dict[str, str]]:
    return [{"text": words, "href": href}]


def _not_done(request: HttpRequest, item_id: uuid.UUID, words: str = "") -> HttpResponse:
    """Somebody, or the department, was faster. The page shows how it is now."""
    words = words or "This request has moved on since you opened it."
    return _page(
        request, item_id, errors=_error(f"{words} Nothing was changed", "#status"), status=409,
        typed=request.POST.get("text", ""),
    )  # fmt: skip


def _refused(request: HttpRequest, item_id: uuid.UUID, refused: Refused) -> HttpResponse:
    if refused.rule != "answer":
        return _not_done(request, item_id, refused.sentence)
    words, typed = refused.sentence.rstrip("."), request.POST.get("text", "")
    return _page(
        request, item_id, errors=_error(words, "#text"), status=422, typed=typed, wrong=words
    )


def _done(request: HttpRequest, item: Item, words: str) -> HttpResponseRedirect:
    messages.success(request, words)
    return redirect("requesting:detail", item.pk)


def _answer(request: HttpRequest, item: Item) -> HttpResponse:
    services.answer(item, text=request.POST.get("text", ""), by=request.acting)
    return _done(request, item, f"Answer sent to {item.department.name}.")


def _fix(request: HttpRequest, item: Item) -> HttpResponse:
    services.fix(item, by=request.acting)
    return redirect("requesting:compose", item.patient_id)


def _rebook(request: HttpRequest, item: Item) -> HttpResponse:
    services.rebook(item, by=request.acting)
    return redirect("requesting:compose", item.patient_id)


def _close(request: HttpRequest, item: Item) -> HttpResponse:
    services.close(item, by=request.acting)
    return _done(request, item, "Request closed. Nothing more is to be done.")


def _collect(request: HttpRequest, item: Item) -> HttpResponse:
    services.collect(item, by=request.acting)
    return _done(request, item, "Sample recorded as taken now.")


def _seen(request: HttpRequest, item: Item) -> HttpResponse:
    services.seen(item, by=request.acting)
    return _done(request, item, "Marked as read.")


def _undo(request: HttpRequest, item: Item) -> HttpResponse:
    """The whole request is a draft again."""
    services.undo(item.request, by=request.acting)
    return redirect("requesting:compose", item.patient_id)


DEEDS: dict[str, Callable[[HttpRequest, Item], HttpResponse]] = {
    "answer": _answer,
    "fix": _fix,
    "rebook": _rebook,
    "close": _close,
    "collect": _collect,
    "seen": _seen,
    "undo": _undo,
}


# --- Cancelling ----------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    """Why it is cancelled; when the department has it already, first whom to ring (LATE-CHANGE)."""
    page = queries.item_for(request.acting, item_id, request=request)
    if "cancel" not in page.actions:
        return _not_done(request, item_id, f"It cannot be cancelled now. {_ring(page.item)}")
    reason = request.POST.get("reason", "").strip()
    if request.method == "POST" and reason:
        return _cancelled(request, page.item, reason)
    errors = _error("Enter why it is cancelled", "#reason") if request.method == "POST" else None
    context = {
        "page": page,
        "item": page.item,
        "patient": page.patient,
        "by_message": policies.is_cancelled_by_message(page.item),
        "errors": errors,
    }
    return render(request, "requesting/cancel.html", context, status=422 if errors else 200)


def _ring(item: Item) -> str:
    return f"Ring {item.department.phone}." if item.department.phone else ""


def _cancelled(request: HttpRequest, item: Item, reason: str) -> HttpResponse:
    try:
        row = services.cancel(item, reason=reason, by=request.acting)
    except (TooLateToUndo, MoveRefused):
        return _not_done(request, item.pk, f"It could not be cancelled. {_ring(item)}")
    except Refused as refused:
        return _not_done(request, item.pk, refused.sentence)
    if row.cancel_requested_at:
        return _done(request, item, f"Cancel message sent. {_ring(item)} They have not agreed yet.")
    return _done(request, item, "Request cancelled.")
