"""How the request form is drawn: whole, or the part that a press changed; sealed to its patient."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from patients.queries import Patient, similar_name_opened
from requesting import queries
from requesting.errors import Problem, StaleDraft

from .places import anchor, first_question, fix_begins

SEAL = "requesting.compose"
FRAGMENT = "X-Fragment"


def answer(
    request: HttpRequest,
    patient: Patient,
    draft: Any,
    *,
    added: str = "",
    focus_on: str = "",
    said: str = "",
) -> HttpResponse:
    """The workspace for the script; else the page anew, at the card that changed."""
    if FRAGMENT not in request.headers:
        where = f"#{added or focus_on}" if added or focus_on else ""
        return HttpResponseRedirect(reverse("requesting:compose", args=[patient.pk]) + where)
    context = form_context(request, patient, draft, added=added, said=said)
    return render(request, "requesting/_workspace.html", context)


def form_page(
    request: HttpRequest,
    patient: Patient,
    draft: Any,
    *,
    problems: Sequence[Problem] = (),
    **more: Any,
) -> HttpResponse:
    context = form_context(request, patient, draft, problems=problems) | more
    context["errors"] = [
        {"text": problem.sentence, "href": f"#{anchor(problem)}"} for problem in problems
    ]
    return render(request, "requesting/compose.html", context, status=422 if problems else 200)


def form_context(
    request: HttpRequest,
    patient: Patient,
    draft: Any,
    *,
    problems: Sequence[Problem] = (),
    added: str = "",
    said: str = "",
) -> dict[str, Any]:
    desk = queries.desk(request.acting)
    page = queries.compose(draft, request.acting, problems=problems, of=desk)
    first = first_question(page, added) or ("" if problems else fix_begins(page))
    return {
        "patient": patient,
        "similar": similar_name_opened(request.acting, patient),
        "page": page,
        "anchor": anchor,
        "key": uuid.uuid4(),
        "seal": signing.dumps(str(patient.pk), salt=SEAL),
        "usual": queries.usual_services(request.acting, of=desk),
        "order_sets": queries.order_sets(request.acting, of=desk),
        "undo_seconds": page.undo_seconds,
        "allowance": _allowance(request, desk),
        "focus": first,
        "said": said or _added_words(page, added, first),
        "words": "",
    }


def _allowance(request: HttpRequest, desk: queries.Desk) -> tuple[int, int] | None:
    """How many tests of how many, for those who may not ask for everything (the chip of R2)."""
    if FRAGMENT in request.headers or request.acting.role == "gp":
        return None
    return queries.allowance(request.acting, of=desk)


def _added_words(page: queries.Composition, code: str, first: str) -> str:
    line = next((line for line in page.lines if line.code == code), None)
    if line is None:
        return ""
    return f"{line.title} added. {'Choose a reason.' if first.endswith('.reason') else ''}".strip()


def stale(request: HttpRequest, patient: Patient, newer: StaleDraft) -> HttpResponse:
    """Another tab saved meanwhile: nothing is thrown away without a word (SAVE-CONFLICT)."""
    if FRAGMENT in request.headers:
        return HttpResponse(status=409)
    context = {"patient": patient, "draft": newer.draft}
    return render(request, "requesting/save_conflict.html", context, status=409)


def seal_is_broken(request: HttpRequest, patient: Patient) -> bool:
    """A form drawn for one patient is never taken for another (hazard H01)."""
    try:
        return signing.loads(request.POST.get("patient", ""), salt=SEAL) != str(patient.pk)
    except signing.BadSignature:
        return True
