"""Tickets: opening one, what happens to it, who works on it, and its end.

Every change goes through `moving.move`. Which way the images go and where to or from cannot
change once a ticket is open: the service has no word for it, and the database refuses it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.policies import Acting
from accounts.roles import Permission
from iep import hours, policies
from iep.asking import LABELS, Exam, NewTicket, problems
from iep.errors import Incomplete, NotAccepted
from iep.models import Ticket, TicketExam
from iep.queries.ticketing import people as ticket_people
from iep.services.arrival import discs
from iep.services.moving import locked, move, write_event
from iep.services.ticketing import answers
from iep.services.ticketing.references import next_reference
from iep.services.ticketing.ticket_mail import register_address, tell_requester
from iep.states.priorities import (
    BLUE_LIGHT_ALARMS,
    PRIORITY_WORDS,
    Eligibility,
    Priority,
    Reason,
)
from iep.states.tickets import (
    DETAILS_LIMIT,
    RANG,
    WAITS,
    TicketEvent,
    TicketKind,
    TicketState,
    after,
)

__all__ = [
    "Exam", "NewTicket", "acknowledge", "assign", "cancel", "change_priority", "chase",
    "correct", "details_came", "note", "open_ticket", "rang_requester", "record",
]  # fmt: skip

REQUESTER, INSTITUTION = "requester", "institution"
LONGEST_WORDS: Final = 300
WORKING_FIELDS: Final = {
    "uploaded_by": "Uploaded by",
    "uploaded_at": "Uploaded on",
    "fixed_up_by": "Fixed up by",
    "fixed_up_at": "Fixed up on",
    "sent_at": "Date sent",
}


# --- Opening --------------------------------------------------------------------------------------


def open_ticket(new: NewTicket, *, by: Acting) -> Ticket:
    """The ticket with its call reference; the requester is told it by mail where that can go.

    Raises Incomplete with every field that is missing or wrong; nothing is kept then.
    """
    trust = new.organisation if by.is_system else policies.trust_of(by)
    if trust is None or not (by.is_system or by.may(Permission.ASK_FOR_IMAGES)):
        raise PermissionDenied
    if (known := _opened_already(new, trust, by)) is not None:
        return known
    found = problems(
        new, today=timezone.localdate(), s_number_pattern=settings.S_NUMBER_PATTERN
    )  # fmt: skip
    patient = None
    if not found:
        patient, found = ticket_people.record_of(new, trust)
    if found:
        raise Incomplete(found)
    with transaction.atomic():
        facts = _facts(new, trust, by)  # its reference is the queue: a second sending waits here
        if (known := _opened_already(new, trust, by)) is not None:
            transaction.set_rollback(True)
            return known
        ticket = Ticket.objects.create(**facts, patient=patient)
        for position, exam in enumerate(new.exams, 1):
            TicketExam.objects.create(ticket=ticket, position=position, **vars(exam))
        write_event(ticket, TicketEvent.OPENED, "", by=by, words=PRIORITY_WORDS[new.priority])
        discs.open_discs(ticket, by=by)
        register_address(ticket, by=by)
        tell_requester(ticket, "opened", _OPENED[new.kind], by)
    return ticket


def _opened_already(new: NewTicket, trust: Organisation, by: Acting) -> Ticket | None:
    """The ticket of that very form, sent twice by the same person."""
    if new.key is None:
        return None
    same = Ticket.objects.filter(pk=new.key, organisation=trust, opened_by=by.label[:150])
    return same.first()


_OPENED: Final = {
    TicketKind.IMPORT: "We have your request for images from another hospital. The service desk "
    "asks for them and tells you when they are in PACS.",
    TicketKind.EXPORT: "We have your request to send images to another hospital. The service desk "
    "sends them and tells you when they were delivered.",
    TicketKind.DISC: "We have your request to read in a disc. Write this call reference on each "
    "disc and on the envelope, and drop it at your radiology reception. Unlabelled discs are left "
    "in the box. They are collected on Wednesdays.",
}
_COPIED = (
    "family_name", "given_names", "birth_date", "s_number", "nhs_number",
    "no_nhs_number_reason", "postcode", "institution", "other_name", "other_position",
    "other_phone", "other_email", "requester_name", "requester_phone", "requester_email",
    "consultant", "department", "reason_words", "needed_by", "instructions", "pasted",
)  # fmt: skip


def _facts(new: NewTicket, trust: Organisation, by: Acting) -> dict[str, Any]:
    now = timezone.now()
    is_disc = new.kind is TicketKind.DISC
    return {
        **{name: getattr(new, name) for name in _COPIED},
        "id": new.key or uuid4(),
        "reference": next_reference(),
        "kind": new.kind.value,
        "address_lines": list(new.address_lines),
        "organisation": trust,
        "requester": _requester(new, trust, by),
        "priority": new.priority.value,
        "reason": new.reason.value if new.reason else "",
        "eligibility": new.eligibility.value if new.eligibility else "",
        "discs": new.discs if is_disc else None,
        "internal_address": new.internal_address if is_disc else "",
        "state_since": now,
        "due_at": _first_look(new.priority, now),
        "opened_by": by.label[:150],
    }


def _requester(new: NewTicket, trust: Organisation, by: Acting) -> User | None:
    """Who opens it for themselves; what the desk opens is whose account has that address."""
    if new.requester is not None or by.is_system:
        return new.requester
    if not by.may(Permission.EXCHANGE_IMAGES):
        return by.user
    return ticket_people.account_of(new.requester_email, trust)


def _first_look(priority: Priority, now: datetime) -> datetime:
    """Blue Light runs by the clock (hazard H39); the rest by the desk's working hours."""
    if priority is Priority.BLUE_LIGHT:
        return now + BLUE_LIGHT_ALARMS[0]
    return hours.working_time_after(now, WAITS[TicketState.NEW].limit)


# --- What happens to it ---------------------------------------------------------------------------


def record(
    ticket: Ticket, event: TicketEvent, *, words: str = "", by: Acting, **changes: Any
) -> Ticket:
    """The ticket after the event, with the desk's own fields that the event sets.

    Raises NoSuchMove, and then nothing was changed.
    """
    with transaction.atomic():
        row = locked(ticket)
        return move(row, event, by=by, words=words, **{**_worked(row, event, by), **changes})


def _worked(ticket: Ticket, event: TicketEvent, by: Acting) -> dict[str, Any]:
    """Uploaded by, fixed up by, date sent (the "for use by MBP" part of the sources' forms)."""
    now, who = timezone.now(), by.label[:150]
    if event is TicketEvent.ARRIVED and not ticket.uploaded_by:
        return {"uploaded_by": who, "uploaded_at": now}
    if event is TicketEvent.FIXED_UP:
        return {"fixed_up_by": who, "fixed_up_at": now}
    if event is TicketEvent.FINISHED and ticket.kind == TicketKind.EXPORT:
        return {"sent_at": ticket.sent_at or now}
    return {}


def assign(ticket: Ticket, to: User | None, *, by: Acting) -> Ticket:
    """Somebody of the desk works on it, or nobody any more."""
    _must_work(by, ticket)
    words = f"Assigned to {to.display_name}" if to else "Assigned to nobody"
    return record(ticket, TicketEvent.TAKEN, words=words, by=by, assigned_to=to)


def note(ticket: Ticket, text: str, *, by: Acting) -> Ticket:
    """A note in its history. Raises NotAccepted: no_words, too_long."""
    must_follow(by, ticket)
    return record(ticket, TicketEvent.NOTED, words=_said(text, "Write the note"), by=by)


def rang_requester(ticket: Ticket, text: str, *, by: Acting) -> Ticket:
    """The requester was told by telephone, because no mail could go or did not arrive.

    While details are missing, of that: nobody has told them then that it is done (hazard H45).
    """
    _must_work(by, ticket)
    words = f"{RANG}: {_said(text, 'Say whom you spoke to', most=270)}"
    with transaction.atomic():
        row = locked(ticket)
        is_chased = row.state == TicketState.AWAITING_DETAILS
        told = {} if is_chased else {"told_at": timezone.now()}
        return move(row, TicketEvent.NOTED, by=by, words=words, **told)


def correct(ticket: Ticket, *, by: Acting, **fields: Any) -> Ticket:
    """The desk's own fields put right by hand. Raises NotAccepted for any other field."""
    _must_work(by, ticket)
    if set(fields) - set(WORKING_FIELDS):
        raise NotAccepted("fixed", "That cannot be changed: start again with a new ticket.")
    changed = {name: value for name, value in fields.items() if getattr(ticket, name) != value}
    if not changed:
        raise NotAccepted("no_change", "Nothing is different from what stands there.")
    words = f"Corrected: {', '.join(WORKING_FIELDS[name].lower() for name in changed)}"
    return record(ticket, TicketEvent.NOTED, words=words, by=by, **changed)


def change_priority(
    ticket: Ticket,
    priority: Priority,
    *,
    reason: Reason,
    eligibility: Eligibility | None = None,
    words: str,
    by: Acting,
) -> Ticket:
    """Up or down, always with a reason, and always in the history (hazard H39). What of its
    transactions is not over follows, with the transfers."""
    from iep.services.exchange import outcomes  # it calls this door itself

    _must_work(by, ticket)
    said = _said(words, "Say why the priority changes", most=250)
    is_blue = priority is Priority.BLUE_LIGHT
    if is_blue != (eligibility is not None) or is_blue != (reason is Reason.BLUE_LIGHT):
        raise NotAccepted("eligibility", "Blue Light is for theatre, ambulance or 12 hours only.")
    before = PRIORITY_WORDS[Priority(ticket.priority)]
    clock = {"due_at": timezone.now() + BLUE_LIGHT_ALARMS[0]} if is_blue else {}
    if ticket.state == TicketState.AWAITING_DETAILS:
        clock = {}  # the two weeks run on
    with transaction.atomic():
        running = outcomes.hold_transactions_of(ticket)
        row = record(
            ticket, TicketEvent.NOTED, words=f"{before} → {PRIORITY_WORDS[priority]}: {said}",
            by=by, priority=priority.value, reason=reason.value,
            eligibility=eligibility.value if eligibility else "", **clock,
        )  # fmt: skip
        why = (eligibility or reason).value
        outcomes.change_priority_with_ticket(running, priority, why, by=by)
    return row


# --- Missing details ------------------------------------------------------------------------------


def chase(ticket: Ticket, whom: str, *, missing: list[str], words: str = "", by: Acting) -> Ticket:
    """Ask the requester (who is told by mail) or the other hospital for what is missing.

    The two weeks run from the first time that anybody is asked, and not anew when the other
    hospital is asked next. `missing`: names of LABELS. Raises NotAccepted, NoSuchMove.
    """
    _must_work(by, ticket)
    if whom not in (REQUESTER, INSTITUTION) or set(missing) - set(LABELS):
        raise NotAccepted("whom", "Choose who is asked, and for what.")
    if not missing and not words.strip():
        raise NotAccepted("missing", "Choose what is missing, or say it in words.")
    wanted = [LABELS[name] for name in missing] + ([words.strip()] if words.strip() else [])
    said = _said(f"{_WHOM[whom]}: {'; '.join(wanted)}", "")
    with transaction.atomic():
        row = locked(ticket)
        changes: dict[str, Any] = {"missing": missing, "chased": whom}
        if row.state != TicketState.AWAITING_DETAILS:
            now = timezone.now()
            due = hours.days_later(now, DETAILS_LIMIT.days)
            changes |= {"chased_since": now, "due_at": due}
        row = move(row, TicketEvent.CHASED, by=by, words=said, **changes)
        if whom == REQUESTER:
            count = row.events.filter(event=TicketEvent.CHASED.value).count()
            tell_requester(row, f"missing {count}", _missing_text(row, wanted), by)
    return row


_WHOM = {REQUESTER: "Asked the requester", INSTITUTION: "Asked the other hospital"}


def _missing_text(ticket: Ticket, wanted: list[str]) -> str:
    lines = "\n".join(f"- {each}" for each in wanted)
    until = timezone.localtime(ticket.due_at) if ticket.due_at else timezone.localtime()
    return (
        f"Before we can go on with your request we need:\n{lines}\n\nWithout it the request is "
        f"cancelled on {until.day} {until:%B %Y}."
    )


def details_came(
    ticket: Ticket, *, words: str = "", seen: str | None = None, by: Acting, **given: Any
) -> Ticket:
    """What was missing is there: in words, or in the fields that were asked for, each with a line
    of the history. The desk goes on.

    `seen`: as answers.answer_of. Raises NotAccepted for a field that cannot change, Incomplete
    with what is wrong of which field, NoSuchMove where nothing was asked for.
    """
    must_follow(by, ticket)
    said = words.strip()
    if len(said) > LONGEST_WORDS:
        raise NotAccepted("too_long", f"At most {LONGEST_WORDS} characters. Ring for the rest.")
    with transaction.atomic():
        row = locked(ticket)
        after(row.state, TicketEvent.DETAILS_CAME)
        answer = answers.answer_of(row, given, seen=seen)
        if not answer.changes:
            said = _said(words, "Write what was missing")
        for line in answer.lines:
            row = move(row, TicketEvent.NOTED, by=by, words=line)
        known: dict[str, Any] = {"missing": [], "chased": "", "chased_since": None}
        changes = known | answer.changes
        return move(row, TicketEvent.DETAILS_CAME, by=by, words=said, **changes)


# --- Its end --------------------------------------------------------------------------------------


def cancel(ticket: Ticket, why: str, *, by: Acting) -> Ticket:
    """With a reason, and with what of it waits in the lanes. The requester is told and acknowledges
    it; their own needs neither. Raises NotAccepted: no_words, left (images are on their way).
    """
    from iep.services.exchange import outcomes  # it calls this door itself

    must_follow(by, ticket)
    said = _said(why, "Say why it is cancelled")
    with transaction.atomic():
        running = outcomes.hold_transactions_of(ticket)
        outcomes.cancel_with_ticket(running, ticket.reference, by=by)
        row = record(ticket, TicketEvent.CANCELLED, words=said, by=by, cancelled_why=said)
        if is_requester(by, row):
            return record(row, TicketEvent.ACKNOWLEDGED, by=by, acknowledged_at=timezone.now())
        tell_requester(row, "cancelled", f"Your request is cancelled: {said}\n\n{PLEASE}", by)
    return row


PLEASE = (
    "Please sign in and acknowledge it under “My image requests”: it stays there until you do. If "
    "you still need the images, ask again."
)


def acknowledge(ticket: Ticket, *, words: str = "", by: Acting) -> Ticket:
    """A cancellation was seen: by its requester, or by whom the desk spoke to (then in words)."""
    must_follow(by, ticket)
    said = words.strip()[:LONGEST_WORDS]
    if not is_requester(by, ticket):
        said = _said(words, "Say whom you told that it is cancelled")
    return record(
        ticket, TicketEvent.ACKNOWLEDGED, words=said, by=by, acknowledged_at=timezone.now()
    )


# --- Who may, and words ---------------------------------------------------------------------------


def is_requester(by: Acting, ticket: Ticket) -> bool:
    return by.user is not None and by.user.pk == ticket.requester_id


def _must_work(by: Acting, ticket: Ticket) -> None:
    if not (by.is_system or policies.may_work(by, ticket.organisation_id)):
        raise PermissionDenied


def must_follow(by: Acting, ticket: Ticket) -> None:
    """The desk, or the requester themselves at the same trust."""
    own = is_requester(by, ticket) and policies.is_of_trust(by, ticket.organisation_id)
    if not own:
        _must_work(by, ticket)


def _said(text: str, sentence: str, *, most: int = LONGEST_WORDS) -> str:
    words = " ".join(text.split())
    if not words:
        raise NotAccepted("no_words", f"{sentence}.")
    if len(words) > most:
        raise NotAccepted("too_long", f"At most {most} characters.")
    return words
