"""A mail that a request needs somebody: once for each thing, taken back in time, closing none."""

import pytest
from django.utils import timezone

from messaging.models import MailMessage
from requesting import services
from requesting.models import RequestItem
from requesting.services.notices import TAKEN_BACK, WORDS
from requesting.states import Attention, Event
from tests.messaging.mails import make_mailbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def vetter(surgery):
    return surgery.acting("radiologist")


@pytest.fixture
def box(surgery):
    """Northgate has asked for these mails."""
    return make_mailbox(
        surgery.acting().organisation, purpose="requests", address="requests@northgate.nhs.example"
    )


def mails():
    return MailMessage.objects.order_by("pk")


@pytest.mark.hazard("H10")
def test_a_rejection_is_an_item_and_a_mail_that_says_only_the_reference(surgery, vetter, box):
    item = surgery.vetting()
    services.vet_reject(item, reason="detail", words="Agnes needs more words", by=vetter)
    mail = mails().get()
    reference = item.request.reference
    assert mail.subject == f"Action: a request needs you (ref {reference})"
    assert mail.from_address.startswith("no-reply-requests@")
    text = bytes(mail.raw).decode()
    assert "did not accept" in text
    for word in ("Agnes", "Testpatient", "needs more words", item.patient.nhs_number):
        assert word not in text
    assert surgery.fresh(item).status == "rejected"


@pytest.mark.hazard("H52")
@pytest.mark.parametrize("fate", ["sent", "refused", "failed", "bounced", "handled", "withdrawn"])
def test_the_request_still_needs_its_requester_whatever_becomes_of_the_mail(
    surgery, vetter, box, fate
):
    item = services.vet_reject(surgery.vetting(), reason="detail", by=vetter)
    before = RequestItem.objects.filter(pk=item.pk).values().get()
    mails().update(state=fate)
    assert RequestItem.objects.filter(pk=item.pk).values().get() == before
    assert before["status"] == "rejected"
    assert before["due_at"]


def test_a_persons_decision_is_not_mailed_before_it_can_no_longer_be_taken_back(
    surgery, vetter, box
):
    item = services.vet_reject(surgery.vetting(), reason="detail", by=vetter)
    mail = mails().get()
    assert mail.not_before > timezone.now() + timezone.timedelta(seconds=9)
    services.vet_undo(item, by=vetter)
    mail.refresh_from_db()
    assert mail.state == "withdrawn"


def test_a_question_is_mailed_and_taken_back_when_it_was_answered_first(surgery, vetter, box):
    item = services.vet_ask(surgery.vetting(), question="Which side?", by=vetter)
    assert "asks a question" in bytes(mails().get().raw).decode()
    services.answer(item, text="The left one", by=surgery.acting())
    assert mails().get().state == "withdrawn"


@pytest.mark.hazard("H35")
def test_a_department_that_says_it_twice_is_mailed_once(surgery, box):
    item = surgery.delivered()
    for _ in range(2):
        surgery.says(item, "UA", reason=["CHUN", "Unjustified exam", "L"])
    assert surgery.fresh(item).status == "rejected"
    mail = mails().get()
    assert mail.not_before is None  # a machine takes nothing back


def test_a_place_without_a_mailbox_is_told_here_alone(surgery, vetter):
    item = services.vet_reject(surgery.vetting(), reason="detail", by=vetter)
    assert item.status == "rejected"
    assert not mails().exists()


@pytest.mark.hazard("H10")
def test_a_mail_that_cannot_be_written_stops_no_rejection(surgery, vetter, box, settings):
    settings.MAIL_DOMAINS = ["nhs.net"]
    item = services.vet_reject(surgery.vetting(), reason="detail", by=vetter)
    assert item.status == "rejected"
    assert not mails().exists()


def test_a_cancellation_that_was_asked_for_is_no_news(surgery, box):
    item = surgery.delivered()
    services.cancel(item, reason="wrong-patient", by=surgery.acting())
    assert not mails().exists()


def test_every_event_that_says_so_is_one_of_the_table():
    assert set(WORDS) <= set(Event)
    assert not TAKEN_BACK & set(WORDS)
    assert {Attention.EXAM_CHANGED, Attention.CANCEL_REFUSED} <= {str(each) for each in WORDS}
