"""Orders beside a partner's list, and orders that were taken and are silent (H15)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from messaging.models import OutboundMessage, Partner
from requesting import services
from requesting.errors import Refused
from requesting.models import Difference, Expectation, RequestItem
from requesting.partner_lists import NotAList, read_list
from requesting.queries import reconciling as queries
from requesting.reconciling import Kind, State, states_differ, working_deadline
from requesting.states import Status

from .lists import partner_list
from .surgery import CHEST, FBC

pytestmark = pytest.mark.django_db


@pytest.fixture
def ris(surgery):
    return Partner.objects.get(slug="ris-rz1")


def compared(surgery, partner, rows, *, after=timedelta(hours=1), by="central", **more):
    """The list as it was written, an hour from now unless told otherwise."""
    with time_machine.travel(timezone.now() + after, tick=False):
        raw = partner_list(partner.slug, rows, **more)
        return services.reconcile_orders(read_list(raw), partner, raw=raw, by=surgery.acting(by))


def kinds():
    rows = Difference.objects.filter(state=State.OPEN)
    return sorted(rows.values_list("kind", "key"))


# --- The file ------------------------------------------------------------------------------------


def test_a_file_that_was_cut_short_is_no_list():
    with pytest.raises(NotAList, match="cut short"):
        read_list(partner_list("ris-rz1", [("P1", "", "received")], count=2))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"", "first five lines"),
        (partner_list("x", [("P1", "", "lost")]), "Line 7: the status"),
        (partner_list("x", [("", "", "received")]), "Line 7: it has neither"),
        (partner_list("x", [("P1", "", "received", "yesterday")]), "Line 7: a time"),
        (partner_list("x", [("P1", "", "received"), ("P1", "", "booked")]), "twice"),
        (partner_list("x", [("P1", "A", "F", "", "none")], kind="reports"), "Line 7: count"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(raw, words):
    with pytest.raises(NotAList, match=words):
        read_list(raw)


# --- Orders --------------------------------------------------------------------------------------


def test_two_sides_that_agree_have_no_difference(surgery, ris):
    item = surgery.delivered(CHEST)
    came = compared(surgery, ris, [(item.placer_number, "", "received")])
    assert (came.found, came.new, Difference.objects.count()) == (0, 0, 0)


@pytest.mark.hazard("H15")
def test_an_order_that_they_took_and_do_not_have_is_on_the_list(surgery, ris):
    lost, kept = surgery.delivered(CHEST), surgery.delivered(CHEST)
    compared(surgery, ris, [(kept.placer_number, "", "received")])
    assert kinds() == [("not_there", lost.placer_number)]
    assert surgery.fresh(lost).status == Status.RECEIVED, "a list changes no request"


def test_an_order_on_its_way_while_the_list_was_written_is_no_difference(surgery, ris):
    surgery.delivered(CHEST)
    compared(surgery, ris, [], after=timedelta(minutes=5))
    assert kinds() == []


def test_each_kind_of_difference_is_told_apart(surgery, ris):
    booked, numbered = surgery.delivered(CHEST), surgery.delivered(CHEST)
    surgery.says(numbered, "NA", filler="A-7")
    compared(
        surgery, ris,
        [
            (booked.placer_number, "A-1", "booked"),
            (numbered.placer_number, "A-8", "received"),
            ("OC1-NOT-OURS", "A-3", "received"),
            ("", "A-4", "accepted"),
        ],
    )  # fmt: skip
    assert kinds() == sorted([
        ("status", booked.placer_number), ("numbers", numbered.placer_number),
        ("not_here", "OC1-NOT-OURS"), ("accession", "A-4"),
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs", "differ"),
    [
        (Status.RECEIVED, "received", False),
        (Status.RECEIVED, "cancelled", True),
        (Status.RECEIVED, "reported", True),
        (Status.BOOKED, "missed", True),
        (Status.DNA, "missed", False),
        (Status.WALKIN, "accepted", False),
        (Status.REPORTED, "progress", False),  # their list is older than our report
        (Status.REVIEWED, "cancelled", False),
        (Status.CANCELLED, "booked", True),
        (Status.REJECTED, "cancelled", False),
        (Status.QUEUED, "received", True),
    ],
)
def test_states_differ_where_they_know_more_than_we(ours, theirs, differ):
    assert states_differ(ours, theirs) is differ


def test_a_difference_that_a_later_list_does_not_show_is_over(surgery, ris):
    item = surgery.delivered(CHEST)
    compared(surgery, ris, [])
    came = compared(surgery, ris, [(item.placer_number, "", "received")], after=timedelta(hours=2))
    assert came.gone == 1
    assert Difference.objects.get().state == State.RESOLVED


def test_a_list_that_does_not_go_back_so_far_ends_nothing(surgery, ris):
    surgery.delivered(CHEST)
    compared(surgery, ris, [], after=timedelta(hours=1))
    compared(surgery, ris, [], after=timedelta(days=40), days=10)
    assert Difference.objects.get().state == State.OPEN


def test_an_older_list_than_the_last_is_refused(surgery, ris):
    compared(surgery, ris, [], after=timedelta(hours=2))
    with pytest.raises(Refused, match="later list"):
        compared(surgery, ris, [], after=timedelta(hours=1))


def test_a_laboratory_does_not_compare_the_list_of_another_department(surgery, ris):
    with pytest.raises(PermissionDenied):
        compared(surgery, ris, [], by="lab")


# --- What people do ------------------------------------------------------------------------------


@pytest.fixture
def missing(surgery, ris):
    surgery.delivered(CHEST, priority="urgent")
    compared(surgery, ris, [])
    return Difference.objects.get()


def test_an_urgent_order_has_an_hour_and_a_routine_one_a_day(surgery, ris, missing):
    assert missing.due_at - missing.found_at == timedelta(hours=1)
    assert missing.is_urgent


@pytest.mark.hazard("H15")
def test_an_order_is_sent_again_as_a_new_message_with_its_old_number(surgery, missing):
    item = missing.item
    services.resend(missing, by=surgery.acting("central"))
    first, second = surgery.orders(item)
    assert first.control_id != second.control_id
    assert first.segments[2].get(2) == second.segments[2].get(2)
    missing.refresh_from_db()
    assert missing.resent.control_id == second.control_id
    assert missing.state == State.OPEN
    rows = OutboundMessage.objects.filter(stream=str(item.request_id)).order_by("sequence")
    assert [row.sequence for row in rows] == [1, 2]


def test_an_order_is_not_sent_again_while_it_is_on_its_way(surgery, missing):
    services.resend(missing, by=surgery.acting("central"))
    with pytest.raises(Refused, match="on its way"):
        services.resend(missing, by=surgery.acting("central"))


def test_an_order_of_which_they_have_spoken_is_not_sent_again(surgery, missing):
    surgery.says(missing.item, "OK", status="SC")
    with pytest.raises(Refused):
        services.resend(missing, by=surgery.acting("central"))


def test_what_was_explained_stays_so_until_it_differs_in_another_way(surgery, ris):
    item = surgery.delivered(CHEST)
    row = (item.placer_number, "", "booked")
    compared(surgery, ris, [row])
    services.explain(Difference.objects.get(), reason="By hand.", by=surgery.acting("central"))
    compared(surgery, ris, [row], after=timedelta(hours=2))
    assert Difference.objects.get().state == State.EXPLAINED
    compared(surgery, ris, [(item.placer_number, "", "reported")], after=timedelta(hours=3))
    assert Difference.objects.get().state == State.OPEN


def test_a_call_is_kept_with_the_name_and_the_difference_stays(surgery, missing):
    by = surgery.acting("central")
    with pytest.raises(Refused, match="with whom"):
        services.note_call(missing, reason="They look.", spoken_to=" ", by=by)
    services.note_call(missing, reason="They look.", spoken_to="Mr Clark", by=by)
    assert missing.notes.last().spoken_to == "Mr Clark"
    missing.refresh_from_db()
    assert missing.state == State.OPEN


def test_a_laboratory_sees_its_own_partners_differences_only(surgery, ris, missing):
    assert queries.reconciliation(surgery.acting("central")).total == 1
    assert queries.reconciliation(surgery.acting("lab")).total == 0
    with pytest.raises(PermissionDenied):
        services.explain(missing, reason="No.", by=surgery.acting("lab"))


# --- Taken, and then nothing ---------------------------------------------------------------------

MONDAY = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.mark.hazard("H15")
def test_every_silent_order_is_listed_within_five_minutes_of_its_time(surgery):
    """100 that were taken and dropped; every tenth one was spoken of."""
    with time_machine.travel(MONDAY, tick=False):
        items = [surgery.delivered(CHEST if n % 2 else FBC) for n in range(100)]
        for item in items[::10]:
            surgery.says(item, "OK", status="SC")
    silent = {item.placer_number for n, item in enumerate(items) if n % 10}
    imaging = {item.placer_number for item in items[1::2]} & silent
    taken = MONDAY + timedelta(minutes=2)  # after the undo time
    with time_machine.travel(taken + timedelta(hours=4, minutes=5), tick=False):
        services.list_overdue()
    assert {key for _, key in kinds()} == silent - imaging
    with time_machine.travel(taken + timedelta(hours=24, minutes=5), tick=False):
        services.list_overdue()
    assert {key for _, key in kinds()} == silent


def test_a_silent_order_goes_from_the_list_when_it_is_spoken_of(surgery):
    with time_machine.travel(MONDAY, tick=False):
        item = surgery.delivered(FBC)
    with time_machine.travel(MONDAY + timedelta(hours=5), tick=False):
        services.list_overdue()
        surgery.says(item, "SC", status="IP")
        services.list_overdue()
    assert Difference.objects.get().state == State.RESOLVED


def test_a_time_that_was_agreed_with_a_partner_counts(surgery, ris):
    Expectation.objects.create(partner=ris, status_hours=1)
    with time_machine.travel(MONDAY, tick=False):
        surgery.delivered(CHEST)
    with time_machine.travel(MONDAY + timedelta(hours=1, minutes=6), tick=False):
        assert services.list_overdue() == 1


def test_a_laboratory_is_waited_for_while_it_is_open():
    friday = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    due = working_deadline(friday, 4, opens=8, closes=18, weekends=False)
    assert due == datetime(2026, 11, 30, 10, 0, tzinfo=UTC)


@pytest.mark.hazard("H29")
def test_a_sample_without_a_result_by_its_usual_time_is_listed(surgery):
    with time_machine.travel(MONDAY, tick=False):
        late, done = surgery.delivered(FBC), surgery.delivered(FBC)
        for item in (late, done):
            surgery.says(item, "SC", status="IP")
        surgery.report(done)
    days = RequestItem.objects.get(pk=late.pk).service.usual_days + 1
    with time_machine.travel(MONDAY + timedelta(days=days, minutes=5), tick=False):
        services.list_overdue()
    assert kinds() == [(Kind.NO_RESULT, late.placer_number)]
