"""Sending many messages of one cause back: counted, confirmed, watched, stopped."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from messaging import forms, queries, services
from messaging.errors import NoSuchMove, NothingToReplay

GONE = "There is nothing left to send back: others have dealt with them meanwhile."


@require_safe
def replays(request: HttpRequest) -> HttpResponse:
    """Those that run, and the last that ended."""
    pages = [queries.page_of_replay(each) for each in queries.replays_for(request.acting)[:20]]
    return render(request, "messaging/replays.html", {"pages": pages})


@require_http_methods(["GET", "HEAD", "POST"])
def new_in(request: HttpRequest, code: str) -> HttpResponse:
    return _new(request, "in", code)


@require_http_methods(["GET", "HEAD", "POST"])
def new_out(request: HttpRequest, code: str) -> HttpResponse:
    return _new(request, "out", code)


def _new(request: HttpRequest, direction: str, code: str) -> HttpResponse:
    """What would be sent back, counted; then, with the button, it is."""
    data = request.POST if request.method == "POST" else request.GET
    form = forms.ReplayForm(data)
    if not form.is_valid():
        return _preview(request, queries.Chosen(direction, code), data, forms.problems_of(form))
    chosen = _chosen(request, direction, code, form.cleaned_data)
    if request.method != "POST":
        return _preview(request, chosen, data, {})
    rate = form.cleaned_data.get("per_minute")
    if rate not in services.RATES:
        return _preview(request, chosen, data, {"per_minute": "Choose how fast"})
    try:
        replay = services.start_replay(
            chosen,
            highest=form.cleaned_data.get("highest") or 0,
            per_minute=rate,
            by=request.acting,
        )
    except NothingToReplay:
        return _preview(request, chosen, data, {"count": GONE}, status=409)
    messages.success(request, "Started. A worker sends them back one after the other.")
    return redirect("messaging:replay", replay.pk)


def _chosen(
    request: HttpRequest, direction: str, code: str, data: dict[str, Any]
) -> queries.Chosen:
    partner = data.get("partner")
    found = queries.partner_for(request.acting, partner) if partner else None
    return queries.Chosen(direction, code, found, data.get("after"), data.get("before"))


def _preview(
    request: HttpRequest,
    chosen: queries.Chosen,
    data: Any,
    problems: dict[str, str],
    status: int = 422,
) -> HttpResponse:
    page = queries.cause_page(request.acting, chosen.direction, chosen.code, page=1)
    errors = [{"text": words, "href": f"#{name}"} for name, words in problems.items()]
    context = {
        "page": page, "preview": queries.preview_for(request.acting, chosen), "data": data,
        "problems": problems, "errors": errors, "rates": services.RATES,
    }  # fmt: skip
    return render(request, "messaging/replay_new.html", context, status=status if problems else 200)


@require_safe
def replay(request: HttpRequest, pk: int) -> HttpResponse:
    found = queries.replay_for(request.acting, pk)
    return render(request, "messaging/replay.html", {"page": queries.page_of_replay(found)})


@require_safe
def replay_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Its progress alone, for the page to put in place every few seconds."""
    found = queries.replay_for(request.acting, pk)
    return render(request, "messaging/_replay_now.html", {"page": queries.page_of_replay(found)})


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    found = queries.replay_for(request.acting, pk)
    try:
        services.stop_replay(found, by=request.acting)
    except NoSuchMove:
        messages.warning(request, "It had ended already.")
    else:
        messages.success(request, "Stopped. What was not sent back stays where it was.")
    return redirect("messaging:replay", pk)
