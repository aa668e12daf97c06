"""Any walk of merges, undone merges and requests leaves each row with one living record."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patients import queries, services
from patients.models import Merge, Patient
from patients.states import MergeState
from requesting.models import PreviousResult, Request, RequestItem
from results.models import Observation, Report
from tests.patients.mergers import (
    a40,
    asked_and_answered,
    choose_all,
    number_of,
    pas,
    refreshed,
)
from tests.requesting.conftest import _surgery, surgery
from tests.requesting.surgery import KINGSMERE

__all__ = ["_surgery", "surgery"]
pytestmark = pytest.mark.django_db
PEOPLE = 4
TESTS = ("fbc", "ue", "hba1c")

pairs = st.tuples(st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1))
merges = st.tuples(st.just("merge"), pairs)
requests = st.tuples(st.just("request"), pairs)
undone = st.tuples(st.just("undo"), pairs)
walks = st.lists(st.one_of(merges, merges, requests, undone), min_size=1, max_size=8)


@pytest.mark.hazard("H21")
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(walk=walks)
def test_each_row_is_of_exactly_one_living_record(surgery, walk):
    people = [surgery.patient(nhs_number=None, nhs_number_verified=False) for _ in range(PEOPLE)]
    asked = {number_of(each): 0 for each in people}
    for verb, (first, second) in walk:
        _step(surgery, verb, people[first], people[second], asked)
    _check(people, asked)


def _step(surgery, verb, first: Patient, second: Patient, asked: dict[str, int]) -> None:
    if verb == "request":
        standing = queries.survivor_of(refreshed(first))
        asked_and_answered(surgery, standing, TESTS[sum(asked.values()) % len(TESTS)])
        asked[number_of(first)] += 1
    elif verb == "merge" and first != second:
        _merge(surgery, first, second)
    elif verb == "undo":
        _undo(surgery, first)


def _merge(surgery, first: Patient, second: Patient) -> None:
    """As the hospital would: only of records that stand; twice, which is once."""
    if refreshed(first).merged_into or refreshed(second).merged_into:
        return
    waiting = Merge.objects.filter(retired=second, state=MergeState.HELD)
    if not waiting.exists():
        for _ in range(2):
            surgery.hear(a40(first, second), pas())
    for held in waiting.all():  # held because one of the two was taken apart before
        if queries.survivor_of(held.survivor).pk != second.pk:
            services.merge_after_all(held, words="One person", by=surgery.acting("central"))


def _undo(surgery, patient: Patient) -> None:
    """The last merge into whoever stands for this record."""
    standing = queries.survivor_of(refreshed(patient))
    applied = Merge.objects.filter(survivor=standing, state=MergeState.APPLIED)
    last = applied.order_by("-settled_at").first()
    if last is not None:
        services.unmerge(
            last, chosen=choose_all(last, "retired"), words="Two people",
            by=surgery.acting("central"),
        )  # fmt: skip


def _check(people: list[Patient], asked: dict[str, int]) -> None:
    keys = [each.pk for each in people]
    rows = Request.objects.filter(patient__in=keys)
    assert rows.count() == sum(asked.values())  # none lost, none doubled
    assert not rows.filter(patient__merged_into__isnull=False).exists()
    for request in rows:
        whose = {request.patient_id}
        items = RequestItem.objects.filter(request=request)
        reports = Report.objects.filter(item__in=items)
        assert set(items.values_list("patient", flat=True)) == whose
        assert set(reports.values_list("patient", flat=True)) == whose
        values = Observation.objects.filter(version__report__in=reports)
        assert set(values.values_list("patient", flat=True)) == whose
        previous = PreviousResult.objects.filter(item__in=items)
        assert set(previous.values_list("patient", flat=True)) <= whose
    for each in map(refreshed, people):
        standing = queries.survivor_of(each)
        assert standing.merged_into is None
        assert queries.by_identifier(KINGSMERE, number_of(each)) == standing
        is_applied = Merge.objects.filter(retired=each, state=MergeState.APPLIED).count()
        assert is_applied == (1 if each.merged_into else 0)
