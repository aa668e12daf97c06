"""Tickets as people see them: who may see which, their own, one of them, and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, OrganisationKind
from accounts.policies import Acting
from accounts.roles import Permission
from iep import hours
from iep.asking import LABELS, NewTicket
from iep.models import Ticket
from iep.policies import trust_of
from iep.queries.home.endings import days_until
from iep.states.tickets import OPEN, TicketKind, TicketState
from nhsuk.formats import cdate_text
from patients.matching import name_key
from patients.queries.numbers import hospital_numbers

KIND_WORDS: Final = {
    TicketKind.IMPORT: "Get images for us",
    TicketKind.EXPORT: "Send images out",
    TicketKind.DISC: "Read in a disc",
}
PER_PAGE: Final = 50
_DONE_LATELY: Final = 30


def visible(acting: Acting) -> QuerySet[Ticket]:
    """Of the person's own trust: all of them for who sees the exchange, else their own; for the
    central team, which runs the service, those of every trust."""
    rows = Ticket.objects.select_related(
        "institution", "organisation", "assigned_to", "patient__practice"
    )
    place, trust = acting.organisation, trust_of(acting)
    if place is None or trust is None or acting.user is None:
        return rows.none()
    if acting.may(Permission.VIEW_EXCHANGE):
        is_central = place.kind == OrganisationKind.CENTRAL
        return rows if is_central else rows.filter(organisation=trust)
    if acting.may(Permission.ASK_FOR_IMAGES):
        return rows.filter(organisation=trust, requester=acting.user)
    return rows.none()


def ticket_for(
    acting: Acting, reference: str, *, request: HttpRequest | None = None, action: str = "view"
) -> Ticket:
    """The ticket of that call reference; the look is on record. Raises Http404 for the absent
    and for another trust's alike."""
    rows = visible(acting).annotate(numbers=hospital_numbers())
    found = rows.filter(reference=reference).first()
    audit.record(
        acting=acting, action=f"{action}_ticket", object_type="iep.Ticket",
        object_id=found.pk if found else "", outcome="ok" if found else "denied",
        patient_id=(found.patient_id or "") if found else "", request=request,
    )  # fmt: skip
    if found is None:
        raise Http404
    return found


def ticket_in_hand(acting: Acting, reference: str) -> Ticket:
    """For a page that looks again by itself: the look was put on record when it was opened.
    Raises Http404."""
    found = visible(acting).filter(reference=reference).first()
    if found is None:
        raise Http404
    return found


@dataclass(frozen=True)
class Row:
    """A line of a requester's list: how far it is in a sentence, and whether it waits for them."""

    ticket: Ticket
    sentence: str
    needs_you: bool
    has_ended: bool


@dataclass(frozen=True)
class Mine:
    """A requester's tickets: what waits for them, what runs, what ended lately."""

    needs_you: tuple[Row, ...]
    open: tuple[Row, ...]
    ended: tuple[Row, ...]
    more: bool


def my_tickets(acting: Acting, *, page: int = 1) -> Mine:
    """Those whose requester this is. A cancellation stays with them until they acknowledge it
    (hazard H45)."""
    own = visible(acting).filter(requester=acting.user)
    live = [row_of(each) for each in own.exclude(state__in=_ENDED).order_by("opened_at")]
    start = (page - 1) * _DONE_LATELY
    ended = list(own.filter(state__in=_ENDED).order_by("-state_since")[start:][: _DONE_LATELY + 1])
    return Mine(
        needs_you=tuple(row for row in live if row.needs_you),
        open=tuple(row for row in live if not row.needs_you),
        ended=tuple(row_of(each) for each in ended[:_DONE_LATELY]),
        more=len(ended) > _DONE_LATELY,
    )


_ENDED: Final = (TicketState.DONE.value, TicketState.CLOSED.value)


def row_of(ticket: Ticket) -> Row:
    is_asked = ticket.state == TicketState.AWAITING_DETAILS and ticket.chased == "requester"
    needs_you = is_asked or ticket.state == TicketState.CANCELLED
    return Row(ticket, sentence(ticket), needs_you, ticket.state in _ENDED)


# --- How far it is, in words ---------------------------------------------------------------------


def sentence(ticket: Ticket, *, to_requester: bool = True) -> str:
    """Where it is, and what happens next: as its requester reads it, or as anybody else does."""
    state = TicketState(ticket.state)
    if state is TicketState.NEW:
        return f"The service desk has not looked at it yet. {hours.words()}."
    if state is TicketState.AWAITING_DETAILS:
        return _awaiting(ticket, to_requester)
    if state is TicketState.ACCEPTED:
        return "The service desk is working on it."
    if state in (TicketState.CANCELLED, TicketState.CLOSED):
        why = (ticket.cancelled_why or "No reason was given").rstrip(".")
        last = _SEEN[to_requester] if state is TicketState.CANCELLED else ""
        return f"Cancelled: {why}.{last}"
    where = ticket.institution.full_name if ticket.institution else "the other hospital"
    return _WORDS[(TicketKind(ticket.kind), state)].format(where=where)


_WORDS: Final = {
    (TicketKind.IMPORT, TicketState.WITH_OTHER): "Asked for at {where}. They send the images.",
    (TicketKind.IMPORT, TicketState.ARRIVED): "The images are here, and not matched yet.",
    (TicketKind.IMPORT, TicketState.DONE): "The images are in PACS.",
    (TicketKind.EXPORT, TicketState.WITH_OTHER): "The images are on their way to {where}.",
    (TicketKind.EXPORT, TicketState.ARRIVED): "The images have left. {where} has yet to confirm.",
    (TicketKind.EXPORT, TicketState.DONE): "The images were delivered to {where}.",
    (TicketKind.DISC, TicketState.WITH_OTHER): "The disc is collected and read in.",
    (TicketKind.DISC, TicketState.ARRIVED): "Images of the disc are here, and not matched yet.",
    (TicketKind.DISC, TicketState.DONE): "The images of the disc are in PACS.",
}


_SEEN: Final = {
    True: " Say that you have seen it.",
    False: " The requester has not acknowledged it yet.",
}


def _awaiting(ticket: Ticket, to_requester: bool) -> str:
    asked = "We need details from you" if to_requester else "The requester was asked for details"
    whom = asked if ticket.chased == "requester" else "The other hospital was asked for details"
    wanted = ", ".join(spoken(name) for name in ticket.missing if name in LABELS)
    end = f" Without them it is cancelled on {cdate_text(ticket.due_at)}." if ticket.due_at else ""
    return f"{whom}{': ' if wanted else ''}{wanted}.{end}"


def spoken(name: str) -> str:
    """A field’s label inside a sentence: the scans, but NHS number and S number."""
    label = LABELS[name]
    return label if label[:2].strip().isupper() and " number" in label else label.lower()


def days_left(ticket: Ticket, *, now: datetime | None = None) -> int | None:
    """Calendar days until the two weeks are over; None where nobody is asked for anything."""
    if ticket.state != TicketState.AWAITING_DETAILS or ticket.due_at is None:
        return None
    return days_until(ticket.due_at, now or timezone.now())


# --- Is it asked for already? --------------------------------------------------------------------


def duplicates(new: NewTicket, trust: Organisation) -> list[Ticket]:
    """Open tickets of the trust for the same patient and a date that is asked for again."""
    days = [exam.acquired_on for exam in new.exams if exam.acquired_on]
    same = Q(pk__in=[])
    if new.nhs_number:
        same |= Q(nhs_number=new.nhs_number)
    if new.s_number:
        same |= Q(s_number=new.s_number)
    if new.family_name and new.birth_date:
        same |= Q(family_key=name_key(new.family_name), birth_date=new.birth_date)
    rows = Ticket.objects.filter(
        same, organisation=trust, state__in=[state.value for state in OPEN],
        exams__acquired_on__in=days,
    )  # fmt: skip
    return list(rows.select_related("institution").distinct().order_by("opened_at")[:5])


def opened_from(acting: Acting, key: UUID | None) -> Ticket | None:
    """The ticket that this person opened from that very form already."""
    return visible(acting).filter(pk=key).first() if key else None
