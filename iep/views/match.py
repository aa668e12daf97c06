"""I4: match and fix up one study. Until it is matched two people may be on the page, so there is no
banner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import audit
from iep.dicom.errors import DicomFailure
from iep.errors import NoSuchMove, NotAccepted
from iep.forms.matching import MatchForm, NumberForm, Problem, WhyForm
from iep.queries.arrival.arrivals import EVENTS
from iep.queries.registration import matching as found
from iep.services.registration import filing, matching, registering, taking_out

FIELDS = {"no_code": "exam_code", "why": "why", "exam": "exam_code", "number": "number"}
WITH_REASON = ("taken-out", "send-again")  # each has a field of its own for the reason
MATCHED = "Matched. The RIS is asked for an entry, and the images are on their way to PACS."
WAITS = "Matched. The RIS was not asked: see below. No image leaves until it is put right."


@require_http_methods(["GET", "HEAD", "POST"])
def match(request: HttpRequest, study_id: UUID) -> HttpResponse:
    study = found.study_for(request.acting, study_id)
    if request.method != "POST":
        return _page(request, study)
    deed = DEEDS.get(request.POST.get("do", ""))
    if deed is None:
        return _page(request, study, Problem("", "Choose what to do."), status=400)
    try:
        return deed(request, study)
    except NotAccepted as refusal:
        problem = Problem(_field(request, refusal.code), refusal.sentence)
        return _page(request, found.study_for(request.acting, study_id), problem, status=422)
    except NoSuchMove:
        words = "Somebody else has dealt with this study meanwhile. Look again."
        return _page(request, found.study_for(request.acting, study_id), Problem("", words), 409)


def _field(request: HttpRequest, code: str) -> str:
    deed = request.POST.get("do", "")
    return f"{deed}-why" if code == "why" and deed in WITH_REASON else FIELDS.get(code, "")


def _page(
    request: HttpRequest, study: Any, problem: Problem | None = None, status: int = 200
) -> HttpResponse:
    chosen = found.person_for(study, request.GET.get("patient", ""))
    page = found.page_for(study, request.acting, chosen=chosen)
    audit.record(
        acting=request.acting, action="view_match", object_type="iep.Study", object_id=study.pk,
        patient_id=page.patient.pk if page.patient else "", request=request,
    )  # fmt: skip
    errors = (
        [{"text": problem.sentence, "href": f"#{problem.field or 'decide'}"}] if problem else []
    )
    context = {"page": page, "study": study, "problem": problem, "errors": errors,
               "posted": request.POST, "steps": study.events.order_by("-pk")[:30],
               "event_words": EVENTS, "patient": study.patient}  # fmt: skip
    return render(request, "iep/match.html", context, status=status)


# --- Deeds ----------------------------------------------------------------------------------------


def _match(request: HttpRequest, study: Any) -> HttpResponse:
    form, patient = _decision(request, study)
    exam = found.exam_of(study, form.cleaned_data["exam"])
    done = matching.match(
        study, patient=patient, exam=exam, exam_code=form.cleaned_data["exam_code"],
        why=form.cleaned_data["why"], by=request.acting,
    )  # fmt: skip
    messages.success(request, WAITS if done.ris_state == "refused" else MATCHED)
    return redirect("iep:match", study.pk)


def _vouch(request: HttpRequest, study: Any) -> HttpResponse:
    form, patient = _decision(request, study)
    why = form.cleaned_data["why"]
    matching.vouch(study, patient=patient, why=why, by=request.acting)
    messages.success(request, "Written down. A second person has to match it now.")
    return _at(study, patient)


def _decision(request: HttpRequest, study: Any) -> tuple[MatchForm, Any]:
    form = MatchForm(request.POST)
    if not form.is_valid():
        raise NotAccepted("why" if "why" in form.errors else "", "Look at the form again.")
    patient = found.person_for(study, str(form.cleaned_data["patient"]))
    if patient is None:
        raise NotAccepted("merged", "This record is not there any more. Look again.")
    return form, patient


def _find(request: HttpRequest, study: Any) -> HttpResponse:
    """By a number; the address then carries our own id of the record, never the number."""
    form = NumberForm(request.POST)
    if not form.is_valid():
        raise NotAccepted("number", form.errors["number"][0])
    patient = found.by_number(study, form.cleaned_data["number"])
    audit.record(
        acting=request.acting, action="find_patient_by_number", object_type="patients.Patient",
        patient_id=patient.pk if patient else "", outcome="ok" if patient else "none",
        request=request,
    )  # fmt: skip
    if patient is None:
        raise NotAccepted("number", found.REGISTER_FIRST)
    if not found.hospital_number(study, patient):
        words = found.NO_NUMBER_HERE.format(trust=study.organisation.name)
        raise NotAccepted("number", words)
    return _at(study, patient)


def _unmatch(request: HttpRequest, study: Any) -> HttpResponse:
    matching.unmatch(study, why=_why(request), by=request.acting)
    messages.success(request, "The match is taken back. The study is nobody’s again.")
    return redirect("iep:match", study.pk)


def _ask_again(request: HttpRequest, study: Any) -> HttpResponse:
    code = request.POST.get("exam_code", "")[:20].strip()
    registering.retry(study, exam_code=code, why=_why(request), by=request.acting)
    messages.success(request, "The RIS is asked again.")
    return redirect("iep:match", study.pk)


def _try_again(request: HttpRequest, study: Any) -> HttpResponse:
    filing.try_again(study, by=request.acting)
    messages.success(request, "The images are tried again.")
    return redirect("iep:match", study.pk)


def _taken_out(request: HttpRequest, study: Any) -> HttpResponse:
    taking_out.take_out(study, why=_why(request), by=request.acting)
    messages.success(request, "Recorded. The study waits for you: send it again, or give it up.")
    return redirect("iep:match", study.pk)


def _send_again(request: HttpRequest, study: Any) -> HttpResponse:
    taking_out.send_again(study, why=_why(request), by=request.acting)
    messages.success(request, "The images go to PACS again.")
    return redirect("iep:match", study.pk)


def _ask_pacs(request: HttpRequest, study: Any) -> HttpResponse:
    try:
        found_there = taking_out.ask_pacs(study, by=request.acting)
    except DicomFailure as failure:
        raise NotAccepted("pacs", f"PACS could not be asked: {failure.sentence}") from None
    messages.info(request, found_there.words)
    return redirect("iep:match", study.pk)


def _why(request: HttpRequest) -> str:
    form = WhyForm(request.POST)
    if not form.is_valid():
        raise NotAccepted("why", "Say it in at most 300 characters.")
    return form.cleaned_data["why"]


def _at(study: Any, patient: Any) -> HttpResponse:
    return redirect(f"{reverse('iep:match', args=[study.pk])}?patient={patient.pk}")


DEEDS: dict[str, Callable[[HttpRequest, Any], HttpResponse]] = {
    "match": _match, "vouch": _vouch, "find": _find, "unmatch": _unmatch,
    "ask-again": _ask_again, "try-again": _try_again,
    "taken-out": _taken_out, "send-again": _send_again, "ask-pacs": _ask_pacs,
}  # fmt: skip
