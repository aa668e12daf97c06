"""The message that brought a version, as it was sent: each segment as it came, and what it says.

For those who may review the report. A message of several patients shows this one's part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from messaging import wire
from messaging.field_names import names_of
from results.errors import NotFound
from results.models import Report, ReportVersion

VIEWED_ORIGINAL = "view_original"


@dataclass(frozen=True)
class Field:
    """A field that says something: `OBX-5`, its name, and what it says, a line each repetition."""

    number: str
    name: str
    value: str


@dataclass(frozen=True)
class SegmentAsSent:
    """A segment. `source` is as it came, but for what is inside a document."""

    name: str
    source: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Original:
    """The page of the message."""

    version: ReportVersion
    sender: str
    control_id: str
    charset: str
    segments: tuple[SegmentAsSent, ...]
    left_out: int  # segments about other patients


def original_of(report: Report, number: int) -> Original:
    """The message of that version of a report from `report_for`.

    Raises NotFound where there is no such version, or it came by no message.
    """
    versions = report.versions.select_related("message__partner").filter(number=number)
    version = versions.first()
    if version is None or version.message is None:
        raise NotFound
    inbound = version.message
    default = inbound.partner.character_set if inbound.partner else "ASCII"
    message = wire.parse(bytes(inbound.raw), default_charset=default)
    segments = _of_patient(message, report.item.placer_number)
    hl7_version = message.header.get(12)
    return Original(
        version=version,
        sender=inbound.partner.name if inbound.partner else inbound.sending_application,
        control_id=inbound.control_id,
        charset=message.charset,
        segments=tuple(_segment(each, hl7_version) for each in segments),
        left_out=len(message.segments) - len(segments),
    )


def _of_patient(message: wire.Message, placer: str) -> list[wire.Segment]:
    """What stands before any patient, and the patient under whom the request's number is."""
    people = message.groups("PID")
    before = len(message.segments) - sum(len(each) for each in people)
    here = next((each for each in people if _names(each, placer)), [])
    return [*message.segments[:before], *here]


def _names(person: list[wire.Segment], placer: str) -> bool:
    return any(
        placer in (each.get(2), each.get(29)) for each in person if each.name in ("ORC", "OBR")
    )


def _segment(segment: wire.Segment, version: str) -> SegmentAsSent:
    names = names_of(version, segment.name)
    fields = tuple(
        Field(
            f"{segment.name}-{number}",
            names[number].name if number in names else "",
            _without_document(segment, number, segment.text(number)),
        )
        for number in range(1, len(segment) + 1)
        if segment.raw(number)
    )
    whole = "|".join(
        _without_document(segment, number, segment.raw(number))
        for number in range(1, len(segment) + 1)
    )
    source = segment.source if segment.name == "MSH" else f"{segment.name}|{whole}"
    return SegmentAsSent(segment.name, source, fields)


def _without_document(segment: wire.Segment, number: int, text: str) -> str:
    """The letters of a document say nothing to a reader: how many there are stands for them."""
    is_document = segment.name == "OBX" and number == 5 and segment.get(2) == "ED"
    parts = text.split("^", 4)
    if not is_document or len(parts) < 5:
        return text
    return "^".join([*parts[:4], f"[document, {len(parts[4])} characters]"])
