"""Drills: each cell of the table; declared, begun, ended by the clock and by what is real."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from messaging.drill_states import (
    DRILL_MOVES,
    DRILL_OVER,
    DRILL_WAITS,
    DrillEvent,
    DrillState,
    after_drill,
)
from messaging.errors import NoSuchMove, ReasonMissing
from messaging.link_states import LinkStatus
from messaging.models import Drill, DrillEventRow, Link, Partner
from messaging.queries.drills import is_running, running_drills
from messaging.services import drills, links
from tests.requesting.conftest import _surgery, surgery  # noqa: F401 - fixtures
from tests.requesting.surgery import NORTHGATE


@pytest.fixture
def declare(surgery):  # noqa: F811
    """`declare()`: of Kingsmere Radiology with Northgate, from now for an hour."""

    def declared(*, by="central", starts_in=0, minutes=60, reason="Yearly", codes=("RZ1RAD",)):
        start = timezone.now() + timedelta(minutes=starts_in)
        return drills.declare_drill(
            [Partner.objects.get(departments__ods_code=code) for code in codes],
            places=[surgery.acting("gp").organisation], reason=reason, starts_at=start,
            ends_at=start + timedelta(minutes=minutes), by=surgery.acting(by),
        )[0]  # fmt: skip

    declared.central = surgery.acting("central")
    return declared


def as_if(drill, **times):
    Drill.objects.filter(pk=drill.pk).update(**times)
    drill.refresh_from_db()


def test_nothing_moves_a_drill_outside_its_table():
    for state in DrillState:
        for event in DrillEvent:
            if (state, event) in DRILL_MOVES:
                assert after_drill(state, event) is DRILL_MOVES[state, event]
            else:
                with pytest.raises(NoSuchMove):
                    after_drill(state, event)


def test_each_state_is_an_end_or_has_an_owner_a_limit_and_a_list():
    assert set(DRILL_WAITS) | set(DRILL_OVER) == set(DrillState)
    assert not set(DRILL_WAITS) & set(DRILL_OVER)
    assert {before for before, _ in DRILL_MOVES} == set(DRILL_WAITS)
    assert all(wait.owner and wait.limit and wait.list_name for wait in DRILL_WAITS.values())


REACHED = {
    DrillState.PLANNED: lambda declare: declare(starts_in=30),
    DrillState.RUNNING: lambda declare: declare(),
    DrillState.ENDED: lambda declare: _ended(declare()),
    DrillState.STOPPED: lambda declare: drills.stop_drill(declare(), by=declare.central),
    DrillState.OVERTAKEN: lambda declare: _overtaken(declare()),
    DrillState.CALLED_OFF: lambda declare: drills.stop_drill(
        declare(starts_in=30), by=declare.central
    ),
}


def _ended(drill):
    now = timezone.now()
    as_if(drill, starts_at=now - timedelta(hours=2), ends_at=now - timedelta(seconds=1))
    drills.judge_drills()
    drill.refresh_from_db()
    return drill


def _overtaken(drill):
    with transaction.atomic():
        drills.on_link(drill.partner_id, LinkStatus.SUSPECT, LinkStatus.DOWN)
    drill.refresh_from_db()
    return drill


@pytest.mark.parametrize("state", DrillState)
def test_a_second_start_and_a_second_stop_change_nothing(declare, state):
    drill = REACHED[state](declare)
    assert drill.state == state
    rows = drill.events.count()
    if state is not DrillState.PLANNED:
        with pytest.raises(NoSuchMove):
            drills.start_drill(drill, by=declare.central)
    if state in DRILL_OVER:
        with pytest.raises(NoSuchMove):
            drills.stop_drill(drill, by=declare.central)
    drill.refresh_from_db()
    assert (drill.state, drill.events.count()) == (state, rows)


def test_one_that_is_due_begins_and_ends_by_itself(declare):
    drill, now = declare(starts_in=30), timezone.now()
    assert drills.judge_drills() == 0
    as_if(drill, starts_at=now - timedelta(seconds=1))
    assert drills.judge_drills() == 1
    assert is_running(drill)
    as_if(drill, ends_at=timezone.now() - timedelta(milliseconds=1))
    assert not is_running(drill)  # before any sweep
    assert drills.judge_drills() == 1
    drill.refresh_from_db()
    assert (drill.state, drill.over_by) == ("ended", "ordercomms")
    assert drills.judge_drills() == 0


def test_one_that_nobody_started_is_called_off_at_its_end(declare):
    drill, now = declare(starts_in=30), timezone.now()
    as_if(drill, starts_at=now - timedelta(hours=1), ends_at=now - timedelta(seconds=1))
    drills.judge_drills()
    drill.refresh_from_db()
    assert (drill.state, drill.started_at) == ("called_off", None)


@pytest.mark.hazard("H49")
def test_a_failure_in_earnest_ends_the_drill_in_the_same_moment(declare, surgery):  # noqa: F811
    drill, other = declare(), declare(codes=("RZ1PATH",))
    links.declare_down(drill.partner, reason="The line is cut", by=surgery.acting("central"))
    drill.refresh_from_db()
    assert drill.state == "overtaken"
    assert is_running(other)  # of another destination
    with pytest.raises(drills.DrillRefused, match="trouble in earnest"):
        declare()


@pytest.mark.hazard("H49")
@pytest.mark.parametrize("real", ["down", "recovering", "paused"])
def test_no_drill_hides_what_is_real_though_no_sweep_has_looked(declare, real):
    drill = declare()
    Link.objects.filter(pk=drill.partner_id).update(state=real if real != "paused" else "up")
    Partner.objects.filter(pk=drill.partner_id).update(is_paused=real == "paused")
    assert not running_drills().exists()
    assert drills.judge_drills() == 1
    drill.refresh_from_db()
    assert drill.state == "overtaken"


def test_one_that_is_due_while_the_link_is_down_never_begins(declare):
    drill = declare(starts_in=30)
    Link.objects.update_or_create(partner=drill.partner, defaults={"state": "down"})
    as_if(drill, starts_at=timezone.now() - timedelta(seconds=1))
    drills.judge_drills()
    drill.refresh_from_db()
    assert (drill.state, drill.started_at) == ("overtaken", None)


def test_a_drill_moves_no_link_and_writes_no_message(declare):
    drill = declare()
    link = Link.objects.get(pk=drill.partner_id)
    assert (link.state, link.declared_by) == ("up", "")
    assert not link.partner.link_events.exists()
    assert not link.partner.is_paused


@pytest.mark.parametrize("by", ["gp", "lab", "practice-admin", "radiologist"])
def test_only_the_central_team_declares_starts_and_stops(declare, surgery, by):  # noqa: F811
    with pytest.raises(PermissionDenied):
        declare(by=by)
    drill = declare(starts_in=30)
    for verb in (drills.start_drill, drills.stop_drill):
        with pytest.raises(PermissionDenied):
            verb(drill, by=surgery.acting(by))
    assert Drill.objects.get().state == "planned"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"starts_in": -90}, "in the future"),
        ({"minutes": 0, "starts_in": 5}, "after the start"),
        ({"minutes": 481}, "at most 8 hours"),
        ({"starts_in": 60 * 24 * 366}, "a year ahead"),
    ],
)
def test_a_drill_has_a_start_and_an_end_that_make_sense(declare, facts, words):
    with pytest.raises(drills.DrillRefused, match=words):
        declare(**facts)


def test_a_destination_has_one_drill_at_a_time_and_each_has_a_reason(declare):
    drill = declare()
    with pytest.raises(drills.DrillRefused, match="at that time"):
        declare(starts_in=30)
    with pytest.raises(ReasonMissing):
        declare(starts_in=90, reason=" ")
    twin = declare(starts_in=90)
    with pytest.raises(IntegrityError), transaction.atomic():
        Drill.objects.filter(pk=twin.pk).update(state="running")
    assert is_running(drill)


def test_those_declared_together_are_stopped_together(declare):
    drill = declare(codes=("RZ1RAD", "RZ1PATH"))
    assert drills.stop_exercise(drill, by=declare.central) == 2
    assert drills.stop_exercise(drill, by=declare.central) == 0
    assert set(Drill.objects.values_list("state", flat=True)) == {"stopped"}


def test_who_did_what_to_a_drill_cannot_be_changed(declare):
    drill = drills.stop_drill(declare(), reason="Enough", by=declare.central)
    rows = list(drill.events.values_list("before", "after", "why"))
    assert rows == [("planned", "running", ""), ("running", "stopped", "Enough")]
    with pytest.raises(DatabaseError), transaction.atomic():
        DrillEventRow.objects.update(why="")
    assert NORTHGATE in drill.places.values_list("ods_code", flat=True)
