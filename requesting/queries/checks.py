"""Whether requests are checked while they are written: by which rules, for "All services"."""

from __future__ import annotations

from dataclasses import dataclass

from requesting.models import Rule
from requesting.rules.kinds import KINDS

DUPLICATES = frozenset({"duplicate_open", "retest_interval"})
APPROPRIATENESS = frozenset(KINDS) - DUPLICATES


@dataclass(frozen=True)
class Checks:
    """How many rules of each sort are live, and how many live ones nothing here can read."""

    duplicates: int
    appropriateness: int
    unreadable: int


def checks_in_force() -> Checks:
    """One query."""
    kinds = list(Rule.objects.filter(is_live=True).values_list("kind", flat=True))
    return Checks(
        duplicates=sum(kind in DUPLICATES for kind in kinds),
        appropriateness=sum(kind in APPROPRIATENESS for kind in kinds),
        unreadable=sum(kind not in KINDS for kind in kinds),
    )
