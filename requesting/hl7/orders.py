"""An order as a message: OMG^O19, OML^O21, OML^O33 or ORM^O01, as the partner likes it, in version
2.3 to 2.5.1. What a version has no field for is said where that version says it (orders.md 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from messaging import wire
from messaging.errors import NotEncodable
from messaging.wire import Repeat, Segment, Text, segment
from requesting.errors import NoCodeFor

from .answers import Asked, as_asked, asked
from .codes import PRIORITIES, PRIORITY_WORDS, sections, system_on_the_wire
from .words import DETAILS_NOTE, clinical_information, notes

MOST_COPIES = 5  # HL7 UK A.3: OBR-28
CONTROLS = ("NW", "XO", "SC", "CA")
VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
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
    wire_system: str = ""  # what the partner calls the code's system, where it has a map
    section: str = ""  # OBR-24 there, where it has a map


@dataclass(frozen=True)
class Order:
    """Everything that one message says. `control` is NW, XO, SC or CA."""

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
    priorities: Mapping[str, str] = field(default_factory=lambda: PRIORITIES)  # ours to theirs
    status: str = ""  # ORC-5, of SC
    collected_at: datetime | None = None  # of SC: when the sample was taken
    head: tuple[Segment, ...] = field(default=())  # between PID and the first order: PD1
    asks: tuple[str, str] = ("", "")  # MSH-15 and MSH-16: the acknowledgements agreed


def render(order: Order) -> bytes:
    """The message, read back and compared with what was asked before anybody sends it (H07).

    Raises NoCodeFor for what has no agreed code, NotEncodable for what the wire would change.
    """
    _check(order)
    message = wire.build([_header(order), order.patient, *order.head, *_body(order)])
    wire.verify_round_trip(message)
    if asked(wire.parse(message.raw), priorities=order.priorities) != _meant(order):
        raise NotEncodable("round_trip", "The order does not read back as it was asked.")
    return message.raw


def _check(order: Order) -> None:
    """A closed list of everything that the standard or the wire would not let through."""
    version = order.version
    twice = len(set(order.priorities.values())) < len(order.priorities)  # H11: urgency would go
    samples = max((len(line.samples) for line in order.lines), default=0)
    for is_wrong, what, value in (
        (order.kind not in STRUCTURES, "order message", order.kind),
        (order.control not in CONTROLS, "order control", order.control),
        (version not in VERSIONS, "version", version),
        (not order.lines, "order", "without a test"),
        (len(order.copies) > MOST_COPIES, "copy", f"number {MOST_COPIES + 1}"),
        (not order.orderer.number, "registration number", "of who asked"),
        (twice, "priority", "of its own: two of ours would be one of theirs"),
        (samples > 1 and not _has_spm(order), "second sample", f"in {order.kind} {version}"),
    ):
        if is_wrong:
            raise NoCodeFor(what, value)


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
        message_type=STRUCTURES[order.kind][: 2 if order.version == "2.3" else 3],
        control_id=order.control_id,
        processing_id=order.processing_id,
        version=order.version,
        charset=order.charset,
        asks=order.asks,
    )


def _has_spm(order: Order) -> bool:
    """SPM is of 2.5; the UK takes it in 2.4 too (HL7 UK A.3). No other message has a place for it:
    there the specimen is OBR-15."""
    return order.kind in ("OML^O21", "OML^O33") and order.version >= "2.4"


def _body(order: Order) -> Iterator[Segment]:
    """In OML^O33 the specimen stands above its orders; elsewhere below."""
    if order.kind == "OML^O33":
        yield from _body_by_sample(order)
        return
    for number, line in enumerate(order.lines, start=1):
        yield from _test(order, line, number)
        if order.kind == "OML^O21" and _has_spm(order):
            yield from _samples(order, line.samples)


def _body_by_sample(order: Order) -> Iterator[Segment]:
    number = 0
    for group in _by_sample(order.lines):
        if _has_spm(order):
            yield from _samples(order, group[0].samples)
        for line in group:
            number += 1
            yield from _test(order, line, number)


def _by_sample(lines: Iterable[Line]) -> list[list[Line]]:
    """Tests that are done on the same samples, together, in the order of the request. What needs
    none comes first: behind an SPM it would be read as one of that specimen's."""
    groups: dict[tuple[Sample, ...], list[Line]] = {(): []}
    for line in lines:
        groups.setdefault(line.samples, []).append(line)
    return [group for group in groups.values() if group]


def _test(order: Order, line: Line, number: int) -> Iterator[Segment]:
    yield _orc(order, line)
    if order.version >= "2.5":
        yield _tq1(order, line)
    yield _obr(order, line, number)
    for place, (kind, note) in enumerate(notes(line), start=1):
        yield _nte(order, place, kind, note)
    for place, answer in enumerate(line.answers, start=1):
        yield _obx(answer, place)


def _nte(order: Order, place: int, kind: str, note: str) -> Segment:
    """NTE-4 says what kind of remark it is, from 2.3.1; before, whose it is has to tell (NTE-2):
    the requester's own words, or this system's."""
    if order.version >= "2.3.1":
        return segment("NTE", {1: str(place), 2: "P", 3: Text(note), 4: [kind]})
    source = "P" if kind == DETAILS_NOTE else "O"
    return segment("NTE", {1: str(place), 2: source, 3: Text(note)})


def _orc(order: Order, line: Line) -> Segment:
    cancels = order.control == "CA"
    fields: dict[int, wire.Value] = {
        1: order.control,
        2: line.placer,
        3: line.filler,
        4: order.group,
        5: order.status,
        7: _timing(order, line),
        9: wire.timestamp(order.asked_at if order.control == "NW" else order.written_at),
        12: _xcn(order.orderer),
        14: order.phone,
        16: [order.reason_code, order.reason, "L"] if cancels else None,
        17: [order.place_code, order.place_name],
    }
    if order.version >= "2.3.1":  # version 2.3 ends at ORC-19
        fields[21] = [order.place_name, "", order.place_code]
    return segment("ORC", fields)


def _timing(order: Order, line: Line) -> list[str]:
    """TQ: when (4), how urgent (6), and in words where the code alone would not say (8)."""
    start = line.take_from.strftime("%Y%m%d") if line.take_from else ""
    words = PRIORITY_WORDS.get(line.priority, "")
    return ["", "", "", start, "", _priority(order, line), "", words]


def _priority(order: Order, line: Line) -> str:
    """ORC-7.6 there. Raises NoCodeFor: there is no default (hazard H11)."""
    if line.priority not in order.priorities:
        raise NoCodeFor("priority", line.priority)
    return order.priorities[line.priority]


def _tq1(order: Order, line: Line) -> Segment:
    start = line.take_from.strftime("%Y%m%d") if line.take_from else ""
    words = PRIORITY_WORDS.get(line.priority, "")
    return segment("TQ1", {1: "1", 7: start, 9: [_priority(order, line)], 11: words})


def _obr(order: Order, line: Line, number: int) -> Segment:
    is_here = not _has_spm(order) and bool(line.samples)
    return segment("OBR", {
        1: str(number),
        2: line.placer,
        3: line.filler,
        4: [line.code, line.name, line.wire_system or system_on_the_wire(line.system)],
        7: wire.timestamp(order.collected_at) if order.collected_at else None,
        13: clinical_information(line),
        15: _source(order, line.samples[0]) if is_here else None,
        16: _xcn(order.orderer),
        24: line.section or sections(line.modality),
        27: _timing(order, line),
        28: Repeat([_xcn(person) for person in order.copies]) if order.copies else None,
        31: Repeat([[each.code, each.text, "L"] for each in line.reasons])
        if line.reasons else None,
    })  # fmt: skip


def _source(order: Order, sample: Sample) -> list[str | list[str]]:
    """OBR-15: the specimen, and its container with the additives: words until 2.4, a code since."""
    container: str | list[str] = sample.container_name
    if order.version >= "2.5" and sample.container:
        container = [sample.container, sample.container_name, "L"]
    return [[sample.code, sample.name, "SCT" if sample.code else ""], container]


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


def _samples(order: Order, samples: Iterable[Sample]) -> Iterator[Segment]:
    taken = wire.timestamp(order.collected_at) if order.collected_at else ""
    for number, sample in enumerate(samples, start=1):
        kind = [sample.code, sample.name, "SCT"] if sample.code else ["", sample.name]
        container = [sample.container, sample.container_name, "L"] if sample.container else None
        yield segment("SPM", {1: str(number), 4: kind, 17: [taken], 27: container})
