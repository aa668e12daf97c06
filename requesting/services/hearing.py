"""What a department says of an item, by the table. Never older over newer; never dropped."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from accounts.models import Discipline, Site
from accounts.policies import Acting
from catalogue import queries as catalogue
from catalogue.models import Attendance, ServiceCode
from requesting import reasons
from requesting.errors import NotUnderstood
from requesting.hl7 import StatusReply
from requesting.models import RequestItem
from requesting.reasons import Ending
from requesting.states import ON_THE_WIRE, PROGRESS, Attention, Event, Status

from .changes import confirm_change, refuse_change
from .moving import locked_one, move
from .orders import refuse_cancel

S = Status
OVER = (S.REPORTED, S.REVIEWED)
_SAME_END = {Event.REJECTED: S.REJECTED, Event.CANCELLED: S.CANCELLED, Event.DNA: S.DNA}


def hear(
    item: RequestItem, reply: StatusReply, *, exam: ServiceCode | None = None, by: Acting
) -> RequestItem:
    """Move the item as the reply says. What is older than what we know, or says it again, changes
    nothing. `exam` is what the reply's code means, for a changed examination.

    Raises NotUnderstood for what no table has, MoveRefused for what our table refuses.
    """
    with transaction.atomic():
        row = locked_one(item)
        _note_filler(row, reply)
        if row.told_at and reply.sent_at < row.told_at:
            return row
        _said(row, reply, exam, by)
        row.told_at = reply.sent_at
        row.save(update_fields=["told_at", "filler_number", "stepped_at"])
        return row


def _note_filler(row: RequestItem, reply: StatusReply) -> None:
    if reply.filler and not row.filler_number:
        row.filler_number = reply.filler[:40]
        row.save(update_fields=["filler_number"])


def _said(row: RequestItem, reply: StatusReply, exam: ServiceCode | None, by: Acting) -> None:
    """HL7 table 0119 (domain.md 5.2)."""
    if reply.control == "XX":
        _exam_changed(row, reply, exam, by)
        return
    speak = SPEAK.get(reply.control)
    if speak is None:
        raise NotUnderstood("order control (ORC-1)", reply.control)
    speak(row, reply, by)


def _numbered(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    """NA: they have it and gave it a number."""
    if row.status in ON_THE_WIRE:
        move(row, Event.DELIVERED, by=by)


def _accepted(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    is_imaging = row.service.discipline == Discipline.RADIOLOGY
    walks_in = is_imaging and row.attendance == Attendance.WALK_IN
    _further(row, Event.READY if walks_in else Event.ACCEPTED, S.ACCEPTED, reply, by)


def _further(
    row: RequestItem, event: Event, target: Status, reply: StatusReply, by: Acting
) -> None:
    """A step forward; nothing when the item has come that far already."""
    if _is_late(row, reply):
        return
    if PROGRESS.get(Status(row.status), 0) < PROGRESS[target]:
        move(row, event, by=by, at=reply.happened_at, reason=reply.reason)
    else:
        _hold_ended(row, reply, by)


def _is_late(row: RequestItem, reply: StatusReply) -> bool:
    """A step that happened (ORC-9) before the last that we took, told after it: never backwards.

    Of steps only. An end is never thrown away for its time: senders differ in what ORC-9 says.
    """
    if reply.happened_at is None:
        return False
    if row.stepped_at and reply.happened_at < row.stepped_at:
        return True
    row.stepped_at = reply.happened_at
    return False


def _status(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    """SC: by ORC-5 (table 0038), else OBR-25 (0123); a code for "did not attend" says more."""
    if row.status in OVER:
        return
    if reply.reason_code == "DNA":
        _ended(row, reply, Event.DNA, by)
        return
    step = STEPS.get(reply.order_status or RESULT_STATUSES.get(reply.result_status, ""))
    if step is None:
        what = "order status (ORC-5)"
        raise NotUnderstood(what, reply.order_status or reply.result_status)
    step(row, reply, by)


def _started(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    """SC with IP, A or CM; RE: results will follow."""
    if row.status not in OVER:
        _further(row, Event.STARTED, S.PROGRESS, reply, by)


def _put_on_hold(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    """OH, HR, HD, SC with HD: they wait for something, and the requester can see for what."""
    words = reason_words(reply)
    if row.status in OVER or _is_late(row, reply) or (row.held_since and row.held_for == words):
        return
    since = row.held_since or reply.happened_at or reply.sent_at
    move(row, Event.PUT_ON_HOLD, by=by, at=reply.happened_at, reason=words, held_since=since,
         held_for=words[:300])  # fmt: skip


def _hold_ended(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    if row.held_since:
        move(row, Event.HOLD_ENDED, by=by, at=reply.happened_at, held_since=None, held_for="")


def _booked(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    known = (row.scheduled_at, row.scheduled_place)
    told = (reply.scheduled_at, reply.place[:120])
    if (row.status == S.BOOKED and known == told) or _is_late(row, reply):
        _hold_ended(row, reply, by)
        return
    move(
        row, Event.BOOKED, by=by, at=reply.happened_at, scheduled_at=told[0],
        scheduled_place=told[1], site=_site(row, reply.site_code), held_since=None, held_for="",
    )  # fmt: skip


def _site(row: RequestItem, code: str) -> Site | None:
    """The department's own site of that code; an unknown one leaves the place in words."""
    if not code:
        return row.site
    return Site.objects.filter(department_id=row.department_id, ods_code=code).first()


def _refused(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    _ended(row, reply, Event.REJECTED, by)


def _cancelled(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    """CR, OC and SC with CA. A decision on the request is a rejection that can be put right;
    any other end that the requester did not ask for needs them until they have seen it."""
    known = reasons.WIRE_REASONS.get(reply.reason_code)
    if row.cancel_requested_at or reply.control == "CR":
        _ended(row, reply, Event.CANCELLED, by, attention=still_to_be_seen(row))
    elif known and known.ending is Ending.REJECTED:
        _ended(row, reply, Event.REJECTED, by)
    elif known and known.ending is Ending.DNA:
        _ended(row, reply, Event.DNA, by)
    else:
        _ended(row, reply, Event.CANCELLED, by, attention=Attention.CANCELLED)


def _ended(row: RequestItem, reply: StatusReply, event: Event, by: Acting, **changes: str) -> None:
    if row.status == _SAME_END[event]:
        return
    move(
        row, event, by=by, at=reply.happened_at, reason_code=reply.reason_code[:24],
        reason=reason_words(reply), cancel_requested_at=None, change_sent_at=None, **changes,
    )  # fmt: skip


def still_to_be_seen(row: RequestItem) -> str:
    """Of a cancellation that was asked for: nothing, unless somebody else than the requester asked
    (`merging`) and they have not looked yet (H10)."""
    return Attention.CANCELLED if row.attention == Attention.CANCELLED else ""


def reason_words(reply: StatusReply) -> str:
    """The field's words for the code (an unknown one's own), and what the department typed."""
    known = reasons.WIRE_REASONS.get(reply.reason_code)
    code = known.words if known else reply.reason_text or reply.reason_code
    return ": ".join(dict.fromkeys(filter(None, (code, reply.reason)))) or "No reason given"


def _cancel_refused(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    words = f"{row.department.name} cannot cancel it: {reason_words(reply)}"
    refuse_cancel(row, words, by=by)


def _change_confirmed(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    _numbered(row, reply, by)
    confirm_change(row, answers=reply.answers, by=by)


def _change_refused(row: RequestItem, reply: StatusReply, by: Acting) -> None:
    _numbered(row, reply, by)
    words = f"{row.department.name} cannot change it: {reason_words(reply)}"
    refuse_change(row, words, answers=reply.answers, by=by)


def _exam_changed(
    row: RequestItem, reply: StatusReply, exam: ServiceCode | None, by: Acting
) -> None:
    """XX: they will do another examination. Its code must be one that we know."""
    if row.status in OVER or reply.code == row.code:
        return
    if exam is None:
        raise NotUnderstood("examination (OBR-4)", reply.code)
    name = catalogue.name_with_side(exam.service, exam.side)
    move(
        row, Event.EXAM_CHANGED, by=by, at=reply.happened_at,
        reason=f"{row.service_name} → {name}", service=exam.service, side=exam.side,
        service_name=name, code=exam.code, code_system=exam.system, code_display=exam.display,
        attention=Attention.EXAM_CHANGED,
    )  # fmt: skip


Speak = Callable[[RequestItem, StatusReply, Acting], None]
# HL7 table 0119, ORC-1. HD is an order of ours to hold; from a department it can only mean OH.
SPEAK: dict[str, Speak] = {
    "OK": _accepted, "NA": _numbered, "UA": _refused, "SC": _status, "RE": _started,
    "OC": _cancelled, "OD": _cancelled, "DC": _cancelled, "CR": _cancelled, "UC": _cancel_refused,
    "XR": _change_confirmed, "UX": _change_refused,
    "OH": _put_on_hold, "HR": _put_on_hold, "HD": _put_on_hold,
}  # fmt: skip
# Table 0038, ORC-5.
STEPS: dict[str, Speak] = {
    "SC": _booked, "IP": _started, "A": _started, "CM": _started, "CA": _cancelled,
    "DC": _cancelled, "HD": _put_on_hold,
}  # fmt: skip
# Table 0123, OBR-25, in the words of 0038: where an order message says no ORC-5.
RESULT_STATUSES = {
    "I": "IP", "A": "IP", "P": "IP", "R": "IP", "C": "CM", "F": "CM", "S": "SC", "X": "CA",
}  # fmt: skip
