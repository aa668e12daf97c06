"""R3 and R4: check, send, undo, and what the patient takes home."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from patients.queries import Patient, patient_for
from requesting import forms, queries, services
from requesting.errors import Conflict, Incomplete, TooLateToUndo
from requesting.queries import forms as form_queries

from .drawing import form_context, form_page, seal_is_broken
from .guard import interruption, stay_with


def sent_already(request: HttpRequest, patient: Patient) -> HttpResponse | None:
    """What this very form has sent: a double click opens it instead (hazard H04)."""
    before = queries.sent_with_key(request.acting, forms.idempotency_key(request.POST))
    if before is None:
        return None
    return HttpResponseRedirect(reverse("requesting:sent", args=[patient.pk, before.pk]))


def submit(request: HttpRequest, patient: Patient, draft: Any) -> HttpResponse:
    key = forms.idempotency_key(request.POST) or uuid.uuid4()
    try:
        made = services.submit(draft, idempotency_key=key, by=request.acting)
    except Incomplete as incomplete:
        return form_page(request, patient, draft, problems=incomplete.problems)
    except Conflict as conflict:
        context = {"patient": patient, "sent": conflict.request}
        return render(request, "requesting/sent_already.html", context, status=409)
    return HttpResponseRedirect(reverse("requesting:sent", args=[patient.pk, made.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, patient_id: uuid.UUID) -> HttpResponse:
    """R3 `/p/<uuid>/request/check`: all of it once more, then Send."""
    patient = patient_for(request.acting, patient_id, request=request)
    if stopped := interruption(request, patient):
        return stopped
    draft = queries.draft_for(request.acting, patient)
    if request.method == "POST" and not seal_is_broken(request, patient):
        return sent_already(request, patient) or submit(request, patient, draft)
    context = form_context(request, patient, draft)
    if context["page"].missing:
        return HttpResponseRedirect(reverse("requesting:compose", args=[patient.pk]))
    return render(request, "requesting/check.html", context)


@require_safe
def sent_page(request: HttpRequest, patient_id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    """R4: sent, and how to undo it."""
    patient = patient_for(request.acting, patient_id, request=request)
    made = queries.sent_for(request.acting, request_id, patient=patient, request=request)
    context = {"patient": patient, "made": made, "offers": _offers(request, made)}
    return render(request, "requesting/sent.html", context)


def _offers(request: HttpRequest, made: queries.SentRequest) -> list[tuple[Any, Any]]:
    """The downtime form, once for each department whose link is down."""
    tests = {test.item.department_id: test.item for test in reversed(made.tests)}
    found = [(item, form_queries.offer_for(request.acting, item)) for item in tests.values()]
    return [(item, offer) for item, offer in found if offer]


@require_safe
def details(request: HttpRequest, patient_id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    """What the patient takes home: which tests, where, when it is open. Nothing clinical."""
    patient = patient_for(request.acting, patient_id, request=request)
    made = queries.sent_for(request.acting, request_id, patient=patient, request=request)
    return render(request, "requesting/details.html", {"subject": patient, "made": made})


@require_POST
def undo(request: HttpRequest, patient_id: uuid.UUID, request_id: uuid.UUID) -> HttpResponse:
    """Back into the draft while the time runs; afterwards, who to ring."""
    patient = patient_for(request.acting, patient_id, request=request)
    made = queries.sent_for(request.acting, request_id, patient=patient, request=request)
    try:
        services.undo(made.request, by=request.acting)
    except TooLateToUndo as late:
        context = {"patient": patient, "made": made, "phone": late.phone}
        return render(request, "requesting/too_late.html", context, status=409)
    target = "requesting:compose" if request.POST.get("then") == "change" else "record"
    return HttpResponseRedirect(reverse(target, args=[patient.pk]))


@require_POST
def stay(request: HttpRequest, patient_id: uuid.UUID) -> HttpResponse:
    """The person chose to keep working for this patient though the record system moved on."""
    patient = patient_for(request.acting, patient_id, request=request)
    stay_with(request, patient)
    return HttpResponseRedirect(reverse("requesting:compose", args=[patient.pk]))
