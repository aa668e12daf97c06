"""R11: ask for images, on one page that works without JavaScript; and what somebody asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from iep import hours, picking
from iep.asking import LABELS, MODALITIES, in_order, problems
from iep.errors import Incomplete
from iep.forms import tickets as forms
from iep.forms.tickets import Read, Typed
from iep.policies import trust_of
from iep.queries.exchange import hospitals
from iep.queries.ticketing import people as ticket_people
from iep.queries.ticketing import prefill as ticket_prefill
from iep.queries.ticketing import tickets
from iep.services.ticketing.tickets import open_ticket
from iep.states.priorities import ELIGIBILITY_WORDS, PRIORITY_WORDS, REASON_WORDS, Reason
from iep.states.tickets import TicketKind

REASONS = {key: words for key, words in REASON_WORDS.items() if key is not Reason.BLUE_LIGHT}
NOTHING_PICKED = "Nothing was found in the text. Fill the form in by hand"


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """`/iep/new/`: which way, patient and where, which scans, priority; then a check."""
    if request.method != "POST":
        form = forms.empty()
        kind = request.GET.get("kind", "")
        form.fill(kind=kind if kind in set(TicketKind) else "")
        form.fill(**ticket_prefill.of_requester(request.acting))
        patient = request.GET.get("patient") or request.session.get(settings.PATIENT_CONTEXT_KEY)
        form.fill(**ticket_prefill.of_launched(request.acting, patient, request=request))
        return _form(request, form)
    form = forms.typed(request.POST)
    verb, _, argument = request.POST.get("do", "check").partition(" ")
    return DEEDS.get(verb, _check)(request, form, argument)


# --- The form ------------------------------------------------------------------------------------


def _form(
    request: HttpRequest,
    form: Typed,
    found: dict[str, str] | None = None,
    *,
    said: Read | None = None,
    status: int = 200,
    focus: str = "",
) -> HttpResponse:
    wrong = found or {}
    context = {
        "form": form,
        "wrong": wrong,
        "errors": [{"text": words, "href": f"#{_anchor(name)}"} for name, words in wrong.items()]
        or None,
        "labels": LABELS,
        "kinds": tickets.KIND_WORDS,
        "modalities": MODALITIES,
        "priorities": PRIORITY_WORDS,
        "reasons": REASONS,
        "eligible": ELIGIBILITY_WORDS,
        "hospitals": hospitals.others(trust_of(request.acting)),
        "choices": said.choices if said else (),
        "hours": hours.words(),
        "focus": focus,
    }
    return render(request, "iep/ask.html", context, status=status)


def _anchor(name: str) -> str:
    """Where a problem's field stands on the page."""
    return {"institution": "where", "exams": "exam-1-date", "kind": "kind-import"}.get(name, name)


def _read(request: HttpRequest, form: Typed) -> tuple[Read, dict[str, str]]:
    """What the page asks for, and everything that is wrong with it, in the form's order."""
    _from_record(request, form)
    said = forms.read(form, trust_of(request.acting))
    found = problems(
        said.new, today=timezone.localdate(), s_number_pattern=settings.S_NUMBER_PATTERN
    )
    return said, in_order(found | said.problems)


def _from_record(request: HttpRequest, form: Typed) -> None:
    """A number that we know and no name: the name comes from our record, to be confirmed."""
    if form.get("family_name") or form.get("given_names"):
        return
    known = ticket_prefill.of_number(
        request.acting, form.get("nhs_number"), form.get("s_number"), request=request
    )
    form.picked |= set(form.fill(**known)) if known else set()


def _pick(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """Paste box. What is complete goes straight to the check; else the form, with marks."""
    trust = trust_of(request.acting)
    found = picking.pick(
        form.get("pasted"),
        today=timezone.localdate(),
        s_number_pattern=settings.S_NUMBER_PATTERN,
        hospitals=hospitals.names(trust),
    )
    if found.is_empty:
        return _form(request, form, {"pasted": NOTHING_PICKED}, status=422)
    if "priority" in found.fields or "priority" in found.notes:
        form.texts["priority"] = ""  # the page chose Standard: what the text says of it goes first
    forms.take_picked(form, found)
    form.fill(priority="" if "priority" in found.notes else "1")
    said, wrong = _read(request, form)
    unread = {each for each in form.notes if not _has_value(form, each)}
    if wrong or unread:
        return _form(request, form, said=said, focus="picked")
    return _checked(request, form, said)


def _has_value(form: Typed, name: str) -> bool:
    if name.startswith("exam-"):
        row = form.rows[int(name.removeprefix("exam-")) - 1]
        return bool(row["date"] and row["description"])
    return bool(form.get(name))


def _add(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    forms.add_row(form)
    return _form(request, form, focus=f"exam-{len(form.rows)}-date")


def _remove(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    forms.remove_row(form, int(argument) if argument.isdecimal() else 0)
    return _form(request, form, focus="exam-1-date")


def _find(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """The patient of the number that was typed, as the hospital's system has them."""
    known = ticket_prefill.of_number(
        request.acting, form.get("nhs_number"), form.get("s_number"), request=request
    )
    if not known:
        said = "The hospital’s system has nobody with this number. Fill in the patient’s details"
        return _form(request, form, {"nhs_number": said}, status=422)
    form.texts |= {name: text for name, text in known.items() if text}
    form.picked |= set(known)
    return _form(request, form, focus="where")


def _change(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    return _form(request, form, focus=argument)


# --- The check -----------------------------------------------------------------------------------


def _check(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    said, wrong = _read(request, form)
    if wrong.keys() == {"eligibility"} and form.get("priority") == "0":
        return render(request, "iep/blue_light.html", _hidden(form) | {
            "eligible": ELIGIBILITY_WORDS,
        })  # fmt: skip
    if wrong:
        return _form(request, form, wrong, said=said, status=422)
    return _checked(request, form, said)


def _blue(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """The answer to the interruption: what makes it Blue Light, or Standard after all."""
    form.texts["eligibility"] = argument
    if not argument:
        form.texts |= {"priority": "1", "reason": ""}
    return _check(request, form, "")


def _checked(request: HttpRequest, form: Typed, said: Read, *, status: int = 200) -> HttpResponse:
    trust = trust_of(request.acting)
    patient, conflicts = ticket_people.record_of(said.new, trust) if trust else (None, {})
    if conflicts:
        return _form(request, form, conflicts, said=said, status=422)
    context = _hidden(form) | {
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
    return render(request, "iep/ask_check.html", context, status=status)


def _reason(said: Read) -> str:
    new = said.new
    if new.eligibility is not None:
        return ELIGIBILITY_WORDS[new.eligibility]
    words = REASON_WORDS[new.reason] if new.reason else ""
    return f"{words}: {new.reason_words}" if new.reason_words else words


def _hidden(form: Typed) -> dict[str, Any]:
    """Everything that was typed, to be carried through a page in between."""
    fields = [(name, text) for name, text in form.texts.items() if text]
    for number, row in enumerate(form.rows, 1):
        fields += [(f"exam-{number}-{name}", text) for name, text in row.items() if text]
    fields += [(f"note-{name}", note) for name, note in form.notes.items()]
    fields += [("rows", str(len(form.rows))), ("picked", " ".join(sorted(form.picked)))]
    return {"form": form, "fields": [*fields, ("key", form.key)]}


def _open(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    said, wrong = _read(request, form)
    if wrong:
        return _form(request, form, wrong, said=said, status=422)
    trust = trust_of(request.acting)
    seen = set(request.POST.get("seen", "").split())
    again = {each.reference for each in (tickets.duplicates(said.new, trust) if trust else [])}
    mine = tickets.opened_from(request.acting, said.new.key)
    if again - seen and mine is None:
        return _checked(request, form, said, status=409)
    try:
        ticket = open_ticket(said.new, by=request.acting)
    except Incomplete as refusal:
        return _form(request, form, refusal.problems, said=said, status=422)
    messages.success(request, f"Call reference {ticket.reference}")
    return redirect("iep:ticket", ticket.reference)


DEEDS: dict[str, Callable[[HttpRequest, Typed, str], HttpResponse]] = {
    "pick": _pick,
    "add": _add,
    "remove": _remove,
    "find": _find,
    "change": _change,
    "check": _check,
    "blue": _blue,
    "open": _open,
}


# --- What somebody asked for ---------------------------------------------------------------------


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """`/iep/mine/`: a requester's own tickets; what waits for them comes first."""
    audit.record(acting=request.acting, action="list_tickets", object_type="iep.Ticket",
                 reason="mine", request=request)  # fmt: skip
    return render(request, "iep/mine.html", _mine(request))


@require_safe
def mine_now(request: HttpRequest) -> HttpResponse:
    """The same list, as it is now: for the page that is open."""
    return render(request, "iep/_mine_now.html", _mine(request))


def _mine(request: HttpRequest) -> dict[str, Any]:
    text = request.GET.get("page", "1")
    number = max(int(text), 1) if text.isascii() and text.isdecimal() and len(text) < 6 else 1
    return {
        "page": tickets.my_tickets(request.acting, page=number),
        "number": number,
        "kinds": tickets.KIND_WORDS,
        "now": timezone.now(),
    }
