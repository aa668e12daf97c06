"""What the hospital's people do with an order, and the message that each deed sends."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from . import letters, people, writing
from .departments import REASONS
from .hl7 import moment
from .journal import Entry, as_text
from .letters import Envelope
from .memory import LONDON, Memory
from .orders import CANCELLABLE, Order, order_from_json

# May be done with any order: they are wrong on purpose, or about the patient.
ALWAYS = ("move_house", "register_twice", "wrong_birth_date", "unknown_request")


class Refused(Exception):
    """A person asked for what cannot be done now; the text says why."""


@dataclass
class Deed:
    """One action on one order: what it records and sends, all in one line of the journal."""

    memory: Memory
    order: Order
    at: datetime
    details: dict[str, Any]
    entries: list[Entry]

    def told(self, name: str) -> str:
        return str(self.details.get(name) or "").strip()

    def change(self, what: str, **changes: Any) -> None:
        """Now for the messages of this deed, and in the journal for good."""
        for name, value in changes.items():
            setattr(self.order, name, value)
        self.entries.append(
            {"do": "change", "placer": self.order.placer, "at": self.at.isoformat(), "what": what}
            | changes
        )

    def envelope(self) -> Envelope:
        return letters.envelope_for(self.order, self.memory.control_id(), self.at)

    def send(self, envelope: Envelope, kind: str, raw: bytes, *, once: bool = False) -> None:
        self.entries.append(
            {
                "do": "send",
                "number": envelope.control,
                "at": self.at.isoformat(),
                "kind": kind,
                "raw": as_text(raw),
                "placers": [self.order.placer],
                "once": once,
            }
        )

    def reply(self, control: str, status: str, answers: str, reason: list[str] | None) -> None:
        """ORG^O20 or ORL^O22/O34 to the message with the control id `answers`."""
        envelope = self.envelope()
        raw = letters.order_reply(
            envelope, self.order, answers=answers, control=control, status=status, reason=reason
        )
        kind = "^".join(letters.ORDER_REPLIES[self.order.message_type][:2])
        self.send(envelope, f"{kind} {control}", raw)

    def tell(self, control: str, status: str, **more: Any) -> None:
        """OMG^O19 or OML^O21/O33, unasked."""
        envelope = self.envelope()
        raw = letters.status_message(envelope, self.order, control=control, status=status, **more)
        self.send(envelope, f"{self.order.message_type} {control}", raw)

    def reason(self, default: str) -> list[str]:
        """ORC-16 from the code and words that the person gave. Raises Refused."""
        code = self.told("code") or default
        if code not in REASONS:
            raise Refused(f"No reason has the code {code}.")
        return letters.reason_field(code, REASONS[code], self.told("words"))


# --- Answers to an order --------------------------------------------------------------------------


def _filler_number(deed: Deed) -> str:
    """An accession number of 15 characters, or a laboratory number of 10."""
    number = deed.memory.next_number()
    if deed.order.is_imaging:
        trust = deed.order.department.split("/")[1]
        return f"{trust}{deed.at:%y%m%d}{number:06d}"
    return f"{deed.at:%y}L{number:07d}"


def _accept(deed: Deed) -> None:
    order = deed.order
    if order.is_import:
        deed.change("Entered: made elsewhere", status="imported", filler=_filler_number(deed))
        deed.reply("OK", "CM", order.control, None)
        return
    deed.change("Accepted", status="accepted", filler=_filler_number(deed))
    deed.reply("OK", "SC" if order.is_imaging else "IP", order.control, None)


def _reject(deed: Deed) -> None:
    reason = deed.reason("CHRAD" if deed.order.is_imaging else "LABREJ")
    deed.change(f"Rejected: {reason[1]}", status="rejected")
    deed.reply("UA", "CA", deed.order.control, reason)


def _confirm_cancel(deed: Deed) -> None:
    answers = deed.order.cancel_control
    deed.change("Cancelled as asked", status="cancelled", cancel_control="")
    deed.reply("CR", "CA", answers, None)


def _refuse_cancel(deed: Deed) -> None:
    answers = deed.order.cancel_control
    deed.change("Could not cancel", cancel_control="")
    status = "CM" if deed.order.status == "reported" else "IP"
    reason = letters.reason_field("LATE", REASONS["LATE"], deed.told("words"))
    deed.reply("UC", status, answers, reason)


def _number(deed: Deed) -> None:
    """NA: it is here under a number, and nobody has looked at it."""
    deed.change("Numbered", filler=deed.order.filler or _filler_number(deed))
    deed.reply("NA", "IP", deed.order.control, None)


def _confirm_change(deed: Deed) -> None:
    answers = deed.order.change_control
    deed.change("Changed as asked", change_control="", **deed.order.changed)
    deed.reply("XR", "IP", answers, None)


def _refuse_change(deed: Deed) -> None:
    answers = deed.order.change_control
    deed.change("Could not change", change_control="", changed={})
    reason = letters.reason_field("LATE", REASONS["LATE"], deed.told("words"))
    deed.reply("UX", "IP", answers, reason)


def _hold(deed: Deed) -> None:
    """OH: it waits for something, in the person's words."""
    words = deed.told("words") or "Waiting for earlier images"
    deed.change(f"On hold: {words}")
    deed.tell("OH", "HD", reason=["HOLD", words, "L"])


def _change_exam(deed: Deed) -> None:
    """XX: another examination, by its code. The order is that one from now on."""
    code = deed.told("exam") or ("CSKUH" if deed.order.code != "CSKUH" else "XCHES")
    name = {"CSKUH": "CT Head", "XCHES": "XR Chest"}.get(code, code)
    deed.change(f"Changed to {name}", code=code, name=name, system="NICIP")
    deed.tell("XX", "SC")


def _discontinue(deed: Deed) -> None:
    reason = deed.reason("CHAE")
    deed.change(f"Discontinued: {reason[1]}", status="cancelled")
    deed.tell("OD", "DC", reason=reason)


# --- What happens to the patient ------------------------------------------------------------------


def _appointment(text: str, at: datetime) -> datetime:
    """What the person typed, else the day after tomorrow at 09:20."""
    if not text:
        return (at + timedelta(days=2)).replace(hour=9, minute=20, second=0)
    for written in ("%d-%b-%Y %H:%M", "%d/%m/%Y %H:%M", "%Y-%m-%dT%H:%M"):
        with suppress(ValueError):
            return datetime.strptime(text, written).replace(tzinfo=LONDON)
    raise Refused("Give the date and time of the appointment, like 22-Nov-2026 09:05.")


def _schedule(deed: Deed) -> None:
    when = _appointment(deed.told("at"), deed.at)
    department = deed.memory.departments.by_key.get(deed.order.department)
    sites = dict(department.sites) if department else {}
    site = deed.told("site") or next(iter(sites), "")
    place = deed.told("place") or sites.get(site, "") or "X-ray reception"
    deed.change(
        f"Booked: {when:%d-%b-%Y %H:%M}, {place}",
        status="booked",
        scheduled=when.isoformat(),
        place=place,
    )
    location = ["", "", "", site, "", "", "", "", place]
    deed.tell("SC", "SC", more={36: moment(when)}, place=location)


def _receive(deed: Deed) -> None:
    imaging = deed.order.is_imaging
    what = "Patient arrived" if imaging else "Sample received"
    deed.change(what, status="in progress", collected_at=deed.at.isoformat())
    received = {} if imaging else {14: moment(deed.at)}
    deed.tell("SC", "IP", more={25: "I"} | received)


def _perform(deed: Deed) -> None:
    changes = {} if deed.order.collected_at else {"collected_at": deed.at.isoformat()}
    deed.change("Examination done", status="done", **changes)
    deed.tell("SC", "IP", more={25: "R"})


def _did_not_attend(deed: Deed) -> None:
    deed.change("Did not attend", status="did not attend")
    deed.tell("SC", "HD", reason=letters.reason_field("DNA", REASONS["DNA"]))


def _cancel(deed: Deed) -> None:
    reason = deed.reason("CHNR")
    deed.change(f"Cancelled: {reason[1]}", status="cancelled")
    deed.tell("OC", "CA", reason=reason)


# --- Reports --------------------------------------------------------------------------------------


def _performed(order: Order) -> datetime:
    return datetime.fromisoformat(order.collected_at or order.received_at)


def _report(deed: Deed) -> None:
    if deed.order.status == "new":
        _accept(deed)
    order = deed.order
    try:
        version = writing.next_version(order, deed.told("kind"), deed.told("text"), deed.at)
    except writing.CannotWrite as problem:
        raise Refused(str(problem)) from None
    issued = datetime.fromisoformat(version.issued_at)
    envelope = letters.envelope_for(order, deed.memory.control_id(), issued)
    raw = letters.report_message(envelope, order, version, performed=_performed(order))
    deed.entries.append(
        {
            "do": "report",
            "placer": order.placer,
            "at": deed.at.isoformat(),
            "what": f"Reported: {version.kind}",
            "version": asdict(version),
        }
    )
    deed.send(envelope, f"ORU^R01 {version.status}", raw)


def _wrong(deed: Deed, order: Order, changed: dict[int, object] | None) -> None:
    """A report that is wrong on purpose: not one of the order's own versions."""
    envelope = letters.envelope_for(order, deed.memory.control_id(), deed.at)
    fresh = writing.first_version(order, "normal", deed.at)
    raw = letters.report_message(
        envelope, order, fresh, performed=_performed(order), changed=changed
    )
    deed.send(envelope, "ORU^R01 F", raw)


def _wrong_birth_date(deed: Deed) -> None:
    born = deed.order.pid(7)
    wrong = f"{int(born[:4]) + 1}{born[4:]}"
    deed.change("Sent a report with a wrong birth date")
    _wrong(deed, deed.order, {7: wrong})


def _unknown_request(deed: Deed) -> None:
    number = deed.memory.next_number()
    stray = replace(deed.order, placer=f"ZZ9{number:07d}", filler=f"ZZ{number:09d}")
    deed.change("Sent a report for a request that nobody made")
    _wrong(deed, stray, None)


def _move_house(deed: Deed) -> None:
    event = deed.told("event") or "A31"
    if event not in ("A31", "A08"):
        raise Refused("An address is changed by A31 or A08.")
    chance = random.Random(f"{deed.order.nhs_number}/{deed.at.isoformat()}")
    envelope = deed.envelope()
    raw = letters.adt_message(
        envelope,
        event=event,
        patient=deed.order.patient,
        practice=people.practice(deed.memory, chance),
        changed={11: people.address(chance), 13: people.phone(chance)},
    )
    deed.change("Patient moved house")
    deed.send(envelope, f"ADT^{event}", raw)


def _register_twice(deed: Deed) -> None:
    """Somebody was registered a second time, and the PAS puts it right: A28 (or A01), then A40.

    `kind`: "clear", or "doubtful", where the second registration has another birth date.
    """
    kind, event = deed.told("kind") or "clear", deed.told("event") or "A28"
    if kind not in ("clear", "doubtful") or event not in ("A28", "A01"):
        raise Refused("A second registration is clear or doubtful, by A28 or A01.")
    trust = deed.order.department.split("/")[1]
    second = [f"D{deed.memory.next_number():06d}", "", "", trust, "MR"]
    changed: dict[int, object] = {3: second, 32: "03"}
    if kind == "doubtful":
        changed[7] = f"{int(deed.order.pid(7)[:4]) + 1}{deed.order.pid(7)[4:]}"
    chance = random.Random(f"{deed.order.nhs_number}/{deed.at.isoformat()}")
    patient, practice = deed.order.patient, people.practice(deed.memory, chance)
    envelope = deed.envelope()
    raw = letters.adt_message(
        envelope, event=event, patient=patient, practice=practice, changed=changed
    )
    deed.change(f"Patient registered twice, and merged ({kind})")
    deed.send(envelope, f"ADT^{event}", raw)
    envelope = deed.envelope()
    deed.send(envelope, "ADT^A40", letters.merge_message(envelope, kept=patient, gone=second))


DEEDS: dict[str, Callable[[Deed], None]] = {
    "accept": _accept,
    "reject": _reject,
    "schedule": _schedule,
    "receive": _receive,
    "perform": _perform,
    "did_not_attend": _did_not_attend,
    "cancel": _cancel,
    "confirm_cancel": _confirm_cancel,
    "refuse_cancel": _refuse_cancel,
    "number": _number,
    "confirm_change": _confirm_change,
    "refuse_change": _refuse_change,
    "hold": _hold,
    "change_exam": _change_exam,
    "discontinue": _discontinue,
    "report": _report,
    "move_house": _move_house,
    "register_twice": _register_twice,
    "wrong_birth_date": _wrong_birth_date,
    "unknown_request": _unknown_request,
}


def act(memory: Memory, placer: str, action: str, details: dict[str, Any]) -> list[str]:
    """Do it, and return the control ids of what was queued. Raises Refused."""
    with memory.lock:
        held = memory.orders.get(placer)
        if held is None:
            raise Refused(f"There is no order {placer} here.")
        if action not in DEEDS:
            raise Refused(f"There is no action {action}.")
        if action not in (*held.actions, *ALWAYS):
            waits = " while a cancel request waits" if held.cancel_control else ""
            waits = waits or (" while a change waits" if held.change_control else "")
            raise Refused(f"Order {placer} is {held.status}: {action} is not possible{waits}.")
        deed = Deed(memory, _copy(held), memory.clock(), details, [])
        DEEDS[action](deed)
        memory.record(deed.entries)
        return [entry["number"] for entry in deed.entries if entry["do"] == "send"]


def _copy(order: Order) -> Order:
    """A deed works on its own copy: what it refuses half way changes nothing."""
    return order_from_json(order.as_json())


def decide_by_itself(memory: Memory) -> None:
    """What automatic departments do when their time has come: accept, and answer cancellations."""
    with memory.lock:
        for placer in list(memory.undecided):
            order = memory.orders[placer]
            department = memory.departments.by_key.get(order.department)
            if department is None or department.accept_after is None:
                continue
            since = datetime.fromisoformat(order.cancel_at or order.received_at)
            if (memory.clock() - since).total_seconds() < department.accept_after:
                continue
            act(memory, placer, _decision(order), {})


def _decision(order: Order) -> str:
    if order.change_control and not order.cancel_control:
        can_change = order.status in CANCELLABLE
        return "confirm_change" if can_change else "refuse_change"
    if not order.cancel_control:
        return "accept"
    can = order.status in CANCELLABLE or order.status in ("rejected", "cancelled")
    return "confirm_cancel" if can else "refuse_cancel"
