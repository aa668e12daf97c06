"""Every cell of the links' table, and what is concluded from the traffic, case by case."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from messaging import link_states
from messaging.errors import NoSuchMove
from messaging.link_signs import Evidence, may_come_back, sign_of
from messaging.link_states import Clocks, LinkSign, LinkStatus

UP, SUSPECT, DOWN, BACK = LinkStatus
S = LinkSign
TABLE = {
    (UP, S.STUMBLE): SUSPECT,
    (UP, S.DECLARE): DOWN,
    (SUSPECT, S.FALL): DOWN,
    (SUSPECT, S.STEADY): UP,
    (SUSPECT, S.DECLARE): DOWN,
    (DOWN, S.ANSWER): BACK,
    (DOWN, S.DECLARE): DOWN,
    (DOWN, S.LIFT): BACK,
    (BACK, S.FALL): DOWN,
    (BACK, S.PROVE): UP,
    (BACK, S.DECLARE): DOWN,
}
CLOCKS = Clocks()
NOW = datetime(2026, 11, 22, 10, 42, tzinfo=UTC)
CALM = Evidence(now=NOW)


@pytest.mark.parametrize(("state", "sign"), list(product(LinkStatus, LinkSign)))
def test_a_link_moves_only_as_the_table_says(state, sign):
    if (state, sign) in TABLE:
        assert link_states.after_link(state.value, sign) is TABLE[state, sign]
        return
    with pytest.raises(NoSuchMove) as refusal:
        link_states.after_link(state.value, sign)
    assert (refusal.value.event, refusal.value.state) == (sign, state)


@pytest.mark.parametrize("state", LinkStatus)
def test_what_the_traffic_says_is_always_a_move_of_the_table(state):
    """Whatever is seen, the judge never asks for what the table refuses."""
    times = (None, 0.0, 25.0, 50.0, 400.0)
    for failures, failing, probes, answering in product((0, 1, 3, 9), times, (0, 1, 3), times):
        seen = replace(
            CALM, failures=failures, failing_for=failing, good_probes=probes,
            answering_for=answering, steady_for=failing, moved_for=answering,
        )  # fmt: skip
        sign = sign_of(state, seen, CLOCKS)
        assert sign is None or (state, sign) in TABLE


def test_every_state_but_up_has_an_owner_and_a_clock():
    assert set(link_states.LINK_WAITS) == set(LinkStatus) - {UP}
    assert all(wait.owner and wait.limit for wait in link_states.LINK_WAITS.values())


@pytest.mark.hazard("H49")
def test_it_is_said_within_a_minute_of_the_first_failure():
    """Down after so long, two looks of five seconds, and what the pages remember for five."""
    assert CLOCKS.down_after + 2 * 5 + 5 <= 60
    assert CLOCKS.probe_every * 1.1 + 2 * 5 + 5 <= 60, "and that it answers again"
    assert CLOCKS.proof_lasts + 5 <= 60, "up, after the third good probe"


@pytest.mark.parametrize(
    ("state", "seen", "sign"),
    [
        (UP, {}, None),
        (UP, {"failures": 2, "failing_for": 19}, None),
        (UP, {"failures": 3, "failing_for": 3}, S.STUMBLE),
        (UP, {"in_flight_for": 20}, S.STUMBLE),
        (UP, {"is_due": True, "unsent_for": 20}, S.STUMBLE),  # nobody here sends it
        (UP, {"failures": 9, "failing_for": 900, "is_paused": True}, None),
        (SUSPECT, {"failures": 9, "failing_for": 39}, None),
        (SUSPECT, {"failures": 1, "failing_for": 40}, S.FALL),
        (SUSPECT, {"in_flight_for": 40}, S.FALL),
        (SUSPECT, {"steady_for": 299}, None),
        (SUSPECT, {"steady_for": 300}, S.STEADY),
        (SUSPECT, {"steady_for": 300, "failures": 3}, None),
        (SUSPECT, {"failing_for": 99, "is_paused": True}, None),
        (DOWN, {}, None),
        (DOWN, {"good_probes": 1}, S.ANSWER),
        (DOWN, {"good_probes": 1, "failures": 1}, None),
        (DOWN, {"good_probes": 9, "is_declared": True}, None),
        (DOWN, {"good_probes": 0, "is_declared": True, "declared_is_over": True}, S.LIFT),
        (DOWN, {"is_declared": True, "declared_is_over": True, "is_paused": True}, S.LIFT),
        (DOWN, {"good_probes": 1, "is_paused": True}, None),
        (DOWN, {"good_probes": 9, "is_flapping": True, "window_for": 299, "window_good": 9}, None),
        (BACK, {"good_probes": 3, "answering_for": 24}, None),
        (BACK, {"good_probes": 2, "answering_for": 99}, None),
        (BACK, {"good_probes": 3, "answering_for": 25}, S.PROVE),
        (BACK, {"failures": 1, "failing_for": 1}, None),
        (BACK, {"failures": 3, "failing_for": 9}, S.FALL),
        (BACK, {"in_flight_for": 40}, S.FALL),
        (BACK, {"good_probes": 1, "moved_for": 99}, None),
        (BACK, {"good_probes": 1, "moved_for": 25, "can_be_proved": False}, S.PROVE),
        (BACK, {"good_probes": 1, "moved_for": 24, "can_be_proved": False}, None),
    ],
)
def test_what_is_concluded(state, seen, sign):
    assert sign_of(state, replace(CALM, **seen), CLOCKS) is sign


@pytest.mark.parametrize(
    ("good", "bad", "seconds", "comes_back"),
    [
        (9, 1, 300, True),
        (8, 2, 300, True),
        (7, 3, 300, False),
        (9, 1, 299, False),
        (2, 0, 900, False),
    ],
)
def test_a_link_that_flaps_comes_back_after_a_whole_good_window(good, bad, seconds, comes_back):
    seen = replace(CALM, is_flapping=True, window_for=seconds, window_good=good, window_bad=bad)
    assert may_come_back(seen, CLOCKS) is comes_back
    sign = sign_of(DOWN, replace(seen, good_probes=1), CLOCKS)
    assert sign is (S.ANSWER if comes_back else None)


def test_a_clock_that_there_is_not_is_refused():
    with pytest.raises(TypeError):
        link_states.clocks_from({"down_afterwards": 3})
