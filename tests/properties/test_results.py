"""A report's versions in any order, and more than once, give the same view (hazard H23)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messaging import wire
from results.models import Report
from results.states import group_of, view_of
from tests.results.clinic import Clinic, potassium

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
VALUES = (("4.2", "N"), ("5.6", "H"), ("6.8", "HH"), ("4.2", "Q"))


@dataclass(frozen=True)
class Sent:
    """One version as a laboratory may send it."""

    result_status: str
    minutes: int
    value: tuple[str, str]
    later: int = 0  # minutes from issue to sending

    @property
    def letter(self) -> tuple[wire.Segment, ...]:
        number, flag = self.value
        return (potassium(number, flag, status=self.result_status),)

    @property
    def issued_at(self) -> datetime:
        return START + timedelta(minutes=self.minutes)

    @property
    def sent_at(self) -> datetime:
        return self.issued_at + timedelta(minutes=self.later)

    @property
    def content_sha256(self) -> str:
        return repr(self.value)

    @property
    def significance(self) -> str:
        levels = {"N": "normal", "H": "abnormal", "HH": "critical", "Q": "abnormal"}
        return levels[self.value[1]]


sent = st.builds(
    Sent,
    st.sampled_from("PFCXWDRI"),
    st.sampled_from([0, 10, 20, 30]),
    st.sampled_from(VALUES),
    st.sampled_from([0, 1, 2]),
)


def seen(versions):
    view = view_of(versions)
    current = view.current
    return (
        (current.result_status, current.issued_at, current.content_sha256),
        (view.significance, group_of(view)),
        (view.is_amended, view.is_conflicting, view.was_worse),
    )


@pytest.mark.hazard("H23")
@settings(max_examples=60, deadline=None)
@given(st.lists(sent, min_size=1, max_size=6, unique=True))
def test_every_order_of_up_to_six_versions_gives_one_view(versions):
    assert len({seen(order) for order in permutations(versions)}) == 1


SIX = (
    Sent("P", 0, VALUES[2]),
    Sent("F", 10, VALUES[0]),
    Sent("F", 20, VALUES[1]),
    Sent("C", 20, VALUES[1], later=1),
    Sent("C", 30, VALUES[0]),
    Sent("X", 40, VALUES[3]),
)


@pytest.mark.hazard("H23")
def test_every_order_of_six_versions_with_every_one_of_them_twice_gives_one_view():
    """All 720 orders, and in each of them every single version a second time, at the end."""
    orders = [(*order, again) for order in permutations(SIX) for again in SIX]
    assert len({seen(order) for order in orders}) == 1


@pytest.mark.hazard("H23")
def test_every_choice_of_statuses_gives_one_view_in_every_order():
    """Not drawn but counted out: each of P F C X W D for three versions of as many contents."""
    for codes in product("PFCXWD", repeat=3):
        versions = [Sent(code, 10 * n, VALUES[n]) for n, code in enumerate(codes)]
        assert len({seen(order) for order in permutations(versions)}) == 1, codes


@pytest.fixture
def clinic(world):
    return Clinic(world)


def filed(clinic, item, order):
    """What a reader sees after the versions were filed in this order."""
    for each in order:
        clinic.files(
            item, *each.letter,
            status=each.result_status, issued=each.issued_at, sent=each.sent_at,
        )  # fmt: skip
    report = Report.objects.select_related("current", "leading").get(item=item)
    current = report.current
    return (
        (current.result_status, current.issued_at, current.content_sha256),
        (report.result_status, report.issued_at, report.significance, report.list_group),
        (report.is_amended, report.is_conflicting, report.was_worse, report.state),
        (report.leading.value, report.leading.flags) if report.leading else None,
        {(v.result_status, v.issued_at, v.content_sha256) for v in report.versions.all()},
    )


FOUR = (
    Sent("P", 0, VALUES[2]),
    Sent("F", 10, VALUES[0]),
    Sent("F", 20, VALUES[1]),
    Sent("C", 30, VALUES[0]),
)


@pytest.mark.django_db
@pytest.mark.hazard("H23")
def test_every_order_of_four_versions_is_filed_to_one_view(clinic):
    first, *others = [filed(clinic, clinic.sent("ue"), order) for order in permutations(FOUR)]
    assert all(other == first for other in others)


@pytest.mark.django_db
@pytest.mark.hazard("H23", "H26")
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(versions=st.lists(sent, min_size=2, max_size=6, unique=True), data=st.data())
def test_any_order_with_repeats_is_filed_to_one_view(clinic, versions, data):
    repeats = data.draw(st.lists(st.sampled_from(versions), max_size=4))
    other = data.draw(st.permutations([*versions, *repeats]))
    here, there = clinic.sent("ue"), clinic.sent("ue")
    assert filed(clinic, here, versions) == filed(clinic, there, other)
