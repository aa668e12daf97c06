"""Orders as the hospital holds them, and how they are read from an order message."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .hl7 import Field, Message, Segment

ORDER_TYPES = {"OMG^O19", "OML^O21", "OML^O33", "ORM^O01"}

# status → the actions a person (or the clock) may take; "report" of a new order accepts it first.
ACTIONS: dict[str, tuple[str, ...]] = {
    "new": ("accept", "number", "reject", "hold", "report"),
    "accepted": (
        "schedule", "receive", "perform", "report", "did_not_attend", "hold", "change_exam",
        "cancel", "discontinue",
    ),
    "booked": (
        "schedule", "receive", "perform", "report", "did_not_attend", "hold", "change_exam",
        "cancel", "discontinue",
    ),
    "did not attend": ("schedule", "cancel"),
    "in progress": ("perform", "report", "cancel", "discontinue"),
    "done": ("report",),
    "reported": ("report",),
    "imported": (),  # made elsewhere, entered here: nothing is left to do
    "rejected": (),
    "cancelled": (),
}  # fmt: skip
CANCELLABLE = {"new", "accepted", "booked", "did not attend"}
# ORC-7.6 (HL7 v2.4 §4.3.6) in words; routine needs none.
URGENCY = {"R": "", "A": "Urgent", "S": "Stat", "P": "Before operation", "T": "Timing critical"}
IMAGING_ONLY = {"schedule", "perform", "did_not_attend", "change_exam"}


class CannotRead(Exception):
    """An order message lacks something that an order must have; the text names it."""


@dataclass
class Version:
    """One version of a report as it was sent."""

    number: int
    kind: str
    status: str  # OBR-25
    issued_at: str
    flag: str = ""
    text: str = ""
    values: list[dict[str, str]] = field(default_factory=list)


@dataclass
class Order:
    """One test of one patient. Everything in it can be written as JSON."""

    placer: str
    department: str
    message_type: str
    version: str
    processing: str
    sender: list[str]  # MSH-3 and MSH-4 of the order
    control: str  # MSH-10 of the order
    patient: dict[str, Field]  # PID fields by number, as they came
    code: str
    name: str
    system: str
    priority: str
    details: str
    reasons: list[str]
    answers: list[list[str]]
    orderer: Field
    specimen: list[str]  # SPM-4: code, name, system
    received_at: str
    status: str = "new"
    filler: str = ""
    cancel_control: str = ""  # MSH-10 of a cancel request that waits for its answer
    cancel_at: str = ""
    change_control: str = ""  # MSH-10 of a change order that waits for its answer
    changed: dict[str, Any] = field(default_factory=dict)  # what it asks to be changed
    collected_at: str = ""
    scheduled: str = ""
    place: str = ""
    acquired: str = ""  # OBR-7 of an examination that was made elsewhere (ORC-5 is CM)
    history: list[list[str]] = field(default_factory=list)  # when, what
    reports: list[Version] = field(default_factory=list)

    # --- What the pages show ---------------------------------------------------------------------

    def pid(self, number: int, component: int = 1) -> str:
        try:
            return self.patient[str(number)][0][component - 1][0]
        except (KeyError, IndexError):
            return ""

    @property
    def patient_name(self) -> str:
        family, given, title = self.pid(5, 1), self.pid(5, 2), self.pid(5, 5)
        return f"{family.upper()}, {given}" + (f" ({title})" if title else "")

    @property
    def nhs_number(self) -> str:
        numbers = self.patient.get("3", [])
        found = (one[0][0] for one in numbers if len(one) > 3 and one[3][0] == "NHS")
        return next(found, "")

    @property
    def orderer_name(self) -> str:
        parts = [part[0] for part in self.orderer[0]] if self.orderer else []
        parts += [""] * (6 - len(parts))
        return " ".join(part for part in (parts[5], parts[2], parts[1]) if part)

    @property
    def is_imaging(self) -> bool:
        return self.department.startswith("RIS/")

    @property
    def is_import(self) -> bool:
        """Images from another hospital, entered so that they can be found."""
        return bool(self.acquired)

    @property
    def actions(self) -> list[str]:
        """What may be done now."""
        if self.cancel_control:
            return ["confirm_cancel", "refuse_cancel"]
        if self.change_control:
            return ["confirm_change", "refuse_change"]
        if self.is_import and self.status == "new":
            return ["accept", "reject"]
        possible = ACTIONS[self.status]
        return [one for one in possible if self.is_imaging or one not in IMAGING_ONLY]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def order_from_json(stored: dict[str, Any]) -> Order:
    reports = [Version(**one) for one in stored.pop("reports", [])]
    return Order(**stored, reports=reports)


# --- Reading --------------------------------------------------------------------------------------


@dataclass
class Asked:
    """One ORC with what belongs to it."""

    orc: Segment
    obr: Segment | None = None
    spm: Segment | None = None
    obxs: list[Segment] = field(default_factory=list)
    notes: list[Segment] = field(default_factory=list)

    @property
    def control(self) -> str:
        return self.orc.get(1)

    @property
    def placer(self) -> str:
        return self.orc.get(2) or (self.obr.get(2) if self.obr else "")


def asked_in(message: Message) -> list[Asked]:
    """The orders of a message, in any of the three structures.

    In OML^O33 the specimen stands above its orders, in OML^O21 and OMG^O19 below its order.
    """
    found: list[Asked] = []
    above: Segment | None = None
    is_above = message.header.get(9, 2) == "O33"
    for segment in message.segments:
        if segment.name == "ORC":
            found.append(Asked(segment, spm=above))
        elif segment.name == "SPM" and is_above:
            above = segment
        elif found:
            _add(found[-1], segment)
    return found


def _add(asked: Asked, segment: Segment) -> None:
    if segment.name == "OBR":
        asked.obr = segment
    elif segment.name == "SPM":
        asked.spm = segment
    elif segment.name == "OBX":
        asked.obxs.append(segment)
    elif segment.name == "NTE":
        asked.notes.append(segment)


def _need(value: str, what: str) -> str:
    if not value:
        raise CannotRead(f"{what} is empty")
    return value


def _repetitions(whole: Field) -> list[str]:
    """Each repetition as words: its text, else its code."""
    found = []
    for one in whole:
        texts = [component[0] for component in one if component and component[0]]
        found.append(texts[1] if len(texts) > 1 else "".join(texts[:1]))
    return [text for text in found if text]


def _answer(obx: Segment) -> list[str]:
    return [obx.get(3, 2) or obx.get(3), obx.get(5, 2) or obx.get(5)]


def _priority(orc: Segment, obr: Segment) -> str:
    """In words where the order has them (TQ.8), else the code; nothing for routine."""
    code = orc.get(7, 6) or obr.get(27, 6) or obr.get(5)
    return orc.get(7, 8) or obr.get(27, 8) or URGENCY.get(code, code)


def _specimen(asked: Asked, obr: Segment) -> list[str]:
    """SPM-4; without an SPM, OBR-15."""
    if asked.spm:
        return [asked.spm.get(4, n) for n in (1, 2, 3)]
    return [obr.get(15, 1, n) for n in (1, 2, 3)]


def what_may_change(message: Message, asked: Asked, *, department: str, now: str) -> dict[str, Any]:
    """The fields of an order that a change order (XO) brings. Raises CannotRead."""
    fresh = order_from(message, asked, department=department, now=now)
    return {each: getattr(fresh, each) for each in ("priority", "details", "reasons", "answers")}


def order_from(message: Message, asked: Asked, *, department: str, now: str) -> Order:
    """A new order. Raises CannotRead, naming the field."""
    header, pid, obr = message.header, message.first("PID"), asked.obr
    if pid is None:
        raise CannotRead("PID is missing")
    if obr is None:
        raise CannotRead("OBR is missing")
    _need(pid.get(5), "PID-5 (name)")
    _need(pid.get(7), "PID-7 (birth date)")
    return Order(
        placer=_need(asked.placer, "ORC-2 (placer order number)"),
        department=department,
        message_type=f"{header.get(9)}^{header.get(9, 2)}",
        version=header.get(12) or "2.4",
        processing=header.get(11) or "T",
        sender=[header.get(3), header.get(4)],
        control=header.get(10),
        patient={str(number): pid.whole(number) for number in (3, 5, 7, 8, 11, 13)},
        code=_need(obr.get(4), "OBR-4 (what is asked for)"),
        name=obr.get(4, 2) or obr.get(4),
        system=obr.get(4, 3),
        priority=_priority(asked.orc, obr),
        details="\n".join(_repetitions(obr.whole(13)) + [note.get(3) for note in asked.notes]),
        reasons=_repetitions(obr.whole(31)),
        answers=[_answer(obx) for obx in asked.obxs],
        orderer=asked.orc.whole(12) or obr.whole(16),
        specimen=_specimen(asked, obr),
        acquired=obr.get(7) if asked.orc.get(5) == "CM" else "",
        received_at=now,
        history=[[now, "Order received"]],
    )
