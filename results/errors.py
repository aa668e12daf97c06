"""The rules about results that can be broken. Each error holds data, never a name or a number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.http import Http404


class NotFound(Http404):
    """There is no such report, or this person may not see it: the two look the same."""


class NotAllowed(Exception):
    """This person may not review this report."""


class AlreadyReviewed(Exception):
    """Somebody was faster. `by_name` and `at` are of that review."""

    def __init__(self, by_name: str, at: datetime) -> None:
        self.by_name = by_name
        self.at = at
        super().__init__("Somebody has reviewed this already.")


class ChangedSince(Exception):
    """The report is not what the person read any more: a version arrived meanwhile."""


class NotAnAnswer(Exception):
    """The outcome does not answer this report. `field` of the form, and the words beside it."""

    def __init__(self, field: str, sentence: str) -> None:
        self.field = field
        self.sentence = sentence
        super().__init__(sentence)


class NotFiledTogether(Exception):
    """These reports have to be opened one by one, or changed meanwhile. Nothing was filed."""

    def __init__(self, reports: Sequence[UUID]) -> None:
        self.reports = tuple(reports)
        super().__init__(f"{len(self.reports)} cannot be filed together")
