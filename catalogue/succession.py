"""How reference data changes: the old row is closed, a new one opened, and nothing is deleted.

Used by `catalogue.services` alone, inside its transaction.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, TypeVar

from django.db.models import F, Q

from .models import Dated

Facts = Mapping[str, Any]
Row = TypeVar("Row", bound=Dated)
Key = TypeVar("Key", bound=Hashable)


@dataclass
class Counts:
    """What an import did, in rows."""

    opened: int = 0
    changed: int = 0
    retired: int = 0
    unchanged: int = 0

    @property
    def is_change(self) -> bool:
        return bool(self.opened or self.changed or self.retired)

    def add(self, other: "Counts") -> None:
        self.opened += other.opened
        self.changed += other.changed
        self.retired += other.retired
        self.unchanged += other.unchanged

    def __str__(self) -> str:
        return (
            f"{self.opened} new, {self.changed} changed, {self.retired} retired,"
            f" {self.unchanged} unchanged"
        )


@dataclass
class Succession(Generic[Key, Row]):
    """Brings the rows of one model to what is wanted from a day on.

    `key` names a thing for life ("the NICIP code of the left side of service 7"); `among` says
    which rows this is about. A row that was opened on the very day is corrected in place: it
    never held a whole day as it was, and two rows cannot begin on one day.
    """

    model: type[Row]
    key: Callable[[Row], Key]
    since: date
    among: Q = field(default_factory=Q)
    counts: Counts = field(default_factory=Counts)
    _new: list[Row] = field(default_factory=list)
    _touched: list[Row] = field(default_factory=list)

    def become(self, wanted: Mapping[Key, Facts]) -> dict[Key, Row]:
        """Open, change and retire. Facts have every field by name. Returns the rows that hold."""
        rows = self._present()
        holding = {key: self._settle(rows.get(key), facts) for key, facts in wanted.items()}
        for key, row in rows.items():
            if key not in wanted and row.valid_to is None:
                self._close(row)
                self.counts.retired += 1
        self._write(wanted)
        return holding

    def _present(self) -> dict[Key, Row]:
        """What is open, or began today: an open row hides a closed one of the same day."""
        begun_today = Q(valid_from=self.since)
        manager = self.model._default_manager
        rows = manager.filter(self.among).filter(Q(valid_to__isnull=True) | begun_today)
        return {self.key(row): row for row in rows.order_by(F("valid_to").asc(nulls_last=True))}

    def _settle(self, row: Row | None, facts: Facts) -> Row:
        if row is None:
            self.counts.opened += 1
            return self._open(facts)
        if row.valid_to is None and all(getattr(row, name) == facts[name] for name in facts):
            self.counts.unchanged += 1
            return row
        self.counts.changed += 1
        if row.valid_from < self.since:
            self._close(row)
            return self._open(facts)
        return self._correct(row, facts)

    def _open(self, facts: Facts) -> Row:
        row = self.model(**facts, valid_from=self.since)
        self._new.append(row)
        return row

    def _close(self, row: Row) -> None:
        row.valid_to = max(self.since, row.valid_from)
        self._touched.append(row)

    def _correct(self, row: Row, facts: Facts) -> Row:
        for name, value in facts.items():
            setattr(row, name, value)
        row.valid_to = None
        self._touched.append(row)
        return row

    def _write(self, wanted: Mapping[Key, Facts]) -> None:
        manager = self.model._default_manager
        names = {name for facts in wanted.values() for name in facts}
        # Closed first: a row and the one after it may be held apart by a constraint.
        manager.bulk_update(self._touched, [*sorted(names), "valid_to"], batch_size=500)
        manager.bulk_create(self._new, batch_size=500)
