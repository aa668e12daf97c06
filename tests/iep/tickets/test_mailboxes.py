"""A requester's own mailbox: theirs alone, made sure of by two people, never a place's."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from messaging.errors import MailboxRefused, NotSendable
from messaging.mail_states import MailPurpose, MailState
from messaging.models import Mailbox, MailMessage
from messaging.queries.mail import mailbox_for
from messaging.queries.own_mailboxes import own_mailbox
from messaging.services import mail
from tests.iep.tickets import asking
from tests.world import World

pytestmark = pytest.mark.django_db


def enter(world: World, address: str = asking.ADDRESS, *, by: str = "mbp") -> Mailbox:
    return mail.enter_own_mailbox(
        world.place("RZ1"), address=address, display_name="Dr Ann Bell", by=world.acting(by)
    )


def test_an_address_is_entered_once_however_it_is_written(world):
    first = enter(world)
    assert enter(world, " A.Bell@Kingsmere.NHS.example ") == first
    assert enter(world, "b.who@kingsmere.nhs.example") != first  # each person has one
    assert own_mailbox(world.place("RZ1"), "A.BELL@kingsmere.nhs.example") == first
    assert own_mailbox(world.place("RZ2"), asking.ADDRESS) is None


@pytest.mark.parametrize("address", [
    "a.bell@elsewhere.example.com", "a.bell", "", "a@b.nhs.example,c@d.nhs.example",
    "a.bell@kingsmere.nhs.example\r\nBcc: x@y.example"])  # fmt: skip
def test_only_one_plain_address_at_a_listed_domain(world, address):
    with pytest.raises(MailboxRefused):
        enter(world, address)
    assert not Mailbox.objects.exists()


@pytest.mark.parametrize("username", ["gp", "lab", "radiologist"])
def test_who_does_not_ask_for_images_there_enters_none(world, username):
    with pytest.raises(PermissionDenied):
        enter(world, by=username)


@pytest.mark.hazard("H53")
@pytest.mark.parametrize(("username", "may"), [
    ("mbp", False),  # who entered it
    ("mbp-lead", True), ("central", True), ("on-call", False), ("radiologist", False)])  # fmt: skip
def test_a_second_person_makes_sure_of_it(world, username, may):
    box = enter(world)
    if may:
        assert mail.verify_mailbox(box, by=world.acting(username)).verified_on
        return
    with pytest.raises(PermissionDenied):
        mail.verify_mailbox(box, by=world.acting(username))


def test_a_desk_of_another_trust_makes_sure_of_nothing(world):
    stranger = world.acting(world.stranger("mbp").username)
    with pytest.raises(PermissionDenied):
        mail.verify_mailbox(enter(world), by=stranger)


def test_the_desk_verifies_no_mailbox_of_a_place(world):
    box = mail.enter_mailbox(
        world.place("RZ1"), purpose="requests", display_name="Desk",
        address="desk@kingsmere.nhs.example", by=world.acting("central"),
    )  # fmt: skip
    with pytest.raises(PermissionDenied):
        mail.verify_mailbox(box, by=world.acting("mbp"))


@pytest.mark.hazard("H53")
def test_a_persons_mailbox_is_never_a_places(world):
    """No other room's mail goes there, whatever it asks for."""
    asking.confirmed(world)
    for purpose in MailPurpose:
        assert mailbox_for(world.place("RZ1"), purpose) is None
        assert mailbox_for(world.place("RZ1RAD"), purpose) is None


@pytest.mark.parametrize("facts", [
    {"purpose": "results"}, {"modality": "CT"}, {"address": asking.ADDRESS}])  # fmt: skip
def test_the_database_holds_it_to_that(world, facts):
    enter(world)
    said = {"organisation": world.place("RZ1"), "purpose": "images", "is_personal": True,
            "address": "b@kingsmere.nhs.example", "display_name": "B",
            "valid_from": timezone.localdate()}  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        Mailbox.objects.create(**said | facts)


def test_a_corrected_address_is_a_persons_again_and_waits_for_a_second_person(world):
    box = enter(world)
    new = mail.correct_mailbox(
        box, address="ann.bell@kingsmere.nhs.example", by=world.acting("central")
    )
    assert (new.is_personal, new.purpose, new.verified_on) == (True, "images", None)
    assert own_mailbox(world.place("RZ1"), asking.ADDRESS) is None


def test_a_mail_that_failed_is_not_sent_on_to_somebody_elses_mailbox(world):
    asking.confirmed(world)
    asking.opened(world)
    mail.enter_mailbox(world.place("RZ1"), purpose="images", display_name="All",
                       address="all@kingsmere.nhs.example", by=world.acting("central"))  # fmt: skip
    row = MailMessage.objects.get()
    MailMessage.objects.filter(pk=row.pk).update(state=MailState.FAILED)
    Mailbox.objects.filter(address="all@kingsmere.nhs.example").update(
        verified_on=timezone.localdate()
    )
    with pytest.raises(NotSendable):
        mail.send_to_corrected(row, by=world.acting("central"))
    assert MailMessage.objects.count() == 1
