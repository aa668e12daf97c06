"""Which images: what our PACS has to send, or what their machine has to be fetched."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import audit
from iep.dicom.errors import DicomFailure
from iep.errors import NoSuchMove, NotAccepted
from iep.queries.banner import of_transaction
from iep.queries.exchange import transactions as queries
from iep.services.exchange import sending


@require_http_methods(["GET", "HEAD", "POST"])
def images(request: HttpRequest, number: int) -> HttpResponse:
    """The machine is asked when the page opens, and once more when the ticked ones are taken."""
    page = queries.detail(request.acting, number)
    errors: list[dict[str, str]] = []
    if request.method == "POST":
        if not page.actions:
            return render(request, "403.html", status=403)
        count, errors = _take(request, page.thing) if _may_choose(page) else _too_late()
        if not errors:
            words = f"{count} {'study is' if count == 1 else 'studies are'} in the queue."
            messages.success(request, words)
            return redirect("iep:transaction", number)
        page = queries.detail(request.acting, number)  # it may have ended meanwhile
    thing, may_choose = page.thing, _may_choose(page)
    found, problem = _look(request, thing) if may_choose else ([], "")
    context = {
        "page": page, "thing": thing, "found": found, "problem": problem,
        "ticked": request.POST.getlist("study"), "typed": request.POST, "errors": errors,
        "may_choose": may_choose,
    }  # fmt: skip
    context |= of_transaction(thing, page.studies).context
    return render(request, "iep/images_choose.html", context, status=422 if errors else 200)


def _may_choose(page: queries.Detail) -> bool:
    return ("download" if page.thing.brings_images else "choose") in page.actions


def _too_late() -> tuple[int, list[dict[str, str]]]:
    return 0, [{"text": "It has moved on. Nothing was queued", "href": "#studies"}]


def _look(request: HttpRequest, thing: Any) -> tuple[list[Any], str]:
    """What is there, and why it cannot be said what is."""
    audit.record(
        acting=request.acting, action="find_studies", object_type="iep.Transaction",
        object_id=thing.pk, patient_id=thing.patient_id or "", request=request,
    )  # fmt: skip
    try:
        if thing.brings_images:
            return sending.offered(thing), ""
        return sending.find_at_pacs(thing), ""
    except NotAccepted as refusal:
        return [], refusal.sentence
    except DicomFailure as failure:
        return [], failure.sentence


def _take(request: HttpRequest, thing: Any) -> tuple[int, list[dict[str, str]]]:
    ticked = request.POST.getlist("study")
    try:
        if thing.brings_images:
            return len(sending.download(thing, ticked, by=request.acting)), []
        reason = request.POST.get("care_reason", "")
        queued = sending.send_studies(thing, ticked, care_reason=reason, by=request.acting)
        return len(queued), []
    except NotAccepted as refusal:
        where = "#care_reason" if refusal.code == "care_reason" else "#studies"
        return 0, [{"text": refusal.sentence.rstrip("."), "href": where}]
    except NoSuchMove:
        return _too_late()
    except DicomFailure as failure:
        return 0, [{"text": failure.sentence.rstrip("."), "href": "#studies"}]
