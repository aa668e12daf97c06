"""The table of the downtime form: every cell, every wait, every word."""

from itertools import product

import pytest

from requesting import form_states as table
from requesting.form_states import OUT, FormEvent, FormStatus, Outcome
from requesting.models import DowntimeForm
from requesting.states import Owner

S, E = FormStatus, FormEvent
END = S.RECONCILED


@pytest.mark.parametrize(("status", "event"), list(product(FormStatus, FormEvent)))
def test_a_form_moves_only_as_the_table_says(status, event):
    after = table.after_form(status, event)
    if status is END:
        assert after is None
    elif event in (E.KEYED_IN, E.MATCHED):
        assert after is (END if status in OUT else None)
    elif event is E.DELIVERED:  # a message that is held is delivered by nobody
        assert after is (END if status is S.QUEUED else None)
    elif event in (E.TAKEN_BACK, E.LET_GO):
        assert after is None or (status in OUT and after is S.QUEUED)


def test_every_status_that_is_not_the_end_has_an_owner_a_clock_and_a_list():
    assert set(table.WAITS) == set(FormStatus) - {END}
    assert all(each.owner in Owner and each.limit and each.list_name
               for each in table.WAITS.values())  # fmt: skip


def test_from_wherever_a_form_is_there_is_a_way_to_the_end():
    for status in set(FormStatus) - {END}:
        assert END in {to for (source, _), to in table.TRANSITIONS.items() if source is status}


def test_each_way_to_the_end_has_its_outcome_and_its_words():
    ending = {event for (_, event), to in table.TRANSITIONS.items() if to is END}
    assert set(table.OUTCOMES) == ending
    assert set(table.OUTCOMES.values()) == set(Outcome) == set(table.OUTCOME_WORDS)
    assert set(table.EVENT_WORDS) == set(FormEvent)


def test_the_database_knows_the_same_statuses():
    (known,) = [c for c in DowntimeForm._meta.constraints if c.name == "form_status_is_known"]
    assert set(dict(known.condition.children)["status__in"]) == set(FormStatus)
