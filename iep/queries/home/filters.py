"""What the exchange's home can be narrowed to, by person, day, kind, institution or a search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from django.db.models import Q
from django.utils import timezone

from accounts.policies import Acting
from iep.call_reference import CallReference
from iep.models import Institution, Ticket, Transaction
from iep.queries.home.tabs import purging_soon
from iep.states.priorities import Priority
from iep.states.tickets import TicketKind, TicketState
from iep.states.transactions import Direction, TransactionState
from patients.matching import name_key

S, T = TransactionState, TicketState
_MOST_WORDS = 8  # of a name: a longer text is no name, and each word is two readings more


class Chip(StrEnum):
    """What the list can be narrowed to with one press."""

    PURGING = "purging"
    AWAITING = "awaiting"


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to; empty means everything. Dates are London days, inclusive."""

    mine: bool = False
    incoming: bool = False
    outgoing: bool = False
    blue: bool = False
    kind: str = ""  # TransactionKind
    institution: str = ""  # part of its name, an alias or its code
    assigned: str = ""  # "me", "nobody"
    chip: str = ""
    since: date | None = None
    until: date | None = None
    ended: bool = False  # all that has ended too, however long ago
    search: str = ""  # a transaction number, a call reference, a name, a number of the patient

    @property
    def are_any(self) -> bool:
        """Besides the window of what has ended."""
        return self != Filters(ended=self.ended)


def narrow_things(filters: Filters, acting: Acting, now: datetime) -> Q:
    """The transactions that the filters leave."""
    wanted = Q()
    if filters.mine:
        wanted &= Q(created_by_user=acting.user)
    if filters.incoming != filters.outgoing:
        wanted &= Q(direction=(Direction.IN if filters.incoming else Direction.OUT).value)
    if filters.kind:
        wanted &= Q(kind=filters.kind)
    if filters.chip == Chip.PURGING:
        wanted &= purging_soon(now)
    if filters.chip == Chip.AWAITING:
        wanted &= Q(state=S.AWAITING_DETAILS.value)
    wanted &= _days(filters, "created_at") & _common(filters, acting)
    return wanted & _search(filters.search, Transaction)


def narrow_tickets(filters: Filters, acting: Acting) -> Q | None:
    """The tickets that the filters leave; None: no ticket can be among them."""
    if filters.kind or filters.chip == Chip.PURGING:
        return None
    wanted = Q()
    if filters.mine:
        wanted &= Q(opened_by=acting.label)
    if filters.incoming != filters.outgoing:
        out = Q(kind=TicketKind.EXPORT.value)
        wanted &= ~out if filters.incoming else out
    if filters.chip == Chip.AWAITING:
        wanted &= Q(state=T.AWAITING_DETAILS.value)
    wanted &= _days(filters, "opened_at") & _common(filters, acting)
    return wanted & _search(filters.search, Ticket)


def _common(filters: Filters, acting: Acting) -> Q:
    wanted = Q()
    if filters.blue:
        wanted &= Q(priority=Priority.BLUE_LIGHT.value)
    if filters.assigned:
        wanted &= Q(assigned_to=acting.user if filters.assigned == "me" else None)
    if filters.institution:
        text = filters.institution
        called = Institution.objects.filter(
            Q(name__icontains=text) | Q(code__iexact=text) | Q(city__icontains=text)
            | Q(aliases__name__iexact=text)
        )  # fmt: skip
        wanted &= Q(institution__in=called.values("pk"))
    return wanted


def _days(filters: Filters, column: str) -> Q:
    wanted = Q()
    if filters.since:
        wanted &= Q(**{f"{column}__gte": midnight(filters.since)})
    if filters.until:
        wanted &= Q(**{f"{column}__lt": midnight(filters.until + timedelta(days=1))})
    return wanted


def midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))


def _search(text: str, model: type) -> Q:
    """By transaction number, call reference, patient's name, NHS number or S number.

    What it looks like decides in which columns it is looked for: each has an index.
    """
    text = " ".join(text.split())
    if not text:
        return Q()
    digits, is_ticket = "".join(text.split()), model is Ticket
    if re.fullmatch(CallReference.regex, text.upper()):
        return Q(**{"reference" if is_ticket else "ticket__reference": text.upper()})
    if digits.isascii() and digits.isdecimal():
        numbered = Q(nhs_number=digits) | Q(**{_local(is_ticket): digits})
        if not is_ticket and len(digits) < 19:
            numbered |= Q(number=int(digits))
        return numbered
    return Q(**{f"{_local(is_ticket)}__in": [text, text.upper()]}) | _named(text)


def _local(is_ticket: bool) -> str:
    return "s_number" if is_ticket else "local_number"


def _named(text: str) -> Q:
    """With a comma as it says: "De Souza, Anna". Without one the whole as a family name, and each
    way to read a family name and given names out of the words, in either order.

    Each reading begins with the start of a family name, of which there is an index.
    """
    family, comma, given = (" ".join(part.split()) for part in text.partition(","))
    if comma and family:
        return _called(family, given)
    words = text.replace(",", " ").split()[:_MOST_WORDS]
    wanted = _called(" ".join(words) or text)
    for at in range(1, len(words)):
        one, other = " ".join(words[:at]), " ".join(words[at:])
        wanted |= _called(one, other) | _called(other, one)
    return wanted


def _called(family: str, given: str = "") -> Q:
    """Without case, accents, apostrophes and spaces, as the record of patients is searched."""
    key = name_key(family)
    if not key:
        return Q(pk__in=[])
    return Q(family_key__startswith=key, given_key__startswith=name_key(given))
