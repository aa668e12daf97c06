"""Every word that appears in a tag: one table a kind, code to label, colour and lane.

Rendered by `templates/nhsuk/tag.html` and nowhere else. Plain Python; any room may enter.
Colours are the design system's tint classes, so the contrast is theirs (tested with ours).
"""

from dataclasses import dataclass
from enum import StrEnum


class Lane(StrEnum):
    """Whose move it is, as the tracker groups requests."""

    YOU = "you"
    WAITING = "waiting"
    PATIENT = "patient"
    DONE = "done"


@dataclass(frozen=True)
class Tag:
    """A label, the tint it wears, whose move it is, and the sentence that says what is next.

    `colour` is empty for a tag without tint. `next` has places to fill by name.
    """

    label: str
    colour: str = ""
    lane: Lane | None = None
    next: str = ""

    @property
    def classes(self) -> str:
        """The design system's class: `nhsuk-tag--aqua-green`."""
        return f"nhsuk-tag--{self.colour or 'no-colour'}"


ORDER_STATUSES: dict[str, Tag] = {
    "draft": Tag("Draft", "grey", Lane.YOU, "Not sent. Saved {time}."),
    "held": Tag("Sending", "yellow", Lane.YOU, "Sends at {time}. Undo or change it now."),
    "queued": Tag(
        "Queued", "orange", Lane.WAITING,
        "The link to {department} is down. It will send by itself. Nothing to do.",
    ),
    "sent": Tag("Sent", "blue", Lane.WAITING, "Waiting for {department} to receive it."),
    "received": Tag(
        "Received", "blue", Lane.WAITING, "{department} has it. To change it, ring {phone}."
    ),
    "vetting": Tag(
        "Awaiting vetting", "purple", Lane.WAITING, "Usually decided in {days} days."
    ),
    "info": Tag(
        "More information needed", "orange", Lane.YOU,
        "{name} asked: “{question}” Answer by {date}.",
    ),
    "rejected": Tag(
        "Rejected", "red", Lane.YOU, "Reason: {reason}. Fix and send again, or close."
    ),
    "accepted": Tag("Accepted", "aqua-green", Lane.WAITING, "Being booked."),
    "walkin": Tag(
        "Walk-in ready", "aqua-green", Lane.PATIENT, "Patient can go to any site. {hours}"
    ),
    "booked": Tag("Booked", "blue", Lane.PATIENT, "{site}, {date} {time}."),
    "dna": Tag("Did not attend", "orange", Lane.YOU, "Missed {date}. Rebook or cancel."),
    "collected": Tag("Sample collected", "blue", Lane.WAITING, "Taken {date} {time} by {name}."),
    "progress": Tag("In progress", "purple", Lane.WAITING, "Scanned, or in the laboratory."),
    "reported": Tag("Reported", "green", Lane.YOU, "Review the result."),
    "reviewed": Tag("Reviewed", "white", Lane.DONE, "Reviewed by {name} {date}."),
    "cancelled": Tag("Cancelled", "grey", Lane.DONE, "Cancelled by {name}: {reason}."),
}  # fmt: skip

PRIORITIES: dict[str, Tag | None] = {
    "routine": None,
    "soon": Tag("Soon", "orange"),
    "urgent": Tag("Urgent", "red"),
    "2ww": Tag("2WW", "red"),
}

# A normal result wears no tag. Beside a number the macro adds an arrow: never colour alone.
RESULT_FLAGS: dict[str, Tag | None] = {
    "normal": None,
    "abnormal": Tag("Abnormal", "yellow"),
    "unexpected": Tag("Unexpected", "orange"),
    "critical": Tag("Critical", "red"),
    "unclassified": Tag("No flag", "grey"),
}

# Of a report: how final it is, and what its reader has to know of it.
REPORT_STATES: dict[str, Tag] = {
    "preliminary": Tag("Preliminary", "purple"),
    "amended": Tag("Amended", "orange"),
    "withdrawn": Tag("Withdrawn", "grey"),
    "conflict": Tag("Two versions differ", "red"),
    "was_worse": Tag("Changed", "orange"),
    "overdue": Tag("Overdue", "red"),
    "copy": Tag("Copy to you", "blue"),
    "unread": Tag("To review", "green"),
    "reviewed": Tag("Reviewed", "white"),
}

ENTITLEMENTS: dict[str, Tag] = {
    "active": Tag("Active", "green"),
    "soon": Tag("Expires soon", "orange"),
    "expired": Tag("Expired", "red"),
    "suspended": Tag("Suspended", "grey"),
    "future": Tag("Not started", "grey"),
}

# Of a service or a link, on the strip and on "All services".
SERVICE_STATES: dict[str, Tag] = {
    "working": Tag("Working", "green"),
    "waiting": Tag("Waiting", "yellow"),
    "suspect": Tag("Being watched", "orange"),
    "recovering": Tag("Working again", "blue"),
    "failing": Tag("Not working", "red"),
    "off": Tag("Switched off", "grey"),
}

# Of two records, or of two lists, side by side.
COMPARED: dict[str, Tag] = {
    "different": Tag("Different", "orange"),
    "twice": Tag("Asked twice", "orange"),
}

# Of a message in or out (messaging.states), on the operators' queue.
MESSAGE_STATES: dict[str, Tag] = {
    "received": Tag("Received", "blue"),
    "processed": Tag("Processed", "green"),
    "parked": Tag("Needs a person", "red"),
    "repeat": Tag("Sent twice", "grey"),
    "refused": Tag("Refused", "orange"),
    "waiting": Tag("Waiting", "yellow"),
    "sending": Tag("Sending", "blue"),
    "held": Tag("Held back", "orange"),
    "taken": Tag("Answer awaited", "blue"),
    "acknowledged": Tag("Delivered", "green"),
    "dead": Tag("Stopped trying", "red"),
    "handled": Tag("Handled by a person", "white"),
    "replaced": Tag("Replaced", "grey"),
}

# Of a mail (messaging.mail_states), on the mail page.
MAIL_STATES: dict[str, Tag] = {
    "waiting": Tag("Waiting", "yellow"),
    "sending": Tag("Sending", "blue"),
    "sent": Tag("Sent", "green"),
    "bounced": Tag("Came back", "red"),
    "refused": Tag("Refused", "red"),
    "failed": Tag("Stopped trying", "red"),
    "handled": Tag("Handled by a person", "white"),
    "withdrawn": Tag("Taken back", "grey"),
    "unknown": Tag("Needs a person", "red"),
    "matched": Tag("Found its mail", "white"),
    "noted": Tag("Noted", "grey"),
}

# Of a merge of two records (patients.states), on the operators' list.
MERGE_STATES: dict[str, Tag] = {
    "held": Tag("Needs a person", "red"),
    "applied": Tag("Merged", "green"),
    "refused": Tag("Refused", "grey"),
    "undone": Tag("Undone", "orange"),
}

# Of a ticket of the image exchange (iep.states.tickets); the sentence beside it is of
# iep.queries.ticketing.tickets.
TICKET_STATES: dict[str, Tag] = {
    "new": Tag("New", "white"),
    "awaiting_details": Tag("Awaiting details", "orange"),
    "accepted": Tag("Accepted", "aqua-green"),
    "with_other": Tag("In progress", "blue"),
    "arrived": Tag("Arrived", "purple"),
    "done": Tag("Done", "green"),
    "cancelled": Tag("Cancelled", "red"),
    "closed": Tag("Closed", "grey"),
}

# Of a line of a checklist.
CHECKLIST: dict[str, Tag] = {
    "done": Tag("Done", "green"),
    "to_do": Tag("To do", "white"),
}

# Of a transaction of the image exchange (iep.states.transactions), in the portal's own words; the
# sentence beside it is of iep.queries.exchange.sentences. "stalled" is a transfer's.
EXCHANGE_STATES: dict[str, Tag] = {
    "new": Tag("New", "white"),
    "awaiting_details": Tag("Awaiting details", "orange"),
    "accepted": Tag("Accepted", "aqua-green"),
    "started": Tag("Started", "blue"),
    "uploading": Tag("Uploading", "blue"),
    "on_iep": Tag("On IEP", "purple"),
    "download_request": Tag("Download request", "yellow"),
    "downloading": Tag("Downloading", "blue"),
    "delivered": Tag("Delivered", "green"),
    "fixed_up": Tag("Fixed up", "green"),
    "failed": Tag("Failed", "red"),
    "decline": Tag("Decline", "red"),
    "purged": Tag("Purged", "grey"),
    "stalled": Tag("Stalled", "orange"),
    "cancelled": Tag("Cancelled", "grey"),
}

# Of a study that came, and of a disc (iep.states.studies, iep.states.discs).
STUDY_STATES: dict[str, Tag] = {
    "arriving": Tag("Arriving", "blue"),
    "stopped": Tag("Stopped", "red"),
    "failed_verification": Tag("Failed verification", "orange"),
    "matched": Tag("Matched", "aqua-green"),
    "filed": Tag("Filed", "green"),
    "taken_out": Tag("Not in PACS", "red"),
    "outgoing": Tag("To be sent", "purple"),
    "discarded": Tag("Discarded", "grey"),
}
DISC_STATES: dict[str, Tag] = {
    "expected": Tag("Expected", "white"),
    "in_box": Tag("In the box", "blue"),
    "left": Tag("Left in the box", "orange"),
    "collected": Tag("Collected", "aqua-green"),
    "reading": Tag("Being read", "blue"),
    "stopped": Tag("Stopped", "red"),
    "read": Tag("Read in", "green"),
    "unreadable": Tag("Cannot be read", "red"),
    "returned": Tag("Handed back", "grey"),
    "cancelled": Tag("Cancelled", "grey"),
}

# Of images whose examination the RIS does not have (hazard H46).
IMAGES: dict[str, Tag] = {"unverified": Tag("UNVERIFIED", "red")}

VOCABULARY: dict[str, dict[str, Tag] | dict[str, Tag | None]] = {
    "order": ORDER_STATUSES,
    "priority": PRIORITIES,
    "flag": RESULT_FLAGS,
    "report": REPORT_STATES,
    "entitlement": ENTITLEMENTS,
    "service": SERVICE_STATES,
    "message": MESSAGE_STATES,
    "mail": MAIL_STATES,
    "merge": MERGE_STATES,
    "compared": COMPARED,
    "exchange": EXCHANGE_STATES,
    "ticket": TICKET_STATES,
    "study": STUDY_STATES,
    "disc": DISC_STATES,
    "step": CHECKLIST,
    "images": IMAGES,
}


def tag(kind: str, code: str) -> Tag | None:
    """The tag of a code; None where the plain state wears none (routine, normal).

    A code that is not in the table is a fault of ours and raises KeyError: a status that no
    screen can show must not exist.
    """
    return VOCABULARY[kind][code]
