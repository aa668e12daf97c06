"""What an order message asks, read back from its bytes: the check before it may leave (H07)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from messaging import wire
from messaging.wire import Message, Segment

from .codes import priority_of, system_of
from .words import DETAILS_NOTE, clinical_information, details_note

if TYPE_CHECKING:
    from .orders import Answered, Line, Order


@dataclass(frozen=True)
class Asked:
    """One test as the other side will read it."""

    control: str
    placer: str
    code: str
    name: str
    system: str
    priority: str
    reasons: tuple[tuple[str, str], ...]
    information: str  # OBR-13
    details: str  # the note, where there is one
    answers: tuple[tuple[str, str, str, str], ...]  # code, question, value, label
    orderer: tuple[str, str, str]
    copies: tuple[str, ...]
    take_from: str  # ISO, or ""


def as_asked(order: Order, line: Line) -> Asked:
    """What we mean to say of this test."""
    person = order.orderer
    return Asked(
        control=order.control,
        placer=line.placer,
        code=line.code,
        name=line.name,
        system=line.system,
        priority=line.priority,
        reasons=tuple((reason.code, reason.text) for reason in line.reasons),
        information=clinical_information(line),
        details=details_note(line),
        answers=tuple(_as_sent(answer) for answer in line.answers),
        orderer=(person.number, person.body, person.family),
        copies=tuple(copy.number for copy in order.copies),
        take_from=line.take_from.isoformat() if line.take_from else "",
    )


def _as_sent(answer: Answered) -> tuple[str, str, str, str]:
    label = answer.value if answer.kind in ("text", "date") else answer.label
    return answer.code, answer.question, answer.value, label


def asked(message: Message) -> tuple[Asked, ...]:
    """What this message says of each of its tests, in order. Raises NoCodeFor."""
    return tuple(_asked(group) for group in message.groups("ORC"))


def _asked(group: list[Segment]) -> Asked:
    by_name = {name: [each for each in group if each.name == name] for name in ("OBX", "NTE")}
    orc = group[0]
    obr = next(each for each in group if each.name == "OBR")
    details = [note.get(3) for note in by_name["NTE"] if note.get(4) == DETAILS_NOTE]
    return Asked(
        control=orc.get(1),
        placer=orc.get(2),
        code=obr.get(4),
        name=obr.get(4, 2),
        system=system_of(obr.get(4, 3)),
        priority=priority_of(orc.get(7, 6)),
        reasons=tuple((each.get(1), each.get(2)) for each in obr.repetitions(31)),
        information=obr.get(13),
        details=details[0] if details else "",
        answers=tuple(_answer(obx) for obx in by_name["OBX"]),
        orderer=(orc.get(12), orc.get(12, 9), orc.get(12, 2)),
        copies=tuple(each.get(1) for each in obr.repetitions(28)),
        take_from=wire.read_date(orc.get(7, 4)).isoformat() if orc.get(7, 4) else "",
    )


def _answer(obx: Segment) -> tuple[str, str, str, str]:
    value = obx.get(5)
    if obx.get(2) == "DT":
        value = wire.read_date(value).isoformat()
    label = obx.get(5, 2) if obx.get(2) == "CE" else value
    return obx.get(3), obx.get(3, 2), value, label
