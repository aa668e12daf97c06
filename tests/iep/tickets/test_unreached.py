"""The two weeks run though no mail can go: the desk is told to ring, until somebody says they did.

Nobody's request ends unseen (hazard H45).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.models import Ticket, TicketMail
from iep.queries.home import listing
from iep.queries.home.rows import Row
from iep.queries.ticketing.page import page_of
from iep.queries.ticketing.unreached import not_reached
from iep.services.ticketing import chasing, ticket_mail, tickets
from iep.states.tickets import TicketEvent
from iep.states.transactions import Tab
from tests.iep.tickets import asking
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H45")]
RING = "Not reached: ring Dr Ann Bell, 01632 960111 ext 4455. Cancels itself in 14 days."
WAITS = "Waiting for Dr Ann Bell. Cancels itself in 14 days."


def chased(world: World, whom: str = "requester", **changes: Any) -> Ticket:
    ticket = asking.opened(world, **changes)
    return tickets.chase(ticket, whom, missing=["consultant"], by=world.acting("mbp"))


def row(world: World) -> Row:
    (found,) = listing.home(world.acting("mbp"), Tab.ACTION).rows
    return found


def test_who_cannot_be_mailed_is_to_be_rung_until_somebody_did(world: World) -> None:
    ticket = chased(world)
    assert row(world).sentence == RING
    assert not row(world).is_late
    tickets.rang_requester(ticket, "Dr Bell", by=world.acting("mbp"))
    assert row(world).sentence == WAITS
    asking.moved_back(ticket, days=7, hours=2)
    chasing.sweep()
    assert row(world).sentence.startswith("Not reached: ring"), "the reminder is not sent either"
    tickets.rang_requester(ticket, "Dr Bell again", by=world.acting("mbp"))
    assert row(world).sentence.startswith("Waiting for Dr Ann Bell.")


def test_a_ring_before_the_chase_is_not_of_it(world: World) -> None:
    ticket = asking.opened(world)
    tickets.rang_requester(ticket, "Dr Bell", by=world.acting("mbp"))
    tickets.chase(ticket, "requester", missing=["consultant"], by=world.acting("mbp"))
    assert row(world).sentence == RING


def test_who_is_not_rung_in_four_open_hours_makes_the_row_late(world: World) -> None:
    chased(world)
    Ticket.objects.update(chased_since=timezone.now() - timedelta(days=5))
    TicketMail.objects.update(at=timezone.now() - timedelta(days=4))
    assert row(world).is_late
    tickets.rang_requester(Ticket.objects.get(), "Dr Bell", by=world.acting("mbp"))
    assert not row(world).is_late


def test_who_was_mailed_is_waited_for_and_is_rung_when_the_mail_comes_back(world: World) -> None:
    asking.confirmed(world)
    ticket = chased(world)
    mail = TicketMail.objects.get(occasion__startswith="missing")
    for outcome, sentence in (("", WAITS), ("sent", WAITS), ("bounced", RING), ("refused", RING)):
        if outcome:
            ticket_mail.record_mail(str(mail.pk), outcome, "Said the server")
        assert row(world).sentence == sentence, outcome
        assert page_of(ticket, world.acting("mbp")).not_reached == (sentence == RING)


def test_a_mail_that_was_held_back_and_went_has_reached_them(world: World) -> None:
    ticket = chased(world)
    assert not_reached(ticket) is not None
    ticket_mail.confirm_address(ticket, by=asking.colleague(world))
    assert not_reached(ticket) is None
    assert row(world).sentence == WAITS


def test_an_earlier_chase_is_not_this_one(world: World) -> None:
    ticket = chased(world)
    tickets.details_came(ticket, words="Mr Crane", by=world.acting("mbp"))
    assert not_reached(Ticket.objects.get()) is None
    tickets.chase(ticket, "institution", missing=["exams"], by=world.acting("mbp"))
    assert row(world).sentence == "Waiting for the other hospital. Cancels itself in 14 days."


def test_the_desk_is_told_at_once_that_no_mail_could_go(world: World) -> None:
    ticket, client = asking.opened(world), world.client("mbp")
    address = f"/iep/{ticket.reference}/"
    asked = {"do": "chase", "whom": "requester", "missing": "consultant"}
    page = client.post(f"{address}act", asked, follow=True).content.decode()
    assert "Asked, but no e-mail could go: ring Dr Ann Bell on 01632 960111 ext 4455" in page
    assert "The requester is asked." not in page
    assert '<p class="app-alert__heading">Not reached: ring</p>' in page
    assert "The requester does not know that we asked." in page
    rung = {"do": "rang", "words": "Dr Bell"}
    page = client.post(f"{address}act", rung, follow=True).content.decode()
    assert "Not reached: ring" not in page
    assert "Rang the requester: Dr Bell" in page


def test_who_is_mailed_is_said_to_be_asked(world: World) -> None:
    asking.confirmed(world)
    ticket, client = asking.opened(world), world.client("mbp")
    asked = {"do": "chase", "whom": "requester", "missing": "consultant"}
    page = client.post(f"/iep/{ticket.reference}/act", asked, follow=True).content.decode()
    assert "The requester is asked." in page
    assert "Not reached" not in page


def test_who_was_rung_for_details_was_not_told_that_it_is_done(world: World) -> None:
    ticket = chased(world)
    by = world.acting("mbp")
    tickets.rang_requester(ticket, "Dr Bell", by=by)
    tickets.details_came(ticket, words="Mr Crane", by=by)
    for event in (TicketEvent.REQUESTED, TicketEvent.ARRIVED, TicketEvent.FINISHED):
        ticket = tickets.record(ticket, event, by=SYSTEM)
    Ticket.objects.update(state_since=timezone.now() - timedelta(hours=1))
    assert ticket.told_at is None
    assert row(world).sentence == "Done. The requester was not told yet: ring them."
    mail = ticket_mail.tell_requester(ticket, "available", "In PACS.", by)
    ticket_mail.record_mail(str(mail.pk), "sent", "Said the server")
    told = page_of(Ticket.objects.get(), by).steps[-1]
    assert (told.is_done, told.by) == (True, "By e-mail")
    ticket_mail.record_mail(str(mail.pk), "bounced", "No such mailbox")
    assert Ticket.objects.get().told_at is None
