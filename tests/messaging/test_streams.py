"""One page: which endpoint is down, which phase, since when, how many wait; and what needs a
person, by cause."""

from datetime import timedelta
from functools import partial

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from messaging import queries, services
from messaging.causes import IN_CAUSES, OUT_CAUSES, cause_of
from messaging.models import InboundMessage, Link, OutboundMessage, Partner
from tests.counting import cost_of
from tests.messaging import operating
from tests.messaging.senders import make_partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner(world):
    return operating.laboratory(world)


def page(client, name, *arguments, **query):
    answer = client.get(reverse(f"messaging:{name}", args=arguments), query)
    assert answer.status_code == 200
    return answer.content.decode()


def stream(world, direction, partner, *, by="lab"):
    found = queries.streams_for(world.acting(by)).streams
    return next(
        each for each in found
        if each.direction == direction and each.partner_id == (partner and partner.pk)
    )  # fmt: skip


# --- Streams -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        ("resolve", "Finding its address"),
        ("connect", "Connecting"),
        ("send", "Sending"),
        ("acknowledge", "Being acknowledged"),
    ],
)
def test_a_stream_that_is_down_says_its_phase_since_when_and_how_many_wait(
    world, partner, phase, words
):
    for n in range(3):
        operating.enqueue(partner, f"s{n}")
    since = timezone.now() - timedelta(hours=2)
    Partner.objects.update(failing_phase=phase, failing_since=since, failures=9)
    Link.objects.update_or_create(partner=partner, defaults={"state": "down", "since": since})
    found = stream(world, "out", partner)
    assert (found.tag, found.phase, found.since, found.waiting) == ("failing", phase, since, 3)
    assert found.oldest_for < timedelta(minutes=1)
    shown = page(world.client("lab"), "streams")
    assert f"Fails at: <strong>{words}</strong>" in shown
    assert "1 not working" in shown


def test_rates_and_the_last_success_are_of_each_direction(world, partner):
    operating.park("A1", "filed")
    operating.park("A2", "filed")
    operating.enqueue(partner, "s")
    operating.deliver(partner)
    coming, going = stream(world, "in", partner), stream(world, "out", partner)
    assert (coming.last_minute, coming.last_hour, coming.waiting, coming.stuck) == (2, 2, 0, 0)
    assert (going.last_minute, going.last_hour, going.tag) == (1, 1, "working")
    assert going.last_success_at is not None
    assert coming.last_success_at is not None
    InboundMessage.objects.update(received_at=timezone.now() - timedelta(minutes=10))
    assert (stream(world, "in", partner).last_minute, stream(world, "in", partner).last_hour) == (
        0, 2,
    )  # fmt: skip


@pytest.mark.hazard("H22")
def test_dead_and_parked_are_counted_with_the_oldest(world, partner):
    operating.bury(partner, "a", "b")
    operating.park("P1")
    assert stream(world, "out", partner).stuck == 2
    assert stream(world, "in", partner).stuck == 1
    shown = page(world.client("lab"), "streams")
    assert "stopped trying, oldest" in shown
    assert "parked, oldest" in shown


def test_what_is_taken_and_not_processed_is_our_side(world, partner):
    services.accept(operating.result("W1", "filed"))
    InboundMessage.objects.update(received_at=timezone.now() - timedelta(minutes=6))
    found = stream(world, "in", partner)
    assert (found.tag, found.is_late, found.waiting) == ("failing", True, 1)
    assert "our side" in found.sentence


def test_a_stopped_partner_says_who_stopped_it_and_why(world, partner):
    services.pause_partner(partner, reason="They move tonight.", by=world.acting("central"))
    shown = page(world.client("lab"), "streams")
    assert "They move tonight." in shown
    assert "Switched off" in shown


def test_the_worst_is_first(world, partner):
    fine, down, paused = (make_partner(slug) for slug in ("fine", "down", "paused"))
    since = timezone.now() - timedelta(hours=1)
    Link.objects.update_or_create(partner=down, defaults={"state": "down", "since": since})
    Partner.objects.filter(pk=paused.pk).update(is_paused=True, paused_at=timezone.now())
    operating.bury(partner, "a")
    out = [
        each.partner_id
        for each in queries.streams_for(world.acting("central")).streams
        if each.direction == "out"
    ]
    assert out == [down.pk, paused.pk, partner.pk, fine.pk]


def test_another_laboratory_sees_none_of_it(world, partner):
    operating.park("P1")
    services.accept(b"nobody's")
    stranger = world.client_elsewhere("lab")
    assert "No stream belongs to Faraway" in page(stranger, "streams")
    assert "Nothing needs a person" in page(stranger, "causes")
    assert "senders we do not know" in page(world.client("central"), "streams")
    assert "senders we do not know" not in page(world.client("lab"), "streams")


def test_the_fragment_is_the_table_alone(world, partner):
    shown = page(world.client("lab"), "streams-now")
    assert "<table" in shown
    assert "<html" not in shown


# --- By cause ------------------------------------------------------------------------------------


@pytest.mark.hazard("H22")
def test_what_needs_a_person_is_grouped_by_cause_in_both_directions(world, partner):
    operating.park("P1")
    operating.park("P2")
    services.accept(b"PID|1||no message", peer="10.0.0.7")
    operating.bury(partner, "a")
    groups = {
        (each.direction, each.code): each.count
        for each in queries.groups_for(world.acting("central"))
    }
    assert groups == {("in", "unknown_request"): 2, ("in", "header"): 1, ("out", "rejected"): 1}
    shown = page(world.client("central"), "causes")
    for words in ("Nobody here asked for it", "The partner rejected it", "does not begin as"):
        assert words in shown
    one = page(world.client("lab"), "cause-in", "unknown_request")
    assert one.count("/messages/in/") == 2
    assert "2 messages" in one


@pytest.mark.hazard("H27")
def test_a_critical_value_puts_its_cause_first(world, partner):
    operating.park("OLD")
    InboundMessage.objects.update(reason_code="message_time")
    operating.park("P1", flag="HH")
    operating.park("P2", priority="A")
    services.weigh_waiting()
    first, second = queries.groups_for(world.acting("lab"))
    assert (first.code, first.critical, first.urgent) == ("unknown_request", 1, 1)
    assert second.code == "message_time"
    shown = page(world.client("lab"), "causes")
    assert "1 critical" in shown
    assert "Critical value" in page(world.client("lab"), "cause-in", "unknown_request")


def test_dead_letters_are_told_apart_by_what_was_answered(world, partner):
    for answer, cause in (("AR", "rejected"), ("AE", "error"), ("", "no_answer")):
        (dead,) = operating.bury(partner, f"s{cause}")
        OutboundMessage.objects.filter(pk=dead.pk).update(acknowledgement=answer)
    codes = {each.code for each in queries.groups_for(world.acting("lab"))}
    assert codes == {"rejected", "error", "no_answer"} == set(OUT_CAUSES) - {"not_recorded"}


def test_a_cause_of_another_room_is_told_by_its_sentence():
    assert cause_of("in", "new_code", "The moon was full.").words == "The moon was full"
    assert cause_of("in", "new_code").words == "New code"
    for table in (IN_CAUSES, OUT_CAUSES):
        assert all(cause.words and cause.try_first.endswith(".") for cause in table.values())


def test_a_cause_that_nothing_has_is_an_empty_page(world):
    assert "No message waits with this cause" in page(world.client("lab"), "cause-out", "gone")


@pytest.mark.parametrize("name", ["streams", "causes", "queue", "corrections", "replays"])
def test_no_list_costs_more_for_more_rows(world, partner, name):
    """Measured with one of everything, then with twelve."""

    def fill(n):
        operating.bury(partner, f"s{n}")
        message = operating.park(f"P{n}")
        services.correct_inbound(
            message, text=operating.text_of(message).replace("Ada", "Eve"), reason="Wrong name.",
            by=world.acting("lab"),
        )  # fmt: skip
        other = make_partner(f"x{n}")
        operating.enqueue(other, "s")

    client = world.client("central")
    fill(0)
    once = cost_of(partial(page, client, name))
    for n in range(1, 12):
        fill(n)
    assert cost_of(partial(page, client, name)) <= once


# --- One message ---------------------------------------------------------------------------------


def test_handled_by_telephone_keeps_with_whom_and_when(world, partner):
    message = operating.park("P1")
    client = world.client("lab")
    where = reverse("messaging:handle-in", args=[message.pk])
    said = {"reason": "They send it again.", "spoken_to": "Mr Hall, Kingsmere"}
    for wrong, words in (
        ({}, "Enter when you spoke"),
        ({"spoken_at": "soon"}, "with the date and the time"),
        ({"spoken_at": "2099-01-01T10:00"}, "in the future"),
        ({"spoken_at": "2026-11-20T10:00", "spoken_to": ""}, "Enter whom you spoke to"),
    ):
        answer = client.post(where, said | wrong)
        assert answer.status_code == 422, wrong
        assert words in answer.content.decode()
    assert client.post(where, said | {"spoken_at": "2026-11-20T10:42"}).status_code == 302
    message.refresh_from_db()
    assert (message.state, message.spoken_to) == ("handled", "Mr Hall, Kingsmere")
    shown = page(client, "in", message.pk)
    assert "Spoke to Mr Hall, Kingsmere" in shown
    assert "10:42" in shown
    assert not AccessEvent.objects.filter(reason__contains="Hall").exists()


@pytest.mark.parametrize("direction", ["in", "out"])
def test_the_bytes_are_paged_and_downloaded_as_they_are(world, partner, direction):
    message = operating.park("P1") if direction == "in" else operating.bury(partner, "s")[0]
    client = world.client("lab")
    shown = page(client, f"bytes-{direction}", message.pk)
    assert "000000  4d 53 48 7c" in shown
    assert "[CR]" in shown
    answer = client.get(reverse(f"messaging:raw-{direction}", args=[message.pk]))
    assert answer.content == bytes(message.raw)
    assert answer["Content-Type"] == "text/plain"
    assert answer["Content-Disposition"].startswith('attachment; filename="message-')
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert AccessEvent.objects.filter(action="download_message", username="lab").count() == 1


def test_an_earlier_message_of_the_same_patient_is_named(world, partner):
    first, second = operating.park("P1"), operating.park("P2")
    assert "Look at that one first" in page(world.client("lab"), "in", second.pk)
    assert "Look at that one first" not in page(world.client("lab"), "in", first.pk)
