"""What the engine is told: the rules, and the facts of one test for one patient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from requesting.reasons import GO_ON


class Level(StrEnum):
    """What a box costs the person (ux.md 2.4). The value sorts."""

    CONTEXT = "L0"
    ADVICE = "L1"
    REASON = "L2"
    STOP = "L3"


FATIGUING = frozenset({Level.ADVICE, Level.REASON})
ABNORMAL = frozenset({"critical", "unexpected", "abnormal"})  # results.states.Significance
NORMAL = "normal"


@dataclass(frozen=True)
class Rule:
    """A live version of a rule, as the table has it."""

    key: str
    version: int
    kind: str
    level: Level
    source: str  # shown in brackets
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """The test under the box. `group` is the same for services that are the same examination."""

    code: str
    name: str
    group: str
    side: str = ""
    is_imaging: bool = False
    is_ionising: bool = False
    min_age: int | None = None


@dataclass(frozen=True)
class OpenItem:
    """The same examination, asked for and not done."""

    item_id: str
    name: str
    side: str
    requested_by: str
    requested_on: date
    status_words: str  # "sample not taken yet"


@dataclass(frozen=True)
class Previous:
    """What the same examination last showed. The newest first."""

    side: str
    observed_on: date
    place: str
    value: str  # "38 mmol/mol"; "" for imaging
    headline: str
    significance: str
    report_id: str
    item_id: str = ""


@dataclass(frozen=True)
class Decision:
    """May this person ask for this test? If not: which rule, in the words of a box."""

    allowed: bool
    rule: str = ""
    heading: str = ""
    body: str = ""


ALLOWED = Decision(True)


@dataclass(frozen=True)
class Given:
    """A person's answer to a box: a code of `reasons.GO_ON` (or "keep"), and words."""

    reason: str
    words: str = ""

    @property
    def label(self) -> str:
        """As it is shown again: "monitoring treatment", or the person's own words."""
        return self.words or GO_ON.get(self.reason, "Keep it").lower()


@dataclass(frozen=True)
class Facts:
    """Everything that a kind may look at, for one test on one draft."""

    today: date
    age: int | None
    test: Subject
    is_deceased: bool = False
    died_on: date | None = None
    open_items: tuple[OpenItem, ...] = ()
    previous: tuple[Previous, ...] = ()
    decision: Decision = ALLOWED
    reasons: frozenset[str] = frozenset()
    details: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    take_from: date | None = None
    also_chosen: frozenset[str] = frozenset()
    phone: str = ""
    given: Mapping[str, Given] = field(default_factory=dict)  # on this draft, by rule key
    earlier: Mapping[str, Given] = field(default_factory=dict)  # by this person, within 24 hours
