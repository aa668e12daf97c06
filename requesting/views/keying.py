"""V3: the department's downtime forms to key in, and the look-up for a patient at the desk."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from requesting import filtering, queries, services
from requesting.errors import FormMoved, NoForm, Refused
from requesting.form_states import OUTCOME_WORDS
from requesting.queries import forms, practice
from requesting.reasons import REJECTIONS

from .downtime import drawn

Form = Any  # a requesting.models.DowntimeForm: screens never touch models


@require_safe
def worklist(request: HttpRequest) -> HttpResponse:
    """V3 `/vetting/downtime/`: urgent first, then the oldest; `?ref=` looks a reference up."""
    number = filtering.page_number(request.GET)
    rows, total = forms.forms_to_key_in(request.acting, page=number)
    typed = request.GET.get("ref", "")
    if drilled := practice.form_called(request.acting, typed):
        return redirect("requesting:practice-form", drilled.pk)
    audit.record(acting=request.acting, action="list_requests", reason="keying",
                 object_type="requesting.DowntimeForm", request=request)  # fmt: skip
    context = {
        "rows": rows,
        "total": total,
        "number": number,
        "has_more": number * forms.PER_PAGE < total,
        "typed": typed,
        "found": forms.look_up(request.acting, typed, request=request) if typed.strip() else None,
        "ended": forms.ended_lately(request.acting),
        "outcomes": OUTCOME_WORDS,
        "help": forms.desk_help(request.acting),
        "drill_forms": practice.to_key_in(request.acting),
    }
    return render(request, "requesting/keying.html", context)


@require_POST
def take(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    """The patient is here and the request is still in the queue: take its form."""
    item = queries.item_row(request.acting, item_id, request=request)
    order = forms.order_of_item(item)
    if order is None:
        messages.info(request, "Its message is not written yet. Look again in a moment.")
        return redirect("requesting:keying")
    try:
        form = services.take_at_desk(order, by=request.acting)
    except (NoForm, Refused) as refusal:
        messages.info(request, refusal.sentence)
        return redirect("requesting:keying")
    return redirect("requesting:keying-form", form.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, form_id: uuid.UUID) -> HttpResponse:
    """`/vetting/downtime/<uuid>/`: the form, and beside it what became of it."""
    if request.method != "POST":
        return _page(request, form_id)
    row = forms.form_row(request.acting, form_id, request=request)
    verb, _, argument = request.POST.get("do", "").partition(" ")
    deed = DEEDS.get(verb)
    if deed is None:
        return _page(request, form_id, "Choose what became of it", status=400)
    try:
        words = deed(request, row, argument)
    except Refused as refused:
        return _page(request, form_id, refused.sentence, f"#{verb}", status=422)
    except FormMoved:
        return _page(request, form_id, "Somebody has dealt with this form already", status=409)
    messages.success(request, words)
    return redirect("requesting:keying")


def _page(
    request: HttpRequest, form_id: uuid.UUID, words: str = "", href: str = "#act", *,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    page = forms.form_for(request.acting, form_id, request=request)
    keys = [str(item.pk) for item in page.items] or [""]
    context = {
        "page": page,
        "form": page.form,
        "patient": page.form.patient,
        "outcomes": OUTCOME_WORDS,
        "rejections": REJECTIONS.items(),
        "errors": [{"text": words.rstrip("."), "href": href}] if words else None,
        "wrong": href if words else "",
        "numbers": _numbers(request) if request.method == "POST" else _suggested(page, keys),
        "typed": request.POST.get("reason", ""),
        **drawn(page.form),
    }
    return render(request, "requesting/keying_form.html", context, status=status)


def _suggested(page: forms.FormPage, keys: list[str]) -> dict[str, str]:
    """What the department's own system has told us of it: shown, and never entered by itself."""
    known = {str(item.pk): item.filler_number for item in page.arrived}
    return {key: known.get(key, "") for key in keys}


def _numbers(request: HttpRequest) -> dict[str, str]:
    prefix = "number-"
    return {
        name.removeprefix(prefix): value
        for name, value in request.POST.items()
        if name.startswith(prefix)
    }


def _keyed(request: HttpRequest, row: Form, argument: str) -> str:
    services.key_in(row, numbers=_numbers(request), by=request.acting)
    return f"{row.reference}: keyed in. Its message will not be sent."


def _matched(request: HttpRequest, row: Form, argument: str) -> str:
    services.match(row, numbers=_numbers(request), by=request.acting)
    return f"{row.reference}: matched to what had arrived. Its message will not be sent."


def _let_go(request: HttpRequest, row: Form, argument: str) -> str:
    services.let_form_go(row, by=request.acting)
    return f"{row.reference}: not found here. It is sent by the link."


def _cancelled(request: HttpRequest, row: Form, argument: str) -> str:
    services.cancel_form(row, reason=request.POST.get("reason", ""), by=request.acting)
    return f"{row.reference}: cancelled. Its message will not be sent."


def _rejected(request: HttpRequest, row: Form, argument: str) -> str:
    words = request.POST.get("words", "")
    services.reject_form(row, reason=argument, words=words, by=request.acting)
    return f"{row.reference}: rejected. The requester is told."


DEEDS: dict[str, Callable[[HttpRequest, Form, str], str]] = {
    "keyed": _keyed,
    "matched": _matched,
    "let-go": _let_go,
    "cancel": _cancelled,
    "reject": _rejected,
}
