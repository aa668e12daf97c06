"""Correcting the scans of an open ticket: who may, until when, and what is kept of it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from accounts.models import AccessEvent
from iep.errors import Incomplete, NotAccepted
from iep.models import Study, Ticket, TicketExam
from iep.services.exchange import transactions
from iep.services.ticketing import tickets
from iep.services.ticketing.scans import Scan, correct_scans, stamp_of
from iep.states.tickets import TicketEvent
from tests.iep.tickets import asking
from tests.world import World

pytestmark = pytest.mark.django_db
NECK = asking.scan(description="MRI neck", modality="MR", acquired_on=date(2026, 10, 2), code="")


def rows(ticket: Ticket) -> list[TicketExam]:
    return list(TicketExam.objects.filter(ticket=ticket))


def as_they_stand(ticket: Ticket) -> list[Scan]:
    return [
        Scan(asking.scan(description=each.description, acquired_on=each.acquired_on,
                         modality=each.modality, code=each.code), each.pk)
        for each in rows(ticket)
    ]  # fmt: skip


def correct(world: World, ticket: Ticket, *scans: Scan, by: Any = None, seen: str = "") -> Ticket:
    seen = seen or stamp_of(rows(ticket))
    return correct_scans(ticket, scans, seen=seen, by=by or world.acting("mbp"))


def history(ticket: Ticket) -> list[str]:
    found = ticket.events.filter(event=TicketEvent.SCANS_CHANGED.value)
    return list(found.order_by("pk").values_list("words", flat=True))


def test_a_scan_is_added_changed_and_removed_each_with_its_line(world: World) -> None:
    ticket = asking.opened(world, exams=(asking.scan(), NECK))
    first, second = as_they_stand(ticket)
    wrist = asking.scan(description="XR wrist", modality="XR", code="XWRIR")
    correct(world, ticket, Scan(asking.scan(description="CT orbits"), first.pk), Scan(wrist))
    assert [(each.position, each.description) for each in rows(ticket)] == [
        (1, "CT orbits"), (2, "XR wrist"),
    ]  # fmt: skip
    assert rows(ticket)[0].pk == first.pk
    assert history(ticket) == [
        "Removed: MRI neck, 02-Oct-2026, MRI",
        "Changed: CT head, 03-Nov-2026, CT, CHEAD → CT orbits, 03-Nov-2026, CT, CHEAD",
        "Added: XR wrist, 03-Nov-2026, X-ray, XWRIR",
    ]
    audited = AccessEvent.objects.filter(action="ticket_scans_changed", object_id=str(ticket.pk))
    assert audited.count() == 3
    assert second.pk not in {each.pk for each in rows(ticket)}


def test_rows_can_change_places(world: World) -> None:
    ticket = asking.opened(world, exams=(asking.scan(), NECK))
    first, second = as_they_stand(ticket)
    other = asking.scan(description="CT orbits")
    correct(world, ticket, second, Scan(other, first.pk))
    assert [each.description for each in rows(ticket)] == ["MRI neck", "CT orbits"]


@pytest.mark.parametrize(
    ("scans", "field"),
    [
        ([], "exams"),
        ([Scan(asking.scan(acquired_on=None))], "exam-1-date"),
        ([Scan(asking.scan(acquired_on=asking.today() + timedelta(days=1)))], "exam-1-date"),
        ([Scan(asking.scan(description="All imaging"))], "exam-1-description"),
        ([Scan(asking.scan(modality="ZZ"))], "exam-1-modality"),
    ],
)
def test_what_a_form_would_refuse_is_refused(world: World, scans: list[Scan], field: str) -> None:
    ticket = asking.opened(world)
    with pytest.raises(Incomplete) as refusal:
        correct(world, ticket, *scans)
    assert field in refusal.value.problems
    assert [each.description for each in rows(ticket)] == ["CT head"]
    assert history(ticket) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [("same", "no_change"), ("twice", "twice"), ("stale", "changed"), ("foreign", "changed")],
)
def test_a_correction_that_is_none_says_so(world: World, change: str, code: str) -> None:
    ticket = asking.opened(world)
    (known,) = as_they_stand(ticket)
    scans = {"same": [known], "twice": [known, Scan(asking.scan())], "stale": [Scan(NECK)],
             "foreign": [Scan(NECK, known.pk + 1000)]}[change]  # fmt: skip
    with pytest.raises(NotAccepted) as refusal:
        correct(world, ticket, *scans, seen="as it was yesterday" if change == "stale" else "")
    assert refusal.value.code == code
    assert as_they_stand(ticket) == [known]


def test_what_a_transaction_carries_stands_until_it_is_cancelled(world: World) -> None:
    ticket = asking.opened(world)
    made = transactions.create(
        kind="request", ticket=ticket, institution=ticket.institution, by=world.acting("mbp")
    )
    ticket.refresh_from_db()
    with pytest.raises(NotAccepted) as refusal:
        correct(world, ticket, Scan(NECK))
    assert str(made.number) in refusal.value.sentence
    transactions.cancel(made, "The wrong scan", by=world.acting("mbp"))
    ticket.refresh_from_db()
    correct(world, ticket, Scan(NECK))
    assert [each.description for each in rows(ticket)] == ["MRI neck"]


def test_once_images_came_the_scans_stand(world: World) -> None:
    ticket = asking.opened(world)
    Study.objects.create(
        study_uid="1.2.3", organisation=ticket.organisation, origin="disc", ticket=ticket,
        state="failed_verification", state_since=ticket.opened_at, due_at=ticket.opened_at,
    )  # fmt: skip
    with pytest.raises(NotAccepted, match="Images have come"):
        correct(world, ticket, Scan(NECK))


def test_the_requester_may_correct_and_a_colleague_of_theirs_may_not(world: World) -> None:
    asker = asking.requester(world)
    ticket = tickets.open_ticket(asking.form(), by=asker)
    correct(world, ticket, Scan(NECK), by=asker)
    assert ticket.events.filter(by_user_id=asker.user.pk, event="scans_changed").exists()
    with pytest.raises(PermissionDenied):
        correct(world, ticket, Scan(asking.scan()), by=world.acting("radiographer"))


# --- The page --------------------------------------------------------------------------------


def posted(client: Client, ticket: Ticket, do: str = "keep", **changes: str) -> Any:
    """The page as it stands, with what is typed over it, and a button pressed."""
    address = f"/iep/{ticket.reference}/scans/"
    drawn = client.get(address).content.decode()
    kept = dict(re.findall(r'<input[^>]*name="([\w-]+)" value="([^"]*)"', drawn))
    chosen = re.findall(r'name="(exam-\d+-modality)".*?value="(\w+)" selected', drawn)
    return client.post(address, {**kept, **dict(chosen), **changes, "do": do})


def test_the_page_keeps_what_is_typed_and_leads_back(world: World) -> None:
    ticket, client = asking.opened(world), world.client("mbp")
    answer = posted(client, ticket, **{"exam-1-description": "CT orbits"})
    assert (answer.status_code, answer["Location"]) == (302, f"/iep/{ticket.reference}/")
    page = client.get(f"/iep/{ticket.reference}/").content.decode()
    assert "CT orbits, 03-Nov-2026" in page
    assert "Scans corrected" in page


def test_rows_are_added_and_removed_without_javascript(world: World) -> None:
    ticket, client = asking.opened(world, exams=(asking.scan(), NECK)), world.client("mbp")
    added = posted(client, ticket, "add").content.decode()
    assert 'name="exam-3-date"' in added
    removed = posted(client, ticket, "remove 1").content.decode()
    assert "MRI neck" in removed
    assert "CT head" not in removed
    assert [each.description for each in rows(ticket)] == ["CT head", "MRI neck"]


def test_a_date_that_cannot_be_read_is_said_and_stays(world: World) -> None:
    ticket, client = asking.opened(world), world.client("mbp")
    answer = posted(client, ticket, **{"exam-1-date": "soon"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Enter the date of scan 1 like 22 11 2026" in page
    assert 'value="soon"' in page


def test_the_ticket_leads_to_it_only_while_it_can_be_done(world: World) -> None:
    ticket, client = asking.opened(world), world.client("mbp")
    address = f"/iep/{ticket.reference}/"
    assert "Correct the scans" in client.get(address).content.decode()
    tickets.cancel(ticket, "Not needed", by=world.acting("mbp"))
    assert "Correct the scans" not in client.get(address).content.decode()
    assert "has ended" in client.get(f"{address}scans/").content.decode()


@pytest.mark.parametrize("carrier", ["transaction", "study"])
def test_the_ticket_leads_there_no_more_once_something_carries_the_scans(
    world: World, carrier: str
) -> None:
    ticket, client = asking.opened(world), world.client("mbp")
    if carrier == "transaction":
        transactions.create(
            kind="request", ticket=ticket, institution=ticket.institution, by=world.acting("mbp")
        )
    else:
        Study.objects.create(
            study_uid="1.2.3", organisation=ticket.organisation, origin="disc", ticket=ticket,
            state="failed_verification", state_since=ticket.opened_at, due_at=ticket.opened_at,
        )  # fmt: skip
    address = f"/iep/{ticket.reference}/"
    assert "Correct the scans" not in client.get(address).content.decode()
    assert "already" in client.get(f"{address}scans/").content.decode()


def test_who_neither_asked_nor_works_at_the_desk_reads_why_not(world: World) -> None:
    ticket = asking.opened(world)
    page = world.client("on-call").get(f"/iep/{ticket.reference}/scans/")
    assert "Only the service desk" in page.content.decode()
    assert "<fieldset" not in page.content.decode()
