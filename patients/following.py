"""What follows a patient when two records become one: the rooms above say so here.

A request, a draft, a report belong to rooms that this one may not know. Each gives a Follower,
named in settings.MERGE_FOLLOWERS, and this room asks them all, in the order of that list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.models import Organisation
from accounts.policies import Acting

from .models import Patient

Held = Mapping[str, Sequence[str]]  # kind of row → the keys of those that a record has


@dataclass(frozen=True)
class AskedTest:
    """One test that was asked, as the page of a merge shows it. `exam`: what it duplicates."""

    key: str
    request: str
    name: str
    asked_by: str
    department: str
    phone: str
    asked_at: datetime
    status: str  # requesting.states.Status
    exam: str
    is_open: bool
    may_cancel: bool


class Follower:
    """What a room above does when records are merged. Each default is "nothing of ours"."""

    def lock(self, patients: Iterable[UUID]) -> None:
        """Keep others from adding rows for these patients until the transaction ends."""

    def holdings(self, patient: Patient) -> Held:
        """The rows that are this record's now. Kinds are the room's own words."""
        return {}

    def move(self, held: Held, *, to: Patient) -> None:
        """Put these rows, and whatever hangs on them, on this record."""

    def tests(self, patient: Patient) -> Sequence[AskedTest]:
        """What was asked for this record, newest first."""
        return ()

    def cancel(self, test: str, *, reason: str, by: Acting) -> None:
        """Cancel one of `tests`; raises patients.errors.NotCancelled with the reason in words."""

    def answered_since(self, requests: Collection[str], at: datetime) -> frozenset[str]:
        """Those of the requests to which something came back after `at`."""
        return frozenset()

    def others(
        self, patient: Patient, known: frozenset[str]
    ) -> Sequence[tuple[str, str, datetime | None]]:
        """Rows of the record that are not of a request and not `known`: key, words, when."""
        return ()

    def reasons_to_see(self, patient: Patient) -> Sequence[tuple[Organisation, str]]:
        """The organisations that may see the record, each with a RelationshipKind."""
        return ()


def keys_in(held: Held, kind: str) -> list[UUID]:
    """The keys of a kind whose rows are named by UUID; none where there are none."""
    return [UUID(key) for key in held.get(kind, ())]


def followers() -> list[Follower]:
    return [import_string(path) for path in settings.MERGE_FOLLOWERS]
