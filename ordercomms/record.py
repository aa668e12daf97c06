"""The patient’s record (R1): what was asked, how far it is, what came back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.models import Discipline
from accounts.roles import Permission
from ordercomms.timeline import Bar, draw
from patients.queries import formers_of, patient_for
from requesting.queries import requests_of_patient
from requesting.states import TERMINAL, Status
from results.queries import summary_for_patient

MOST_REQUESTS = 50
MOST_BARS = 12
LATELY = timedelta(days=60)
LANES = {Discipline.PATHOLOGY: "Bloods", Discipline.RADIOLOGY: "Imaging"}
ANSWERED = frozenset({*TERMINAL, Status.REPORTED})


@require_safe
def record(request: HttpRequest, patient_id: UUID) -> HttpResponse:
    """R1: one patient's requests and results."""
    patient = patient_for(request.acting, patient_id, request=request)
    rows = requests_of_patient(request.acting, patient.pk, limit=MOST_REQUESTS)
    context = {
        "patient": patient,
        "timeline": draw(_bars(rows), now=timezone.now()),
        "open_requests": [row for row in rows if row.item.status not in ANSWERED],
        "requests": rows,
        "results": summary_for_patient(request.acting, patient),
        "may_request": request.acting.may(Permission.REQUEST_TESTS),
        "formers": formers_of(patient),
        "was": request.GET.get("was", ""),
    }
    return render(request, "ordercomms/record.html", context)


def _bars(rows: Iterable) -> list[Bar]:
    """What is open or was asked lately, bloods first; a cancelled one is nowhere."""
    since = timezone.now() - LATELY
    items = [row.item for row in rows if row.item.status != Status.CANCELLED]
    timely = [item for item in items if item.status not in ANSWERED or item.requested_at > since]
    bars = [_bar(item) for item in timely[:MOST_BARS]]
    return [bar for lane in LANES.values() for bar in bars if bar.lane == lane]


def _bar(item) -> Bar:  # type: ignore[no-untyped-def]
    steps = (item.status_at, item.scheduled_at, item.resulted_at)
    return Bar(
        lane=LANES[Discipline(item.service.discipline)],
        label=item.service_name,
        asked_at=item.requested_at,
        until=item.resulted_at if item.status in ANSWERED else None,
        steps=tuple(at for at in steps if at),
    )
