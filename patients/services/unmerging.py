"""Two records were not one person after all: each gets back exactly what was its own.

What came to the person after the merge belongs to one of the two, and nobody can know to which but
somebody who looks: every such row must be in what they chose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from django.db import transaction

from accounts.policies import Acting
from patients.errors import NotMerged
from patients.following import followers
from patients.models import ChangeKind, Identifier, Merge, Patient, Relationship
from patients.queries import rows_to_place
from patients.states import MergeEvent, MergeState

from .details import correct, note_relationship
from .merging import locked, move, note_on_both, set_merged_into, to_settle

SURVIVOR: Final = "survivor"
RETIRED: Final = "retired"
OURS: Final = frozenset({"identifiers", "nhs_number", "relationships"})


@transaction.atomic
def unmerge(applied: Merge, *, chosen: Mapping[str, str], words: str, by: Acting) -> Merge:
    """Undo. `chosen`: "survivor" or "retired" for the key of every row of `rows_to_place`.

    Raises NotMerged, and then nothing has changed: where a row was not chosen for, where the
    survivor was merged on since, or where another record was merged into it later.
    """
    row, words = to_settle(applied, MergeState.APPLIED, words, by=by)
    (survivor,) = locked(row.survivor)
    _check_last(row)
    placed = _placed(row, chosen)
    going = _going(row, placed)
    _part_numbers(survivor, row.retired, placed, by=by)
    set_merged_into(row.retired, None)
    for follower in followers():
        follower.move(going, to=row.retired)
    Identifier.objects.filter(pk__in=going.get("identifiers", ())).update(patient=row.retired)
    _part_relationships(row, survivor, by=by)
    row = move(row, MergeEvent.UNDONE, by=by, words=words, details={"placed": placed})
    note_on_both(row, ChangeKind.UNMERGED, by=by)
    return row


def _check_last(row: Merge) -> None:
    later = Merge.objects.filter(survivor=row.survivor, state=MergeState.APPLIED)
    if later.filter(settled_at__gt=row.settled_at).exists():
        raise NotMerged("Another record was merged into this one later. Undo that merge first.")


def _placed(row: Merge, chosen: Mapping[str, str]) -> dict[str, str]:
    """What was chosen, for every row that has to be; nothing is guessed, nothing left over."""
    wanted = [each.key for each in rows_to_place(row)]
    for key in wanted:
        if chosen.get(key) not in (SURVIVOR, RETIRED):
            raise NotMerged("Choose whose it is", field=key)
    return {key: chosen[key] for key in wanted}


def _going(row: Merge, placed: Mapping[str, str]) -> dict[str, Sequence[str]]:
    """The rows that go to the retired record: its own of before, as far as nobody chose otherwise,
    and those of later that are its own."""
    own = {kind: list(keys) for kind, keys in row.before[RETIRED].items() if kind not in OURS}
    for key, whose in placed.items():
        kind, _, pk = key.partition(":")
        keys = own.setdefault(kind, [])
        if whose == RETIRED and pk not in keys:
            keys.append(pk)
        if whose == SURVIVOR and pk in keys:
            keys.remove(pk)
    return dict(own)


def _part_numbers(
    survivor: Patient, retired: Patient, placed: Mapping[str, str], *, by: Acting
) -> None:
    """One NHS number cannot be of two people. The one that does not have it is left without."""
    whose = placed.get("nhs_number:")
    if whose is not None:
        loser = survivor if whose == RETIRED else retired
        correct(loser, details={"nhs_number": None, "nhs_number_verified": False}, by=by)


def _part_relationships(row: Merge, survivor: Patient, *, by: Acting) -> None:
    """What the merge lent goes; what either has by its own requests stays, or comes."""
    Relationship.objects.filter(pk__in=row.before["shared"]).delete()
    for patient in (survivor, row.retired):
        for follower in followers():
            for organisation, kind in follower.reasons_to_see(patient):
                note_relationship(patient, organisation=organisation, kind=kind, by=by)
