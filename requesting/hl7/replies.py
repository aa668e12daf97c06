"""What a department says of an order: ORG^O20, ORL^O22, ORL^O34, ORR^O02, and the order messages
themselves with a status (OMG^O19, OML^O21, OML^O33, ORM^O01). HL7 v2.4 chapter 4."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from messaging import wire
from messaging.wire import Message, Segment


@dataclass(frozen=True)
class StatusReply:
    """One ORC with what belongs to it. Text is as sent; times are instants or None."""

    control: str  # ORC-1, table 0119
    placer: str  # ORC-2
    filler: str  # ORC-3
    order_status: str  # ORC-5, table 0038
    result_status: str  # OBR-25, table 0123
    reason_code: str  # ORC-16.1
    reason_text: str  # ORC-16.2: the sender's words for the code
    reason: str  # what a person there typed
    code: str  # OBR-4
    name: str
    system: str
    scheduled_at: datetime | None
    place: str
    site_code: str
    collected_at: datetime | None
    happened_at: datetime | None  # ORC-9
    sent_at: datetime  # MSH-7
    answers: str  # MSA-2: the control id of the message that this one answers
    acknowledgement: str  # MSA-1


def read_replies(message: Message) -> tuple[StatusReply, ...]:
    """One for each ORC; none when the message speaks of no order.

    Raises messaging.errors.NotATime when a time says no day: nothing is guessed.
    """
    return tuple(_reply(message, group) for group in message.groups("ORC"))


def _reply(message: Message, group: list[Segment]) -> StatusReply:
    orc, obr, notes = group[0], _first(group, "OBR"), _notes(group)
    visit = message.first("PV1")
    return StatusReply(
        control=orc.get(1),
        placer=orc.get(2) or (obr.get(2) if obr else ""),
        filler=orc.get(3) or (obr.get(3) if obr else ""),
        order_status=orc.get(5),
        result_status=obr.get(25) if obr else "",
        reason_code=orc.get(16),
        reason_text=orc.get(16, 2),
        reason=orc.get(16, 5) or notes,
        code=obr.get(4) if obr else "",
        name=obr.get(4, 2) if obr else "",
        system=obr.get(4, 3) if obr else "",
        scheduled_at=_time(_scheduled(orc, obr, _first(group, "TQ1"))),
        place=visit.get(3, 9) if visit else "",
        site_code=visit.get(3, 4) if visit else "",
        collected_at=_time(_collected(obr, _first(group, "SPM"))),
        happened_at=_time(orc.get(9)),
        sent_at=wire.read_timestamp(message.get("MSH", 7)),
        answers=message.get("MSA", 2),
        acknowledgement=message.get("MSA", 1),
    )


def _first(group: list[Segment], name: str) -> Segment | None:
    return next((each for each in group if each.name == name), None)


def _notes(group: list[Segment]) -> str:
    return " ".join(each.text(3) for each in group if each.name == "NTE").strip()


def _scheduled(orc: Segment, obr: Segment | None, tq1: Segment | None) -> str:
    """OBR-36, else TQ1-7, else ORC-7.4: where each version of HL7 puts the appointment."""
    return (obr.get(36) if obr else "") or (tq1.get(7) if tq1 else "") or orc.get(7, 4)


def _collected(obr: Segment | None, spm: Segment | None) -> str:
    return (spm.get(17) if spm else "") or (obr.get(7) if obr else "")


def _time(text: str) -> datetime | None:
    return wire.read_timestamp(text) if text and text != wire.NULL else None
