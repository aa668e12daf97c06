"""Whose page it is: our record, somebody's words, or nobody where it may be two people (ux C2)."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from iep.models import Disc, ReceivedFile, Study, Transaction, Transfer
from iep.queries.lanes.queues import board
from iep.states.transactions import EVENT_WORDS, TransactionEvent
from tests.counting import cost_of
from tests.iep.discs import example as discs
from tests.iep.lanes import example as lanes
from tests.iep.matching.room import Desk
from tests.iep.tickets import asking
from tests.iep.tickets.test_pages import WHOLE
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = pytest.mark.django_db
MATCHED_TO_NOBODY = "not matched to a hospital record"


@pytest.fixture(autouse=True)
def _a_folder_for_images(settings, tmp_path):
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0


def banner(world: World, name: str, *args: Any, who: str = "mbp", **query: str) -> str:
    """The words of the page's banner; empty: it has none."""
    answer = world.client(who).get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return words_of(answer.content.decode())


def words_of(page: str) -> str:
    found = re.findall(r'<section class="app-banner.*?</section>', page, re.DOTALL)
    assert len(found) <= 1
    return " ".join(re.sub(r"<[^>]+>", " ", "".join(found)).split())


def ticket_of_agnes(world: World, *, registered: bool) -> Any:
    """Her ticket; where she is registered here the ticket has found her record."""
    if registered:
        world.patient(s_number="S1234567", nhs_number="9990000018")
    return asking.opened(world)


# --- A ticket ----------------------------------------------------------------------------------


def test_a_ticket_of_somebody_registered_has_the_banner_of_the_record(world: World) -> None:
    ticket = ticket_of_agnes(world, registered=True)
    for name in ("iep:ticket", "iep:ticket-scans"):
        said = banner(world, name, ticket.reference)
        assert said.startswith("TESTPATIENT, Agnes (Mrs) Born 02-Mar-1958")
        assert "NHS No. 999 000 0018" in said
        assert MATCHED_TO_NOBODY not in said


@pytest.mark.hazard("H41")
def test_a_ticket_of_somebody_not_registered_says_whose_words_they_are(world: World) -> None:
    ticket = ticket_of_agnes(world, registered=False)
    said = banner(world, "iep:ticket", ticket.reference)
    assert said.startswith(f"TESTPATIENT, Agnes As the ticket says – {MATCHED_TO_NOBODY} Born 02-")
    assert "NHS No. 999 000 0018 Hospital number S1234567" in said


def test_the_page_says_nothing_twice_unless_the_record_says_otherwise(world: World) -> None:
    ticket = ticket_of_agnes(world, registered=True)
    where = reverse("iep:ticket", args=[ticket.reference])
    assert "As the ticket says" not in world.client("mbp").get(where).content.decode()
    ticket.patient.family_name = "Testpatient-Marsh"
    ticket.patient.save()
    page = world.client("mbp").get(where).content.decode()
    assert words_of(page).startswith("TESTPATIENT-MARSH, Agnes")
    assert re.search(r"As the ticket says</dt><dd>TESTPATIENT, Agnes", page)


def test_the_banner_of_a_record_costs_a_ticket_no_more_than_its_budget(world: World) -> None:
    ticket = ticket_of_agnes(world, registered=True)
    thing = exchange.request(world, ticket=ticket)
    client = world.client("mbp")
    for where in (
        reverse("iep:ticket", args=[ticket.reference]),
        reverse("iep:transaction", args=[thing.number]),
    ):
        cache.clear()
        assert cost_of(lambda where=where: client.get(where)) <= 12


def test_the_form_has_no_banner_and_its_check_says_whom_it_is_for(world: World) -> None:
    asking.hospital()
    assert banner(world, "iep:ask") == ""
    client, where = world.client("mbp"), reverse("iep:ask")
    page = client.post(where, WHOLE | {"do": "check"}, follow=True).content.decode()
    assert words_of(page).startswith(
        f"TESTPATIENT, Agnes As the request says – {MATCHED_TO_NOBODY}"
    )
    world.patient(s_number="S1234567", nhs_number="9990000018")
    page = client.post(where, WHOLE | {"do": "check"}, follow=True).content.decode()
    assert words_of(page).startswith("TESTPATIENT, Agnes (Mrs) Born 02-Mar-1958")


# --- A transaction, and what is carried for it ---------------------------------------------------


def test_every_page_of_a_transaction_says_whose_it_is(world: World) -> None:
    ticket = ticket_of_agnes(world, registered=True)
    thing = exchange.request(world, ticket=ticket)
    for name in ("transaction", "choose-images", "again", "decline", "cancel"):
        assert banner(world, f"iep:{name}", thing.number).startswith("TESTPATIENT, Agnes (Mrs)")


def test_what_another_hospital_wrote_is_said_to_be_theirs(world: World) -> None:
    thing = exchange.asked_of_us(world, local_number="")
    said = banner(world, "iep:transaction", thing.number)
    assert f"As {thing.institution.name} says – {MATCHED_TO_NOBODY}" in said


def test_a_transaction_of_nobody_does_not_invent_anybody(world: World) -> None:
    thing = exchange.request(world)
    Transaction.objects.filter(pk=thing.pk).update(
        family_name="", given_names="", nhs_number="", local_number="", birth_date=None,
        patient=None, ticket=None,
    )  # fmt: skip
    said = banner(world, "iep:transaction", thing.number)
    assert said.startswith("Not known Nobody has said whose images these are")


@pytest.mark.hazard("H41")
def test_images_matched_to_two_records_leave_the_page_without_a_banner(world: World) -> None:
    one = world.patient(s_number="S1234567", nhs_number="9990000018")
    two = world.patient(given_names="Beryl")
    thing = exchange.request(world, ticket=asking.opened(world))
    for number, patient in enumerate((one, two)):
        Study.objects.create(
            study_uid=f"1.2.{number}", organisation=thing.organisation, origin="dicom",
            transaction=thing, state="matched", state_since=timezone.now(), patient=patient,
            due_at=timezone.now(),
            matched_by="Iris", matched_at=timezone.now(), acquired_on=date(2026, 11, 3),
            exam_code="CSKUH", identity_agreed=True,
        )  # fmt: skip
    page = world.client("mbp").get(reverse("iep:transaction", args=[thing.number]))
    assert words_of(page.content.decode()) == ""
    assert "matched to more than one record" in page.content.decode()


def test_the_page_in_between_for_blue_light_says_whose_transfer_it_is(world: World) -> None:
    transfer = lanes.a_transfer(world)
    assert banner(world, "iep:transfer-priority", transfer.pk).startswith("TESTPATIENT, Agnes")
    assert AccessEvent.objects.filter(action="view_transfer", object_id=transfer.pk).exists()


def test_making_a_transaction_has_the_banner_of_its_ticket_and_else_none(world: World) -> None:
    ticket = ticket_of_agnes(world, registered=True)
    said = banner(world, "iep:create", ticket=ticket.reference)
    assert said.startswith("TESTPATIENT, Agnes (Mrs)")
    assert banner(world, "iep:create") == ""


# --- A study, and a disc -------------------------------------------------------------------------


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_a_study_is_of_whom_its_images_name_until_it_is_matched(desk: Desk, world: World) -> None:
    study = desk.arrived(ticket=desk.ticket())
    for name in ("iep:arrival", "iep:images"):
        said = banner(world, name, study.pk)
        assert f"As the images say – {MATCHED_TO_NOBODY}" in said
    assert banner(world, "iep:match", study.pk) == "", "two people may be side by side"
    desk.match(study)
    for name in ("iep:arrival", "iep:images", "iep:match"):
        assert banner(world, name, study.pk).startswith("TESTPATIENT, Agnes (Mrs)")
    transfer = lanes.a_transfer(world)
    Transfer.objects.filter(pk=transfer.pk).update(transaction=None, study=study)
    said = banner(world, "iep:transfer-priority", transfer.pk)
    assert said.startswith("TESTPATIENT, Agnes (Mrs)")


@pytest.mark.hazard("H41")
def test_images_that_name_two_people_leave_a_study_without_a_banner(
    desk: Desk, world: World
) -> None:
    study = desk.arrived()
    file = ReceivedFile.objects.filter(study=study)[0]
    ReceivedFile.objects.filter(pk=file.pk).update(header=file.header | {"name": "Other^Beryl"})
    for name in ("iep:arrival", "iep:images"):
        assert banner(world, name, study.pk) == ""


@pytest.mark.hazard("H41")
def test_a_disc_is_of_its_ticket_until_it_names_somebody_else(world: World) -> None:
    disc = discs.a_disc(world)
    assert banner(world, "iep:disc", disc.pk).startswith("TESTPATIENT, Agnes As the ticket says")
    study = Study.objects.create(
        study_uid="1.2.9", organisation=disc.ticket.organisation, origin="disc", disc=disc,
        state="failed_verification", state_since=timezone.now(), due_at=timezone.now(),
        header_name="Other^Beryl",
    )  # fmt: skip
    assert banner(world, "iep:disc", disc.pk) == ""
    Study.objects.filter(pk=study.pk).update(header_name="Testpatient^Agnes")
    Disc.objects.filter(pk=disc.pk).update(state="stopped")
    assert banner(world, "iep:disc", disc.pk) == ""


# --- The words beside it -------------------------------------------------------------------------


def test_every_event_of_a_transaction_has_words_of_its_own(world: World) -> None:
    assert set(EVENT_WORDS) == set(TransactionEvent)
    thing = exchange.request(world)
    thing.events.create(
        event="download_asked", to_state="download_request", by_name="ordercomms", at=timezone.now()
    )
    where = reverse("iep:transaction", args=[thing.number])
    page = world.client("mbp").get(where).content.decode()
    assert "Download requested" in page
    assert "By itself, " in page
    assert "ordercomms" not in page


def test_what_moved_to_our_own_pacs_was_delivered_to_nobody(world: World) -> None:
    transfer = lanes.a_transfer(world)
    facts = {"state": "delivered", "finished_at": timezone.now(), "images": 1, "images_done": 1}
    for purpose, counted in (("in", 1), ("out", 1), ("to_pacs", 0), ("from_pacs", 0)):
        Transfer.objects.filter(pk=transfer.pk).update(purpose=purpose, **facts)
        found = {code: n for code, _, n in board(world.acting("mbp")).counts}
        assert found["delivered"] == counted, purpose
