"""The answer to what was missing, put into the fields that were asked for: looked through first.

A number or a birth date says whose images are asked for. It is looked up as when a ticket is
opened, and nobody is guessed; what is matched to a record of ours stays that patient's (H41).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from textwrap import wrap
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from iep.asking import LABELS, NewTicket, problems
from iep.errors import Incomplete, NotAccepted
from iep.models import Ticket
from iep.queries.ticketing import people
from iep.queries.ticketing.answering import IDENTITY, fields_of, in_words, stamp_of, written
from iep.queries.ticketing.page import why_answers_stand
from patients.queries import survivor_of

CHANGED_MEANWHILE: Final = "Somebody has changed these details meanwhile. Look at them again."
_ANOTHER: Final = (
    "This ticket is matched to our record of the patient, which does not have that. If it is for "
    "somebody else, cancel it and open another"
)
_COLUMN: Final = {"address": "address_lines"}
_LONGEST: Final = 300  # of a line of the history


@dataclass(frozen=True)
class Answer:
    """What changes of the ticket, and a line of its history for each field that does."""

    changes: dict[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def answer_of(ticket: Ticket, given: Mapping[str, Any], *, seen: str | None) -> Answer:
    """What the given fields change. `given`: names of LABELS to values as the form's rules have
    them. `seen`: `stamp_of` as the person saw it; None: nobody saw a page.

    The ticket must come from `locked`. Raises NotAccepted: fixed, carried, changed; Incomplete
    with what is wrong of which field.
    """
    if set(given) - set(fields_of(ticket)):
        raise NotAccepted("fixed", "That cannot be changed: start again with a new ticket.")
    if not given:
        return Answer()
    if seen is not None and seen != stamp_of(ticket):
        raise NotAccepted("changed", CHANGED_MEANWHILE)
    before = written(ticket)
    after = replace(before, **{_COLUMN.get(name, name): value for name, value in given.items()})
    changed = [name for name in given if in_words(name, before) != in_words(name, after)]
    if not changed:
        return Answer()
    if why := why_answers_stand(ticket):
        raise NotAccepted("carried", why)
    _refuse_what_the_form_would(after, given)
    return _answer(ticket, before, after, changed)


def _refuse_what_the_form_would(after: NewTicket, given: Mapping[str, Any]) -> None:
    """What is wrong elsewhere was so before, and nobody asked for it."""
    pattern = settings.S_NUMBER_PATTERN
    found = problems(after, today=timezone.localdate(), s_number_pattern=pattern)
    if wrong := {name: words for name, words in found.items() if name in given}:
        raise Incomplete(wrong)


def _answer(ticket: Ticket, before: NewTicket, after: NewTicket, changed: list[str]) -> Answer:
    lines = [line for name in changed for line in _lines(name, before, after)]
    changes = {_COLUMN.get(name, name): _stored(name, after) for name in changed}
    who = [name for name in changed if name in IDENTITY]
    if who:
        changes["patient"] = _patient(ticket, after, who[0])
        if ticket.patient_id is None and changes["patient"] is not None:
            lines.append("Our record of the patient was found.")
    return Answer(changes, tuple(lines))


def _patient(ticket: Ticket, after: NewTicket, name: str) -> Any:
    """Our record under what is written now, by the same rule as when the ticket was opened.

    Raises Incomplete, at the field `name`: a record contradicts it, or it is not the one to which
    the ticket is matched.
    """
    found, wrong = people.record_of(after, ticket.organisation)
    if ticket.patient is None:
        if wrong:
            raise Incomplete({name: next(iter(wrong.values()))})
        return found
    if found is None or found.pk != survivor_of(ticket.patient).pk:
        raise Incomplete({name: _ANOTHER})
    return ticket.patient


def _lines(name: str, before: NewTicket, after: NewTicket) -> list[str]:
    was, now = (in_words(name, each) or "nothing" for each in (before, after))
    return wrap(f"{LABELS[name]}: {was} → {now}", _LONGEST)


def _stored(name: str, after: NewTicket) -> Any:
    value = getattr(after, _COLUMN.get(name, name))
    if name == "address":
        return list(value)
    return value.value if name == "reason" else value
