"""A form in the place of a queued message: chosen, held, out, taken back, brought by e-mail."""

import pytest

from messaging.models import MailMessage
from messaging.services.holding import Held
from requesting import services
from requesting.errors import FormMoved, NoForm, Refused
from requesting.models import DowntimeForm, FormEventRow, RequestEvent
from requesting.queries.telling import next_sentence

from .downtime import (
    _fresh_strip,  # noqa: F401 - a fixture
    bring_up,
    form_of,
    mailbox,
    message_of,
    take_down,
)
from .surgery import CHEST, FBC, line


@pytest.fixture
def down(surgery):
    take_down(surgery)
    return surgery


def test_a_request_to_a_link_that_is_down_is_queued_and_its_message_waits(down):
    item = down.released()
    assert item.status == "queued"
    assert message_of(item).state == "waiting"
    assert next_sentence(item).startswith("The link to Kingsmere Radiology is down.")


@pytest.mark.hazard("H51")
def test_choosing_the_form_holds_the_message_and_says_so_everywhere(down):
    item = down.released()
    form = form_of(down, item)
    assert (form.status, form.reference) == ("printed", item.request.reference)
    assert form.clock_at is not None
    assert message_of(item).state == "held"
    item = down.fresh(item)
    assert (item.status, item.downtime_how) == ("queued", "printed")
    assert "They key it in by" in next_sentence(item)
    assert RequestEvent.objects.filter(item=item, event="form_sent").count() == 1
    assert list(FormEventRow.objects.filter(form=form).values_list("event", flat=True)) == [
        "printed"
    ]


def test_a_second_press_makes_no_second_form_and_tells_nothing_twice(down):
    item = down.released()
    first = form_of(down, item)
    again = form_of(down, item)
    assert (again.pk, again.clock_at) == (first.pk, first.clock_at)
    assert DowntimeForm.objects.count() == 1
    assert FormEventRow.objects.filter(form=first).count() == 1


def test_what_could_still_be_undone_goes_on_the_form_and_is_undone_no_more(down):
    item = down.item()
    form = form_of(down, item)
    assert form.status == "printed"
    assert (down.fresh(item).status, message_of(item).state) == ("queued", "held")
    assert down.fresh(item).request.released_at is not None


def test_a_colleague_cannot_end_the_undo_time_of_somebody_else(down):
    item = down.item()
    with pytest.raises(NoForm) as refusal:
        form_of(down, item, by="gp2")
    assert refusal.value.why == "held"
    assert down.fresh(item).status == "held"


def test_while_the_link_works_there_is_no_form(surgery):
    item = surgery.released()
    with pytest.raises(NoForm) as refusal:
        form_of(surgery, item)
    assert refusal.value.why == "down"
    assert message_of(item).state == "waiting"


@pytest.mark.parametrize(
    ("state", "why"), [("acknowledged", "sent"), ("taken", "sent"), ("dead", "over")]
)
def test_what_was_just_sent_needs_no_form(down, state, why):
    item = down.released()
    type(message_of(item)).objects.filter(pk=message_of(item).pk).update(state=state)
    with pytest.raises(NoForm) as refusal:
        form_of(down, item)
    assert refusal.value.why == why
    assert not DowntimeForm.objects.exists()


def test_who_did_not_ask_gets_no_form(down):
    item = down.released()
    for username in ("practice-admin", "ahp", "lab", "central"):
        with pytest.raises(Refused):
            form_of(down, item, by=username)
    assert form_of(down, item, by="gp2").status == "printed"  # a colleague stands in


def test_a_printed_form_that_never_left_is_taken_back_and_the_message_goes(down):
    item = down.released()
    form = services.take_back(form_of(down, item), by=down.acting())
    assert (form.status, form.clock_at) == ("queued", None)
    assert message_of(item).state == "waiting"
    assert next_sentence(down.fresh(item)).startswith("The link to")
    bring_up(down)
    down.acknowledge(item)
    form.refresh_from_db()
    assert (form.status, form.outcome) == ("reconciled", "sent")


def test_what_was_handed_over_is_not_taken_back(down):
    item = down.released()
    form = form_of(down, item)
    with pytest.raises(Refused, match="Say how"):
        services.hand_over(form, how=" ", by=down.acting())
    services.hand_over(form, how="By fax to Ruth", by=down.acting())
    with pytest.raises(Refused, match="It has left"):
        services.take_back(form, by=down.acting())
    assert message_of(item).state == "held"


def test_the_form_of_one_department_leaves_the_other_alone(down):
    item = down.released(CHEST, FBC)
    other = item.request.items.get(service__code="fbc")
    form_of(down, item)
    assert (message_of(item).state, message_of(other).state) == ("held", "waiting")


# --- By e-mail -----------------------------------------------------------------------------------


def test_the_form_goes_by_e_mail_to_the_mailbox_of_its_modality(down):
    mailbox("XR")
    mailbox("", name="Radiology desk")
    item = down.released()
    form = form_of(down, item, "email")
    mail = MailMessage.objects.get()
    assert (form.status, form.mail_state) == ("emailed", "waiting")
    assert (mail.to_address, mail.purpose) == ("xr@kingsmere.nhs.example", "downtime")
    assert mail.subject == f"downtime request {form.reference}"
    raw = bytes(mail.raw).decode()
    assert f'filename="{form.reference}.pdf"' in raw
    headers = raw.partition("\n\n")[0]
    assert "Testpatient" not in headers
    assert item.patient.nhs_number not in headers


def test_each_kind_of_test_of_a_request_goes_to_its_own_mailbox(down):
    mailbox("XR")
    mailbox("US", name="Ultrasound desk")
    item = down.released(CHEST, line("us-abdomen", reasons=["jaundice"]))
    form_of(down, item, "email")
    assert set(MailMessage.objects.values_list("to_address", flat=True)) == {
        "xr@kingsmere.nhs.example", "us@kingsmere.nhs.example"
    }  # fmt: skip


@pytest.mark.hazard("H53")
@pytest.mark.parametrize("verified", [None, False])
def test_without_a_checked_address_nothing_is_mailed_and_nothing_is_held(down, verified):
    if verified is not None:
        mailbox("XR", verified=verified)
    item = down.released()
    with pytest.raises(NoForm, match="Print the form instead") as refusal:
        form_of(down, item, "email")
    assert refusal.value.why == "address"
    assert (message_of(item).state, MailMessage.objects.count()) == ("waiting", 0)
    assert not DowntimeForm.objects.exists()


@pytest.mark.hazard("H52")
def test_a_mail_that_came_back_needs_the_requester_and_closes_nothing(down):
    mailbox("XR")
    item = down.released()
    form = form_of(down, item, "email")
    services.record_form_mail(str(form.pk), "sent", "Sent to xr@kingsmere.nhs.example")
    form.refresh_from_db()
    assert (form.status, form.mail_state) == ("emailed", "sent")
    services.record_form_mail(str(form.pk), "bounced", "No such mailbox.")
    services.record_form_mail(str(form.pk), "bounced", "No such mailbox.")
    form.refresh_from_db()
    item = down.fresh(item)
    assert (form.status, form.mail_state, item.status) == ("emailed", "failed", "queued")
    assert "did not arrive. Print the downtime form" in next_sentence(item)
    assert item.due_at <= item.request.requested_at.__class__.now(item.due_at.tzinfo)
    assert message_of(item).state == "held"
    assert RequestEvent.objects.filter(item=item, event="form_returned").count() == 1
    form_of(down, item, "print")
    assert "On paper" in next_sentence(down.fresh(item))


def test_a_mail_that_has_not_left_is_withdrawn_when_its_form_ends(down):
    mailbox("XR")
    form = form_of(down, down.released(), "email")
    with pytest.raises(Refused, match="It has left"):
        services.take_back(form, by=down.acting())
    services.cancel_form(form, reason="Asked twice", by=down.acting("central"))
    assert MailMessage.objects.get().state == "withdrawn"


def test_a_message_is_held_only_in_the_transaction_of_its_form(surgery):
    assert set(Held) == {Held.HELD, Held.GONE, Held.BUSY, Held.OTHERWISE}
    form = DowntimeForm(status="printed")
    assert FormMoved(form.status).status == "printed"
