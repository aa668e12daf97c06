"""Two records are one person: merge them at once, hold the merge for a person, or refuse it.

`docs/adr/010-merged-records.md` says why rows move and numbers do not; `unmerging` puts back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from patients.errors import NotCancelled, NotMerged
from patients.following import followers
from patients.models import ChangeKind, Identifier, Merge, MergeStep, Patient, Relationship
from patients.policies import may_decide
from patients.queries import reasons_to_wait, survivor_of
from patients.states import (
    LEAST_WORDS,
    LONGEST_WORDS,
    WAITS,
    MergeEvent,
    MergeState,
    after,
    working_time_after,
)

from .details import record_change


@transaction.atomic
def merge(
    survivor: Patient, retired: Patient, *, source: str, by: Acting, message_id: int | None = None
) -> Merge:
    """What an A40 says: applied at once, or held for a person where anything speaks against it.

    The same again is the same merge. Raises NotMerged where one of them stands no more, or where
    the retired record waits to be merged into a third.
    """
    survivor, retired = locked(survivor, retired)
    waiting = Merge.objects.filter(retired=retired, state=MergeState.HELD).first()
    if waiting is not None:
        if waiting.survivor_id != survivor.pk:
            raise NotMerged("The record in MRG waits to be merged into another one already.")
        return waiting
    reasons = reasons_to_wait(survivor, retired)
    now = timezone.now()
    due = working_time_after(now, WAITS[MergeState.HELD].limit) if reasons else None
    new = Merge(
        survivor=survivor, retired=retired, source=source[:150], message_id=message_id,
        reasons=[str(each) for each in reasons], due_at=due,
    )  # fmt: skip
    if reasons:
        return move(new, MergeEvent.HELD, by=by)
    return _apply(new, survivor, retired, by=by)


@transaction.atomic
def merge_after_all(
    held: Merge, *, cancel: Iterable[str] = (), words: str = "", by: Acting
) -> Merge:
    """A person has looked: merge. `cancel`: keys of open tests to cancel, each of `following`.

    Raises NotMerged, and NotCancelled; then nothing has changed.
    """
    row, words = to_settle(held, MergeState.HELD, words, by=by)
    survivor, retired = locked(survivor_of(row.survivor), row.retired)
    for key in _of_these(cancel, survivor, retired):
        for follower in followers():
            follower.cancel(key, reason=words, by=by)
    row.survivor = survivor
    return _apply(row, survivor, retired, by=by, words=words)


@transaction.atomic
def refuse(held: Merge, *, words: str, by: Acting) -> Merge:
    """A person has looked: these are two people, or the sender must put something right first."""
    row, words = to_settle(held, MergeState.HELD, words, by=by)
    return move(row, MergeEvent.REFUSED, by=by, words=words)


# --- The parts -----------------------------------------------------------------------------------


def _of_these(cancel: Iterable[str], *patients: Patient) -> list[str]:
    """The keys, each of a test of one of the two: nobody cancels anything else by a merge."""
    theirs = {test.key for who in patients for each in followers() for test in each.tests(who)}
    if strangers := set(cancel := list(dict.fromkeys(cancel))) - theirs:
        raise NotCancelled(f"{len(strangers)} of them is of neither record.", field="cancel")
    return cancel


def locked(*patients: Patient) -> tuple[Patient, ...]:
    """The records, still standing, with nothing added to them until the transaction ends.

    Without FOR KEY SHARE's conflict (`no_key`): a row that is being filed for one of them need not
    end first; its own lock makes it wait or be seen. Raises NotMerged for one that stands no more.
    """
    keys = sorted({each.pk for each in patients}, key=str)
    if len(keys) < len(patients):
        raise NotMerged("Both are one record already.")
    for follower in followers():
        follower.lock(keys)
    rows = Patient.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    found = {row.pk: row for row in rows}
    if any(row.merged_into_id for row in found.values()):
        raise NotMerged("One of the two records was merged into another meanwhile.")
    return tuple(found[each.pk] for each in patients)


def to_settle(row: Merge, state: MergeState, words: str, *, by: Acting) -> tuple[Merge, str]:
    """The merge, locked and in that state, and the person's words. Raises NotMerged."""
    Merge.objects.select_for_update().get(pk=row.pk)
    fresh = Merge.objects.select_related("survivor", "retired").get(pk=row.pk)
    if not may_decide(by, fresh):
        raise NotMerged("You cannot decide this merge.")
    if fresh.state != state:
        raise NotMerged("Somebody else has dealt with this merge meanwhile.")
    words = words.strip()
    if len(words) < LEAST_WORDS:
        raise NotMerged(f"Say why, in {LEAST_WORDS} characters or more", field="words")
    if len(words) > LONGEST_WORDS:
        raise NotMerged(f"Your words must be {LONGEST_WORDS} characters or fewer", field="words")
    return fresh, words


def holdings(patient: Patient) -> dict[str, list[str]]:
    """The keys of every row that hangs on the record, by kind: of this room and of those above."""
    identifiers = Identifier.objects.filter(patient=patient)
    relationships = Relationship.objects.filter(patient=patient)
    held = {
        "identifiers": [str(pk) for pk in identifiers.order_by("pk").values_list("pk", flat=True)],
        "relationships": [
            str(pk) for pk in relationships.order_by("pk").values_list("pk", flat=True)
        ],
        "nhs_number": [patient.nhs_number] if patient.nhs_number else [],
    }
    for follower in followers():
        held |= {kind: list(keys) for kind, keys in follower.holdings(patient).items()}
    return held


def _apply(
    row: Merge, survivor: Patient, retired: Patient, *, by: Acting, words: str = ""
) -> Merge:
    row.before = {"survivor": holdings(survivor), "retired": holdings(retired)}
    for follower in followers():
        follower.move(row.before["retired"], to=survivor)
    row.before["shared"] = _share_relationships(survivor, retired)
    set_merged_into(retired, survivor)
    row = move(row, MergeEvent.APPLIED, by=by, words=words)
    note_on_both(row, ChangeKind.MERGED, by=by)
    return row


def _share_relationships(survivor: Patient, retired: Patient) -> list[str]:
    """Who may see the one may see the person: the keys of what was added to the survivor."""
    added = []
    for each in Relationship.objects.filter(patient=retired):
        row, is_new = Relationship.objects.get_or_create(
            patient=survivor, organisation_id=each.organisation_id, kind=each.kind
        )
        added += [str(row.pk)] if is_new else []
    return added


def set_merged_into(retired: Patient, survivor: Patient | None) -> None:
    retired.merged_into = survivor
    Patient.objects.filter(pk=retired.pk).update(merged_into=survivor, updated_at=timezone.now())


def note_on_both(row: Merge, kind: ChangeKind, *, by: Acting) -> None:
    """A line in the history and in the audit trail of each record, naming the other by its id."""
    for one, other in ((row.survivor, row.retired), (row.retired, row.survivor)):
        part = "with" if one is row.survivor else "into"
        said: dict[str, list[Any]] = {f"{kind}_{part}": [None, str(other.pk)]}
        record_change(one, kind, said, by=by, message_id=row.message_id)


def move(
    row: Merge,
    event: MergeEvent,
    *,
    by: Acting,
    words: str = "",
    details: dict[str, Any] | None = None,
) -> Merge:
    """The one way by which a merge moves: by the table, with a row that says who and why."""
    before = row.state
    row.state = after(before or None, event)
    if row.state != MergeState.HELD:
        row.due_at, row.settled_at = None, timezone.now()
        row.settled_by, row.words = by.label[:150], words
    row.save()
    MergeStep.objects.create(
        merge=row, event=event, from_state=before, to_state=row.state, at=timezone.now(),
        by_name=by.label[:150], by_user_id=by.user.pk if by.user else None,
        organisation_code=by.organisation.ods_code if by.organisation else "",
        words=words, details=details or {},
    )  # fmt: skip
    for patient in (row.survivor, row.retired):
        audit.record(
            acting=by, action=f"merge.{event}", object_type="patients.Merge", object_id=row.pk,
            patient_id=patient.pk, reason=", ".join(row.reasons),
        )  # fmt: skip
    return row
