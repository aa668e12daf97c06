"""Merges as people decide them: the list, both records side by side, and what has to be placed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from patients.errors import NotFound
from patients.following import AskedTest, followers
from patients.matching import family_names_differ, given_names_differ
from patients.models import Identifier, Merge, MergeStep, Patient, PatientChange
from patients.policies import merges_in_reach
from patients.states import WHY_WORDS, MergeState, Why

from .merged import retired_records, was_taken_apart
from .people import demographics

SETTLED_SHOWN: Final = 50
VIEWED: Final = "view_merge"


# --- Why a merge waits ---------------------------------------------------------------------------


def reasons_to_wait(survivor: Patient, retired: Patient) -> tuple[Why, ...]:
    """Everything that speaks against merging without a look; empty where nothing does."""
    ours, theirs = demographics(survivor), demographics(retired)
    both_numbers = ours.nhs_number and theirs.nhs_number
    found = {
        Why.SAME_TEST: bool(same_tests(survivor, retired)),
        Why.NHS_NUMBERS: bool(both_numbers and ours.nhs_number != theirs.nhs_number),
        Why.BIRTH_DATES: ours.birth_date != theirs.birth_date,
        Why.NAMES: family_names_differ(ours, theirs) and given_names_differ(ours, theirs),
        Why.DEATH: survivor.is_deceased != retired.is_deceased,
        Why.UNDONE_BEFORE: was_taken_apart(survivor, retired),
    }
    return tuple(why for why, is_so in found.items() if is_so)


def same_tests(survivor: Patient, retired: Patient) -> frozenset[str]:
    """The keys of open tests that the other record has open too."""
    ours, theirs = _open(survivor), _open(retired)
    exams = {each.exam for each in ours} & {each.exam for each in theirs}
    return frozenset(each.key for each in (*ours, *theirs) if each.exam in exams)


def _open(patient: Patient) -> list[AskedTest]:
    return [each for each in tests_of(patient) if each.is_open]


def tests_of(patient: Patient) -> list[AskedTest]:
    return [each for follower in followers() for each in follower.tests(patient)]


# --- The list ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MergeLine:
    """One merge on the list."""

    merge: Merge
    reasons: tuple[str, ...]
    is_late: bool


@dataclass(frozen=True)
class Lists:
    """What waits, the most urgent first; and the last of what was settled."""

    waiting: tuple[MergeLine, ...]
    settled: tuple[MergeLine, ...]


def merge_lists(acting: Acting | None, *, request: HttpRequest | None = None) -> Lists:
    rows = Merge.objects.filter(merges_in_reach(acting)).select_related("survivor", "retired")
    waiting = rows.filter(state=MergeState.HELD).order_by("due_at", "pk")
    settled = rows.exclude(state=MergeState.HELD).order_by("-settled_at", "pk")[:SETTLED_SHOWN]
    audit.record(acting=acting, action="list_merges", object_type="patients.Merge", request=request)
    return Lists(tuple(map(_line, waiting)), tuple(map(_line, settled)))


def merges_waiting(acting: Acting | None) -> int:
    """How many this person has to decide."""
    rows = Merge.objects.filter(merges_in_reach(acting), state=MergeState.HELD)
    return rows.count()


def _line(merge: Merge) -> MergeLine:
    late = merge.due_at is not None and merge.due_at < timezone.now()
    return MergeLine(merge, reason_words(merge), late)


def reason_words(merge: Merge) -> tuple[str, ...]:
    return tuple(WHY_WORDS[Why(code)] for code in merge.reasons)


# --- One merge -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """Something that came after the merge, or was answered after it. `was`: whose it was before,
    "survivor" or "retired"; "" where it is new."""

    key: str  # "requests:<uuid>"; the form's field
    words: str
    at: datetime | None
    was: str


@dataclass(frozen=True)
class MergePage:
    """Both records and all that a person needs to decide. `differing`: fields of Patient."""

    merge: Merge
    reasons: tuple[str, ...]
    is_late: bool
    survivor_tests: tuple[AskedTest, ...]
    retired_tests: tuple[AskedTest, ...]
    same: frozenset[str]
    differing: frozenset[str]
    steps: tuple[MergeStep, ...]
    rows: tuple[Row, ...]

    @property
    def open_tests(self) -> tuple[tuple[str, AskedTest], ...]:
        """Whose, and the test; the newest first."""
        both = [("Stays", each) for each in self.survivor_tests if each.is_open]
        both += [("Is discarded", each) for each in self.retired_tests if each.is_open]
        return tuple(sorted(both, key=lambda pair: pair[1].asked_at, reverse=True))

    @property
    def cancellable(self) -> tuple[tuple[str, AskedTest], ...]:
        """Whose, and the test."""
        rows = self.open_tests
        return tuple(row for row in rows if row[1].key in self.same and row[1].may_cancel)


COMPARED: Final = (
    "nhs_number", "nhs_number_verified", "family_name", "given_names", "birth_date", "gender",
    "is_deceased", "died_on", "address_lines", "postcode", "phone", "mobile", "practice_code",
)  # fmt: skip


def merge_for(
    acting: Acting | None, merge_id: UUID, *, request: HttpRequest | None = None
) -> MergePage:
    """The merge with both records, and the look at each of them on record. Raises NotFound."""
    merge = _whole().filter(merges_in_reach(acting), pk=merge_id).first()
    seen = (merge.survivor_id, merge.retired_id) if merge else ("",)
    for patient_id in seen:
        audit.record(
            acting=acting, action=VIEWED, object_type="patients.Merge", object_id=merge_id,
            patient_id=patient_id, outcome="ok" if merge else "denied", request=request,
        )  # fmt: skip
    if merge is None:
        raise NotFound
    return _page(merge)


def merge_row(acting: Acting | None, merge_id: UUID) -> Merge:
    """Only the merge, for a verb. Raises NotFound."""
    merge = Merge.objects.filter(merges_in_reach(acting), pk=merge_id).first()
    if merge is None:
        raise NotFound
    return merge


def _whole() -> QuerySet[Merge]:
    return Merge.objects.select_related("survivor__practice", "retired__practice").prefetch_related(
        "survivor__identifiers", "retired__identifiers"
    )


def _page(merge: Merge) -> MergePage:
    line = _line(merge)
    survivor, retired = merge.survivor, merge.retired
    is_held = merge.state == MergeState.HELD
    values = {name: (getattr(survivor, name), getattr(retired, name)) for name in COMPARED}
    differing = {name for name, (ours, theirs) in values.items() if _differ(ours, theirs)}
    return MergePage(
        merge=merge,
        reasons=line.reasons,
        is_late=line.is_late,
        survivor_tests=tuple(tests_of(survivor)),
        retired_tests=tuple(tests_of(retired)),
        same=same_tests(survivor, retired) if is_held else frozenset(),
        differing=frozenset(differing),
        steps=tuple(merge.steps.order_by("-id")),
        rows=rows_to_place(merge) if merge.state == MergeState.APPLIED else (),
    )


def _differ(ours: object, theirs: object) -> bool:
    """What only one record has is not a difference; a yes against a no is."""
    are_known = bool(ours and theirs) or isinstance(ours, bool)
    return are_known and ours != theirs


# --- What a record was before ---------------------------------------------------------------------


@dataclass(frozen=True)
class Former:
    """A record that is read through another: who it was, and since when and why it is not."""

    patient: Patient
    merge: Merge | None


@dataclass(frozen=True)
class Trail:
    """The history of a merged record, newest first, as it was kept."""

    former: Former
    changes: tuple[PatientChange, ...]


def formers_of(patient: Patient) -> tuple[Former, ...]:
    """The "Also known here as": usually none, for one query."""
    retired = retired_records(patient)
    applied = Merge.objects.filter(retired__in=retired, state=MergeState.APPLIED) if retired else ()
    by_retired = {each.retired_id: each for each in applied}
    return tuple(Former(each, by_retired.get(each.pk)) for each in retired)


def trail_of(
    acting: Acting | None,
    patient: Patient,
    retired_id: UUID,
    *,
    request: HttpRequest | None = None,
) -> Trail:
    """The trail of a record that is read through this patient's, which the caller has by
    `patient_for`; the look is on the retired record's own trail too. Raises NotFound."""
    found = next((each for each in formers_of(patient) if each.patient.pk == retired_id), None)
    if found is None:
        raise NotFound
    audit.record(
        acting=acting, action="view_former_record", object_type="patients.Patient",
        object_id=retired_id, patient_id=retired_id, request=request,
    )  # fmt: skip
    changes = PatientChange.objects.filter(patient=retired_id).order_by("-id")
    return Trail(found, tuple(changes))


# --- What a person has to place before a merge is undone ------------------------------------------


def rows_to_place(merge: Merge) -> tuple[Row, ...]:
    """What came to the survivor after the merge, and what was answered after it; oldest first."""
    rows = [*_requests(merge), *_identifiers(merge), *_number(merge)]
    for follower in followers():
        rows += [Row(*each, was="") for each in follower.others(merge.survivor, _known(merge))]
    return tuple(rows)


def _known(merge: Merge) -> frozenset[str]:
    """`kind:key` of every row that one of the two had before."""
    sides = (merge.before["survivor"], merge.before["retired"])
    return frozenset(f"{kind}:{pk}" for side in sides for kind, keys in side.items() for pk in keys)


def _requests(merge: Merge) -> list[Row]:
    before = {
        pk: side
        for side in ("survivor", "retired")
        for pk in merge.before[side].get("requests", ())
    }
    by_request: dict[str, list[AskedTest]] = {}
    for test in tests_of(merge.survivor):
        by_request.setdefault(test.request, []).append(test)
    answered: set[str] = set()
    for follower in followers():
        answered |= follower.answered_since(list(before), merge.settled_at or merge.told_at)
    return [
        Row(f"requests:{key}", _words(tests, was=before.get(key)), tests[0].asked_at,
            before.get(key, ""))
        for key, tests in sorted(by_request.items(), key=lambda pair: pair[1][0].asked_at)
        if key not in before or key in answered
    ]  # fmt: skip


def _words(tests: list[AskedTest], *, was: str | None) -> str:
    names = ", ".join(each.name for each in tests)
    asked = f"{names}, asked by {tests[0].asked_by}"
    return f"{asked}, with a result that came after the merge" if was else asked


def _identifiers(merge: Merge) -> list[Row]:
    new = Identifier.objects.filter(patient=merge.survivor).exclude(
        pk__in=merge.before["survivor"]["identifiers"]
    )
    words = "Hospital number {} of {}"
    return [
        Row(f"identifiers:{each.pk}", words.format(each.value, each.issuer), None, "")
        for each in new.order_by("pk")
    ]


def _number(merge: Merge) -> list[Row]:
    """The survivor has since been given the retired record's NHS number."""
    number = merge.survivor.nhs_number
    if not number or number != merge.retired.nhs_number:
        return []
    return [Row("nhs_number:", "The NHS number, which both records have now", None, "retired")]
