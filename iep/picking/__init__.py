"""What a pasted e-mail or report says of a request for images, picked out for a person to check.

Plain Python. Nothing is guessed: what can be read in one way only is picked, and marked as picked;
what can be read in two ways, or in none, stays empty with a note that says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from . import identity, people, scans, wishes
from .scans import PickedScan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Picked", "PickedScan", "pick"]

LONGEST = 20_000  # characters of a pasted text


@dataclass
class Picked:
    """`fields`: name of the form's field → text for it. `notes`: field → why it was left empty, or
    how it was read."""

    fields: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    scans: list[PickedScan] = field(default_factory=list)

    def take(self, found: tuple[dict[str, str], dict[str, str]]) -> None:
        values, notes = found
        self.fields |= {name: value for name, value in values.items() if value}
        self.notes |= notes

    @property
    def is_empty(self) -> bool:
        return not (self.fields or self.notes or self.scans)


def pick(
    text: str,
    *,
    today: date,
    s_number_pattern: str,
    hospitals: Mapping[int, Sequence[str]],
) -> Picked:
    """`hospitals`: each institution's key and its names, aliases among them; ours are left out."""
    text = text[:LONGEST].replace("\u00a0", " ").replace("\r\n", "\n")
    picked = Picked()
    picked.take(identity.of_patient(text, today=today, s_number_pattern=s_number_pattern))
    picked.take(people.of_requester(text))
    picked.take(wishes.hospital(text, hospitals))
    picked.take(wishes.of_request(text, today=today))
    picked.scans, notes = scans.found_in(text, today=today)
    picked.notes |= notes
    return picked
