"""R6: one test is changed before the department has it; afterwards, whom to ring."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from requesting import drafts, forms, queries, services
from requesting.errors import Incomplete, MoveRefused, Problem, Refused, TooLateToUndo

from .guard import interruption
from .places import anchor

Item = Any  # a requesting.models.RequestItem: screens never touch models


@require_http_methods(["GET", "HEAD", "POST"])
def amend(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    """`/requests/<uuid>/change`: what was asked, to be changed; the rules run again."""
    item = queries.item_row(request.acting, item_id, request=request)
    if stopped := interruption(request, item.patient):
        return stopped
    if request.method != "POST":
        return _form(request, item, queries.as_asked(item))
    content = forms.content(request.POST)
    press = forms.pressed(request.POST)
    if press.verb != "amend":
        return _form(request, item, drafts.read(_pressed(content, press)))
    try:
        services.amend(item, content=content, by=request.acting)
    except Incomplete as incomplete:
        return _form(request, item, drafts.read(content), incomplete.problems)
    except (TooLateToUndo, MoveRefused):
        return _too_late(request, item)
    except Refused as refused:
        messages.info(request, refused.sentence)
        return redirect("requesting:detail", item.pk)
    messages.success(request, "Changed. The department gets it as it is now.")
    return redirect("requesting:detail", item.pk)


def _pressed(content: dict[str, Any], press: forms.Press) -> dict[str, Any]:
    """An answer to a box. What would make it another test is not done here: the form comes back."""
    if press.verb == "keep_on" and len(press.arguments) >= 3:
        return forms.answer_alert(content, *press.three)
    if press.verb == "reopen" and len(press.arguments) >= 2:
        return forms.forget_alert(content, *press.three[:2])
    return content


def _form(
    request: HttpRequest, item: Item, content: drafts.Content, problems: Sequence[Problem] = ()
) -> HttpResponse:
    if not queries.may_be_amended(request.acting, item):
        return _too_late(request, item)
    meant = queries.amended(item, content)
    page = queries.amendable(item, request.acting, meant, problems=problems)
    if not page.lines:  # retired meanwhile: nobody can ask for it anew, and nobody can change it
        return _too_late(request, item)
    errors = [{"text": each.sentence, "href": f"#{anchor(each)}"} for each in problems]
    context = {
        "item": item, "patient": item.patient, "page": page, "line": page.lines[0],
        "errors": errors or None, "anchor": anchor, "problems": problems,
    }  # fmt: skip
    return render(request, "requesting/amend.html", context, status=422 if problems else 200)


def _too_late(request: HttpRequest, item: Item) -> HttpResponse:
    """LATE-CHANGE: they have it, and only they can change it."""
    context = {"item": item, "patient": item.patient}
    return render(request, "requesting/too_late_to_change.html", context, status=409)
