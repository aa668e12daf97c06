"""The rules of asking that can be broken, each with what a screen needs to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import Http404

if TYPE_CHECKING:
    from .models import Draft, Request


class Refused(Exception):
    """This person may not do this here. `sentence` says why and who can help."""

    def __init__(self, sentence: str, *, rule: str = "") -> None:
        self.sentence = sentence
        self.rule = rule
        super().__init__(sentence)


class NotFound(Http404):
    """There is no such thing, or this person may not know that there is: the two look the same."""


class MoveRefused(Exception):
    """The state table has no such move. Nothing was changed."""

    def __init__(self, status: str, event: str) -> None:
        self.status = status
        self.event = event
        super().__init__(f"A request that is ‘{status}’ cannot be ‘{event}’.")


@dataclass(frozen=True)
class Problem:
    """One thing to put right: the form's field (`chest-xray.reason`), the words beside it, and
    the few words of the line "1 thing missing: reason"."""

    field: str
    sentence: str
    short: str = ""

    @property
    def anchor(self) -> str:
        """The element to go to: `chest-xray-reason`, `chest-xray-q-pregnant`."""
        parts = self.field.split(".")
        return "-".join(parts[:2] if "alert" in parts else parts).replace("_", "-")


class Incomplete(Exception):
    """The request cannot go as it is. Every problem at once, in the order of the page."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(each.field for each in problems))


class StaleDraft(Exception):
    """Somebody saved another version of this draft meanwhile. `draft` is theirs."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        super().__init__("The draft was changed elsewhere.")


class Conflict(Exception):
    """The same form was sent twice with different contents; `request` is what went the first time
    (None when it belongs to somebody else)."""

    def __init__(self, request: Request | None) -> None:
        self.request = request
        super().__init__("This form was already sent with other contents.")


class TooLateToUndo(Exception):
    """The undo time is over: it is on its way. `phone` is the department's."""

    def __init__(self, phone: str = "") -> None:
        self.phone = phone
        super().__init__("It is too late to undo.")


class VettingTaken(Exception):
    """Somebody else is deciding this request."""

    def __init__(self, name: str, since: str) -> None:
        self.name = name
        self.since = since
        super().__init__(f"{name} is looking at this (since {since}).")


class NoCodeFor(Exception):
    """There is no agreed code for this; a message is never sent with a guessed one."""

    def __init__(self, what: str, value: str) -> None:
        self.what = what
        self.value = value
        super().__init__(f"There is no code for the {what} ‘{value}’.")


class NotUnderstood(Exception):
    """A department says what no table of ours has; a person has to read it."""

    def __init__(self, what: str, value: str) -> None:
        self.what = what
        self.value = value
        super().__init__(f"We do not know the {what} ‘{value}’." if value else f"No {what}.")


class NoForm(Exception):
    """No downtime form for this now. `why` is one of down, sent, busy, over, gone, held; `sentence`
    says it, and what happens instead."""

    def __init__(self, why: str, sentence: str) -> None:
        self.why = why
        self.sentence = sentence
        super().__init__(sentence)


class FormMoved(Exception):
    """Somebody has dealt with this form already; `status` is how it stands now."""

    def __init__(self, status: str) -> None:
        self.status = status
        super().__init__("This form was dealt with already.")
