"""An order as a message: OMG^O19, OML^O21, OML^O33 or ORM^O01, as the partner likes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from messaging import wire
from messaging.errors import NotEncodable
from messaging.wire import Repeat, Segment, Text, segment
from requesting.errors import NoCodeFor

from .answers import Asked, as_asked, asked
from .codes import PRIORITY_WORDS, priority_code, sections, system_on_the_wire
from .words import clinical_information, notes

MOST_COPIES = 5  # HL7 UK A.3: OBR-28
STRUCTURES = {
    "OMG^O19": ("OMG", "O19", "OMG_O19"),
    "OML^O21": ("OML", "O21", "OML_O21"),
    "OML^O33": ("OML", "O33", "OML_O33"),
    "ORM^O01": ("ORM", "O01", "ORM_O01"),
}


@dataclass(frozen=True)
class Person:
    """Who ordered, or who gets a copy (XCN)."""

    number: str
    body: str  # GMC, NMC, HCPC, GPhC
    family: str
    given: str = ""
    title: str = ""


@dataclass(frozen=True)
class Reason:
    """A reason that was ticked: code, words, and the sentence that radiology reads."""

    code: str
    text: str
    sentence: str = ""


@dataclass(frozen=True)
class Answered:
    """An answer with the words that were asked. `kind` is one of catalogue.Question.Kind."""

    code: str
    question: str
    kind: str
    value: str
    label: str


@dataclass(frozen=True)
class Sample:
    """What has to be taken (SPM): SNOMED code and name of the specimen, and its container."""

    code: str
    name: str
    container: str = ""
    container_name: str = ""


@dataclass(frozen=True)
class Line:
    """One test (ORC and OBR)."""

    placer: str
    code: str
    name: str
    system: str  # NICIP SNOMED LOCAL
    priority: str
    modality: str = ""
    filler: str = ""
    reasons: tuple[Reason, ...] = ()
    details: str = ""
    answers: tuple[Answered, ...] = ()
    samples: tuple[Sample, ...] = ()
    take_from: date | None = None
    collection: str = ""  # in words: "Home visit"


@dataclass(frozen=True)
class Order:
    """Everything that one message says. `control` is NW or CA."""

    control: str
    control_id: str
    kind: str  # "OMG^O19"
    version: str
    charset: str
    processing_id: str
    sender: tuple[str, str]
    receiver: tuple[str, str]
    written_at: datetime
    asked_at: datetime
    group: str  # "R-100482": ORC-4 joins what was asked together
    patient: Segment
    orderer: Person
    place_code: str
    place_name: str
    lines: tuple[Line, ...]
    copies: tuple[Person, ...] = ()
    phone: str = ""
    reason_code: str = ""  # of a cancellation
    reason: str = ""
    head: tuple[Segment, ...] = field(default=())  # between PID and the first order: PD1


def render(order: Order) -> bytes:
    """The message, read back and compared with what was asked before anybody sends it (H07).

    Raises NoCodeFor for what has no agreed code, NotEncodable for what the wire would change.
    """
    _check(order)
    message = wire.build([_header(order), order.patient, *order.head, *_body(order)])
    wire.verify_round_trip(message)
    if asked(wire.parse(message.raw)) != _meant(order):
        raise NotEncodable("round_trip", "The order does not read back as it was asked.")
    return message.raw


def _check(order: Order) -> None:
    if order.kind not in STRUCTURES:
        raise NoCodeFor("order message", order.kind)
    if order.control not in ("NW", "CA"):
        raise NoCodeFor("order control", order.control)
    if not order.lines:
        raise NoCodeFor("order", "without a test")
    if len(order.copies) > MOST_COPIES:
        raise NoCodeFor("copy", f"number {MOST_COPIES + 1}")
    if not order.orderer.number:
        raise NoCodeFor("registration number", "of who asked")


def _meant(order: Order) -> tuple[Asked, ...]:
    lines = order.lines
    if order.kind == "OML^O33":
        lines = tuple(line for group in _by_sample(lines) for line in group)
    return tuple(as_asked(order, line) for line in lines)


def _header(order: Order) -> Segment:
    return wire.header(
        sender=order.sender,
        receiver=order.receiver,
        at=order.written_at,
        message_type=STRUCTURES[order.kind],
        control_id=order.control_id,
        processing_id=order.processing_id,
        version=order.version,
        charset=order.charset,
    )


def _body(order: Order) -> Iterator[Segment]:
    """In OML^O33 the specimen stands above its orders; elsewhere below."""
    if order.kind == "OML^O33":
        yield from _body_by_sample(order)
        return
    for number, line in enumerate(order.lines, start=1):
        yield from _test(order, line, number)
        if order.kind == "OML^O21":
            yield from _samples(line.samples)


def _body_by_sample(order: Order) -> Iterator[Segment]:
    number = 0
    for group in _by_sample(order.lines):
        yield from _samples(group[0].samples)
        for line in group:
            number += 1
            yield from _test(order, line, number)


def _by_sample(lines: Iterable[Line]) -> list[list[Line]]:
    """Tests that are done on the same samples, together, in the order of the request."""
    groups: dict[tuple[Sample, ...], list[Line]] = {}
    for line in lines:
        groups.setdefault(line.samples, []).append(line)
    return list(groups.values())


def _test(order: Order, line: Line, number: int) -> Iterator[Segment]:
    yield _orc(order, line)
    if order.version >= "2.5":
        yield _tq1(line)
    yield _obr(order, line, number)
    for place, (kind, note) in enumerate(notes(line), start=1):
        yield segment("NTE", {1: str(place), 2: "P", 3: Text(note), 4: [kind]})
    for place, answer in enumerate(line.answers, start=1):
        yield _obx(answer, place)


def _orc(order: Order, line: Line) -> Segment:
    cancels = order.control == "CA"
    return segment("ORC", {
        1: order.control,
        2: line.placer,
        3: line.filler,
        4: order.group,
        7: _timing(line),
        9: wire.timestamp(order.written_at if cancels else order.asked_at),
        12: _xcn(order.orderer),
        14: order.phone,
        16: [order.reason_code, order.reason, "L"] if cancels else None,
        17: [order.place_code, order.place_name],
        21: [order.place_name, "", order.place_code],
    })  # fmt: skip


def _timing(line: Line) -> list[str]:
    """TQ: when (4), how urgent (6), and in words where the code alone would not say (8)."""
    start = line.take_from.strftime("%Y%m%d") if line.take_from else ""
    words = PRIORITY_WORDS.get(line.priority, "")
    return ["", "", "", start, "", priority_code(line.priority), "", words]


def _tq1(line: Line) -> Segment:
    start = line.take_from.strftime("%Y%m%d") if line.take_from else ""
    words = PRIORITY_WORDS.get(line.priority, "")
    return segment("TQ1", {1: "1", 7: start, 9: [priority_code(line.priority)], 11: words})


def _obr(order: Order, line: Line, number: int) -> Segment:
    return segment("OBR", {
        1: str(number),
        2: line.placer,
        3: line.filler,
        4: [line.code, line.name, system_on_the_wire(line.system)],
        13: clinical_information(line),
        16: _xcn(order.orderer),
        24: sections(line.modality),
        27: _timing(line),
        28: Repeat([_xcn(person) for person in order.copies]) if order.copies else None,
        31: Repeat([[each.code, each.text, "L"] for each in line.reasons])
        if line.reasons else None,
    })  # fmt: skip


def _xcn(person: Person) -> list[str]:
    return [person.number, person.family, person.given, "", "", person.title, "", "", person.body]


def _obx(answer: Answered, number: int) -> Segment:
    """A coded answer, with the words of question and answer beside the codes."""
    value: Text | list[str] | str
    if answer.kind == "text":
        data_type, value = "TX", Text(answer.value)
    elif answer.kind == "date":
        data_type, value = "DT", answer.value.replace("-", "")
    else:
        data_type, value = "CE", [answer.value, answer.label, "L"]
    return segment("OBX", {
        1: str(number), 2: data_type, 3: [answer.code, answer.question, "L"], 5: value, 11: "F",
    })  # fmt: skip


def _samples(samples: Iterable[Sample]) -> Iterator[Segment]:
    for number, sample in enumerate(samples, start=1):
        kind = [sample.code, sample.name, "SCT"] if sample.code else ["", sample.name]
        container = [sample.container, sample.container_name, "L"] if sample.container else None
        yield segment("SPM", {1: str(number), 4: kind, 27: container})
