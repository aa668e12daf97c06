"""The table of the order: every cell, every wait, every word."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import CheckConstraint

from nhsuk import tags
from requesting import states
from requesting.models import RequestItem
from requesting.states import DRAFT, TERMINAL, TRANSITIONS, WAITS, Event, Lane, Owner, Status, Told

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
TOLD = Told(
    department="Radiology", phone="01632 960100", who="Dr Khan", when="22-Nov-2026 10:42",
    reason="Unjustified", question="How long?", answer_by="29-Nov-2026", place="Site",
    scheduled="Tue 24-Nov-2026 09:20", sends_at="10:42:30", hours="Open until 17:00.", usual_days=2,
)  # fmt: skip


def test_the_statuses_are_the_vocabulary_of_the_tags_less_the_draft():
    assert {*Status, DRAFT} == set(tags.ORDER_STATUSES)


def test_only_reviewed_and_cancelled_are_the_end():
    assert set(Status) - set(WAITS) == TERMINAL == {Status.REVIEWED, Status.CANCELLED}


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_whatever_waits_has_an_owner_a_limit_a_list_and_words(status):
    wait = WAITS[status]
    assert wait.owner in Owner
    assert wait.limit > timedelta(0)
    assert wait.list_name.partition(":")[2]
    assert status in states.LANES[wait.lane]
    assert wait.sentence(TOLD).endswith((".", "."))


@pytest.mark.parametrize("status", list(Status))
def test_every_status_says_a_whole_sentence_even_of_little(status):
    assert len(states.sentence(status, Told()).split()) >= 2


@pytest.mark.parametrize("status", list(Status))
def test_every_status_is_in_exactly_one_lane(status):
    assert sum(status in statuses for statuses in states.LANES.values()) == 1


@pytest.mark.parametrize("status", list(Status))
def test_a_report_is_taken_in_every_status_but_held(status):
    taken = TRANSITIONS.get((status, Event.REPORTED))
    assert taken == (None if status is Status.HELD else Status.REPORTED)


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_from_whatever_waits_there_is_a_way_to_the_end(status):
    seen, frontier = {status}, {status}
    while frontier:
        frontier = {to for (source, _), to in TRANSITIONS.items() if source in frontier} - seen
        seen |= frontier
    assert seen & TERMINAL


def test_every_status_can_be_reached_from_held():
    seen, frontier = {Status.HELD}, {Status.HELD}
    while frontier:
        frontier = {to for (source, _), to in TRANSITIONS.items() if source in frontier} - seen
        seen |= frontier
    assert seen == set(Status)


def test_every_event_but_the_first_is_in_the_table():
    assert {event for _, event in TRANSITIONS} == set(Event) - {Event.SUBMITTED}


def test_the_end_is_left_only_by_a_report():
    leaving = {
        (source, event)
        for (source, event), to in TRANSITIONS.items()
        if source in TERMINAL and to != source
    }
    assert leaving == {(status, Event.REPORTED) for status in TERMINAL}


@pytest.mark.parametrize("status", [Status.INFO, Status.REJECTED, Status.DNA])
def test_what_only_the_requester_can_move_needs_them_at_once(status):
    due = states.due_at(status, since=NOON)
    assert due == NOON
    assert states.lane_of(status, due=due, now=NOON) is Lane.NEEDS_YOU


def test_a_critical_report_needs_the_requester_at_once_and_another_in_two_days():
    critical = states.due_at(Status.REPORTED, since=NOON, is_critical=True)
    normal = states.due_at(Status.REPORTED, since=NOON)
    assert (critical, normal) == (NOON, NOON + timedelta(days=2))


def test_a_booked_item_waits_for_its_appointment_and_a_day():
    appointment = NOON + timedelta(days=30)
    due = states.due_at(Status.BOOKED, since=NOON, scheduled_at=appointment)
    assert due == appointment + timedelta(days=1)


def test_an_item_for_a_later_date_is_not_late_before_it():
    later = NOON + timedelta(days=60)
    due = states.due_at(Status.ACCEPTED, since=NOON, not_before=later)
    assert due == later + WAITS[Status.ACCEPTED].limit


def test_what_somebody_else_cancelled_needs_the_requester_until_they_have_seen_it():
    assert states.due_at(Status.CANCELLED, since=NOON, attention="cancelled") == NOON
    assert states.due_at(Status.CANCELLED, since=NOON) is None


@pytest.mark.parametrize("status", sorted(set(Status) - TERMINAL))
def test_what_nobody_moves_comes_to_the_requester_when_its_time_is_over(status):
    due = states.due_at(status, since=NOON)
    assert states.lane_of(status, due=due, now=due) is Lane.NEEDS_YOU


def test_the_database_knows_the_same_statuses():
    known = [c for c in RequestItem._meta.constraints if c.name == "status_is_known"]
    assert isinstance(known[0], CheckConstraint)
    assert set(dict(known[0].condition.children)["status__in"]) == set(Status)
