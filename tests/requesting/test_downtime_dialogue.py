"""A form in the place of a message that others of the same test stand behind, or replace."""

import pytest
from django.utils import timezone

from messaging.models import MailMessage, OutboundMessage
from requesting import services
from requesting.models import DowntimeForm, OrderMessage

from .downtime import RADIOLOGY, _fresh_strip, form_of, mailbox, radiographer, take_down
from .surgery import CHEST
from .test_amending import SAYS_MORE, amend, left

__all__ = ["_fresh_strip"]
pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H51")]


@pytest.fixture
def down(surgery):
    take_down(surgery, RADIOLOGY)
    return surgery


def numbers(item) -> dict[str, str]:
    return {str(item.pk): "A-100"}


def states(item) -> dict[str, str]:
    """Of each message about the item: what it is, and where it is in the outbox."""
    orders = OrderMessage.objects.filter(items=item).order_by("pk")
    return {
        each.control: OutboundMessage.objects.get(control_id=each.control_id).state
        for each in orders
    }


@pytest.fixture
def changed(down):
    """Sent without an answer and changed since: the change stands behind the order."""
    item = down.released(CHEST)
    left(item)
    amend(down, item, **SAYS_MORE)
    return down.fresh(item)


@pytest.fixture
def form(down, changed):
    """With the change on it: what the department keys in is what was meant."""
    return form_of(down, changed)


@pytest.mark.hazard("H09")
def test_a_change_whose_order_was_keyed_in_never_goes_and_the_change_stays(down, changed, form):
    services.key_in(form, numbers=numbers(changed), by=radiographer())
    item = down.fresh(changed)
    assert states(item) == {"NW": "handled", "XO": "handled"}
    assert item.change_sent_at is None  # nobody waits for an answer to what was not sent
    assert item.clinical_details == SAYS_MORE["details"]
    assert item.attention == ""


def test_a_change_of_what_had_arrived_goes_when_its_form_is_matched(down, changed, form):
    services.match(form, numbers=numbers(changed), by=radiographer())
    assert states(down.fresh(changed)) == {"NW": "handled", "XO": "waiting"}


@pytest.mark.parametrize("how", ["cancel", "reject"])
def test_nothing_changes_an_order_whose_form_was_turned_down(down, changed, form, how):
    if how == "cancel":
        services.cancel_form(form, reason="Done already", by=radiographer())
    else:
        services.reject_form(form, reason="not_justified", words="Of Monday", by=radiographer())
    assert states(down.fresh(changed)) == {"NW": "handled", "XO": "handled"}


def test_a_cancellation_of_what_never_left_goes_nowhere_when_its_form_is_cancelled(down):
    item = down.released(CHEST)
    form = form_of(down, item)
    services.cancel(item, reason="Recovered", by=down.acting())
    services.cancel_form(form, reason="The practice asked", by=radiographer())
    item = down.fresh(item)
    assert states(item) == {"NW": "handled", "CA": "handled"}
    assert (item.status, item.attention) == ("cancelled", "")


def test_a_cancellation_goes_after_what_may_have_arrived(down):
    """They may hold the order after all: only the cancellation takes it off there."""
    item = down.released(CHEST)
    left(item)
    form = form_of(down, item)
    services.cancel(item, reason="Recovered", by=down.acting())
    services.cancel_form(form, reason="The practice asked", by=radiographer())
    assert states(down.fresh(item)) == {"NW": "handled", "CA": "waiting"}


@pytest.mark.hazard("H22")
def test_a_form_that_was_taken_back_goes_with_the_request_that_is_changed_after_it(down):
    item = down.released(CHEST)
    form = form_of(down, item)
    services.take_back(form, by=down.acting())
    amend(down, down.fresh(item), **SAYS_MORE)
    down.acknowledge(down.fresh(item))
    (form,) = DowntimeForm.objects.filter(request=item.request)
    assert (form.status, form.outcome) == ("reconciled", "sent")


def test_a_form_is_mailed_once_however_often_it_is_pressed_unless_its_mail_came_back(down):
    mailbox()
    item = down.released(CHEST)
    form = form_of(down, item, "email")
    form_of(down, item, "email")
    services.record_form_mail(str(form.pk), "sent", "Taken")
    assert form_of(down, item, "email").mail_state == "sent"
    assert MailMessage.objects.count() == 1
    services.record_form_mail(str(form.pk), "bounced", "Unknown mailbox")
    assert form_of(down, item, "email").mail_state == "waiting"
    assert MailMessage.objects.count() == 2


@pytest.mark.hazard("H52")
def test_a_mail_that_comes_back_after_its_form_was_printed_as_well_needs_the_requester(down):
    mailbox()
    item = down.released(CHEST)
    form = form_of(down, item, "email")
    form_of(down, item, "print")
    services.record_form_mail(str(form.pk), "bounced", "Unknown mailbox")
    form.refresh_from_db()
    item = down.fresh(item)
    assert (form.status, form.mail_state) == ("printed", "failed")
    assert item.due_at <= timezone.now()  # it may be on nobody's desk


@pytest.mark.hazard("H52")
def test_a_mail_that_comes_back_after_its_form_was_handed_over_is_noted_and_asks_nobody(down):
    mailbox()
    item = down.released(CHEST)
    form = form_of(down, item, "email")
    form_of(down, item, "print")
    services.hand_over(form, how="By hand, to Ruth", by=down.acting())
    services.record_form_mail(str(form.pk), "bounced", "Unknown mailbox")
    form.refresh_from_db()
    assert (form.status, form.mail_state) == ("printed", "failed")
    assert down.fresh(item).due_at > timezone.now()
