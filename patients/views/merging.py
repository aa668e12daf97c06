"""Merges to decide: the list, both records side by side, undoing; and what a record was before."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from patients import queries, services
from patients.errors import NotMerged

CHOOSE = "Choose whether to merge the records"
SAID = {
    "merge": "The records are merged.",
    "refuse": "The merge is refused. Tell the sender by phone.",
    "undo": "The merge is undone. Tell the sender by phone.",
}


@require_safe
def merges(request: HttpRequest) -> HttpResponse:
    """What waits for this person, and the last of what was settled."""
    lists = queries.merge_lists(request.acting, request=request)
    return render(request, "patients/merges.html", {"lists": lists})


@require_safe
def merge(request: HttpRequest, merge_id: UUID) -> HttpResponse:
    page = queries.merge_for(request.acting, merge_id, request=request)
    return _page(request, page)


@require_POST
def decide(request: HttpRequest, merge_id: UUID) -> HttpResponse:
    """Merge, with or without cancelling what was asked twice, or refuse."""
    row = queries.merge_row(request.acting, merge_id)
    words = request.POST.get("words", "")
    answer = request.POST.get("answer", "")
    if answer not in ("merge", "refuse"):
        return _again(request, merge_id, NotMerged(CHOOSE, field="answer"))
    try:
        if answer == "merge":
            cancel = request.POST.getlist("cancel")
            services.merge_after_all(row, cancel=cancel, words=words, by=request.acting)
        else:
            services.refuse(row, words=words, by=request.acting)
    except NotMerged as problem:
        return _again(request, merge_id, problem)
    messages.success(request, SAID[answer])
    return redirect("patients:merge", merge_id)


@require_POST
def undo(request: HttpRequest, merge_id: UUID) -> HttpResponse:
    """Take the two records apart; the person has said whose everything is that came since."""
    row = queries.merge_row(request.acting, merge_id)
    chosen = {
        name.removeprefix("row-"): value
        for name, value in request.POST.items()
        if name.startswith("row-")
    }
    words = request.POST.get("words", "")
    try:
        services.unmerge(row, chosen=chosen, words=words, by=request.acting)
    except NotMerged as problem:
        return _again(request, merge_id, problem)
    messages.success(request, SAID["undo"])
    return redirect("patients:merge", merge_id)


def _again(request: HttpRequest, merge_id: UUID, problem: NotMerged) -> HttpResponse:
    """The page as it stands now, with what was typed and what is missing."""
    page = queries.merge_for(request.acting, merge_id, request=request)
    where = f"row-{problem.field}" if ":" in problem.field else problem.field
    return _page(request, page, problem=str(problem), where=where, status=422)


def _page(
    request: HttpRequest,
    page: queries.MergePage,
    *,
    problem: str = "",
    where: str = "",
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "page": page,
        "where": where,
        "problem": problem,
        "posted": request.POST,
        "errors": [{"text": problem, "href": f"#{where or 'state'}"}] if problem else [],
    }
    return render(request, "patients/merge.html", context, status=status)


@require_safe
def former(request: HttpRequest, patient_id: UUID, retired_id: UUID) -> HttpResponse:
    """What was known of a record before it was merged into this one."""
    patient = queries.patient_for(request.acting, patient_id, request=request)
    trail = queries.trail_of(request.acting, patient, retired_id, request=request)
    return render(request, "patients/former.html", {"patient": patient, "trail": trail})
