"""The demo's image exchange: who asks can be written to, and the directory is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from accounts.queries import acting_at
from accounts.roles import Permission
from demo.exchange import ASKERS
from demo.people import KINGSMERE
from demo.world import seed
from iep.models import Ticket
from iep.queries.ticketing.page import page_of
from iep.services.ticketing import tickets
from messaging.mail_states import MailPurpose
from messaging.models import Mailbox
from tests.iep.tickets import asking


@pytest.fixture(scope="module")
def seeded(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        folder = tmp_path_factory.mktemp("world") / "hospital"
        seed(patients=20, requests=0, hospital=folder)
        yield
        transaction.set_rollback(True)


pytestmark = [pytest.mark.usefixtures("seeded"), pytest.mark.django_db]


def test_every_open_ticket_of_the_demo_has_told_its_requester() -> None:
    desk = acting_at(User.objects.get(username="mbp"), KINGSMERE)
    assert desk is not None
    found = list(Ticket.objects.all())
    assert len(found) >= 6
    for ticket in found:
        assert page_of(ticket, desk).ring_instead == "", ticket
        mails = list(ticket.mails.all())
        assert mails, ticket
        assert all(each.mail is not None and not each.not_sent for each in mails), ticket


@pytest.mark.parametrize("username", sorted(ASKERS))
def test_who_asks_for_images_has_a_mailbox_that_somebody_vouches_for(username: str) -> None:
    user = User.objects.get(username=username)
    assert user.email.endswith(".nhs.example")
    member = user.memberships.first()
    acting = acting_at(user, member.organisation.ods_code) if member else None
    assert acting is not None
    if acting.may(Permission.ASK_FOR_IMAGES):
        box = Mailbox.objects.get(address=user.email, is_personal=True)
        assert box.verified_on is not None


def test_the_first_ticket_of_somebody_mails_at_once() -> None:
    user = User.objects.get(username="on-call")
    member = user.memberships.first()
    acting = acting_at(user, member.organisation.ods_code) if member else None
    assert acting is not None
    ticket = tickets.open_ticket(
        asking.form(requester_email=user.email, s_number="S7654321", nhs_number="",
                    no_nhs_number_reason="From abroad", address_lines=("1 Sea Road", "Kingsmere"),
                    postcode="KM1 1ZZ", family_name="Nobody", given_names="Yet"),
        by=acting,
    )  # fmt: skip
    assert ticket.mails.get().mail is not None


def test_the_directory_of_mailboxes_is_there_beside_those_of_people() -> None:
    kinds = set(Mailbox.objects.values_list("purpose", flat=True))
    assert {MailPurpose.DOWNTIME, MailPurpose.REQUESTS, MailPurpose.SERVICE} <= kinds
