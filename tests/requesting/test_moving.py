"""The mover and the table agree, cell by cell, in the database."""

from collections import deque

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.models import AccessEvent
from accounts.policies import SYSTEM
from requesting.errors import MoveRefused
from requesting.models import RequestEvent, RequestItem
from requesting.services.moving import locked_one, move
from requesting.states import TERMINAL, TRANSITIONS, Event, Status


def path_to(target: Status) -> list[Event]:
    """The shortest way from held, by the table."""
    ways = deque([(Status.HELD, [])])
    seen = {Status.HELD}
    while ways:
        status, way = ways.popleft()
        if status is target:
            return way
        for (source, event), to in TRANSITIONS.items():
            if source is status and to not in seen:
                seen.add(to)
                ways.append((to, [*way, event]))
    raise AssertionError(target)


@pytest.fixture
def at(surgery):
    """An item that was moved to a status, event by event."""

    def reach(status: Status) -> RequestItem:
        item = surgery.item()
        for event in path_to(status):
            move(locked_one(item), event, by=SYSTEM)
        return locked_one(item)

    return reach


@pytest.mark.parametrize("status", list(Status))
def test_every_event_in_every_status_moves_as_the_table_says_or_changes_nothing(at, status):
    for event in Event:
        sid = transaction.savepoint()
        item = at(status)
        before, events = RequestItem.objects.filter(pk=item.pk).values().get(), item.events.count()
        to = TRANSITIONS.get((status, event))
        if to is None:
            with pytest.raises(MoveRefused):
                move(item, event, by=SYSTEM)
            after = RequestItem.objects.filter(pk=item.pk).values().get()
            assert (after, item.events.count()) == (before, events), event
        else:
            move(item, event, by=SYSTEM, reason="why")
            last = item.events.latest("id")
            assert (item.status, last.from_status, last.to_status) == (to, status, to), event
            assert (item.events.count(), last.reason) == (events + 1, "why"), event
        transaction.savepoint_rollback(sid)


@pytest.mark.parametrize("status", list(Status))
def test_whatever_waits_has_a_clock_in_the_database_too(at, status):
    item = at(status)
    assert (item.due_at is None) == (status in TERMINAL)
    if status not in TERMINAL:
        with pytest.raises(IntegrityError), transaction.atomic():
            RequestItem.objects.filter(pk=item.pk).update(due_at=None)


def test_a_status_that_no_table_has_is_refused_by_the_database(surgery):
    item = surgery.item()
    with pytest.raises(IntegrityError), transaction.atomic():
        RequestItem.objects.filter(pk=item.pk).update(status="somewhere")


@pytest.mark.parametrize("sql", ["UPDATE requesting_requestevent SET reason = 'x'",
                                 "DELETE FROM requesting_requestevent"])  # fmt: skip
def test_an_event_is_never_changed_even_by_sql(surgery, sql):
    surgery.item()
    with pytest.raises(Exception, match="append_only"), transaction.atomic():
        connection.cursor().execute(sql)
    assert RequestEvent.objects.count() == 1


def test_every_move_is_audited_with_who_and_for_which_place(surgery):
    item = surgery.item()
    event = AccessEvent.objects.get(action="request.submitted", object_id=item.pk)
    assert (event.username, event.organisation_code, event.role) == ("gp", "Y90001", "gp")
