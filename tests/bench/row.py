"""One line of the table that `make bench` prints."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured, the figure, and what it is compared with."""

    what: str
    value: float
    unit: str
    ratio: float | None = None  # to `against`
    against: str = ""


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned text."""
    lines = [f"{'':<58}{'':>10} {'':<12}ratio"]
    for row in rows:
        ratio = f"{row.ratio:.2f} of {row.against}" if row.ratio is not None else ""
        lines.append(f"{row.what:<58}{row.value:>10,.0f} {row.unit:<12}{ratio}")
    return "\n".join(lines)
