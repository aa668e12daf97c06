"""The scans that a ticket asks for, put right while nothing has been sent: each change is history.

What a transaction carries, and what images have come for, stays as it was asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Final

from django.db import transaction
from django.utils import timezone

from accounts.policies import Acting
from iep.asking import MODALITIES, Exam, problems_of_scans
from iep.errors import Incomplete, NotAccepted
from iep.models import Ticket, TicketExam
from iep.queries.ticketing.page import carried_by
from iep.services.moving import locked, move
from iep.services.ticketing.tickets import must_follow
from iep.states.tickets import TicketEvent
from nhsuk.formats import cdate_text

CHANGED_MEANWHILE: Final = "Somebody has changed the scans meanwhile. Look at them again."
_AWAY: Final = 1000  # positions are unique: rows step aside before they take their new places


@dataclass(frozen=True)
class Scan:
    """A row as it shall stand. `pk`: of the row that it was; None: a new one."""

    exam: Exam
    pk: int | None = None


def correct_scans(ticket: Ticket, scans: Sequence[Scan], *, seen: str, by: Acting) -> Ticket:
    """The scans as they shall stand; a line of the history for each that is another now.

    `seen`: `stamp_of` the rows as the person saw them. Raises Incomplete with what is wrong of
    which row; NotAccepted: carried, changed, no_change, twice; NoSuchMove once it has ended.
    """
    must_follow(by, ticket)
    if found := problems_of_scans([each.exam for each in scans], today=timezone.localdate()):
        raise Incomplete(found)
    if len({(each.exam.description.casefold(), each.exam.acquired_on) for each in scans}) < len(
        scans
    ):
        raise NotAccepted("twice", "The same scan stands there twice. Remove one of them.")
    with transaction.atomic():
        row = locked(ticket)
        if why := carried_by(row):
            raise NotAccepted("carried", why)
        rows = list(row.exams.all())
        if stamp_of(rows) != seen:
            raise NotAccepted("changed", CHANGED_MEANWHILE)
        changes = list(_changes(rows, scans))
        if not changes:
            raise NotAccepted("no_change", "Nothing is different from what stands there.")
        _replace(row, rows, scans)
        for words in changes:
            row = move(row, TicketEvent.SCANS_CHANGED, by=by, words=words)
    return row


def stamp_of(rows: Sequence[TicketExam]) -> str:
    """Changes when a row does."""
    said = "|".join(f"{each.pk}:{_words(_exam(each))}" for each in rows)
    return sha256(said.encode()).hexdigest()[:16]


def _exam(row: TicketExam) -> Exam:
    return Exam(row.description, row.acquired_on, row.modality, row.code)


def _changes(rows: Sequence[TicketExam], scans: Sequence[Scan]) -> Iterator[str]:
    """What is another now, in words."""
    known = {each.pk: _exam(each) for each in rows}
    if {each.pk for each in scans if each.pk} - set(known):
        raise NotAccepted("changed", CHANGED_MEANWHILE)
    kept = {each.pk for each in scans}
    for pk, was in known.items():
        if pk not in kept:
            yield f"Removed: {_words(was)}"
    for each in scans:
        if each.pk is None:
            yield f"Added: {_words(each.exam)}"
        elif each.exam != known[each.pk]:
            yield f"Changed: {_words(known[each.pk])} → {_words(each.exam)}"


def _words(exam: Exam) -> str:
    day = cdate_text(exam.acquired_on) if exam.acquired_on else "no date"
    kind = MODALITIES.get(exam.modality, exam.modality)
    return ", ".join(filter(None, (exam.description, day, kind, exam.code)))


def _replace(ticket: Ticket, rows: Sequence[TicketExam], scans: Sequence[Scan]) -> None:
    kept = {each.pk for each in scans}
    ticket.exams.exclude(pk__in=[pk for pk in kept if pk]).delete()
    for place, pk in enumerate((each.pk for each in rows if each.pk in kept), _AWAY):
        ticket.exams.filter(pk=pk).update(position=place)
    for place, each in enumerate(scans, 1):
        facts = {**asdict(each.exam), "position": place}
        if each.pk is None:
            ticket.exams.create(**facts)
        else:
            ticket.exams.filter(pk=each.pk).update(**facts)
