from datetime import UTC, datetime, timedelta

import pytest

from accounts.roles import Permission
from results.ladder import LADDER, LIMITS, TOP, Rung, due_at, escalates_at
from results.states import Significance

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_every_weight_has_a_limit_and_every_rung_its_people():
    assert set(LIMITS) == set(Significance)
    assert set(LADDER) == set(Rung)


def test_critical_waits_two_hours_unexpected_a_day_and_the_rest_a_week():
    hours = {each: (due_at(each, NOON) - NOON) / timedelta(hours=1) for each in Significance}
    assert hours == {
        "critical": 2,
        "unexpected": 24,
        "abnormal": 168,
        "unclassified": 168,
        "normal": 168,
    }


@pytest.mark.hazard("H31")
def test_each_rung_but_the_top_has_a_time_and_people():
    for rung in Rung:
        assert (escalates_at("critical", NOON, rung) is None) is (rung == TOP)
        assert isinstance(LADDER[rung].seen_by, Permission)
