"""How far a practice form has got: statuses, events, the table that joins them, who waits.

Plain Python. A practice form is no downtime form: it stands for no request, holds no message and
has no clock but its drill's. `requesting.services.drilling` alone moves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from .states import Owner


class PracticeStatus(StrEnum):
    """Of a practice form."""

    MADE = "made"
    EMAILED = "emailed"
    PRINTED = "printed"
    KEYED_IN = "keyed_in"
    LEFT_OVER = "left_over"  # nobody had keyed it in when the drill was over


class PracticeEvent(StrEnum):
    """What can happen to it. The past tense of the verb that a person would use."""

    MADE = "made"
    EMAILED = "emailed"
    PRINTED = "printed"
    MAIL_SENT = "mail_sent"
    MAIL_FAILED = "mail_failed"
    KEYED_IN = "keyed_in"
    DRILL_OVER = "drill_over"


S, E = PracticeStatus, PracticeEvent
OUT = (S.EMAILED, S.PRINTED)
OPEN = (S.MADE, *OUT)

TRANSITIONS: dict[tuple[PracticeStatus, PracticeEvent], PracticeStatus] = {
    (S.MADE, E.EMAILED): S.EMAILED,
    (S.MADE, E.PRINTED): S.PRINTED,
    (S.EMAILED, E.PRINTED): S.PRINTED,  # as well
    **{(status, event): status for status in OUT for event in (E.MAIL_SENT, E.MAIL_FAILED)},
    # The mail's fate is worth knowing after the rest is over.
    **{
        (status, event): status
        for status in (S.KEYED_IN, S.LEFT_OVER)
        for event in (E.MAIL_SENT, E.MAIL_FAILED)
    },
    **{(status, E.KEYED_IN): S.KEYED_IN for status in OUT},
    **{(status, E.DRILL_OVER): S.LEFT_OVER for status in OPEN},
}


@dataclass(frozen=True)
class Wait:
    """A status that is not the end: whose it is, for how long, and which list shows it."""

    owner: Owner
    limit: timedelta  # the drill's end is before it
    list_name: str  # URL name


WAITS: dict[PracticeStatus, Wait] = {
    S.MADE: Wait(Owner.REQUESTER, timedelta(hours=8), "requesting:drills"),
    S.EMAILED: Wait(Owner.DEPARTMENT, timedelta(hours=8), "requesting:drills"),
    S.PRINTED: Wait(Owner.DEPARTMENT, timedelta(hours=8), "requesting:drills"),
}

STATUS_WORDS: dict[str, str] = {
    S.MADE: "Made, not sent",
    S.EMAILED: "By e-mail",
    S.PRINTED: "On paper",
    S.KEYED_IN: "Keyed in",
    S.LEFT_OVER: "Not keyed in",
}
EVENT_WORDS: dict[str, str] = {
    E.MADE: "Made",
    E.EMAILED: "E-mailed",
    E.PRINTED: "Printed",
    E.MAIL_SENT: "The mail server took it",
    E.MAIL_FAILED: "The e-mail did not arrive",
    E.KEYED_IN: "Keyed in",
    E.DRILL_OVER: "Not keyed in when the drill was over",
}


def after_practice(status: str, event: PracticeEvent) -> PracticeStatus | None:
    """The status after the event; None where the table has no such move."""
    return TRANSITIONS.get((PracticeStatus(status), event))


# --- Whom and what is practised with -------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """An invented patient and a test. There is no NHS number, so that nobody can key it in."""

    slug: str
    patient: str
    born: str
    test: str
    details: str
    modality: str  # "" for the laboratory
    is_urgent: bool = False


CASES: tuple[Case, ...] = (
    Case("bloods", "DRILL, Practise Alder", "01-Jan-1970", "DRILL: full blood count",
         "DRILL: tired for six weeks", ""),
    Case("bloods-urgent", "DRILL, Practise Birch", "02-Feb-1948", "DRILL: potassium",
         "DRILL: weak since yesterday, takes a diuretic", "", is_urgent=True),
    Case("chest", "DRILL, Practise Cedar", "03-Mar-1956", "DRILL: X-ray of the chest",
         "DRILL: cough for five weeks", "XR"),
    Case("chest-urgent", "DRILL, Practise Damson", "04-Apr-1939", "DRILL: X-ray of the chest",
         "DRILL: coughs blood", "XR", is_urgent=True),
    Case("abdomen", "DRILL, Practise Elder", "05-May-1981", "DRILL: ultrasound of the abdomen",
         "DRILL: pain under the right ribs", "US"),
)  # fmt: skip


def case_of(slug: str) -> Case | None:
    return next((case for case in CASES if case.slug == slug), None)
