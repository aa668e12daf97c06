"""The mail pages: what became of each mail, what came back, and the directory of mailboxes."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from messaging.mail_states import BOUNCE_LISTS, MAIL_LISTS, BounceState, MailList, MailState
from messaging.models import Bounce, Mailbox, MailLink, MailMessage, new_lease
from messaging.queries.mail import mailbox_for
from messaging.queries.mails import mail_not_working
from messaging.services import mail as services
from messaging.services.mail.returning import take_bounce
from tests.messaging.mails import came_back, make_mailbox, post

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered():
    cache.delete_many(["mail_not_working", "news_held"])
    yield
    cache.delete_many(["mail_not_working", "news_held"])


@pytest.fixture
def client(world):
    return world.client("central")


@pytest.fixture
def colleague(world):
    """Somebody else of the central team."""
    return world.client(world.stranger("central").username)


@pytest.fixture
def returned(world):
    """A mail that was taken and came back."""
    mail = post(make_mailbox())
    came_back(mail)
    mail.refresh_from_db()
    return mail


def read(client, name, *args, **query):
    return client.get(reverse(f"messaging:{name}", args=args), query).content.decode()


def do(client, name, *args, **data):
    return client.post(reverse(f"messaging:{name}", args=args), data)


# --- Every state is on a list --------------------------------------------------------------------


@pytest.mark.hazard("H22")
def test_every_mail_and_every_return_in_every_state_is_on_exactly_its_list(client, returned):
    bounce = Bounce.objects.get()
    for state in MailState:
        token = new_lease() if state == "sending" else None
        MailMessage.objects.update(state=state, lease_token=token)
        address = reverse("messaging:mail", args=[returned.pk])
        on = [each for each in MailList if address in read(client, "mails", list=each)]
        assert on == [MAIL_LISTS[state]]
    for state in BounceState:
        Bounce.objects.update(state=state)
        address = reverse("messaging:bounce", args=[bounce.pk])
        on = [each for each in MailList if address in read(client, "mails", list=each)]
        assert on == [BOUNCE_LISTS[state]]


@pytest.mark.hazard("H53")
def test_no_page_about_a_mail_shows_its_text(client):
    mail = post(make_mailbox(), text="Agnes Testpatient was born on 2 March 1958")
    MailMessage.objects.update(state="refused", reason="550 no")
    for page in (read(client, "mails"), read(client, "mail", mail.pk)):
        assert mail.subject in page
        assert "Testpatient" not in page


def test_an_unknown_list_shows_what_needs_a_person_and_purposes_narrow_it(client, returned):
    assert returned.subject in read(client, "mails", list="nonsense")
    assert returned.subject in read(client, "mails", purpose="downtime")
    assert returned.subject not in read(client, "mails", purpose="alerts")


def test_a_mail_that_waits_too_long_is_overdue(client):
    mail = post(make_mailbox())
    assert "Overdue" not in read(client, "mails", list="waiting")
    MailMessage.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    page = read(client, "mails", list="waiting")
    assert mail.subject in page
    assert "Overdue" in page


# --- What a person does --------------------------------------------------------------------------


def test_a_mail_is_sent_again_under_its_own_message_id(client, returned):
    before = (returned.message_id, bytes(returned.raw))
    do(client, "retry-mail", returned.pk)
    returned.refresh_from_db()
    assert returned.state == "waiting"
    assert (returned.message_id, bytes(returned.raw)) == before
    assert do(client, "retry-mail", returned.pk).status_code == 409


def test_a_mail_is_closed_with_what_was_done_about_it_and_by_whom(client, returned):
    assert do(client, "handle-mail", returned.pk).status_code == 422
    do(client, "handle-mail", returned.pk, reason="Rang them, they have it")
    returned.refresh_from_db()
    assert (returned.state, returned.handled_how) == ("handled", "Rang them, they have it")
    assert returned.handled_by == "Mr O Davies, Service manager"
    assert do(client, "handle-mail", returned.pk, reason="again").status_code == 409


@pytest.mark.hazard("H52")
@pytest.mark.hazard("H53")
def test_a_corrected_address_gets_it_only_when_somebody_else_has_verified_it(
    client, colleague, returned
):
    box = returned.mailbox
    do(client, "correct-mailbox", box.pk, address="new@stmildred.nhs.example")
    refused = do(client, "readdress-mail", returned.pk)
    assert refused.status_code == 422
    corrected = Mailbox.objects.get(valid_to=None)
    assert do(client, "verify-mailbox", corrected.pk).status_code == 403
    assert "Somebody else of the team verifies it" in read(client, "mailbox", corrected.pk)
    do(colleague, "verify-mailbox", corrected.pk)
    assert "Send to the corrected address" in read(client, "mail", returned.pk)
    do(client, "readdress-mail", returned.pk)
    new = MailMessage.objects.latest("pk")
    returned.refresh_from_db()
    assert (returned.state, returned.to_address) == ("handled", "xray@stmildred.nhs.example")
    assert (new.state, new.to_address) == ("waiting", "new@stmildred.nhs.example")
    assert new.replaces == returned
    assert new.message_id != returned.message_id
    text = bytes(new.raw).decode()
    assert "new@stmildred.nhs.example" in text
    assert "xray@stmildred" not in text
    assert returned.message_id not in text
    assert "See the form." in text


def test_what_came_back_is_shown_as_text_and_closed_by_a_person(client):
    take_bounce("1", b"Subject: <script>alert(1)</script>\r\n\r\nBack on Monday \x00\xff")
    bounce = Bounce.objects.get()
    page = read(client, "bounce", bounce.pk)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert do(client, "handle-bounce", bounce.pk).status_code == 422
    do(client, "handle-bounce", bounce.pk, reason="On holiday")
    bounce.refresh_from_db()
    assert (bounce.state, bounce.handled_how) == ("handled", "On holiday")
    assert do(client, "handle-bounce", bounce.pk, reason="x").status_code == 409


# --- The directory -------------------------------------------------------------------------------


def enter(client, **facts):
    said = {"place": "RZ1RAD", "purpose": "downtime", "address": "a@kingsmere.nhs.example"}
    return do(client, "new-mailbox", **said | facts)


@pytest.mark.hazard("H53")
def test_an_entered_address_gets_no_mail_before_another_person_verified_it(
    client, colleague, world
):
    assert enter(client, modality="xr").status_code == 302
    place = world.place("RZ1RAD")
    assert mailbox_for(place, "downtime", modality="XR") is None
    box = Mailbox.objects.get()
    assert do(client, "verify-mailbox", box.pk).status_code == 403
    do(colleague, "verify-mailbox", box.pk)
    assert mailbox_for(place, "downtime", modality="XR") == box
    assert mailbox_for(place, "downtime", modality="US") is None


@pytest.mark.hazard("H53")
@pytest.mark.parametrize(
    "facts",
    [
        {"address": "somebody@mail.example"}, {"address": "nonsense"}, {"address": ""},
        {"purpose": "anything"}, {"place": "nowhere"},
        {"address": "a@x.nhs.example\r\nBcc: b@y.example"},
    ],
)  # fmt: skip
def test_what_may_not_stand_in_the_directory_is_refused_with_a_sentence(client, facts):
    answer = enter(client, **facts)
    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()
    assert not Mailbox.objects.exists()


def test_there_is_one_mailbox_for_each_thing(client):
    enter(client)
    assert enter(client, address="b@kingsmere.nhs.example").status_code == 422
    assert enter(client, modality="US").status_code == 302


@pytest.mark.hazard("H52")
def test_an_address_verified_a_quarter_ago_is_to_be_verified_again_and_still_written_to(
    client, world
):
    box = make_mailbox(verified_on=timezone.localdate() - timedelta(days=91))
    page = read(client, "mailboxes")
    assert "Due again" in page
    assert "1 address is to be verified" in page
    assert post(box)
    do(client, "verify-mailbox", box.pk)
    assert "Due again" not in read(client, "mailboxes")


def test_an_ended_mailbox_gets_nothing_and_is_gone_from_the_directory(client):
    box = make_mailbox()
    do(client, "end-mailbox", box.pk)
    assert mailbox_for(box.organisation, "downtime") is None
    assert box.address not in read(client, "mailboxes")
    assert client.get(reverse("messaging:mailbox", args=[box.pk])).status_code == 404


def test_the_modality_goes_before_the_whole_and_the_department_before_its_trust(world):
    department = world.place("RZ1RAD")
    whole = make_mailbox(department)
    ultrasound = make_mailbox(department, modality="US")
    assert mailbox_for(department, "downtime", modality="US") == ultrasound
    assert mailbox_for(department, "downtime", modality="XR") == whole
    laboratory = world.place("RZ1PATH")
    assert mailbox_for(laboratory, "downtime") is None
    trust = make_mailbox(laboratory.parent)
    assert mailbox_for(laboratory, "downtime") == trust


# --- The strip -----------------------------------------------------------------------------------


def test_the_strip_says_that_mail_does_not_go_out_and_since_when(world, settings):
    settings.EMAIL_SERVER = object()
    gp = world.acting("gp")
    assert mail_not_working(gp) == []
    since = timezone.now() - timedelta(minutes=10)
    MailLink.objects.create(pk=1, failing_since=since, sentence="It does not answer.")
    cache.delete("mail_not_working")
    ((words, at),) = mail_not_working(gp)
    assert words.startswith("E-mail is not going out.")
    assert at == since
    assert mail_not_working(None) == []


def test_mail_that_is_switched_off_is_said_on_the_services_page(world, settings, client):
    settings.EMAIL_SERVER = None
    assert mail_not_working(world.acting("gp")) == []
    assert "No mail server is set" in read(client, "mails")
    page = client.get(reverse("services")).content.decode()
    assert "Switched off: no mail server is set." in page


def test_the_messages_page_counts_the_mails_that_need_somebody(client, world, returned):
    assert "1 needs a person" in read(client, "queue")
    services.handle_mail(returned, reason="Rang them", by=world.acting("central"))
    assert "nothing needs a person" in read(client, "queue")
    assert "/messages/mail/" not in read(world.client("lab"), "queue")


def test_a_queue_that_backs_up_is_one_mail_to_the_service_and_one_when_it_clears(world):
    from messaging.models import QueueAlert

    now = timezone.now()
    alert = QueueAlert.objects.create(
        kind="dead", owner="operators", raised_at=now, oldest_at=now, waiting=3
    )
    services.on_queue_alert(alert.pk, "raised")
    assert not MailMessage.objects.exists()  # nobody has asked for it
    make_mailbox(world.place("Y90099"), purpose="service")
    services.on_queue_alert(alert.pk, "raised")
    services.on_queue_alert(alert.pk, "cleared")
    subjects = list(MailMessage.objects.order_by("pk").values_list("subject", flat=True))
    assert subjects == [
        f"Action: a queue backs up (alert {alert.pk})",
        f"Over: a queue has cleared (alert {alert.pk})",
    ]


def test_withdrawn_mail_of_a_room_is_not_another_rooms(world):
    mail = post(make_mailbox(), subject_type="tests.Other")
    from django.db import transaction

    from accounts.policies import SYSTEM

    with transaction.atomic():
        assert services.withdraw(subject_type="tests.Order", subject_id="a", by=SYSTEM) == 0
    mail.refresh_from_db()
    assert mail.state == "waiting"
