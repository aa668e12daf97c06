"""The inbox and the outbox as lines for programs and people: for the commands and for tests.

A message's id here says its direction (`in-12`, `out-7`), so that one id is enough to find it. No
line carries any content of a message.
"""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from .models import InboundMessage, OutboundMessage

_CHUNK = 500


def inbox(*, state: str = "") -> Iterator[dict[str, Any]]:
    """What came in, oldest first; only those in `state` where it is given."""
    rows = InboundMessage.objects.select_related("partner").defer("raw").order_by("id")
    for row in (rows.filter(state=state) if state else rows).iterator(_CHUNK):
        yield {
            "id": f"in-{row.pk}",
            "partner": row.partner.slug if row.partner else "",
            "sender": f"{row.sending_application}|{row.sending_facility}",
            "peer": row.peer,
            "control_id": row.control_id,
            "type": row.message_type,
            "sha256": row.sha256,
            "state": row.state,
            "acknowledgement": row.acknowledgement,
            "reason_code": row.reason_code,
            "reason": row.reason,
            "repeat_of": f"in-{row.repeat_of_id}" if row.repeat_of_id else "",
            "attempts": row.attempts,
            "received_at": _time(row.received_at),
            "processed_at": _time(row.processed_at),
            "handled_at": _time(row.handled_at),
        }


def outbox(*, state: str = "") -> Iterator[dict[str, Any]]:
    """What goes out, oldest first; as `inbox`."""
    rows = OutboundMessage.objects.select_related("partner").order_by("id")
    for row in (rows.filter(state=state) if state else rows).iterator(_CHUNK):
        yield {
            "id": f"out-{row.pk}",
            "partner": row.partner.slug,
            "control_id": row.control_id,
            "kind": row.kind,
            "sha256": hashlib.sha256(row.raw).hexdigest(),
            "state": row.state,
            "acknowledgement": row.acknowledgement,
            "reason": row.reason,
            "subject_type": row.subject_type,
            "subject_id": row.subject_id,
            "stream": row.stream,
            "sequence": row.sequence,
            "attempts": row.attempts,
            "created_at": _time(row.created_at),
            "first_sent_at": _time(row.first_sent_at),
            "acknowledged_at": _time(row.acknowledged_at),
            "handled_at": _time(row.handled_at),
        }


def as_json(line: dict[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False)


def as_text(line: dict[str, Any]) -> str:
    """For a person at a terminal."""
    kind = line.get("type", line.get("kind"))
    when = line.get("received_at", line.get("created_at"))
    facts = [line["id"], when, line["partner"] or "-", kind or "-", line["control_id"] or "-"]
    return "  ".join([*facts, line["state"], line["reason"]]).rstrip()


def _time(value: datetime | None) -> str:
    return value.isoformat() if value else ""


class NoSuchMessage(LookupError):
    """There is no message of that id, or a bare number that is one of each."""


def raw_of(name: str, *, direction: str = "") -> bytes:
    """The bytes of `in-12`, `out-7`, or of a bare number with its direction.

    A bare number is enough where only one of the two has it. Raises NoSuchMessage, in words.
    """
    prefix, _, number = name.rpartition("-")
    direction = direction or prefix
    if direction not in ("", "in", "out") or not number.isascii() or not number.isdigit():
        raise NoSuchMessage(f"{name} is not the id of a message: in-12, out-7.")
    found = [each for each in _of_number(int(number)) if direction in ("", each[0])]
    if len(found) > 1:
        raise NoSuchMessage(f"There is in-{number} and out-{number}. Say which.")
    if not found:
        raise NoSuchMessage(f"There is no message {name}.")
    return found[0][1]


def _of_number(number: int) -> Iterator[tuple[str, bytes]]:
    for direction, model in (("in", InboundMessage), ("out", OutboundMessage)):
        row = model.objects.filter(pk=number).values_list("raw", flat=True).first()
        if row is not None:
            yield direction, bytes(row)
