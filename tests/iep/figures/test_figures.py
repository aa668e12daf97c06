"""Compliance figures: every number is the length of the list behind it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db.transaction import atomic
from django.urls import reverse

from accounts.policies import SYSTEM
from iep.models import Institution, Node, Transaction, TransactionEventRow, Transfer
from iep.queries import behind
from iep.queries.compliance import figures, periods
from iep.services.exchange import sending, transactions
from iep.services.lanes import transfers
from iep.services.lanes.retrying import fail
from iep.services.moving import locked, move
from iep.services.ticketing import tickets
from iep.states.discs import DiscEvent
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.transactions import DeclineReason, Direction, TransactionEvent, TransactionKind
from iep.states.transfers import TransferEvent
from tests.iep.discs.example import new_ticket as disc_form
from tests.iep.tickets import asking
from tests.world import World

pytestmark = pytest.mark.django_db

BEGAN = datetime(2026, 11, 10, 9, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PERIOD = periods.half(2026, 2)


@pytest.fixture
def westhaven(world: World) -> Institution:
    made = asking.hospital("Westhaven General Hospital", city="Westhaven")
    Node.objects.create(institution=made, name="WGH1", kind="dimse", ae_title="WGH", port=1,
                        host="127.0.0.1", is_default=True)  # fmt: skip
    return made


class Desk:
    """What the desk did, at times of the test's choosing."""

    def __init__(self, world: World, institution: Institution, time_machine: Any) -> None:
        self.world, self.institution, self.clock = world, institution, time_machine
        self.by = world.acting("mbp")

    def made(self, at: datetime = BEGAN, **facts: Any) -> Transaction:
        self.clock.move_to(at, tick=False)
        priority = facts.pop("priority", Priority.NORMAL)
        blue = priority == Priority.BLUE_LIGHT
        said = {
            "eligibility": Eligibility.THEATRE.value if blue else "",
            "kind": TransactionKind.REQUEST, "institution": self.institution, "by": self.by,
            "family_name": "Testpatient", "given_names": "Agnes", "birth_date": date(1958, 3, 2),
            "nhs_number": "9990000018", "requester_name": "Dr Bell", "consultant": "Mr Crane",
            "department": "ED", "exams": [{"description": "CT head"}],
            "reason": Reason.BLUE_LIGHT if blue else Reason.MDT,
        } | facts  # fmt: skip
        return transactions.create(priority=priority, **said)

    def event(self, thing: Transaction, event: TransactionEvent, at: datetime) -> None:
        self.clock.move_to(at, tick=False)
        transactions.record(thing, event, by=SYSTEM)

    def delivered(self, after: timedelta, **facts: Any) -> Transaction:
        thing = self.made(**facts)
        self.event(thing, TransactionEvent.DELIVERED, thing.created_at + after)
        return thing

    def shown(self) -> figures.Figures:
        self.clock.move_to(NOW, tick=False)
        return figures.figures(self.world.acting("mbp-lead"), PERIOD)


@pytest.fixture
def desk(world: World, westhaven: Institution, time_machine: Any) -> Desk:
    return Desk(world, westhaven, time_machine)


def counts(found: figures.Figures, title: str) -> dict[str, tuple[int, ...]]:
    table = next(each for each in found.tables if each.title == title)
    return {line.words: tuple(each.count for each in line.numbers) for line in table.lines}


def more(found: figures.Figures, title: str) -> dict[str, tuple[str, ...]]:
    table = next(each for each in found.tables if each.title == title)
    return {line.words: line.more for line in table.lines}


def test_volumes_are_counted_by_kind_direction_and_institution(desk: Desk) -> None:
    desk.made()
    desk.made()
    desk.made(kind=TransactionKind.TRANSFER)
    desk.made(direction=Direction.IN, kind=TransactionKind.TRANSFER)
    desk.made(at=datetime(2026, 6, 30, 22, 59, tzinfo=UTC))  # 23:59 in London: the half before
    found = desk.shown()
    kinds = counts(found, "Volumes by kind")
    assert kinds["Asked for"] == (2, 0)
    assert kinds["Sent"] == (1, 1)
    assert kinds["All"] == (3, 1)
    assert counts(found, "Volumes by institution") == {
        "Westhaven General Hospital, Westhaven": (3, 1)
    }
    assert found.headline.startswith("3 in and 1 out.")


def test_blue_light_is_in_time_within_four_hours_and_late_after(desk: Desk) -> None:
    blue = {"priority": Priority.BLUE_LIGHT}
    desk.delivered(timedelta(hours=1), **blue)
    desk.delivered(timedelta(hours=4), **blue)
    desk.delivered(timedelta(hours=4, seconds=1), **blue)
    desk.made(**blue)  # never delivered
    desk.made(at=NOW - timedelta(hours=1), **blue)  # its four hours run
    declined = desk.made(**blue)
    transactions.decline(declined, DeclineReason.NO_SUCH_STUDY, by=desk.by)
    desk.delivered(timedelta(hours=9))  # not Blue Light
    found = desk.shown()
    assert counts(found, "Blue Light, four hours") == {
        "Delivered within four hours": (2,),
        "Later, or not at all": (2,),
        "Under way, four hours not over": (1,),
    }
    assert "2 of 4 Blue Light requests were delivered within four hours (50 %)" in found.headline


def test_volumes_stand_by_month_each_with_its_list(desk: Desk) -> None:
    for month in (7, 7, 10):
        desk.made(at=datetime(2026, month, 31 if month == 10 else 1, 0, 30, tzinfo=UTC))
    desk.made(at=datetime(2026, 7, 31, 23, 30, tzinfo=UTC))  # 1 August in London
    desk.made(kind=TransactionKind.TRANSFER)
    found = counts(desk.shown(), "Volumes by month")
    assert found == {
        "July 2026": (2, 0), "August 2026": (1, 0), "September 2026": (0, 0),
        "October 2026": (1, 0), "November 2026": (0, 1),
    }  # fmt: skip
    lead = desk.world.acting("mbp-lead")
    assert len(behind.listed(lead, PERIOD, "month-in:2026-07")) == 2
    assert behind.listed(lead, PERIOD, "month-in:soon") == []


def test_blue_light_stands_by_how_long_it_took_on_either_side_of_the_line(desk: Desk) -> None:
    blue = {"priority": Priority.BLUE_LIGHT}
    for minutes in (60, 61, 240, 241, 400):
        desk.delivered(timedelta(minutes=minutes), **blue)
    desk.made(**blue)
    found = desk.shown()
    assert counts(found, "Blue Light, how long it took") == {
        "Up to 1 hour": (1,), "1 to 2 hours": (1,), "2 to 3 hours": (0,), "3 to 4 hours": (1,),
        "4 to 6 hours, over the four hours": (1,),
        "More than 6 hours, over the four hours": (1,),
    }  # fmt: skip
    table = next(each for each in found.tables if each.title == "Blue Light, how long it took")
    assert [line.is_over for line in table.lines] == [False] * 4 + [True] * 2
    assert len(behind.listed(desk.world.acting("mbp-lead"), PERIOD, "took:4")) == 1
    assert behind.listed(desk.world.acting("mbp-lead"), PERIOD, "took:9") == []


def test_a_bar_is_as_long_as_its_number_and_hidden_from_who_hears_the_page(desk: Desk) -> None:
    for at in (datetime(2026, 7, 1, 9, tzinfo=UTC), datetime(2026, 7, 2, 9, tzinfo=UTC), BEGAN):
        desk.made(at=at)
    desk.clock.move_to(NOW, tick=False)
    page = desk.world.client("mbp-lead").get("/iep/figures/?period=2026-2").content.decode()
    section = page[page.index("Volumes by month") : page.index("Volumes by institution")]
    assert [each.split('"')[1] for each in section.split("<rect ")[1:]] == [
        "100.0", "0.0", "0.0", "0.0", "0.0", "0.0", "0.0", "0.0", "50.0", "0.0",
    ]  # fmt: skip
    assert section.count("<svg") == section.count('aria-hidden="true"') == 10
    assert "style=" not in section


def test_times_are_the_middle_and_the_ninth_of_ten(desk: Desk) -> None:
    for minutes in (10, 20, 30, 40, 50, 60, 70, 80, 90, 600):
        desk.delivered(timedelta(minutes=minutes))
    desk.made()
    times = more(desk.shown(), "Time from asking to delivered")
    assert times["Standard"] == ("10", "55 min", "1 h 30 min")
    assert times["Blue Light"] == ("0", "None", "None")


def test_failures_are_counted_by_their_reason_and_declines_by_theirs(desk: Desk) -> None:
    thing = desk.made()
    queued = transfers.queue_fetch(
        thing.node, "2.25.1", priority=Priority.NORMAL, purpose="in", title="CT head",
        transaction=thing, by=desk.by,
    )  # fmt: skip
    move(locked(queued), TransferEvent.FAILED, by=SYSTEM, family="refused", why="They said no")
    transactions.decline(desk.made(), DeclineReason.NO_SUCH_STUDY, by=desk.by)
    transactions.decline(desk.made(), DeclineReason.INAPPROPRIATE, by=desk.by)
    transactions.decline(desk.made(), DeclineReason.INAPPROPRIATE, by=desk.by)
    found = desk.shown()
    assert counts(found, "Failures by reason") == {"The other side refused images": (1,)}
    declined = counts(found, "Declined by reason")
    assert sorted(declined.values()) == [(1,), (2,)]


def test_a_decline_stays_counted_by_its_reason_when_it_is_processed_again(desk: Desk) -> None:
    thing = desk.made()
    transactions.decline(thing, DeclineReason.NO_SUCH_STUDY, by=desk.by)
    again = transactions.process_again(thing, by=desk.by, comments="Taken in May")
    assert again.declined_reason == ""
    lead = desk.world.acting("mbp-lead")
    missing = "The requested study does not exist at this institution"
    assert counts(desk.shown(), "Declined by reason") == {missing: (1,)}
    assert len(behind.listed(lead, PERIOD, "declined:no_such_study")) == 1
    transactions.decline(again, DeclineReason.OTHER, "They are moving house", by=desk.by)
    assert counts(desk.shown(), "Declined by reason") == {
        missing: (1,), "Another reason": (1,),
    }  # fmt: skip
    assert len(behind.listed(lead, PERIOD, "declined:no_such_study")) == 1


def test_a_failure_stays_counted_by_its_reason_when_it_is_tried_again(desk: Desk) -> None:
    thing = desk.made()
    queued = transfers.queue_fetch(
        thing.node, "2.25.1", priority=Priority.NORMAL, purpose="in", title="CT head",
        transaction=thing, by=desk.by,
    )  # fmt: skip
    with atomic():
        fail(locked(queued), "They said no", "refused")
    again = transfers.retry(queued, by=desk.by)
    assert (again.family, again.why) == ("", "")
    refused = {"The other side refused images": (1,)}
    assert counts(desk.shown(), "Failures by reason") == refused
    (listed,) = behind.listed(desk.world.acting("mbp-lead"), PERIOD, "failed:refused")
    assert listed.what == "They said no"
    with atomic():
        fail(locked(again), "They are away", "unreachable")
    assert counts(desk.shown(), "Failures by reason") == refused | {
        "The other side could not be reached": (1,)
    }
    assert behind.failures(desk.world.acting("mbp-lead"), PERIOD, "refused").count() == 1


@pytest.mark.hazard("H39")
def test_the_four_hours_run_from_the_ticket_and_anew_from_blue_light(desk: Desk) -> None:
    desk.clock.move_to(BEGAN, tick=False)
    form = {"institution": desk.institution, "exams": (asking.scan(acquired_on=BEGAN.date()),)}
    ticket = asking.opened(
        desk.world, priority=Priority.BLUE_LIGHT, eligibility=Eligibility.THEATRE,
        reason=Reason.BLUE_LIGHT, **form,
    )  # fmt: skip
    hours = timedelta(hours=1)
    late = desk.made(at=BEGAN + 3 * hours, ticket=ticket, priority=Priority.BLUE_LIGHT)
    desk.event(late, TransactionEvent.DELIVERED, BEGAN + 5 * hours)
    raised = desk.made()
    desk.clock.move_to(BEGAN + 10 * hours, tick=False)
    transactions.change_priority(raised, Priority.BLUE_LIGHT, Eligibility.THEATRE, by=desk.by)
    desk.event(raised, TransactionEvent.DELIVERED, BEGAN + 11 * hours)
    open_one = desk.made(at=NOW - 5 * hours)
    desk.clock.move_to(NOW - hours, tick=False)
    transactions.change_priority(open_one, Priority.BLUE_LIGHT, Eligibility.THEATRE, by=desk.by)
    found = desk.shown()
    assert counts(found, "Blue Light, four hours") == {
        "Delivered within four hours": (1,), "Later, or not at all": (1,),
        "Under way, four hours not over": (1,),
    }  # fmt: skip
    listed = {
        key: [each.words for each in behind.listed(desk.world.acting("mbp-lead"), PERIOD, key)]
        for key in ("within", "late", "open")
    }
    assert listed == {
        "within": [f"Transaction {raised.number}"], "late": [f"Transaction {late.number}"],
        "open": [f"Transaction {open_one.number}"],
    }  # fmt: skip
    took = counts(found, "Blue Light, how long it took")
    assert took["Up to 1 hour"] == took["4 to 6 hours, over the four hours"] == (1,)
    assert more(found, "Time from asking to delivered")["Blue Light"] == (
        "2", "3 h 00 min", "5 h 00 min",
    )  # fmt: skip


def test_tickets_stand_by_their_kind_and_discs_when_they_were_read(desk: Desk) -> None:
    desk.clock.move_to(BEGAN, tick=False)
    day = {"exams": (asking.scan(acquired_on=BEGAN.date()),), "institution": desk.institution}
    asking.opened(desk.world, **day)
    asking.opened(desk.world, **day)
    by = desk.world.acting("mbp")
    tickets.open_ticket(asking.export_form(**day), by=by)
    discs = tickets.open_ticket(
        disc_form(discs=2, institution=desk.institution), by=by
    ).disc_set.order_by("number")
    came = (DiscEvent.COLLECTED, DiscEvent.UPLOADED)
    for event in (*came, DiscEvent.STOPPED, DiscEvent.RELEASED):
        with atomic():
            move(locked(discs[0]), event, by=by)
    for event in came:
        with atomic():
            move(locked(discs[1]), event, by=by)
    assert counts(desk.shown(), "Tickets and discs") == {
        "Tickets for images from another hospital": (2,),
        "Tickets for images to another hospital": (1,),
        "Tickets for discs": (1,), "Discs read in": (1,),
    }  # fmt: skip
    (listed,) = behind.listed(desk.world.acting("mbp-lead"), PERIOD, "discs")
    assert listed.words == f"{discs[0].ticket.reference}, disc 1"
    assert len(behind.listed(desk.world.acting("mbp-lead"), PERIOD, "ticket:import")) == 2
    before = figures.figures(desk.world.acting("mbp-lead"), periods.half(2026, 1))
    assert set(counts(before, "Tickets and discs").values()) == {(0,)}


def test_incomplete_requests_and_purges_are_counted(desk: Desk) -> None:
    desk.clock.move_to(BEGAN, tick=False)
    ticket = asking.opened(desk.world)
    tickets.chase(ticket, "requester", missing=["consultant"], by=desk.by)
    purged = desk.made()
    with atomic():
        sending.put_on_exchange(locked(purged), by=SYSTEM)
    desk.event(purged, TransactionEvent.PURGED, BEGAN + timedelta(days=5))
    found = desk.shown()
    assert counts(found, "Incomplete requests")["Details had to be asked for"] == (1,)
    assert counts(found, "Purges")["Purged after 15 days"] == (1,)


def test_every_number_of_the_page_opens_a_list_of_that_length(desk: Desk) -> None:
    desk.delivered(timedelta(hours=1), priority=Priority.BLUE_LIGHT)
    desk.made(priority=Priority.BLUE_LIGHT)
    transactions.decline(desk.made(), DeclineReason.NO_SUCH_STUDY, by=desk.by)
    test_tickets_stand_by_their_kind_and_discs_when_they_were_read(desk)
    test_incomplete_requests_and_purges_are_counted(desk)
    found, lead = desk.shown(), desk.world.acting("mbp-lead")
    numbers = [n for table in found.tables for line in table.lines for n in line.numbers if n.count]
    assert len(numbers) > 8
    browser = desk.world.client("mbp-lead")
    for number in numbers:
        assert len(behind.listed(lead, PERIOD, number.key)) == number.count, number.key
    for number in numbers[:3]:
        page = browser.get(reverse("iep:figures"), {"period": "2026-2", "of": number.key})
        assert page.status_code == 200
    assert browser.get(reverse("iep:figures"), {"of": "from:x'--"}).status_code == 404


def test_another_trust_is_not_counted_and_the_central_team_counts_all(desk: Desk) -> None:
    desk.made()
    desk.made(organisation=desk.world.place("RZ2"))
    assert counts(desk.shown(), "Volumes by kind")["All"] == (1, 0)
    everywhere = figures.figures(desk.world.acting("central"), PERIOD)
    assert counts(everywhere, "Volumes by kind")["All"] == (2, 0)


def test_the_file_has_the_tables_and_no_patient(desk: Desk) -> None:
    desk.made()
    desk.shown()
    answer = desk.world.client("mbp-lead").get(
        reverse("iep:figures-download"), {"period": "2026-2"}
    )
    text = answer.content.decode()
    assert text.startswith("\ufeff")
    assert "Volumes by institution" in text
    assert "Westhaven General Hospital" in text
    assert "Testpatient" not in text
    assert answer["Content-Disposition"] == 'attachment; filename="image-exchange-2026-2.csv"'


@pytest.mark.parametrize(
    ("minutes", "half", "ninth"),
    [([], "None", "None"), ([5], "5 min", "5 min"), ([1, 2], "1 min", "2 min"),
     ([*range(1, 11)], "5 min", "9 min"), ([*range(1, 12)], "6 min", "10 min")],
)  # fmt: skip
def test_nine_of_ten_do_not_exceed_the_ninetieth(
    desk: Desk, minutes: list[int], half: str, ninth: str
) -> None:
    for each in minutes:
        desk.delivered(timedelta(minutes=each))
    times = more(desk.shown(), "Time from asking to delivered")
    assert times["Standard"] == (str(len(minutes)), half, ninth)


def test_a_second_delivery_does_not_make_it_later(desk: Desk) -> None:
    thing = desk.delivered(timedelta(hours=1), priority=Priority.BLUE_LIGHT)
    TransactionEventRow.objects.create(
        transaction=thing, event="delivered", to_state="delivered", by_name="a lane",
        at=thing.created_at + timedelta(hours=9),
    )  # fmt: skip
    found = desk.shown()
    assert more(found, "Time from asking to delivered")["Blue Light"] == (
        "1", "1 h 00 min", "1 h 00 min",
    )  # fmt: skip
    assert counts(found, "Blue Light, four hours")["Delivered within four hours"] == (1,)


def test_transfers_stand_by_the_size_of_their_study(desk: Desk) -> None:
    thing = desk.made()
    for images, minutes in ((3, 1), (100, 3), (101, 20), (2000, 90)):
        Transfer.objects.create(
            kind="fetch", purpose="in", direction="in", node=thing.node, transaction=thing,
            title="CT head", state="delivered", state_since=BEGAN, images=images,
            images_done=images, started_at=BEGAN, finished_at=BEGAN + timedelta(minutes=minutes),
        )  # fmt: skip
    assert more(desk.shown(), "Time of a transfer by its size") == {
        "Up to 100 images": ("2", "2 min"), "101 to 1,000": ("1", "20 min"),
        "More": ("1", "1 h 30 min"),
    }  # fmt: skip


def test_half_years_and_years_are_offered_the_present_one_first() -> None:
    offered = periods.periods(date(2026, 5, 1))
    assert offered[0].key == "2026-1"
    assert "2026-2" not in {each.key for each in offered}
    assert periods.period_of("2019-1", date(2026, 5, 1)).key == "2026-1"
    first, last = periods.half(2026, 2).bounds
    assert (first.astimezone(UTC).hour, last.astimezone(UTC).hour) == (23, 0)
