"""A message comes in: what is kept of it, and the one acknowledgement it gets."""

from __future__ import annotations

import hashlib

from . import letters
from .departments import REASONS, Department
from .hl7 import Message, NotHL7, header_of, read
from .journal import Entry, as_text
from .memory import LogLine, Memory
from .orders import ORDER_TYPES, Asked, CannotRead, Order, asked_in, order_from, what_may_change


class No(Exception):
    """The message is refused with this code and these words."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


Said = tuple[bytes, str]  # the acknowledgement, and the number of the message in the log


def take(memory: Memory, raw: bytes) -> Said:
    """Keep the message and return its acknowledgement; on disk before this returns."""
    with memory.lock:
        try:
            message = read(raw)
        except NotHL7 as problem:
            return _refuse(memory, raw, None, No("AE", str(problem)))
        known = memory.answered.get(_key(message))
        if known:
            return _repeat(memory, raw, message, known)
        try:
            if _is_synthetic(_department(memory, message), message):
                return _answer_synthetic(memory, message)
            entries, note = _entries(memory, message)
        except No as no:
            return _refuse(memory, raw, message, no)
        return _accept(memory, raw, message, entries, note)


def _key(message: Message) -> tuple[str, str, str]:
    header = message.header
    return header.get(3), header.get(4), header.get(10)


def _repeat(memory: Memory, raw: bytes, message: Message, known: tuple[str, bytes]) -> Said:
    """The same again gets the same bytes again; another message under that number is refused."""
    digest, reply = known
    if digest != hashlib.sha256(raw).hexdigest():
        words = "this control id was used before, for another message"
        return _refuse(memory, raw, message, No("AE", words), may_keep_key=False)
    number = f"in-{memory.next_number()}"
    line = LogLine(
        number, "in", memory.clock().isoformat(), _kind(message), raw, answer="AA", reply=reply
    )
    line.note = "Repeated: answered as before, nothing done twice."
    memory.log[number] = line
    memory.turned()
    return reply, number


# --- Synthetic orders: docs/hl7/transport.md 6 ----------------------------------------------------


def _is_synthetic(department: Department, message: Message) -> bool:
    """One new order, of the code that means nothing, for the patient who is nobody: as agreed.

    Only one of the two is no synthetic order: the other must not slip by unseen.
    """
    asked, person = asked_in(message), message.first("PID")
    if not department.synthetic or len(asked) != 1 or person is None or asked[0].obr is None:
        return False
    found = (asked[0].obr.get(4), person.get(3))
    return asked[0].control == "NW" and found == department.synthetic


def _answer_synthetic(memory: Memory, message: Message) -> Said:
    """AA, and nothing is kept: no order, no line in the log, nobody's work."""
    number = f"in-{memory.next_number()}"
    return _acknowledge(memory, number, message, None), number


# --- What it asks for -----------------------------------------------------------------------------


def _kind(message: Message) -> str:
    orc = message.first("ORC")
    kind = f"{message.header.get(9)}^{message.header.get(9, 2)}"
    return f"{kind} {orc.get(1)}" if orc else kind


def _department(memory: Memory, message: Message) -> Department:
    header = message.header
    kind = f"{header.get(9)}^{header.get(9, 2)}"
    if kind not in ORDER_TYPES:
        raise No("AR", f"message type {kind} is not taken here")
    department = memory.departments.find(header.get(5), header.get(6))
    if department is None:
        raise No("AR", f"no such receiver here: {header.get(5)} {header.get(6)}")
    if kind != "ORM^O01" and department.is_imaging != (kind == "OMG^O19"):
        raise No("AR", f"message type {kind} is not taken by {department.name}")
    if header.get(11) == "P":
        raise No("AR", "this is not a production system (MSH-11)")
    if not header.get(10):
        raise No("AE", "MSH-10 (control id) is empty")
    return department


def _entries(memory: Memory, message: Message) -> tuple[list[Entry], str]:
    """What the message changes, all of it or nothing, and a note for the page. Raises No."""
    department = _department(memory, message)
    found = asked_in(message)
    if not found:
        raise No("AE", "there is no ORC")
    entries: list[Entry] = []
    notes: list[str] = []
    for asked in found:
        if asked.control == "NW":
            entries += _new(memory, message, asked, department, notes)
        elif asked.control == "CA":
            entries += _cancel(memory, message, asked)
        elif asked.control == "XO":
            entries += _change(memory, message, asked, department)
        elif asked.control == "SC":
            entries += _sample_taken(memory, message, asked)
        else:
            raise No("AE", f"order control {asked.control or '(empty)'} is not done here")
    return entries, " ".join(notes)


def _new(
    memory: Memory, message: Message, asked: Asked, department: Department, notes: list[str]
) -> list[Entry]:
    try:
        order = order_from(
            message, asked, department=department.key, now=memory.clock().isoformat()
        )
    except CannotRead as problem:
        raise No("AE", str(problem)) from None
    if order.placer in memory.orders:
        notes.append(f"Order {order.placer} was here before: no second order.")
        return []
    if order.is_import or department.does(order.code, order.name):
        return [{"do": "order", "order": order.as_json()}]
    return _unknown_code(memory, order)


def _unknown_code(memory: Memory, order: Order) -> list[Entry]:
    """Taken as a message, refused as an order."""
    order.status = "rejected"
    order.history.append([order.received_at, f"Rejected: {REASONS['UNK']}"])
    envelope = letters.envelope_for(order, memory.control_id(), memory.clock())
    reason = letters.reason_field("UNK", REASONS["UNK"], f"{order.code} {order.name}")
    raw = letters.order_reply(
        envelope, order, answers=order.control, control="UA", status="CA", reason=reason
    )
    kind = "^".join(letters.ORDER_REPLIES[order.message_type][:2]) + " UA"
    return [
        {"do": "order", "order": order.as_json()},
        {
            "do": "send",
            "number": envelope.control,
            "at": envelope.at.isoformat(),
            "kind": kind,
            "raw": as_text(raw),
            "placers": [order.placer],
        },
    ]


def _cancel(memory: Memory, message: Message, asked: Asked) -> list[Entry]:
    order = memory.orders.get(asked.placer)
    if order is None:
        raise No("AR", f"order {asked.placer} is not held here")
    at = memory.clock().isoformat()
    return [
        {
            "do": "change",
            "placer": order.placer,
            "at": at,
            "what": "Asked to cancel",
            "cancel_control": message.header.get(10),
            "cancel_at": at,
        }
    ]


def _held(memory: Memory, asked: Asked) -> Order:
    order = memory.orders.get(asked.placer)
    if order is None:
        raise No("AR", f"order {asked.placer} is not held here")
    return order


def _change(memory: Memory, message: Message, asked: Asked, department: Department) -> list[Entry]:
    order, at = _held(memory, asked), memory.clock().isoformat()
    try:
        changed = what_may_change(message, asked, department=department.key, now=at)
    except CannotRead as problem:
        raise No("AE", str(problem)) from None
    return [
        {
            "do": "change", "placer": order.placer, "at": at, "what": "Asked to change",
            "change_control": message.header.get(10), "changed": changed,
        }
    ]  # fmt: skip


def _sample_taken(memory: Memory, message: Message, asked: Asked) -> list[Entry]:
    """SC from who asked: the sample is on its way."""
    order, at = _held(memory, asked), memory.clock().isoformat()
    return [{"do": "change", "placer": order.placer, "at": at, "what": "Sample taken there"}]


# --- Answering ------------------------------------------------------------------------------------


def _acknowledge(memory: Memory, number: str, message: Message | None, no: No | None) -> bytes:
    header = message.header if message else None

    def told(field: int, component: int = 1) -> str:
        return header.get(field, component) if header else ""

    return letters.acknowledgement(
        sender=[told(5) or "HOSPITAL", told(6)],
        receiver=[told(3), told(4)],
        trigger=told(9, 2),
        control=f"A{memory.prefix}{number.removeprefix('in-'):0>8}",
        at=memory.clock(),
        code=no.code if no else "AA",
        answers=told(10),
        words=no.words if no else "",
        version=told(12) or "2.4",
        processing=told(11) or "T",
    )


def _came(
    memory: Memory, raw: bytes, message: Message | None, no: No | None, *, note: str, keep_key: bool
) -> tuple[Entry, bytes]:
    number = f"in-{memory.next_number()}"
    reply = _acknowledge(memory, number, message, no)
    entry: Entry = {
        "do": "came",
        "number": number,
        "at": memory.clock().isoformat(),
        "kind": _kind(message) if message else "unreadable",
        "raw": as_text(raw),
        "reply": as_text(reply),
        "key": list(_key(message)) if message and keep_key else [],
        "placers": [asked.placer for asked in asked_in(message)] if message else [],
        "answer": no.code if no else "AA",
        "words": no.words if no else "",
        "note": note,
    }
    return entry, reply


def _accept(memory: Memory, raw: bytes, message: Message, entries: list[Entry], note: str) -> bytes:
    came, reply = _came(memory, raw, message, None, note=note, keep_key=True)
    memory.record([came, *entries])
    return reply, came["number"]


def _refuse(
    memory: Memory, raw: bytes, message: Message | None, no: No, *, may_keep_key: bool = True
) -> Said:
    """AR for good; AE may be put right and sent again under the same number."""
    readable = message or header_of(raw)
    keep_key = may_keep_key and no.code == "AR" and bool(readable and readable.header.get(10))
    came, reply = _came(memory, raw, readable, no, note="", keep_key=keep_key)
    memory.record([came])
    return reply, came["number"]
