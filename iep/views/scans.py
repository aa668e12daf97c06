"""The scans of an open ticket, put right by the desk or by who asked: until they are sent."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from iep.asking import LABELS, MODALITIES, in_order, problems_of_scans
from iep.errors import NoSuchMove, NotAccepted
from iep.forms import scans as forms
from iep.forms.tickets import Typed, add_row, remove_row
from iep.queries.banner import of_ticket
from iep.queries.ticketing.page import why_scans_stand
from iep.queries.ticketing.tickets import ticket_for
from iep.services.ticketing.scans import Scan, correct_scans, stamp_of

Ticket = Any  # an iep.models.Ticket: screens never touch models


@require_http_methods(["GET", "HEAD", "POST"])
def scans(request: HttpRequest, reference: str) -> HttpResponse:
    """`/iep/<call reference>/scans/`: the rows; adding and removing only redraws them."""
    action = "act_on" if request.method == "POST" else "view"
    row = ticket_for(request.acting, reference, request=request, action=action)
    if request.method != "POST":
        exams = list(row.exams.all())
        return _page(request, row, forms.of_ticket(exams), stamp_of(exams))
    form, seen = forms.of_post(request.POST), request.POST.get("seen", "")
    verb, _, argument = request.POST.get("do", "keep").partition(" ")
    if verb == "add":
        add_row(form)
        return _page(request, row, form, seen, focus=f"exam-{len(form.rows)}-date")
    if verb == "remove":
        remove_row(form, int(argument) if argument.isdecimal() else 0)
        return _page(request, row, form, seen, focus="exam-1-date")
    return _keep(request, row, form, seen)


def _keep(request: HttpRequest, row: Ticket, form: Typed, seen: str) -> HttpResponse:
    pairs, problems = forms.read(form)
    found = problems_of_scans([exam for exam, _ in pairs], today=timezone.localdate())
    if wrong := in_order(found | problems):
        return _page(request, row, form, seen, wrong=wrong)
    try:
        wanted = [Scan(exam, pk) for exam, pk in pairs]
        correct_scans(row, wanted, seen=seen, by=request.acting)
    except NoSuchMove:
        row.refresh_from_db()
        why = why_scans_stand(row, request.acting)
        return _page(request, row, form, seen, wrong={"exams": why})
    except NotAccepted as refusal:
        return _page(request, row, form, seen, wrong={"exams": refusal.sentence})
    messages.success(request, "The scans are corrected.")
    return redirect("iep:ticket", row.reference)


def _page(
    request: HttpRequest,
    row: Ticket,
    form: Typed,
    seen: str,
    *,
    wrong: dict[str, str] | None = None,
    focus: str = "",
) -> HttpResponse:
    found = wrong or {}
    context = {
        "ticket": row, "form": form, "seen": seen, "wrong": found, "focus": focus,
        "stands": why_scans_stand(row, request.acting), "labels": LABELS, "modalities": MODALITIES,
        "errors": [
            {"text": words.rstrip("."), "href": f"#{_anchor(name)}"}
            for name, words in found.items()
        ] or None,
    }  # fmt: skip
    context |= of_ticket(row).context
    return render(request, "iep/scans.html", context, status=422 if found else 200)


def _anchor(name: str) -> str:
    return {"exams": "exam-1-date"}.get(name, name)
