"""What was asked for when details are missing, as fields that the answer can be put into.

What nobody asked for stays as it is; which way and where is fixed; scans have a page of their own.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from iep.asking import LABELS, Exam, NewTicket
from iep.models import Ticket
from iep.states.priorities import REASON_WORDS, Eligibility, Priority, Reason
from iep.states.tickets import TicketKind
from nhsuk.formats import cdate_text, nhsno_text

# What was asked for → the fields that answer it. Without an NHS number the rest is needed.
_ANSWERED_BY: Final = {
    "nhs_number": ("nhs_number", "no_nhs_number_reason", "address", "postcode"),
    "address": ("address", "postcode"),
    "reason": ("reason", "reason_words"),
    **{
        name: (name,)
        for name in ("s_number", "birth_date", "other_name", "other_phone", "other_email",
                     "requester_phone", "consultant", "department")
    },
}  # fmt: skip
IDENTITY: Final = ("nhs_number", "birth_date", "s_number")
_COPIED: Final = (
    "family_name", "given_names", "birth_date", "s_number", "nhs_number", "no_nhs_number_reason",
    "postcode", "institution", "other_name", "other_position", "other_phone", "other_email",
    "requester_name", "requester_phone", "requester_email", "consultant", "department",
    "reason_words", "needed_by", "instructions", "discs", "internal_address", "patient",
)  # fmt: skip


def fields_of(ticket: Ticket) -> tuple[str, ...]:
    """Names of LABELS, in the form's order. The reason of Blue Light is Blue Light."""
    asked = {field for name in ticket.missing for field in _ANSWERED_BY.get(name, ())}
    if ticket.priority == Priority.BLUE_LIGHT:
        asked -= {"reason", "reason_words"}
    return tuple(name for name in LABELS if name in asked)


def written(ticket: Ticket) -> NewTicket:
    """The ticket as the form that it would be, so that the form's own rules can be asked."""
    return NewTicket(
        kind=TicketKind(ticket.kind),
        address_lines=tuple(ticket.address_lines),
        exams=tuple(
            Exam(each.description, each.acquired_on, each.modality, each.code)
            for each in ticket.exams.all()
        ),
        priority=Priority(ticket.priority),
        reason=Reason(ticket.reason) if ticket.reason else None,
        eligibility=Eligibility(ticket.eligibility) if ticket.eligibility else None,
        **{name: getattr(ticket, name) for name in _COPIED},
    )


def in_words(name: str, form: Any) -> str:
    """A field of a ticket or a form as people read it; empty where nothing stands."""
    if name == "address":
        return ", ".join(form.address_lines)
    value = getattr(form, name)
    if name == "birth_date":
        return cdate_text(value) if value else ""
    if name == "nhs_number":
        return nhsno_text(value) if value else ""
    if name == "reason":
        return REASON_WORDS[Reason(value)] if value else ""
    return str(value)


def stamp_of(ticket: Ticket) -> str:
    """Changes when another field is asked for, or one of them says something else."""
    said = "|".join(f"{name}:{in_words(name, ticket)}" for name in fields_of(ticket))
    return sha256(said.encode()).hexdigest()[:16]
