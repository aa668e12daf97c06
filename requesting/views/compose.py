"""R2: choose tests, answer what they need, send.

One form. Every press posts the whole of it, so that the draft is kept at each press whether or not
there is JavaScript. With it (`X-Fragment`), the answer is the changed part; without, a redirect to
the page as it now is, so that going back or reloading never posts again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from catalogue.errors import UnknownOrderSet
from patients.queries import Patient, patient_for
from requesting import forms, queries, services
from requesting.errors import (
    NotFound,
    Refused,
    StaleDraft,
)

from .drawing import FRAGMENT, answer, form_page, seal_is_broken, stale
from .guard import interruption
from .sending import sent_already, submit

SIMILAR = "similar"  # a hit by likeness only: shown, never added by Enter


@require_http_methods(["GET", "HEAD", "POST"])
def compose(request: HttpRequest, patient_id: uuid.UUID) -> HttpResponse:
    """R2 `/p/<uuid>/request/`: the draft as it is, or one press on it."""
    patient = _in_hand(request, patient_id)
    if stopped := interruption(request, patient):
        return stopped
    if request.method != "POST":
        return form_page(request, patient, queries.draft_for(request.acting, patient))
    if seal_is_broken(request, patient):
        return render(request, "requesting/wrong_page.html", {"patient": patient}, status=409)
    return _press(request, patient)


def _in_hand(request: HttpRequest, patient_id: uuid.UUID) -> Patient:
    """The patient. Opening the page is a view, on record; a press or a suggestion on the open page
    is not another one. A refusal always is."""
    if request.method == "POST" or FRAGMENT in request.headers:
        with suppress(NotFound):
            return queries.patient_in_hand(request.acting, patient_id)
    return patient_for(request.acting, patient_id, request=request)


def _press(request: HttpRequest, patient: Patient) -> HttpResponse:
    press = forms.pressed(request.POST)
    content = forms.content(request.POST)
    act, words_needed = PRESSES.get(press.verb, (_save, 0))
    if len(press.arguments) < words_needed:  # no button of ours says so: the draft is kept
        act = _save
    try:
        return act(request, patient, press, content)
    except UnknownOrderSet:
        return _save(request, patient, press, content)
    except StaleDraft as newer:
        return stale(request, patient, newer)
    except Refused as refused:
        return render(request, "403.html", {"sentence": refused.sentence}, status=403)


# --- The presses: each keeps the draft, and answers ---------------------------------------------

Content = dict[str, Any]
Act = Callable[[HttpRequest, Patient, forms.Press, Content], HttpResponse]


def _keep(request: HttpRequest, patient: Patient, content: Content) -> Any:
    return services.save_draft(
        patient, content=content, version=forms.version(request.POST), by=request.acting
    )


def _save(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    draft = _keep(request, patient, content)
    return answer(request, patient, draft)


def _find(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    """Without JavaScript: the page again, with what was found and a button beside each."""
    draft = _keep(request, patient, content)
    words = request.POST.get("q", "").strip()
    if not words:
        return answer(request, patient, draft)
    hits = queries.suggestions(words, acting=request.acting, patient=patient)
    return form_page(request, patient, draft, hits=hits, words=words)


def _add(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    draft = _keep(request, patient, forms.add_service(content, press.code))
    return answer(request, patient, draft, added=press.code)


def _add_top(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    """Enter in the box: the best hit for the words typed; when it is out of reach, the list."""
    words = request.POST.get("q", "").strip()
    hits = queries.suggestions(words, acting=request.acting, patient=patient) if words else []
    if not hits or hits[0].refusal or hits[0].kind == SIMILAR:
        draft = _keep(request, patient, content)
        return answer(request, patient, draft, said=_not_added(words, hits))
    return _add(request, patient, forms.Press("add", (hits[0].code,)), content)


def _not_added(words: str, hits: Sequence[Any]) -> str:
    if not hits:
        return f"No test called ‘{words}’. Try another word."
    if hits[0].refusal:
        return f"{hits[0].name}: {hits[0].refusal}"
    return f"Nothing is called ‘{words}’. Did you mean {hits[0].name}?"


def _add_set(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    codes = queries.order_set_codes(press.code, acting=request.acting)
    for code in codes:
        content = forms.add_service(content, code)
    draft = _keep(request, patient, content)
    return answer(request, patient, draft, added=codes[0])


def _change(change: Callable[[Content, forms.Press], Content]) -> Act:
    """A press that only changes the draft."""

    def act(
        request: HttpRequest, patient: Patient, press: forms.Press, content: Content
    ) -> HttpResponse:
        draft = _keep(request, patient, change(content, press))
        return answer(request, patient, draft, focus_on=press.code)

    return act


def _swap(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    """The better test in place of the one that was chosen."""
    other = press.arguments[-1]
    changed = forms.add_service(forms.remove_service(content, press.code), other)
    return answer(request, patient, _keep(request, patient, changed), added=other)


def _use_existing(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    """The request that is open already: this one is taken off, and that one is shown."""
    _keep(request, patient, forms.remove_service(content, press.code))
    item = queries.item_row(request.acting, press.ends[1], request=request)
    return HttpResponseRedirect(reverse("requesting:detail", args=[item.pk]))


def _unhelpful(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    draft = _keep(request, patient, content)
    services.mark_not_helpful(
        patient, service_code=press.code, rule_key=press.arguments[1], by=request.acting
    )
    return answer(request, patient, draft, said="Thank you. The rule's owners will see it.")


def _discard(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    services.discard_draft(patient, by=request.acting)
    return HttpResponseRedirect(reverse("record", args=[patient.pk]))


def _keep_and_leave(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    _keep(request, patient, content)
    return HttpResponseRedirect(reverse("record", args=[patient.pk]))


def _send(
    request: HttpRequest, patient: Patient, press: forms.Press, content: Content
) -> HttpResponse:
    """Send; R3 first without JavaScript, or when there is much to read."""
    if before := sent_already(request, patient):
        return before
    draft = _keep(request, patient, content)
    page = queries.compose(draft, request.acting)
    if page.missing:
        return form_page(request, patient, draft, problems=page.missing)
    if page.needs_check_page or request.POST.get("js") != "1":
        return HttpResponseRedirect(reverse("requesting:check", args=[patient.pk]))
    return submit(request, patient, draft)


# The verb of a button: what it does, and how many words have to follow it.
PRESSES: dict[str, tuple[Act, int]] = {
    "save": (_save, 0),
    "keep": (_keep_and_leave, 0),
    "discard": (_discard, 0),
    "find": (_find, 0),
    "add": (_add, 1),
    "add-top": (_add_top, 0),
    "add-set": (_add_set, 1),
    "remove": (_change(lambda content, press: forms.remove_service(content, press.code)), 1),
    "take_later": (_change(lambda content, press: forms.take_later(content, *press.ends)), 3),
    "now": (_change(lambda content, press: forms.take_later(content, press.code, "")), 1),
    "change_side": (_change(lambda content, press: forms.choose_side(content, *press.ends)), 3),
    "keep_on": (_change(lambda content, press: forms.answer_alert(content, *press.three)), 3),
    "reopen": (_change(lambda content, press: forms.forget_alert(content, *press.three[:2])), 2),
    "swap": (_swap, 3),
    "use_existing": (_use_existing, 3),
    "unhelpful": (_unhelpful, 2),
    "send": (_send, 0),
}


# --- Suggestions ----------------------------------------------------------------------------------


@require_safe
def suggest(request: HttpRequest, patient_id: uuid.UUID) -> HttpResponse:
    """The list under the box, for the words typed so far."""
    patient = _in_hand(request, patient_id)
    words = request.GET.get("q", "").strip()[:80]
    hits = queries.suggestions(words, acting=request.acting, patient=patient) if words else []
    return render(request, "requesting/_suggestions.html", {"hits": hits, "words": words})
