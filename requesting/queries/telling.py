"""An item in words: its sentence, what needs the requester, and its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Discipline
from nhsuk.formats import cdate_text, cdatetime_text, ctime_text, in_london
from requesting.models import Priority, RequestEvent, RequestItem
from requesting.states import CRITICAL_LIMIT, WAITS, Attention, Event, Owner, Status, Told, sentence


def told(item: RequestItem, *, hours: str = "") -> Told:
    """Everything that the item's sentence may say. Needs `service`, `department`, `request`."""
    scheduled = item.scheduled_at
    limit = WAITS[Status.INFO].limit
    return Told(
        department=item.department.name,
        phone=item.department.phone,
        who=item.status_by,
        when=cdatetime_text(item.status_at, relative=False),
        reason=item.reason.rstrip("."),
        question=item.reason,
        answer_by=cdate_text(item.status_at + limit),
        place=item.scheduled_place or (item.site.name if item.site else ""),
        scheduled=f"{cdate_text(scheduled, day=True)} {ctime_text(scheduled)}" if scheduled else "",
        sends_at=f"{in_london(item.request.release_at):%H:%M:%S}",
        hours=hours,
        form=form_sentence(item),
        usual_days=item.service.usual_days,
        is_laboratory=item.service.discipline == Discipline.PATHOLOGY,
    )


def next_sentence(item: RequestItem, *, hours: str = "") -> str:
    """What stands beside the tag: what happens next, and whether somebody has to ask."""
    words = sentence(Status(item.status), told(item, hours=hours))
    return " ".join(part for part in (_attention(item), words, _overdue(item)) if part)


def form_sentence(item: RequestItem) -> str:
    """Where its downtime form is; nothing where it has none."""
    due, place = item.downtime_due_at, item.department
    if due is None:
        return ""
    if item.downtime_how == "failed":
        ring = f", or ring {place.phone}" if place.phone else ""
        return f"The e-mail to {place.name} did not arrive. Print the downtime form{ring}."
    sent = "E-mailed" if item.downtime_how == "emailed" else "On paper"
    by = cdatetime_text(due, relative=False)
    return f"{sent} to {place.name} as a downtime form. They key it in by {by}."


def department_sentence(item: RequestItem) -> str:
    """The same for a reader in the department: whose move it is."""
    wait = WAITS.get(Status(item.status))
    since = cdatetime_text(item.status_at, relative=False)
    if item.cancel_requested_at:
        asked = cdatetime_text(item.cancel_requested_at, relative=False)
        return f"The requester asked on {asked} to cancel it. Answer from your own system."
    if item.held_since:
        return _on_hold(item)
    if item.status == Status.REPORTED:
        return f"Reported. To be reviewed by {item.organisation.name}."
    if item.status == Status.QUEUED and item.downtime_due_at:
        by = cdatetime_text(item.downtime_due_at, relative=False)
        return f"On a downtime form. Key it in by {by}."
    if wait is None or item.status in (Status.BOOKED, Status.COLLECTED):
        return sentence(Status(item.status), told(item))
    return {
        Owner.REQUESTER: f"With the requester since {since}. {item.reason}".strip(),
        Owner.DEPARTMENT: f"With you since {since}.",
        Owner.PATIENT: f"Waiting for the patient since {since}.",
        Owner.OPERATORS: "On its way to your system.",
    }[wait.owner]


def _attention(item: RequestItem) -> str:
    department = item.department
    if item.attention == Attention.EXAM_CHANGED:
        return f"{department.name} changed it to {item.service_name}."
    if item.attention == Attention.CANCEL_REFUSED:
        return f"{department.name} did not cancel it. Ring {department.phone}."
    if item.attention == Attention.CHANGE_REFUSED:
        return f"{department.name} did not change it: it is as it was. Ring {department.phone}."
    if item.cancel_requested_at:
        asked = cdatetime_text(item.cancel_requested_at, relative=False)
        return f"Cancel asked {asked}. Ring {department.phone} too: it is not cancelled yet."
    if item.change_sent_at:
        return f"Your change follows it. {department.name} has not taken the change yet."
    return _on_hold(item)


def _on_hold(item: RequestItem) -> str:
    if item.held_since is None:
        return ""
    since = cdatetime_text(item.held_since, relative=False)
    return f"On hold at {item.department.name} since {since}: {item.held_for.rstrip('.')}."


def _overdue(item: RequestItem) -> str:
    """After its limit an item that others should have moved comes to the requester."""
    wait = WAITS.get(Status(item.status))
    if wait is None or wait.at_once or item.attention:
        return ""
    if item.status == Status.REPORTED and is_critical(item) and not is_overdue(item):
        return "It is critical: review it now."
    if not is_overdue(item):
        return ""
    if item.status == Status.REPORTED:
        return "Not reviewed in time."
    return f"Nothing heard for {days_waiting(item)} days. Ring {item.department.phone}."


def is_critical(item: RequestItem) -> bool:
    return item.significance == "critical"


def is_overdue(item: RequestItem, now: datetime | None = None) -> bool:
    """Longer in its status than the table allows."""
    wait = WAITS.get(Status(item.status))
    if wait is None:
        return False
    due = item.status_at + wait.limit if wait.at_once else item.due_at
    if item.status == Status.REPORTED and is_critical(item):  # needs them at once, late after 2 h
        due = item.status_at + CRITICAL_LIMIT
    return due is not None and due <= (now or timezone.now())


def days_waiting(item: RequestItem, now: datetime | None = None) -> int:
    return max(((now or timezone.now()) - item.status_at) // timedelta(days=1), 0)


# --- History -------------------------------------------------------------------------------------

TITLES: dict[str, str] = {
    Event.SUBMITTED: "Requested",
    Event.UNDONE: "Undone before it was sent",
    Event.RELEASED: "Sent",
    Event.TO_VETTING: "Sent for vetting",
    Event.STOPPED: "Not sent",
    Event.LINK_FAILED: "Waiting: the link is down",
    Event.FORM_SENT: "Downtime form",
    Event.FORM_RETURNED: "The form’s e-mail did not arrive",
    Event.FORM_LET_GO: "Back in the queue: it sends by itself",
    Event.KEYED_IN: "Keyed in by the department",
    Event.DELIVERED: "Received by the department",
    Event.DELIVERY_REFUSED: "Refused by the department’s system",
    Event.ACCEPTED: "Accepted",
    Event.READY: "Accepted: patient can walk in",
    Event.ASKED: "More information asked for",
    Event.ANSWERED: "Question answered",
    Event.REJECTED: "Rejected",
    Event.EXAM_CHANGED: "Examination changed",
    Event.VET_UNDONE: "Decision taken back",
    Event.BOOKED: "Booked",
    Event.DNA: "Did not attend",
    Event.COLLECTED: "Sample collected",
    Event.STARTED: "In progress",
    Event.AMENDED: "Changed by the requester",
    Event.CHANGE_CONFIRMED: "Change confirmed",
    Event.CHANGE_REFUSED: "Could not be changed",
    Event.PUT_ON_HOLD: "On hold",
    Event.HOLD_ENDED: "No longer on hold",
    Event.CANCEL_ASKED: "Asked to cancel",
    Event.CANCEL_REFUSED: "Could not be cancelled",
    Event.CANCELLED: "Cancelled",
    Event.CLOSED: "Closed",
    Event.REPLACED: "Replaced by a new request",
    Event.SEEN: "Change read",
    Event.REPORTED: "Reported",
    Event.REVIEWED: "Reviewed",
}


@dataclass(frozen=True)
class Change:
    """What one part of a request said before it was changed, and what it says since."""

    part: str
    before: str
    after: str


@dataclass(frozen=True)
class HistoryLine:
    """One move. `place` is the code of the organisation that the person acted for."""

    title: str
    by: str
    role: str
    place: str
    at: datetime
    reason: str
    changes: tuple[Change, ...] = ()  # of an amendment


def history(item: RequestItem) -> list[HistoryLine]:
    """Every move of the item, the newest first."""
    events = item.events.select_related("amendment").order_by("-id")
    return [_line(event) for event in events]


def _line(event: RequestEvent) -> HistoryLine:
    amendment = getattr(event, "amendment", None)
    return HistoryLine(
        title=TITLES[event.event],
        by=event.by_name,
        role=event.by_role,
        place=event.organisation_code,
        at=event.at,
        reason=event.reason,
        changes=changes_of(amendment.before, amendment.after) if amendment else (),
    )


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The parts that differ, in words; both as `services.amending` keeps them."""
    old, new = _parts(before), _parts(after)
    return tuple(
        Change(part, old.get(part, "Nothing"), new.get(part, "Nothing"))
        for part in dict.fromkeys([*old, *new])
        if old.get(part) != new.get(part)
    )


def _parts(kept: Mapping[str, Any]) -> dict[str, str]:
    parts = {
        "Priority": str(Priority(kept["priority"]).label),
        "Reasons": "; ".join(each["text"] for each in kept["reasons"]) or "None",
        "Clinical details": kept["clinical_details"] or "None given",
    }
    return parts | {each["question_text"]: each["label"] for each in kept["answers"]}
