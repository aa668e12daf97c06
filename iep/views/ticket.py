"""I2: one ticket: its checklist, what hangs on it, and what may be done with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from iep.asking import LABELS, MODALITIES
from iep.errors import Incomplete, NoSuchMove, NotAccepted
from iep.forms import details
from iep.queries import banner
from iep.queries.ticketing.answering import fields_of, stamp_of
from iep.queries.ticketing.page import page_of
from iep.queries.ticketing.tickets import ticket_for, ticket_in_hand
from iep.queries.ticketing.unreached import not_reached
from iep.services.ticketing import chasing, ticket_mail, tickets
from iep.states.priorities import (
    ELIGIBILITY_WORDS,
    PRIORITY_WORDS,
    REASON_WORDS,
    Eligibility,
    Priority,
    Reason,
)
from iep.states.tickets import TicketKind
from iep.states.transactions import LABELS as STATUS_WORDS
from messaging.errors import MailboxRefused
from nhsuk.dates import read_day


class Beware(str):
    """Of a deed that was done and leaves the person something to do."""


Ticket = Any  # an iep.models.Ticket: screens never touch models
ALREADY = "Somebody has dealt with this ticket meanwhile. Look at it again"
# What is asked of a requester or of the other hospital, in the form's order.
CHASED = (
    "exams", "nhs_number", "s_number", "birth_date", "address", "requester_phone", "consultant",
    "department", "reason", "other_name", "other_phone", "other_email",
)  # fmt: skip


@require_safe
def ticket(request: HttpRequest, reference: str) -> HttpResponse:
    """`/iep/<call reference>/`."""
    return _page(request, ticket_for(request.acting, reference, request=request))


def _page(
    request: HttpRequest,
    row: Ticket,
    problem: str = "",
    *,
    field: str = "act",
    status: int = 200,
    found: dict[str, str] | None = None,
) -> HttpResponse:
    """`problem` is of the deed `field`; `found`: of its fields, each with what is wrong."""
    context = _shown(request, row)
    page = context["page"]
    wrong = found or ({field: problem} if problem else {})
    context |= banner.of_ticket(page.ticket, page.studies).context | {
        "labels": LABELS,
        "modalities": MODALITIES,
        "chased": [(name, LABELS[name]) for name in CHASED if _applies(name, row)],
        "priorities": PRIORITY_WORDS,
        "reasons": REASON_WORDS,
        "eligible": ELIGIBILITY_WORDS,
        "is_mine": tickets.is_requester(request.acting, row),
        "typed": request.POST,
        "wrong": field if wrong else "",
        "found": found or {},
        "answer": _answer(request, page),
        "errors": [
            {"text": words.rstrip("."), "href": f"#answer-{name}" if found else f"#{name}"}
            for name, words in wrong.items()
        ] or None,
        "now": timezone.now(),
    }  # fmt: skip
    return render(request, "iep/ticket.html", context, status=status)


def _answer(request: HttpRequest, page: Any) -> dict[str, Any]:
    """The fields of the answer as they were typed, unless others stand there meanwhile."""
    seen, typed = stamp_of(page.ticket), {}
    if request.POST.get("do") == "details" and request.POST.get("seen") == seen:
        typed = details.of_post(page.answers, request.POST)
    return {"texts": details.of_ticket(page.ticket) | typed, "seen": seen}


def _shown(request: HttpRequest, row: Ticket) -> dict[str, Any]:
    """What the live parts show, and the marks by which the page knows that they are others now."""
    page = page_of(row, request.acting)
    shown = {"page": page, "ticket": page.ticket, "statuses": STATUS_WORDS, "known": "",
             "deeds_known": "", "has_changed": False}  # fmt: skip
    parts = ("iep/_ticket_live.html", "iep/_ticket_state.html")
    text = "".join(render_to_string(each, shown, request=request) for each in parts)
    deeds = f"{row.state} {page.actions} {page.answers}"
    return shown | {"known": _mark(text), "deeds_known": _mark(deeds)}


def _mark(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12]


@require_safe
def live(request: HttpRequest, reference: str) -> HttpResponse:
    """What changed since the page was drawn; nothing while it is as the page has it."""
    context = _shown(request, ticket_in_hand(request.acting, reference))
    if request.GET.get("known") == context["known"]:
        return HttpResponse(status=204)
    drawn = request.GET.get("deeds", "")[:12]
    context["has_changed"] = drawn != context["deeds_known"]
    context["deeds_known"] = drawn
    parts = ("iep/_ticket_state.html", "iep/_ticket_live.html")
    return HttpResponse("".join(render_to_string(each, context, request=request) for each in parts))


def _applies(name: str, row: Ticket) -> bool:
    return row.kind == TicketKind.EXPORT or not name.startswith("other_")


@require_POST
def act(request: HttpRequest, reference: str) -> HttpResponse:
    """One deed. Which ones a person may do is the service's to say."""
    row = ticket_for(request.acting, reference, request=request, action="act_on")
    verb = request.POST.get("do", "")
    deed = DEEDS.get(verb)
    if deed is None:
        return _page(request, row, "Choose what to do", status=400)
    try:
        words = deed(request, row)
    except Incomplete as refusal:
        return _page(request, row, field=verb, status=422, found=refusal.problems)
    except (NotAccepted, MailboxRefused) as refusal:
        words = refusal.sentence if isinstance(refusal, NotAccepted) else str(refusal)
        return _page(request, row, words, field=verb, status=422)
    except NoSuchMove:
        row.refresh_from_db()
        return _page(request, row, ALREADY, status=409)
    level = messages.WARNING if isinstance(words, Beware) else messages.SUCCESS
    messages.add_message(request, level, words)
    return redirect("iep:ticket", reference)


def _text(request: HttpRequest, name: str = "words") -> str:
    return request.POST.get(name, "").strip()


def _take(request: HttpRequest, row: Ticket) -> str:
    tickets.assign(row, request.acting.user, by=request.acting)
    return "The ticket is yours."


def _leave(request: HttpRequest, row: Ticket) -> str:
    tickets.assign(row, None, by=request.acting)
    return "The ticket is nobody’s."


def _note(request: HttpRequest, row: Ticket) -> str:
    tickets.note(row, _text(request), by=request.acting)
    return "Noted."


def _rang(request: HttpRequest, row: Ticket) -> str:
    tickets.rang_requester(row, _text(request), by=request.acting)
    return "Noted: the requester was told by telephone."


def _chase(request: HttpRequest, row: Ticket) -> str:
    missing = [name for name in request.POST.getlist("missing") if name in LABELS]
    whom, words = request.POST.get("whom", ""), _text(request)
    if whom == tickets.INSTITUTION:
        sent = chasing.ask_other_hospital(row, missing=missing, words=words, by=request.acting)
        how = "by a message" if sent else "in the history: nothing runs with them yet, so ring them"
        return f"The other hospital is asked {how}."
    asked = tickets.chase(row, whom, missing=missing, words=words, by=request.acting)
    if not_reached(asked):
        ring = f"ring {asked.requester_name} on {asked.requester_phone}, and say below that you did"
        return Beware(f"Asked, but no e-mail could go: {ring}. The 2 weeks run all the same.")
    return "The requester is asked. Without an answer the ticket ends in 2 weeks."


def _details(request: HttpRequest, row: Ticket) -> str:
    given, problems = details.read(details.of_post(fields_of(row), request.POST))
    if problems:
        raise Incomplete(problems)
    seen = request.POST.get("seen", "")
    tickets.details_came(row, words=_text(request), seen=seen, by=request.acting, **given)
    return "Thank you. The service desk goes on with it."


def _cancel(request: HttpRequest, row: Ticket) -> str:
    tickets.cancel(row, _text(request), by=request.acting)
    return "Cancelled."


def _acknowledge(request: HttpRequest, row: Ticket) -> str:
    tickets.acknowledge(row, words=_text(request), by=request.acting)
    return "Acknowledged."


def _address(request: HttpRequest, row: Ticket) -> str:
    sent = ticket_mail.confirm_address(row, by=request.acting)
    held = f" {sent} held back {'mail is' if sent == 1 else 'mails are'} sent now." if sent else ""
    return f"The address is confirmed.{held}"


def _priority(request: HttpRequest, row: Ticket) -> str:
    text, why = request.POST.get("priority", ""), request.POST.get("why", "")
    eligible = why if why in {each.value for each in Eligibility} else ""
    if text not in {str(each.value) for each in Priority}:
        raise NotAccepted("priority", "Choose the priority.")
    priority = Priority(int(text))
    is_blue = priority is Priority.BLUE_LIGHT
    reason = Reason.BLUE_LIGHT.value if is_blue else request.POST.get("reason", "")
    if reason not in {each.value for each in Reason}:
        raise NotAccepted("reason", "Choose the reason for the priority.")
    tickets.change_priority(
        row, priority, reason=Reason(reason), words=_text(request), by=request.acting,
        eligibility=Eligibility(eligible) if is_blue and eligible else None,
    )  # fmt: skip
    return f"{PRIORITY_WORDS[priority]} now."


def _correct(request: HttpRequest, row: Ticket) -> str:
    fields: dict[str, Any] = {name: _text(request, name)[:150] for name in _NAMES}
    for name in _DATES:
        fields[name] = _moment(_text(request, name), getattr(row, name), name)
    tickets.correct(row, by=request.acting, **fields)
    return "Corrected."


_NAMES = ("uploaded_by", "fixed_up_by")
_DATES = ("uploaded_at", "fixed_up_at", "sent_at")


def _moment(text: str, known: datetime | None, name: str) -> datetime | None:
    """The day as it was typed. What stands keeps its time of day while the day is the same."""
    if not text:
        return None
    try:
        day = read_day(text)
    except ValueError:
        words = f"{tickets.WORKING_FIELDS[name]}: enter a date like 22-Nov-2026."
        raise NotAccepted("date", words) from None
    if day > timezone.localdate():
        raise NotAccepted("date", f"{tickets.WORKING_FIELDS[name]}: that day is yet to come.")
    if known is not None and timezone.localdate(known) == day:
        return known
    return timezone.make_aware(datetime.combine(day, time(12)))


DEEDS: dict[str, Callable[[HttpRequest, Ticket], str]] = {
    "take": _take,
    "leave": _leave,
    "note": _note,
    "rang": _rang,
    "chase": _chase,
    "details": _details,
    "cancel": _cancel,
    "acknowledge": _acknowledge,
    "address": _address,
    "priority": _priority,
    "correct": _correct,
}
