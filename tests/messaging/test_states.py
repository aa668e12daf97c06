"""Every cell of the two tables, and what each state that is not an end waits for."""

from itertools import product

import pytest

from messaging import states
from messaging.errors import NoSuchMove
from messaging.states import InEvent, InState, OutEvent, OutState

R, P, K, H = InState.RECEIVED, InState.PROCESSED, InState.PARKED, InState.HANDLED
IN = {
    (R, InEvent.PROCESS): P,
    (R, InEvent.DELAY): R,
    (R, InEvent.PARK): K,
    (K, InEvent.RETRY): R,
    (K, InEvent.HANDLE): H,
    (K, InEvent.REPLACE): InState.REPLACED,
}
W, S, A, D = OutState.WAITING, OutState.SENDING, OutState.ACKNOWLEDGED, OutState.DEAD
OUT = {
    (W, OutEvent.CLAIM): S,
    (S, OutEvent.CLAIM): S,
    (S, OutEvent.ACKNOWLEDGE): A,
    (S, OutEvent.TAKE): OutState.TAKEN,
    (S, OutEvent.DELAY): W,
    (S, OutEvent.BURY): D,
    (OutState.TAKEN, OutEvent.ACKNOWLEDGE): A,
    (OutState.TAKEN, OutEvent.BURY): D,
    (D, OutEvent.ACKNOWLEDGE): A,
    (W, OutEvent.HOLD): OutState.HELD,
    (S, OutEvent.HOLD): OutState.HELD,
    (OutState.HELD, OutEvent.LET_GO): W,
    (OutState.HELD, OutEvent.WITHDRAW): OutState.HANDLED,
    (D, OutEvent.RETRY): W,
    (D, OutEvent.HANDLE): OutState.HANDLED,
    (D, OutEvent.REPLACE): OutState.REPLACED,
}


@pytest.mark.parametrize(("state", "event"), list(product(InState, InEvent)))
def test_a_message_that_came_moves_only_as_the_table_says(state, event):
    expect(states.after_in, state, event, IN)


@pytest.mark.parametrize(("state", "event"), list(product(OutState, OutEvent)))
def test_a_message_that_goes_moves_only_as_the_table_says(state, event):
    expect(states.after_out, state, event, OUT)


def expect(after, state, event, allowed):
    if (state, event) in allowed:
        assert after(state.value, event) is allowed[state, event]
        return
    with pytest.raises(NoSuchMove) as refusal:
        after(state.value, event)
    assert (refusal.value.event, refusal.value.state) == (event, state)


@pytest.mark.hazard("H22")
@pytest.mark.parametrize(
    ("moves", "waits", "lists"),
    [
        (states.IN_MOVES, states.IN_WAITS, states.IN_LISTS),
        (states.OUT_MOVES, states.OUT_WAITS, states.OUT_LISTS),
    ],
)
def test_every_state_that_is_not_an_end_has_an_owner_a_clock_and_a_list(moves, waits, lists):
    unfinished = {state for state, _ in moves}
    assert set(waits) == unfinished
    owners = ("worker", "operators", "departments")
    assert all(wait.owner in owners and wait.limit for wait in waits.values())
    assert {state for state, wait in waits.items() if wait.owner == "operators"} == {
        state for state, each in lists.items() if each is states.List.NEEDS_YOU
    }


def test_a_state_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="lost"):
        states.after_in("lost", InEvent.RETRY)
