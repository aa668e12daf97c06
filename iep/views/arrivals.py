"""What came: the list of what waits for a person, one study, and refused files."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts import audit
from iep.errors import NoSuchMove, NotAccepted
from iep.queries.arrival import arrivals as queries
from iep.queries.banner import of_study
from iep.services.arrival import arrivals

MEANWHILE = "Somebody has dealt with this study meanwhile. Look at it again"
DEEDS = {
    "release": (arrivals.release, "The study is released."),
    "discard": (arrivals.discard, "The study is discarded, and its images are gone."),
    "take": (arrivals.take_as_it_is, "The study goes on with the images that came."),
}


@require_safe
def arrived(request: HttpRequest) -> HttpResponse:
    """`/iep/arrivals/`."""
    audit.record(
        acting=request.acting, action="list_arrivals", object_type="iep.Study", request=request
    )
    return render(request, "iep/arrivals.html", {"lists": queries.lists_for(request.acting)})


@require_safe
def arrival(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """`/iep/arrivals/<study>/`: its series, what differs, what may be done."""
    study = queries.study_for(request.acting, study_id, request=request)
    return render(request, "iep/arrival.html", _context(request, study))


def _context(request: HttpRequest, study: object, problem: str = "", field: str = "") -> dict:
    errors = [{"text": problem.rstrip("."), "href": f"#{field}"}] if problem else None
    page = queries.page_of(study, request.acting)
    return of_study(page.study, page.identities).context | {
        "page": page,
        "errors": errors,
        "wrong": field if problem else "",
        "typed": request.POST,
    }


@require_POST
def act(request: HttpRequest, study_id: uuid.UUID) -> HttpResponse:
    """Release, discard, or go on with what came. Each with a reason."""
    study = queries.study_for(request.acting, study_id, action="act_on_study", request=request)
    verb = request.POST.get("do", "")
    deed, words = DEEDS.get(verb, (None, ""))
    if deed is None:
        context, status = _context(request, study, "Choose what to do", "maincontent"), 400
        return render(request, "iep/arrival.html", context, status=status)
    try:
        deed(study, why=request.POST.get("why", ""), by=request.acting)
    except NotAccepted as refusal:
        context = _context(request, study, refusal.sentence, f"{verb}-why")
        return render(request, "iep/arrival.html", context, status=422)
    except NoSuchMove:
        study.refresh_from_db()
        context = _context(request, study, MEANWHILE, "maincontent")
        return render(request, "iep/arrival.html", context, status=409)
    messages.success(request, words)
    return redirect("iep:arrivals" if verb == "discard" else "iep:arrival", *_of(verb, study_id))


def _of(verb: str, study_id: uuid.UUID) -> tuple[uuid.UUID, ...]:
    return () if verb == "discard" else (study_id,)


@require_POST
def act_on_file(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """A refused file: look again, or discard it with a reason."""
    file = queries.file_for(request.acting, file_id)
    try:
        if request.POST.get("do") == "look":
            arrivals.look_again(file, by=request.acting)
            messages.success(request, "The file is looked into once more.")
        else:
            arrivals.discard_file(file, why=request.POST.get("why", ""), by=request.acting)
            messages.success(request, "The file is discarded.")
    except NotAccepted as refusal:
        context = {
            "lists": queries.lists_for(request.acting),
            "errors": [{"text": refusal.sentence.rstrip("."), "href": f"#why-{file_id}"}],
            "wrong": str(file_id),
        }
        return render(request, "iep/arrivals.html", context, status=422)
    return redirect("iep:arrivals")
