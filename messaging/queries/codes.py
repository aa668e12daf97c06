"""What a code is called at a partner. Closed: with a map for a kind, an unmapped code goes nowhere.

Without any map for a kind the codes were agreed to be the same, and go as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from messaging.errors import NotSendable, Park
from messaging.models import Partner, PartnerCode

Kind = PartnerCode.Kind


@dataclass(frozen=True)
class Code:
    """A code with, where the partner has them, its own words and the name of its coding system."""

    code: str
    display: str = ""
    system: str = ""


def theirs(partner: Partner, kind: str, ours: str, *, on: date | None = None) -> Code:
    """What the partner calls a code of ours. Raises NotSendable `unmapped_code`."""
    rows = _map(partner, kind, on)
    if rows is None:
        return Code(ours)
    found = [row for row in rows if row.ours == ours and row.direction != "in"]
    if len(found) != 1:
        words = f"{_how_many(found)} for our {kind} {ours} in the codes agreed with {partner.name}."
        raise NotSendable("unmapped_code", words)
    return Code(found[0].theirs, found[0].display, found[0].system)


def ours(partner: Partner, kind: str, theirs: str, *, on: date | None = None) -> str:
    """Our code for one of the partner's. Raises Park `unmapped_code`."""
    rows = _map(partner, kind, on)
    if rows is None:
        return theirs
    found = [row for row in rows if row.theirs == theirs and row.direction != "out"]
    if len({row.ours for row in found}) != 1:
        words = f"{_how_many(found)} for a {kind} of {partner.name} in the codes agreed with it."
        raise Park("unmapped_code", words)
    return found[0].ours


def has_map(partner: Partner, kind: str) -> bool:
    """Whether codes of this kind are translated for the partner."""
    return PartnerCode.objects.filter(partner=partner, kind=kind).exists()


def _map(partner: Partner, kind: str, on: date | None) -> list[PartnerCode] | None:
    """The codes in force on the day; None where the partner never had a map of this kind.

    A map that has run out is empty, not absent: nothing may pass through it untranslated.
    """
    day = on or timezone.localdate()
    rows = list(PartnerCode.objects.filter(partner=partner, kind=Kind(kind)))
    return _in_force(rows, day) if rows else None


def _in_force(rows: Iterable[PartnerCode], day: date) -> list[PartnerCode]:
    return [
        row
        for row in rows
        if row.valid_from <= day and (row.valid_to is None or day <= row.valid_to)
    ]


def _how_many(found: list[PartnerCode]) -> str:
    return "There is no code" if not found else "There is more than one code"
