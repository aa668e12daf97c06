"""The two-tab guard: a page of one patient while the record system is on another (hazard H01)."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from patients.errors import NotFound
from patients.queries import Patient, patient_for

CONTEXT_KEY = settings.PATIENT_CONTEXT_KEY


def other_patient(request: HttpRequest, patient: Patient) -> HttpResponse | None:
    """The interruption page when a launch has moved on to somebody else; None to go on."""
    current = request.session.get(CONTEXT_KEY)
    if current in (None, str(patient.pk)):
        return None
    try:
        other = patient_for(request.acting, current, request=request)
    except NotFound:
        return None
    context = {"page_patient": patient, "context_patient": other}
    return render(request, "requesting/changed_patient.html", context, status=409)


def interruption(request: HttpRequest, patient: Patient) -> HttpResponse | None:
    """The page that stands in the way of asking for this patient; None when nothing does."""
    return other_patient(request, patient) or _has_died(request, patient)


def _has_died(request: HttpRequest, patient: Patient) -> HttpResponse | None:
    """DECEASED (ux.md 2.4): nothing is asked for who has died."""
    if not patient.is_deceased:
        return None
    return render(request, "requesting/has_died.html", {"patient": patient}, status=409)


def stay_with(request: HttpRequest, patient: Patient) -> None:
    request.session[CONTEXT_KEY] = str(patient.pk)
