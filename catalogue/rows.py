"""The shapes of a release: what its files say, row by row. Plain Python."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

SIDES = "LRB"


@dataclass(frozen=True)
class ContainerRow:
    code: str
    name: str
    additive: str
    colour: str  # "#9b7fc4"
    draw_order: int


@dataclass(frozen=True)
class CodeRow:
    system: str  # NICIP SNOMED LOCAL
    side: str  # L R B or ""
    code: str
    display: str


@dataclass(frozen=True)
class ReasonRow:
    code: str
    text: str
    sentence: str


@dataclass(frozen=True)
class SpecimenRow:
    container: str
    specimen: str
    volume_ml: Decimal | None
    fasting: bool
    handling: str


@dataclass
class ServiceRow:
    """A service with everything that hangs on it. `symptoms` are (words, place in their list)."""

    code: str
    name: str
    short_name: str
    discipline: str
    usual_days: int
    duplicate_group: str
    attendance: str
    rank: int  # 1 is asked for every day, 5 seldom
    abbreviations: list[str]
    synonyms: list[str]
    modality: str = ""
    body_region: str = ""
    region_both: str = ""
    is_ionising: bool = False
    irradiates_uterus_region: bool = False
    uses_contrast: bool = False
    min_age: int | None = None
    codes: list[CodeRow] = field(default_factory=list)
    reasons: list[ReasonRow] = field(default_factory=list)
    specimens: list[SpecimenRow] = field(default_factory=list)
    symptoms: list[tuple[str, int]] = field(default_factory=list)

    @property
    def sides(self) -> str:
        """Which sides may be asked, of "LRB"."""
        return "".join(side for side in SIDES if any(code.side == side for code in self.codes))


@dataclass(frozen=True)
class QuestionRow:
    code: str
    text: str
    hint: str
    kind: str
    choices: list[list[str]]
    is_required: bool
    applies_when: dict[str, Any]


@dataclass(frozen=True)
class OrderSetRow:
    code: str
    name: str
    services: list[str]


@dataclass
class ReleaseFile:
    """A release as read: complete, so what it lacks is to be retired."""

    version: str
    valid_from: date
    digest: str
    services: dict[str, ServiceRow]
    containers: list[ContainerRow]
    questions: list[QuestionRow]
    order_sets: list[OrderSetRow]
