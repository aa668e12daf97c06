"""Blue Light while the desk is closed: who is paged, when the next, and who has it (H44, H38)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.transaction import atomic
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from accounts.policies import SYSTEM
from iep import hours
from iep.errors import NotAccepted
from iep.models import OnCallPage, Ticket, Transaction
from iep.queries import on_call as queries
from iep.services import on_call
from iep.services.exchange import sending, transactions
from iep.services.lanes import transfers
from iep.services.ticketing import tickets
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.transactions import TransactionEvent
from messaging.models import MailMessage
from tests.iep.tickets import asking
from tests.iep.transactions import exchange
from tests.iep.trauma.conftest import Night, london
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H44")]

NIGHT = datetime(2026, 11, 24, 22, 0, tzinfo=timezone.get_fixed_timezone(0))  # a Tuesday
MINUTE = timedelta(minutes=1)
BLUE: dict[str, Any] = {
    "priority": Priority.BLUE_LIGHT, "reason": Reason.BLUE_LIGHT,
    "eligibility": Eligibility.THEATRE,
}  # fmt: skip


@pytest.fixture
def rota(world: World, time_machine: Any) -> list[User]:
    """Two people on Kingsmere's list; it is a Tuesday night."""
    time_machine.move_to(NIGHT, tick=False)
    second = User.objects.create(username="second", title="Ms", last_name="Second", is_demo=True)
    second.memberships.create(organisation=world.place("RZ1RAD"), role="on-call")
    lead, people = world.acting("mbp-lead"), [world.user("on-call"), second]
    for each, phone in zip(people, ("07700 900001", "07700 900002"), strict=True):
        on_call.enter(each, phone, by=lead)
    return people


def paged(thing: Ticket | Transaction) -> list[str]:
    return [each.user.username for each in thing.pages.select_related("user").order_by("at")]


def test_who_says_i_have_it_is_not_told_that_nobody_has_said_it(
    world: World, rota: list[User], django_capture_on_commit_callbacks: Any
) -> None:
    ticket = asking.opened(world, **BLUE)
    page = lambda: world.client("on-call").get(reverse("iep:on-call")).content.decode()  # noqa: E731
    assert "nobody has said" in page()
    with django_capture_on_commit_callbacks(execute=True):
        on_call.acknowledge(ticket, by=world.acting("on-call"))
    assert "nobody has said" not in page()


def test_the_first_of_the_list_is_paged_and_everybody_sees_whom_to_ring(
    world: World, rota: list[User]
) -> None:
    ticket = asking.opened(world, **BLUE)
    assert on_call.page_due() == 1
    assert paged(ticket) == ["on-call"]
    page = world.client("mbp").get(reverse("iep:on-call")).content.decode()
    assert "07700 900001" in page
    assert "Paged Mr L Brandt, 07700 900001" in [each.words for each in ticket.events.all()]


def test_unacknowledged_for_five_minutes_the_next_is_paged_and_then_the_first_again(
    world: World, rota: list[User], time_machine: Any
) -> None:
    ticket = asking.opened(world, **BLUE)
    on_call.page_due()
    time_machine.move_to(NIGHT + 4 * MINUTE, tick=False)
    assert on_call.page_due() == 0
    time_machine.move_to(NIGHT + 5 * MINUTE, tick=False)
    assert on_call.page_due() == 1
    time_machine.move_to(NIGHT + 10 * MINUTE, tick=False)
    assert on_call.page_due() == 1
    assert paged(ticket) == ["on-call", "second", "on-call"]


def test_once_somebody_has_it_nobody_else_is_paged(
    world: World, rota: list[User], time_machine: Any
) -> None:
    ticket = asking.opened(world, **BLUE)
    on_call.page_due()
    browser = world.client("on-call")
    assert "I have it" in browser.get(reverse("iep:on-call")).content.decode()
    browser.post(reverse("iep:acknowledge", args=[ticket.pk]))
    time_machine.move_to(NIGHT + 60 * MINUTE, tick=False)
    assert on_call.page_due() == 0
    assert OnCallPage.objects.get().acknowledged_at == NIGHT
    with pytest.raises(NotAccepted, match="has it already"):
        on_call.acknowledge(ticket, by=world.acting("second"))


def test_who_was_not_paged_may_take_it_and_who_sends_nothing_may_not(
    world: World, rota: list[User]
) -> None:
    ticket = asking.opened(world, **BLUE)
    with pytest.raises(PermissionDenied):
        on_call.acknowledge(ticket, by=world.acting("central"))
    on_call.acknowledge(ticket, by=world.acting("second"))
    assert on_call.page_due() == 0


def test_standard_work_and_what_is_under_way_page_nobody(world: World, rota: list[User]) -> None:
    asking.opened(world)
    running = asking.opened(world, **BLUE)
    tickets.cancel(running, "Rung: not needed", by=world.acting("mbp"))
    assert on_call.page_due() == 0


def test_what_came_while_the_desk_was_open_and_was_left_is_paged_when_it_closes(
    world: World, rota: list[User], time_machine: Any
) -> None:
    time_machine.move_to(NIGHT.replace(hour=17, minute=25), tick=False)
    ticket = asking.opened(world, **BLUE)
    assert on_call.page_due() == 0
    time_machine.move_to(NIGHT.replace(hour=17, minute=31), tick=False)
    assert on_call.page_due() == 1
    assert paged(ticket) == ["on-call"]


@pytest.mark.parametrize(
    ("at", "is_paged"),
    [
        (london(2026, 11, 24, 7, 59), True),
        (london(2026, 11, 24, 8, 0), False),
        (london(2026, 11, 24, 17, 29), False),
        (london(2026, 11, 24, 17, 30), True),
        (london(2026, 11, 28, 19, 59), False),  # a Saturday
        (london(2026, 11, 28, 20, 0), True),
        (london(2026, 12, 25, 11, 0), True),  # Christmas
        (london(2026, 12, 28, 11, 0), True),  # Boxing Day's substitute, a Monday
        (london(2026, 12, 29, 11, 0), False),
        (london(2027, 3, 26, 11, 0), True),  # Good Friday
        (london(2026, 10, 25, 7, 59), True),  # the clocks went back in the night: a Sunday
        (london(2026, 10, 25, 8, 0), False),
        (london(2027, 3, 28, 7, 59), True),  # and forward
        (london(2027, 3, 28, 8, 0), False),
        (london(2027, 3, 28, 20, 0), True),
    ],
)
def test_whether_anybody_is_paged_follows_the_calendar(
    world: World, rota: list[User], time_machine: Any, at: datetime, is_paged: bool
) -> None:
    time_machine.move_to(at, tick=False)
    asking.opened(world, exams=(asking.scan(acquired_on=at.date()),), **BLUE)
    assert hours.is_open() is not is_paged
    assert on_call.page_due() == int(is_paged)


def test_a_page_is_mailed_where_a_mail_may_go_and_carries_the_call_reference_only(
    world: World, rota: list[User]
) -> None:
    address = "l.brandt@kingsmere.nhs.example"
    User.objects.filter(username="on-call").update(email=address)
    asking.confirmed(world, address)
    ticket = asking.opened(world, **BLUE)
    on_call.page_due()
    page = OnCallPage.objects.get()
    assert page.mailed
    sent = MailMessage.objects.filter(subject_type="iep.OnCallPage").get()
    assert ticket.reference in sent.subject
    assert ticket.family_name.encode() not in bytes(sent.raw)
    on_call.record_page_mail(str(ticket.pk), "bounced", "No such person")
    page.refresh_from_db()
    assert not page.mailed


def test_nobody_on_the_list_is_said_in_the_strip(world: World, time_machine: Any) -> None:
    time_machine.move_to(NIGHT, tick=False)
    asking.opened(world, **BLUE)
    assert on_call.page_due() == 0
    (line,) = queries.blue_light_strip(world.acting("on-call"))
    assert "nobody has said" in line[0]
    assert list(queries.blue_light_strip(world.acting("gp"))) == []
    page = world.client("on-call").get(reverse("iep:on-call")).content.decode()
    assert "Nobody is on the list" in page


# --- What another hospital asks of us, or sends us ------------------------------------------------


def their_blue_light(world: World, kind: str = "request", **facts: Any) -> Transaction:
    """As the gateway makes it of what they say."""
    return transactions.create(
        kind=kind, direction="in", institution=exchange.hospital(), by=SYSTEM,
        **exchange.FACTS
        | {"priority": Priority.BLUE_LIGHT, "organisation": world.place("RZ1")} | facts,
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "what"), [
    ("request", "Asks us for images"), ("transfer", "Sends us images"),
])  # fmt: skip
def test_blue_light_of_another_hospital_is_paged_passed_on_and_taken(
    world: World, rota: list[User], time_machine: Any, kind: str, what: str
) -> None:
    thing = their_blue_light(world, kind)
    assert on_call.page_due() == 1
    time_machine.move_to(NIGHT + 4 * MINUTE, tick=False)
    assert on_call.page_due() == 0
    time_machine.move_to(NIGHT + 5 * MINUTE, tick=False)
    assert on_call.page_due() == 1
    assert paged(thing) == ["on-call", "second"]
    words = [each.words for each in thing.events.all()]
    assert words[-2:] == [f"Paged {name}" for name in (
        "Mr L Brandt, 07700 900001", "Ms Second, 07700 900002",
    )]  # fmt: skip
    browser = world.client("on-call")
    page = browser.get(reverse("iep:on-call")).content.decode()
    assert "nobody has said" in page
    assert f"Transaction {thing.number}" in page
    assert what in page
    browser.post(reverse("iep:acknowledge", args=[thing.pk]))
    time_machine.move_to(NIGHT + 60 * MINUTE, tick=False)
    assert on_call.page_due() == 0
    cache.clear()
    page = world.client("mbp").get(reverse("iep:on-call")).content.decode()
    assert f"Transaction {thing.number}" in page
    assert "nobody has said" not in page
    assert "I have it" not in page
    has = thing.pages.get(acknowledged_at__isnull=False)
    assert (has.user, has.acknowledged_at) == (rota[0], NIGHT + 5 * MINUTE)


def test_what_nobody_takes_at_a_trust_without_a_list_hides_no_other_trusts(
    world: World, rota: list[User], time_machine: Any
) -> None:
    elsewhere = world.place("RZ2")
    for _ in range(queries.PER_PAGE + 1):
        their_blue_light(world, organisation=elsewhere)
    time_machine.move_to(NIGHT + MINUTE, tick=False)
    thing = their_blue_light(world)
    assert on_call.page_due() == 1
    assert paged(thing) == ["on-call"]


def test_a_request_that_they_raise_to_blue_light_is_paged_from_then(
    world: World, rota: list[User]
) -> None:
    thing = their_blue_light(world, priority=Priority.NORMAL)
    assert on_call.page_due() == 0
    transactions.record(thing, TransactionEvent.NOTED, by=SYSTEM, priority=0)
    assert on_call.page_due() == 1


def test_in_hours_their_blue_light_is_the_desks(
    world: World, rota: list[User], time_machine: Any
) -> None:
    time_machine.move_to(NIGHT.replace(hour=11), tick=False)
    their_blue_light(world)
    assert on_call.page_due() == 0
    assert list(queries.blue_light_strip(world.acting("mbp"))) == []


@pytest.mark.parametrize(
    ("kind", "event", "is_paged"),
    [
        ("request", TransactionEvent.ACCEPTED, True),
        ("request", TransactionEvent.FAILED, True),
        ("request", TransactionEvent.ASKED_DETAILS, False),  # it waits for them
        ("request", TransactionEvent.STARTED, False),
        ("request", TransactionEvent.DELIVERED, False),
        ("request", TransactionEvent.DECLINED, False),
        ("request", TransactionEvent.CANCELLED, False),
        ("transfer", TransactionEvent.UPLOADING, False),
        ("transfer", TransactionEvent.UPLOADED, True),  # to be downloaded
        ("transfer", TransactionEvent.DELIVERED, True),  # to be matched
        ("transfer", TransactionEvent.DECLINED, False),
    ],
)
def test_somebody_is_paged_for_what_waits_for_us(
    world: World, rota: list[User], kind: str, event: TransactionEvent, is_paged: bool
) -> None:
    thing = their_blue_light(world, kind)
    if event == TransactionEvent.UPLOADED:
        sending.put_on_exchange(thing, by=SYSTEM)
    else:
        transactions.record(thing, event, by=SYSTEM)
    assert on_call.page_due() == int(is_paged)


def test_what_we_ask_of_them_pages_nobody(world: World, rota: list[User]) -> None:
    exchange.request(world, priority=0, eligibility="theatre")
    exchange.transfer(world, priority=0, eligibility="theatre")
    assert on_call.page_due() == 0


def test_the_mail_of_a_page_for_theirs_names_the_transaction_and_nobody(
    world: World, rota: list[User]
) -> None:
    address = "l.brandt@kingsmere.nhs.example"
    User.objects.filter(username="on-call").update(email=address)
    asking.confirmed(world, address)
    thing = their_blue_light(world)
    on_call.page_due()
    sent = MailMessage.objects.filter(subject_type="iep.OnCallPage").get()
    assert sent.subject == f"Transaction {thing.number}: Blue Light, acknowledge now"
    assert b"Testpatient" not in bytes(sent.raw)
    on_call.record_page_mail(str(thing.pk), "bounced", "No such person")
    assert not OnCallPage.objects.get().mailed


def test_another_trusts_is_not_taken(world: World, rota: list[User]) -> None:
    thing = their_blue_light(world, organisation=world.place("RZ2"))
    assert on_call.page_due() == 0  # nobody is on their list
    browser = world.client("on-call")
    assert browser.post(reverse("iep:acknowledge", args=[thing.pk])).status_code == 404
    assert f"Transaction {thing.number}" not in browser.get("/iep/on-call/").content.decode()
    with pytest.raises(PermissionDenied):
        on_call.acknowledge(thing, by=world.acting("on-call"))


def test_a_page_is_for_a_ticket_or_a_transaction(world: World, rota: list[User]) -> None:
    with pytest.raises(IntegrityError, match="a_page_for_a_ticket_or_a_transaction"), atomic():
        OnCallPage.objects.create(user=rota[0], at=NIGHT)


# --- The list ------------------------------------------------------------------------------------


def test_the_lead_keeps_the_list_on_the_page(world: World, rota: list[User]) -> None:
    browser = world.client("mbp-lead")
    keep = reverse("iep:keep-on-call")
    people = list(queries.people(world.place("RZ1")))
    browser.post(keep, {"do": f"first:{people[1].pk}"})
    assert [each.user for each in queries.people(world.place("RZ1"))] == rota[::-1]
    browser.post(keep, {"do": f"remove:{people[0].pk}"})
    assert [each.user for each in queries.people(world.place("RZ1"))] == rota[1:]
    refused = browser.post(keep, {"do": "enter", "person": str(rota[0].pk), "phone": "none"})
    assert refused.status_code == 422
    browser.post(keep, {"do": "enter", "person": str(rota[0].pk), "phone": "07700 900009"})
    assert [each.user for each in queries.people(world.place("RZ1"))] == rota[::-1]
    assert world.client("mbp").post(keep, {"do": f"remove:{people[1].pk}"}).status_code == 403


def test_only_people_who_may_send_trauma_scans_go_on_the_list(world: World) -> None:
    lead = world.acting("mbp-lead")
    with pytest.raises(NotAccepted, match="who may send"):
        on_call.enter(world.user("gp"), "07700 900001", by=lead)
    with pytest.raises(PermissionDenied):
        on_call.enter(world.user("on-call"), "07700 900001", by=world.acting("mbp"))


@pytest.mark.hazard("H38")
def test_blue_light_that_waits_for_a_minute_is_in_the_strip(
    night: Night, time_machine: Any
) -> None:
    time_machine.move_to(NIGHT, tick=False)
    node = night.centre.nodes.get()
    transfers.queue_fetch(
        node, "2.25.1", priority=Priority.BLUE_LIGHT, purpose="in", title="CT head", by=night.by
    )
    acting = night.world.acting("mbp")
    assert list(queries.blue_light_strip(acting)) == []
    time_machine.move_to(NIGHT + 2 * MINUTE, tick=False)
    ((words, since, *_),) = queries.blue_light_strip(acting)
    assert "waited for more than a minute" in words
    assert since == NIGHT
