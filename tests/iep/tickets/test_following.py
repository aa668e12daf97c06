"""A ticket and the requester's list follow by themselves: what is answered, and what is kept."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import AccessEvent
from iep.models import Ticket
from iep.services.ticketing import tickets
from tests.iep.tickets import asking
from tests.world import World

pytestmark = pytest.mark.django_db


def asked_again(client: Client, ticket: Ticket) -> str:
    """The address that the open page asks every five seconds."""
    page = client.get(f"/iep/{ticket.reference}/").content.decode()
    found = re.search(r'hx-get="([^"]+live[^"]+)"', page)
    assert found is not None
    return found[1].replace("&amp;", "&")


def test_nothing_is_sent_while_the_ticket_is_as_the_page_has_it(world: World) -> None:
    ticket, client = asking.opened(world), world.client("mbp")
    answer = client.get(asked_again(client, ticket))
    assert (answer.status_code, answer.content) == (204, b"")


def test_what_changed_is_sent_in_place_and_deeds_are_left_as_they_were_drawn(world: World) -> None:
    ticket, client = asking.opened(world), world.client("mbp")
    address = asked_again(client, ticket)
    tickets.note(ticket, "Rang the ward.", by=world.acting("mbp-lead"))
    noted = client.get(address).content.decode()
    assert "Rang the ward." in noted
    assert "<form" not in noted, "what is being typed is never replaced"
    assert "What can be done changed" not in noted
    tickets.cancel(ticket, "Not needed", by=world.acting("mbp-lead"))
    cancelled = client.get(address).content.decode()
    assert "What can be done changed while you had it open." in cancelled
    assert "<form" not in cancelled


def test_what_was_answered_is_known_the_next_time(world: World) -> None:
    ticket, client = asking.opened(world), world.client("mbp")
    address = asked_again(client, ticket)
    tickets.cancel(ticket, "Not needed", by=world.acting("mbp-lead"))
    part = client.get(address).content.decode()
    again = re.search(r'hx-get="([^"]+)"', part)
    assert again is not None
    assert client.get(again[1].replace("&amp;", "&")).status_code == 204


def test_a_page_that_looks_again_by_itself_is_one_look_on_record(world: World) -> None:
    ticket, client = asking.opened(world), world.client("mbp")
    address = asked_again(client, ticket)
    before = AccessEvent.objects.filter(object_id=str(ticket.pk)).count()
    for _ in range(3):
        client.get(address)
    assert AccessEvent.objects.filter(object_id=str(ticket.pk)).count() == before


def test_another_trusts_ticket_does_not_follow(world: World) -> None:
    ticket = asking.opened(world)
    address = asked_again(world.client("mbp"), ticket)
    assert world.client_elsewhere("mbp").get(address).status_code == 404


def test_the_requesters_list_follows_with_their_own_tickets_alone(world: World) -> None:
    asker = asking.requester(world)
    mine = tickets.open_ticket(asking.form(), by=asker)
    other = asking.opened(world, requester_email="c.other@kingsmere.nhs.example")
    client = world.client("asker")
    page = client.get("/iep/mine/").content.decode()
    found = re.search(r'hx-get="([^"]+)"', page)
    assert found is not None
    tickets.cancel(mine, "Not needed", by=world.acting("mbp"))
    now = client.get(found[1]).content.decode()
    assert mine.reference in now
    assert "Not needed" in now or "Cancelled" in now
    assert other.reference not in now
