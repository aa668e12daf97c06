"""What the operators see of messages, and what they may do about them."""

from functools import partial

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from accounts.models import AccessEvent
from demo import people
from messaging import services
from messaging.errors import NoSuchMove, ReasonMissing
from messaging.models import InboundMessage, OutboundMessage, Partner
from tests.counting import cost_of
from tests.messaging.senders import make_partner, note, ours, patient, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner(world):
    """The laboratory where the demo's `lab` works."""
    partner = make_partner("lims")
    partner.departments.add(world.acting("lab").organisation)
    return partner


@pytest.fixture
def parked(partner):
    services.accept(sent("P1", patient("9990000018", system="NHS"), note("park"),
                         sender=("LIMS", "RX1")))  # fmt: skip
    services.process_waiting()
    return InboundMessage.objects.get()


@pytest.fixture
def dead(partner):
    """A message that the partner rejected."""
    control_id = services.next_control_id()
    message = services.enqueue(
        partner=partner, kind="OML^O21 NW", subject_type="tests.Order", subject_id="a", stream="s",
        raw=ours(control_id, partner, patient()), control_id=control_id,
    )  # fmt: skip
    from tests.messaging import peer

    with peer.listening(peer.says(b"AR", b"no such receiver here")) as other:
        Partner.objects.filter(pk=partner.pk).update(port=other.port)
        services.deliver(partner.pk)
    message.refresh_from_db()
    assert message.state == "dead"
    return message


def read(client, name, *arguments, **query):
    answer = client.get(reverse(f"messaging:{name}", args=arguments), query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.hazard("H22")
@pytest.mark.parametrize("username", ["lab", "central"])
def test_what_needs_a_person_is_listed_with_its_reason_and_owner(world, parked, dead, username):
    page = read(world.client(username), "queue")
    assert "Nobody here asked for this." in page
    assert "AR: no such receiver here" in page
    assert page.count("Laboratory or Central team") == 2
    assert reverse("messaging:in", args=[parked.pk]) in page
    assert reverse("messaging:out", args=[dead.pk]) in page


def test_another_laboratory_sees_nothing_of_it(world, parked, dead, partner):
    client = world.client_elsewhere("lab")
    page = read(client, "queue")
    assert "Nothing needs a person" in page
    assert partner.name not in page
    for name, pk in (("in", parked.pk), ("out", dead.pk), ("partner", partner.pk)):
        assert client.get(reverse(f"messaging:{name}", args=[pk])).status_code == 404
    acting = world.acting(world.stranger("lab").username)
    for verb, thing in ((services.retry_inbound, parked), (services.retry_outbound, dead)):
        with pytest.raises(PermissionDenied):
            verb(thing, by=acting)
    with pytest.raises(PermissionDenied):
        services.pause_partner(partner, reason="x", by=acting)


def test_a_message_is_laid_open_with_the_names_of_its_fields(world, parked):
    page = read(world.client("lab"), "in", parked.pk)
    for words in ("PID-3", "Patient identifier list", "9990000018", "Assigning authority", "NTE-3"):
        assert words in page
    assert "4d 53 48 7c" in page  # MSH| as bytes
    assert "9990000018" not in page.split("</title>")[0]


def test_looking_at_a_message_is_written_down(world, parked):
    read(world.client("lab"), "in", parked.pk)
    event = AccessEvent.objects.get(action="view_message")
    assert (event.username, event.object_id) == ("lab", str(parked.pk))


def test_bytes_that_are_no_message_are_shown_all_the_same(world):
    services.accept(b"\x00\xff<script>alert(1)</script>")
    row = InboundMessage.objects.get()
    page = read(world.client("central"), "in", row.pk)
    assert "does not begin with MSH" in page
    assert "00 ff 3c 73" in page
    assert "<script>alert" not in page


def test_markup_in_a_message_is_text(world, partner):
    services.accept(sent("1", patient("<b>1</b>"), note("park"), sender=("LIMS", "RX1")))
    page = read(world.client("lab"), "in", InboundMessage.objects.get().pk)
    assert "<b>1</b>" not in page
    assert "&lt;b&gt;1&lt;/b&gt;" in page


def post(client, name, *arguments, **data):
    return client.post(reverse(f"messaging:{name}", args=arguments), data)


def test_a_parked_message_can_be_processed_again(world, parked, settings):
    post(world.client("lab"), "retry-in", parked.pk)
    parked.refresh_from_db()
    assert (parked.state, parked.attempts) == ("received", 0)
    settings.HL7_ROUTING = "tests.messaging.test_views.MENDED"
    services.process_waiting()
    parked.refresh_from_db()
    assert parked.state == "processed"
    assert AccessEvent.objects.filter(action="retry_message_in", username="lab").exists()


def took(message, inbound):
    """What was missing is there now."""


MENDED = {("ORU", "R01"): took}


def test_a_dead_letter_can_be_sent_again_as_it_was(world, dead, partner):
    from tests.messaging import peer

    post(world.client("lab"), "retry-out", dead.pk)
    with peer.listening() as other:
        Partner.objects.filter(pk=partner.pk).update(port=other.port)
        services.deliver(partner.pk)
    assert other.received == [bytes(dead.raw)]
    dead.refresh_from_db()
    assert dead.state == "acknowledged"


@pytest.mark.parametrize("direction", ["in", "out"])
def test_handled_by_a_person_keeps_who_when_and_how(world, parked, dead, direction):
    message = parked if direction == "in" else dead
    answer = post(world.client("lab"), f"handle-{direction}", message.pk, reason=" Rang them. ")
    assert answer.status_code == 302
    message.refresh_from_db()
    assert (message.state, message.handled_how) == ("handled", "Rang them.")
    assert "Nair" in message.handled_by
    assert message.handled_at
    event = AccessEvent.objects.get(action=f"handle_message_{direction}")
    assert "Rang" not in event.reason  # words may name a patient
    assert "Rang them." in read(world.client("lab"), direction, message.pk)


@pytest.mark.parametrize("direction", ["in", "out"])
def test_handled_needs_words(world, parked, dead, direction):
    message = parked if direction == "in" else dead
    answer = post(world.client("lab"), f"handle-{direction}", message.pk, reason="  ")
    assert answer.status_code == 422
    assert "Enter what you did about it" in answer.content.decode()
    message.refresh_from_db()
    assert message.state in ("parked", "dead")
    verb = services.handle_inbound if direction == "in" else services.handle_outbound
    with pytest.raises(ReasonMissing):
        verb(message, reason=" ", by=world.acting("lab"))


@pytest.mark.parametrize("deed", ["retry", "handle"])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_what_somebody_else_has_dealt_with_stays_as_it_is(world, parked, dead, deed, direction):
    message = parked if direction == "in" else dead
    verb = services.handle_inbound if direction == "in" else services.handle_outbound
    verb(message, reason="first", by=world.acting("lab"))
    answer = post(world.client("central"), f"{deed}-{direction}", message.pk, reason="second")
    assert answer.status_code == 409
    assert "Somebody has dealt with this message meanwhile" in answer.content.decode()
    message.refresh_from_db()
    assert message.handled_how == "first"
    with pytest.raises(NoSuchMove):
        verb(message, reason="again", by=world.acting("lab"))


@pytest.mark.hazard("H18")
def test_a_handled_dead_letter_lets_the_next_of_its_request_go(world, dead, partner):
    from tests.messaging import peer

    control_id = services.next_control_id()
    later = services.enqueue(
        partner=partner, kind="OML^O21 CA", subject_type="tests.Order", subject_id="a", stream="s",
        raw=ours(control_id, partner), control_id=control_id,
    )  # fmt: skip
    assert "1 later message" in read(world.client("lab"), "out", dead.pk)
    services.handle_outbound(dead, reason="Rang them.", by=world.acting("lab"))
    with peer.listening() as other:
        Partner.objects.filter(pk=partner.pk).update(port=other.port)
        services.deliver(partner.pk)
    assert other.control_ids == [later.control_id]


def test_sending_to_a_partner_can_be_stopped_and_started(world, partner):
    client = world.client("lab")
    assert post(client, "pause", partner.pk, reason="").status_code == 422
    assert post(client, "pause", partner.pk, reason="They asked us to.").status_code == 302
    partner.refresh_from_db()
    assert partner.is_paused
    page = read(client, "partner", partner.pk)
    assert "They asked us to." in page
    assert "Nair" in page
    assert post(client, "resume", partner.pk).status_code == 302
    partner.refresh_from_db()
    assert not partner.is_paused
    actions = AccessEvent.objects.filter(object_type="messaging.Partner").order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["pause_partner", "resume_partner"]


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        ("resolve", "its address cannot be found"),
        ("connect", "it does not take connections"),
        ("send", "it hangs up while we send"),
        ("acknowledge", "it does not acknowledge what we send"),
    ],
)
def test_a_failing_partner_says_at_which_step_and_since_when(world, partner, phase, words):
    Partner.objects.update(failing_phase=phase, failing_since="2026-11-21T08:30Z", failures=3)
    assert words in read(world.client("lab"), "queue")
    assert words in read(world.client("central"), "partner", partner.pk)


def test_refused_messages_are_counted_by_sender_and_reason(world):
    for n in range(3):
        services.accept(sent(str(n), sender=("STRANGER", "XX9")))
    page = read(world.client("central"), "queue", list="refused")
    assert "STRANGER XX9" in page
    assert "are not a sender we know" in page
    assert ">3</td>" in page
    assert "STRANGER" not in read(world.client("lab"), "queue", list="refused")


def test_the_lists_turn_their_pages_and_cost_the_same_however_long(world, partner):
    for n in range(60):
        services.accept(f"no message {n}".encode())
    client = world.client("central")
    assert cost_of(partial(read, client, "queue")) <= 12
    first = read(client, "queue")
    second = read(client, "queue", page=2)
    assert "Page 1 of 2" in first
    assert "Page 2 of 2" in second
    assert first.count("/messages/in/") == 50
    assert second.count("/messages/in/") == 10
    assert "Page 2 of 2" in read(client, "queue", page=999)


@pytest.mark.parametrize("name", ["waiting", "done", "refused", "nonsense"])
def test_an_empty_list_says_what_fills_it(world, name):
    page = read(world.client("central"), "queue", list=name)
    assert "<p>No" in page
    assert people.CENTRE


# --- Every state is on a list --------------------------------------------------------------------


@pytest.mark.hazard("H22")
def test_every_message_in_every_state_is_on_a_list(world, parked, dead, partner):
    """A row is put into each state by hand, so that a state nobody lists is found."""
    from messaging.states import IN_LISTS, OUT_LISTS, InState, List, OutState

    client = world.client("central")
    assert set(IN_LISTS) == set(InState)
    assert set(OUT_LISTS) == set(OutState)
    for state in InState:
        InboundMessage.objects.filter(pk=parked.pk).update(state=state)
        pages = {each: read(client, "queue", list=each) for each in List}
        address = reverse("messaging:in", args=[parked.pk])
        assert [each for each, page in pages.items() if address in page] == [IN_LISTS[state]]
    for state in OutState:
        token = "00000000-0000-0000-0000-000000000001" if state == "sending" else None
        OutboundMessage.objects.filter(pk=dead.pk).update(state=state, lease_token=token)
        pages = {each: read(client, "queue", list=each) for each in List}
        address = reverse("messaging:out", args=[dead.pk])
        assert [each for each, page in pages.items() if address in page] == [OUT_LISTS[state]]


def test_the_strip_says_what_will_be_late(world, partner, settings):
    from django.core.cache import cache

    from messaging.models import Link
    from messaging.queries import links_not_working

    cache.clear()
    assert links_not_working(world.acting("gp")) == []
    Link.objects.create(partner=partner, state="down", since="2026-11-21T08:30Z")
    assert links_not_working(world.acting("gp")) == []  # remembered for some seconds
    cache.clear()
    ((sentence, since, then),) = links_not_working(world.acting("gp"))
    assert "are not getting through" in sentence
    assert since.isoformat() == "2026-11-21T08:30:00+00:00"
    assert then == "Requests are saved and will be sent."
    assert links_not_working(None) == []
    cache.clear()
