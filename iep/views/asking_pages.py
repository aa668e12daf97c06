"""What the pages of asking for images show: each of the three, the interruption, the check."""

from __future__ import annotations

import copy
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts import audit
from iep import hours
from iep.asking import LABELS, MODALITIES, step_of
from iep.forms import drafts
from iep.forms import tickets as forms
from iep.forms.tickets import Read, Typed
from iep.policies import trust_of
from iep.queries.banner import of_form
from iep.queries.exchange import hospitals
from iep.queries.ticketing import people as ticket_people
from iep.queries.ticketing import tickets
from iep.states.priorities import ELIGIBILITY_WORDS, PRIORITY_WORDS, REASON_WORDS, Reason

REASONS = {key: words for key, words in REASON_WORDS.items() if key is not Reason.BLUE_LIGHT}


def step_page(
    request: HttpRequest,
    form: Typed,
    step: str,
    found: dict[str, str] | None = None,
    *,
    said: Read | None = None,
    focus: str = "",
) -> HttpResponse:
    """One of the three, with what is wrong on it."""
    wrong = {name: words for name, words in (found or {}).items() if step_of(name) == step}
    context = {
        "form": form,
        "step": step,
        "fields": forms.carried(form, but=step),
        "waiting": [each for each in drafts.waiting(request.acting) if each.key != form.key],
        "now": timezone.now(),
        "has_marks": any(step_of(name) == step for name in [*form.picked, *form.notes]),
        "wrong": wrong,
        "errors": [{"text": words, "href": f"#{_anchor(name)}"} for name, words in wrong.items()]
        or None,
        "labels": LABELS,
        "kinds": tickets.KIND_WORDS,
        "modalities": MODALITIES,
        "priorities": PRIORITY_WORDS,
        "reasons": REASONS,
        "eligible": ELIGIBILITY_WORDS,
        "hospitals": hospitals.others(trust_of(request.acting)) if step == "patient" else (),
        "choices": said.choices if said else (),
        "hours": hours.words(),
        "focus": focus,
    }
    if step == "scans" and form.get("family_name"):
        read = forms.read(copy.deepcopy(form), trust_of(request.acting))
        context |= _banner(request, read)
    return render(request, "iep/ask.html", context, status=422 if wrong else 200)


def _anchor(name: str) -> str:
    """Where a problem's field stands on the page."""
    return {"institution": "where", "exams": "exam-1-date", "kind": "kind-import"}.get(name, name)


def interruption(request: HttpRequest, form: Typed) -> HttpResponse:
    """The interruption: chosen without what makes it so."""
    context = {"form": form, "fields": forms.carried(form), "eligible": ELIGIBILITY_WORDS}
    said = forms.read(form, trust_of(request.acting))
    return render(request, "iep/blue_light.html", context | _banner(request, said))


def check_page(request: HttpRequest, form: Typed, said: Read, *, status: int = 200) -> HttpResponse:
    trust = trust_of(request.acting)
    patient = ticket_people.record_of(said.new, trust)[0] if trust else None
    context = {
        "form": form,
        "fields": forms.carried(form),
        "new": said.new,
        "kind": tickets.KIND_WORDS[said.new.kind],
        "priority": PRIORITY_WORDS[said.new.priority],
        "reason": _reason(said),
        "modalities": MODALITIES,
        "is_known": patient is not None,
        "duplicates": tickets.duplicates(said.new, trust) if trust else [],
        "is_open": hours.is_open(),
        "hours": hours.words(),
    }
    context |= _banner(request, said)
    return render(request, "iep/ask_check.html", context, status=status)


def _reason(said: Read) -> str:
    new = said.new
    if new.eligibility is not None:
        return ELIGIBILITY_WORDS[new.eligibility]
    words = REASON_WORDS[new.reason] if new.reason else ""
    return f"{words}: {new.reason_words}" if new.reason_words else words


def _banner(request: HttpRequest, said: Read) -> dict[str, Any]:
    """Whom it is for: our record, and the look is on record; or as the form says; nobody where its
    numbers are another's."""
    new, trust = said.new, trust_of(request.acting)
    patient, conflicts = ticket_people.record_of(new, trust) if trust else (None, {})
    if conflicts:
        return {}
    if patient is not None:
        audit.record(
            acting=request.acting, action="find_patient", object_type="patients.Patient",
            object_id=patient.pk, patient_id=patient.pk, reason="image ticket, as written",
            request=request,
        )  # fmt: skip
    return of_form(new, new.birth_date, new.s_number, patient).context
