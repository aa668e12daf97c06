"""What an order message asks, read back from its bytes: the check before it may leave (H07)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from messaging import wire
from messaging.wire import Message, Segment

from .codes import PRIORITIES, priority_of, system_on_the_wire
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
    samples: tuple[tuple[str, str, str], ...]  # specimen's code and name, and the container's name


def as_asked(order: Order, line: Line) -> Asked:
    """What we mean to say of this test."""
    person = order.orderer
    return Asked(
        control=order.control,
        placer=line.placer,
        code=line.code,
        name=line.name,
        system=line.wire_system or system_on_the_wire(line.system),
        priority=line.priority,
        reasons=tuple((reason.code, reason.text) for reason in line.reasons),
        information=clinical_information(line),
        details=details_note(line),
        answers=tuple(_as_sent(answer) for answer in line.answers),
        orderer=(person.number, person.body, person.family),
        copies=tuple(copy.number for copy in order.copies),
        take_from=line.take_from.isoformat() if line.take_from else "",
        samples=_meant_samples(line),
    )


def _meant_samples(line: Line) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (each.code, each.name, each.container_name if each.container else "")
        for each in line.samples
    )


def _as_sent(answer: Answered) -> tuple[str, str, str, str]:
    label = answer.value if answer.kind in ("text", "date") else answer.label
    return answer.code, answer.question, answer.value, label


def asked(message: Message, *, priorities: Mapping[str, str] = PRIORITIES) -> tuple[Asked, ...]:
    """What this message says of each of its tests, in order; `priorities` are our codes to the
    partner's. Raises NoCodeFor."""
    return tuple(_asked(group, spms, priorities) for spms, group in _orders(message))


def _orders(message: Message) -> Iterator[tuple[list[Segment], list[Segment]]]:
    """Each order with its specimens: above it in OML^O33, below it elsewhere."""
    is_above = message.trigger == "O33"
    before = next((place for place, each in enumerate(message) if each.name == "ORC"), 0)
    above = _spms(message.segments[:before])
    for group in message.groups("ORC"):
        own = _spms(group)
        yield (above if is_above else own), group
        above = own or above


def _spms(segments: Sequence[Segment]) -> list[Segment]:
    return [each for each in segments if each.name == "SPM"]


def _asked(group: list[Segment], spms: list[Segment], priorities: Mapping[str, str]) -> Asked:
    by_name = {name: [each for each in group if each.name == name] for name in ("OBX", "NTE")}
    orc = group[0]
    obr = next(each for each in group if each.name == "OBR")
    details = [note.get(3) for note in by_name["NTE"] if _is_details(note)]
    return Asked(
        control=orc.get(1),
        placer=orc.get(2),
        code=obr.get(4),
        name=obr.get(4, 2),
        system=obr.get(4, 3),
        priority=priority_of(orc.get(7, 6), priorities),
        reasons=tuple((each.get(1), each.get(2)) for each in obr.repetitions(31)),
        information=obr.get(13),
        details=details[0] if details else "",
        answers=tuple(_answer(obx) for obx in by_name["OBX"]),
        orderer=(orc.get(12), orc.get(12, 9), orc.get(12, 2)),
        copies=tuple(each.get(1) for each in obr.repetitions(28)),
        take_from=wire.read_date(orc.get(7, 4)).isoformat() if orc.get(7, 4) else "",
        samples=tuple(map(_sample, spms)) or _source(obr),
    )


def _is_details(note: Segment) -> bool:
    """NTE-4 says so; before version 2.3.1 there is none, and it is the requester's own (NTE-2)."""
    return note.get(4) == DETAILS_NOTE if note.raw(4) else note.get(2) == "P"


def _sample(spm: Segment) -> tuple[str, str, str]:
    return spm.get(4), spm.get(4, 2), spm.get(27, 2)


def _source(obr: Segment) -> tuple[tuple[str, str, str], ...]:
    """OBR-15, where there is no SPM. Its additives are words, or since 2.5 a code with words."""
    if not obr.raw(15):
        return ()
    return ((obr.get(15), obr.get(15, 1, 2), obr.get(15, 2, 2) or obr.get(15, 2)),)


def _answer(obx: Segment) -> tuple[str, str, str, str]:
    value = obx.get(5)
    if obx.get(2) == "DT":
        value = wire.read_date(value).isoformat()
    label = obx.get(5, 2) if obx.get(2) == "CE" else value
    return obx.get(3), obx.get(3, 2), value, label
