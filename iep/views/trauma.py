"""I5: a trauma patient's images to the trauma centre; and who is paged when the desk is closed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.roles import Permission
from iep import hours
from iep.asking import MODALITIES
from iep.dicom.errors import DicomFailure
from iep.errors import Incomplete, NotAccepted
from iep.forms.trauma import FindForm, SendForm
from iep.policies import trust_of
from iep.queries import on_call as on_call_queries
from iep.queries import trauma as queries
from iep.queries.banner import of_ticket
from iep.services import on_call as on_call_services
from iep.services import trauma as services

Problem = dict[str, str]
NOT_FOUND = "No patient of this hospital has that number. Check it, or ring the service desk"
NOT_A_NUMBER = "Enter an S number like S1234567, or an NHS number of 10 digits"


# The page of a send that failed asks PACS once more: by then it is away, or answers again.
NOT_SENT: list[Problem] = [
    {"text": "Nothing was sent: PACS did not answer. Send again.", "href": "#maincontent"}
]
NOT_SENT_AWAY: list[Problem] = [
    {"text": "Nothing was sent: PACS does not answer. Send a disc, or ask PACS again.",
     "href": "#what"}
]  # fmt: skip


def _hours(request: HttpRequest) -> dict[str, Any]:
    """Whose task it is just now, and whom to ring."""
    trust = trust_of(request.acting)
    return {
        "hours": hours.words(),
        "desk_is_open": hours.is_open(),
        "desk_phone": trust.help_phone if trust else "",
        "may_send": services.may_send_now(request.acting),
        "centres": queries.centres(),
    }


# --- Finding the patient -------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def trauma(request: HttpRequest) -> HttpResponse:
    """`/iep/trauma/`: one field. The number is posted, so that it is in no address."""
    errors: list[Problem] = []
    typed = ""
    if request.method == "POST":
        form = FindForm(request.POST)
        typed = form.cleaned_data["number"] if form.is_valid() else ""
        patient = queries.patient_by_number(request.acting, typed)
        if patient is not None:
            return redirect("iep:trauma-patient", patient.pk)
        words = NOT_FOUND if queries.is_number(typed) else NOT_A_NUMBER
        errors = [{"text": words, "href": "#number"}]
    context = _hours(request) | {"errors": errors, "typed": typed}
    return render(request, "iep/trauma.html", context, status=422 if errors else 200)


# --- The one page --------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def trauma_patient(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """`/iep/trauma/<patient>/`: studies, report, one button."""
    patient = queries.patient_of(request.acting, patient_id, request=request)
    if request.method != "POST":
        return _page(request, patient)
    form = SendForm(request.POST)
    deed = _send_disc if request.POST.get("do") == "disc" else _send
    try:
        return deed(request, patient, form)
    except Incomplete as refused:
        places = {"exams": "#what", "exam-1-description": "#what"}
        found = [
            {"text": words, "href": places.get(name, f"#{name}")}
            for name, words in refused.problems.items()
        ]
        return _page(request, patient, form, found)
    except NotAccepted as refused:
        place = _PLACES.get(refused.code, "#studies")
        return _page(request, patient, form, [{"text": refused.sentence, "href": place}])
    except DicomFailure:
        return _page(request, patient, form, NOT_SENT)


_PLACES = {"not_trauma": "#is_ed_trauma", "not_read": "#has_read", "no_machine": "#people"}


def _centre(form: SendForm) -> Any:
    """The one that was chosen; the only one where there is one."""
    found = queries.centres()
    chosen = form.value("centre")
    centre = next((each for each in found if each.pk == chosen), None)
    if centre is None:
        raise NotAccepted("not_a_centre", "Choose the trauma centre.")
    return centre


def _send(request: HttpRequest, patient: Any, form: SendForm) -> HttpResponse:
    thing = services.send(
        patient, _centre(form), form.studies(),
        is_ed_trauma=bool(form.value("is_ed_trauma")),
        has_read=str(form.value("seen") or "") if form.value("has_read") else "",
        people=form.people(), by=request.acting,
    )  # fmt: skip
    centre = thing.institution.full_name
    messages.success(
        request,
        f"Sending to {centre}, Blue Light. It is there when this page says Delivered. Some images "
        "may fail: then burn a disc as well.",
    )
    return redirect("iep:ticket", thing.ticket.reference)


def _send_disc(request: HttpRequest, patient: Any, form: SendForm) -> HttpResponse:
    ticket = services.send_disc(
        patient, _centre(form), str(form.value("what") or ""), str(form.value("modality") or ""),
        is_ed_trauma=bool(form.value("is_ed_trauma")), people=form.people(), by=request.acting,
        is_empty=bool(form.value("is_empty")),
    )  # fmt: skip
    return redirect("iep:trauma-label", ticket.pk)


def _page(
    request: HttpRequest,
    patient: Any,
    form: SendForm | None = None,
    errors: list[Problem] | None = None,
) -> HttpResponse:
    """With what was ticked and typed; without studies where PACS does not answer."""
    trust, away = trust_of(request.acting), ""
    rows: list[services.Row] = []
    context = _hours(request)
    try:
        rows = services.look(patient, trust) if trust and context["may_send"] else []
    except (DicomFailure, NotAccepted) as failure:
        away = failure.sentence
    reports = [each.report for each in rows if each.report]
    centre = next(iter(context["centres"]), None)
    typed = form.data if form else {}
    context |= {
        "patient": patient,
        "rows": rows,
        "ticked": set(form.studies()) if form else _by_default(rows),
        "reports": reports,
        "seen": {each.study.study_uid: each.report for each in rows},
        "seen_as": services.seen_as(reports),
        "away": away,
        "typed": typed,
        "people": _people(form, centre, trust, request),
        "statement": services.STATEMENT,
        "modalities": list(MODALITIES.items()),
        "errors": NOT_SENT_AWAY if away and errors is NOT_SENT else errors or [],
    }
    return render(request, "iep/trauma_patient.html", context, status=422 if errors else 200)


def _by_default(rows: list[services.Row]) -> set[str]:
    return {each.study.study_uid for each in rows if each.is_recent}


def _people(form: SendForm | None, centre: Any, trust: Any, request: HttpRequest) -> Any:
    if form is not None:
        return form.people()
    return services.usual_people(centre, trust, request.acting) if centre and trust else None


@require_safe
def trauma_label(request: HttpRequest, ticket_id: UUID) -> HttpResponse:
    """`/iep/trauma/label/<ticket>/`: what to write on the disc, and what to do with it."""
    ticket = queries.ticket_of(request.acting, ticket_id)
    context = _hours(request) | of_ticket(ticket).context | {"ticket": ticket}
    return render(request, "iep/trauma_label.html", context)


# --- Who is paged --------------------------------------------------------------------------------


@require_safe
def on_call(request: HttpRequest) -> HttpResponse:
    """`/iep/on-call/`: Blue Light that waits, who was paged, and the list."""
    return _on_call_page(request)


def _on_call_page(request: HttpRequest, errors: list[Problem] | None = None) -> HttpResponse:
    trust = trust_of(request.acting)
    acting = request.acting
    keeps = acting.may(Permission.KEEP_INSTITUTIONS) and trust is not None
    context = _hours(request) | {
        "waiting": on_call_queries.waiting_for(acting),
        "people": on_call_queries.people(trust) if trust else [],
        "keeps": keeps,
        "candidates": on_call_queries.candidates(trust) if keeps and trust else [],
        "may_acknowledge": acting.may(Permission.SEND_TRAUMA)
        or acting.may(Permission.EXCHANGE_IMAGES),
        "typed": request.POST,
        "errors": errors or [],
    }
    return render(request, "iep/on_call.html", context, status=422 if errors else 200)


@require_POST
def acknowledge(request: HttpRequest, thing_id: UUID) -> HttpResponse:
    """I have it: a ticket, or what another hospital asks of us or sends us."""
    thing = on_call_queries.thing_of(request.acting, thing_id)
    try:
        on_call_services.acknowledge(thing, by=request.acting)
        name = on_call_queries.name_of(thing)
        messages.success(request, f"You have {name}. Nobody else is paged for it.")
    except NotAccepted as refused:
        messages.info(request, refused.sentence)
    return redirect("iep:on-call")


@require_POST
def keep_on_call(request: HttpRequest) -> HttpResponse:
    """The list: somebody entered, taken off, or put first."""
    trust = trust_of(request.acting)
    do, _, key = request.POST.get("do", "").partition(":")
    people = list(on_call_queries.people(trust)) if trust else []
    person = next((each for each in people if str(each.pk) == key), None)
    if do == "enter" and trust is not None:
        return _enter(request, trust)
    if person is not None and do in ("remove", "first"):
        deed = on_call_services.remove if do == "remove" else on_call_services.page_first
        deed(person, by=request.acting)
    return redirect("iep:on-call")


def _enter(request: HttpRequest, trust: Any) -> HttpResponse:
    chosen = request.POST.get("person", "")
    found = on_call_queries.candidates(trust)
    user = next((each for each in found if str(each.pk) == chosen), None)
    if user is None:
        return _on_call_page(request, [{"text": "Choose a person", "href": "#person"}])
    try:
        on_call_services.enter(user, request.POST.get("phone", ""), by=request.acting)
    except NotAccepted as refused:
        return _on_call_page(request, [{"text": refused.sentence, "href": "#phone"}])
    return redirect("iep:on-call")
