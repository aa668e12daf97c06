"""How final a report is, how much it matters, which list it is on, and who has read it.

Plain Python; any room may enter. Nothing here depends on the order in which things arrive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol

# --- How final: HL7 tables 0123 (OBR-25) and 0085 (OBX-11) ---------------------------------------


class Rank(IntEnum):
    """The lattice of a report's versions: a higher one is never replaced by a lower one."""

    PRELIMINARY = 1
    FINAL = 2
    CORRECTED = 3
    WITHDRAWN = 4


# What a report as a whole may be. Whatever is not here (Y and Z are for queries) is parked.
RANKS: dict[str, Rank] = {
    "O": Rank.PRELIMINARY,  # order received, no specimen yet
    "I": Rank.PRELIMINARY,  # specimen in the laboratory, incomplete
    "S": Rank.PRELIMINARY,  # scheduled
    "A": Rank.PRELIMINARY,  # some results
    "R": Rank.PRELIMINARY,  # stored, not yet verified
    "P": Rank.PRELIMINARY,
    "F": Rank.FINAL,
    "U": Rank.FINAL,  # turned final without being sent again
    "C": Rank.CORRECTED,
    "W": Rank.WITHDRAWN,  # was sent in error, for another patient say
    "D": Rank.WITHDRAWN,  # deleted
    "X": Rank.WITHDRAWN,  # no result can be had: cancelled
}

# Without a value these say how far the work is: news of the request, not a report. The first three
# say so even with a comment.
NOT_BEGUN = frozenset({"O", "I", "S"})
STATUS_ONLY = frozenset({*NOT_BEGUN, "A", "P", "R"})
OTHER_PATIENT = "W"  # table 0123 and 0085: "post original as wrong"
CANCELLED = "X"

RANK_WORDS: dict[Rank, str] = {
    Rank.PRELIMINARY: "Preliminary",
    Rank.FINAL: "Final",
    Rank.CORRECTED: "Amended",
    Rank.WITHDRAWN: "Withdrawn",
}

# Beside one value, where it is not simply final.
VALUE_STATUS_WORDS: dict[str, str] = {
    "P": "Preliminary",
    "R": "Not yet verified",
    "S": "Part of the result",
    "I": "In the laboratory",
    "O": "Not measured",
    "N": "Not asked for",
    "C": "Corrected",
    "D": "Deleted by the laboratory",
    "W": "Withdrawn: it was another patient’s",
    "X": "Could not be measured",
}
_PLAIN_VALUE_STATUSES = frozenset({"", "F", "U"})
_TAKEN_BACK = frozenset({"C", "D", "W"})
STRUCK = frozenset({"D", OTHER_PATIENT})  # was a value, and is none any more
WITHOUT_VALUE = frozenset({"D", "W", "X", "N", "O", "I"})


class UnknownStatus(Exception):
    """The sender says of the report something that no table of HL7 has."""


def overall_status(report: str, values: Iterable[str]) -> str:
    """The status of a report: its own (OBR-25), or what its values (OBX-11) say where it has none.

    A "final" report with a corrected or deleted value in it is a corrected one: laboratories send
    both. Raises UnknownStatus rather than choose.
    """
    said = set(values)
    if not report:
        report = _from_values(said)
    if report not in RANKS:
        raise UnknownStatus
    if said == {OTHER_PATIENT}:
        return OTHER_PATIENT  # whatever it says of the whole, nothing in it is this patient's
    return "C" if RANKS[report] is Rank.FINAL and said & _TAKEN_BACK else report


def _from_values(said: set[str]) -> str:
    if not said or not said <= set(RANKS) | {"N"}:
        raise UnknownStatus
    if said <= {"X", "N"}:
        return "X"
    if said & _TAKEN_BACK:
        return "C"
    return "F" if said <= {"F", "U", "X", "N"} else "P"


def value_status_words(status: str) -> str:
    """What to say of one value; nothing of a final one. An unknown code is shown as it is."""
    if status in _PLAIN_VALUE_STATUSES:
        return ""
    return VALUE_STATUS_WORDS.get(status, f"Status ‘{status}’, not known here")


# --- How much it matters -------------------------------------------------------------------------


class Significance(StrEnum):
    """Of a report and of one value. `UNCLASSIFIED`: the sender gave nothing to judge it by."""

    CRITICAL = "critical"
    UNEXPECTED = "unexpected"
    ABNORMAL = "abnormal"
    UNCLASSIFIED = "unclassified"
    NORMAL = "normal"


_BY_WEIGHT = tuple(Significance)  # the worst first


def worst(levels: Iterable[str]) -> Significance:
    """The heaviest of them; unclassified where there is none. Normal only when every one is."""
    found = {Significance(level) for level in levels}
    return next((each for each in _BY_WEIGHT if each in found), Significance.UNCLASSIFIED)


def weighs_more(left: str, right: str) -> bool:
    return _BY_WEIGHT.index(Significance(left)) < _BY_WEIGHT.index(Significance(right))


# --- Which version people read -------------------------------------------------------------------


class Issue(Protocol):
    """What tells one version of a report from another."""

    @property
    def result_status(self) -> str: ...
    @property
    def issued_at(self) -> datetime: ...
    @property
    def sent_at(self) -> datetime: ...
    @property
    def content_sha256(self) -> str: ...


class Version(Issue, Protocol):
    """What the choice of the current version needs to know of each."""

    @property
    def significance(self) -> str: ...


def standing(version: Version) -> tuple[Rank, datetime, datetime, str, str]:
    """The place of a version in its report: rank, then issue, then sending, then its content.

    The last ones only part versions that claim the same instant, so that the answer is the same
    whichever of them arrived first.
    """
    rank, code = RANKS[version.result_status], version.result_status
    return rank, version.issued_at, version.sent_at, version.content_sha256, code


def is_copy_of(new: Issue, kept: Issue) -> bool:
    """Whether the new one says nothing that is not kept: the same issue, sent again later.

    An earlier sending of it counts as new: of the copies it is the first that has a standing.
    """
    same = _issue(new) == _issue(kept)
    return same and new.sent_at >= kept.sent_at


def _issue(version: Issue) -> tuple[str, datetime, str]:
    return version.result_status, version.issued_at, version.content_sha256


@dataclass(frozen=True)
class View:
    """What a set of versions amounts to. The same set gives the same view, in any order."""

    current: Version
    significance: Significance
    is_amended: bool  # a reader of an earlier version would have read something else
    is_conflicting: bool  # the sender broke the rule that a final report changes only by C
    was_worse: bool  # an earlier version weighed more than what is read now


def view_of(versions: Iterable[Version]) -> View:
    """The version that people read, and what the others do to it. At least one is needed."""
    latest_first = sorted(versions, key=lambda each: each.sent_at, reverse=True)
    ordered = sorted({_issue(each): each for each in latest_first}.values(), key=standing)
    current = ordered[-1]
    rank = RANKS[current.result_status]
    contrary = [each for each in ordered[:-1] if _contradicts(each, current)]
    others = ordered[:-1] if rank is Rank.WITHDRAWN else contrary
    weights = [current.significance, *(each.significance for each in others)]
    takes_back = rank is Rank.WITHDRAWN and any(_says_something(each) for each in ordered[:-1])
    if takes_back:
        weights.append(Significance.UNEXPECTED)
    significance = worst(weights)
    return View(
        current=current,
        significance=significance,
        is_amended=rank is Rank.CORRECTED or takes_back or bool(contrary),
        is_conflicting=bool(contrary),
        was_worse=any(weighs_more(each.significance, significance) for each in ordered[:-1]),
    )


def _contradicts(other: Version, current: Version) -> bool:
    """Another content with no right to differ: a second final one, or one issued after the current.

    HL7 v2.4 table 0123: a final result "can only be changed with a corrected result".
    """
    if other.content_sha256 == current.content_sha256:
        return False
    both_final = {RANKS[other.result_status], RANKS[current.result_status]} == {Rank.FINAL}
    return both_final or other.issued_at > current.issued_at


def _says_something(version: Version) -> bool:
    return RANKS[version.result_status] is not Rank.WITHDRAWN


# --- Who has read it -----------------------------------------------------------------------------


class Filing(StrEnum):
    """Of a report. Unread is on a list until a person says what they did."""

    UNREAD = "unread"
    REVIEWED = "reviewed"


class Event(StrEnum):
    """What can happen to a report, in the past tense."""

    FILED = "filed"  # the first version
    CHANGED = "changed"  # what people read now is not what it was
    CONTRADICTED = "contradicted"  # a version arrived that has no right to differ
    OLDER = "older"  # a version arrived that is older than what people read: kept
    RESENT = "resent"  # the same again: no new work for anybody
    ESCALATED = "escalated"
    REVIEWED = "reviewed"


MOVES: dict[tuple[Filing, Event], Filing] = {
    (Filing.UNREAD, Event.FILED): Filing.UNREAD,
    (Filing.UNREAD, Event.CHANGED): Filing.UNREAD,
    (Filing.UNREAD, Event.CONTRADICTED): Filing.UNREAD,
    (Filing.UNREAD, Event.OLDER): Filing.UNREAD,
    (Filing.UNREAD, Event.RESENT): Filing.UNREAD,
    (Filing.UNREAD, Event.ESCALATED): Filing.UNREAD,
    (Filing.UNREAD, Event.REVIEWED): Filing.REVIEWED,
    (Filing.REVIEWED, Event.CHANGED): Filing.UNREAD,
    (Filing.REVIEWED, Event.CONTRADICTED): Filing.UNREAD,
    (Filing.REVIEWED, Event.OLDER): Filing.REVIEWED,
    (Filing.REVIEWED, Event.RESENT): Filing.REVIEWED,
}

EVENT_WORDS: dict[Event, str] = {
    Event.FILED: "Report arrived",
    Event.CHANGED: "A new version arrived",
    Event.CONTRADICTED: "A version arrived that contradicts another",
    Event.OLDER: "An older version arrived and was kept",
    Event.RESENT: "The same report was sent again",
    Event.ESCALATED: "Passed on because nobody had reviewed it",
    Event.REVIEWED: "Reviewed",
}


class NoSuchMove(Exception):
    """The event does not apply in that state. Nothing was changed."""

    def __init__(self, state: str, event: str) -> None:
        self.state = state
        self.event = event
        super().__init__(f"A report that is {state} cannot be {event}.")


def after(state: str, event: Event) -> Filing:
    """The state after the event. Raises NoSuchMove."""
    try:
        return MOVES[Filing(state), event]
    except KeyError:
        raise NoSuchMove(state, event) from None


class Outcome(StrEnum):
    """What the person who read it did."""

    NORMAL = "normal"
    TELL = "tell_patient"
    REPEAT = "repeat"
    REFER = "refer"
    DISCUSS = "discuss"
    OTHER = "other"


OUTCOME_WORDS: dict[Outcome, str] = {
    Outcome.NORMAL: "Normal, no action",
    Outcome.TELL: "Tell the patient",
    Outcome.REPEAT: "Repeat the test",
    Outcome.REFER: "Refer",
    Outcome.DISCUSS: "Discuss with the patient or a colleague",
    Outcome.OTHER: "Something else",
}
NEEDS_WORDS = frozenset({Outcome.OTHER})
LEAST_WORDS = 10  # characters, for what is said in words alone


def may_be(outcome: Outcome, significance: str) -> bool:
    """Whether it is an answer at all: "normal" is none to a critical or an unexpected result."""
    grave = significance in (Significance.CRITICAL, Significance.UNEXPECTED)
    return not (grave and outcome is Outcome.NORMAL)


# --- The lists -----------------------------------------------------------------------------------


class Group(IntEnum):
    """The parts of the results list, in the order of the page."""

    CRITICAL = 1
    UNEXPECTED = 2
    ABNORMAL = 3  # and unclassified: read as if abnormal
    NORMAL = 4
    AMENDED = 5
    INFORMATION = 6  # preliminary or cancelled, with nothing in it that worries


GROUP_WORDS: dict[Group, str] = {
    Group.CRITICAL: "Critical",
    Group.UNEXPECTED: "Unexpected",
    Group.ABNORMAL: "Abnormal",
    Group.NORMAL: "Normal",
    Group.AMENDED: "Amended",
    Group.INFORMATION: "For information",
}
_GROUP_OF = {
    Significance.CRITICAL: Group.CRITICAL,
    Significance.UNEXPECTED: Group.UNEXPECTED,
    Significance.ABNORMAL: Group.ABNORMAL,
}


def group_of(view: View) -> Group:
    """Where a report is listed. What matters goes by how much; the rest by what kind it is."""
    if view.significance in _GROUP_OF:
        return _GROUP_OF[view.significance]
    rank = RANKS[view.current.result_status]
    if rank is Rank.WITHDRAWN:
        return Group.INFORMATION
    if view.significance is Significance.UNCLASSIFIED:
        return Group.ABNORMAL
    if view.is_amended or view.was_worse:
        return Group.AMENDED
    return Group.INFORMATION if rank is Rank.PRELIMINARY else Group.NORMAL


IMAGING = "radiology"  # accounts.models.Discipline


def may_be_filed_together(group: int, discipline: str) -> bool:
    """Only normal, final, never-amended laboratory reports; imaging is always opened (H32)."""
    return group == Group.NORMAL and discipline != IMAGING
