"""What the matching screen shows: ticket, header and hospital record, and what differs."""

from __future__ import annotations

from dataclasses import dataclass

from iep.models import Study


@dataclass(frozen=True)
class Row:
    """One item in three columns; each cell is (text, differs) pieces that together are its text."""

    code: str
    label: str
    ticket: tuple[tuple[str, bool], ...]
    header: tuple[tuple[str, bool], ...]
    record: tuple[tuple[str, bool], ...]
    is_different: bool


def compare_rows(study: Study) -> list[Row]:
    """One row for each item, in the order of the screen."""
    raise NotImplementedError
