"""Edit and send as a new message, with a second person where it matters."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.urls import reverse

from accounts.models import AccessEvent
from messaging import services, wire
from messaging.errors import NoSuchMove, NothingChanged, NotSendable, ReasonMissing, Unparseable
from messaging.models import Correction, InboundMessage, OutboundMessage
from messaging.services import Origin
from tests.messaging import operating
from tests.messaging.operating import text_of
from tests.messaging.senders import IN_CLEAR, taken

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner(world):
    return operating.laboratory(world)


@pytest.fixture
def parked(partner):
    return operating.park("P1")


@pytest.fixture
def dead(partner):
    return operating.bury(partner, "s")[0]


WHY = "The note was wrong."


def mended(message) -> str:
    return text_of(message).replace("|park", "|filed")


def correct(world, message, text, *, by="lab", reason=WHY):
    verb = (
        services.correct_inbound
        if isinstance(message, InboundMessage)
        else services.correct_outbound
    )
    return verb(message, text=text, reason=reason, by=world.acting(by))


@pytest.mark.hazard("H21")
@pytest.mark.parametrize("cause", ["cleartext", "not_proven"])
def test_what_nobody_proved_to_be_its_senders_is_not_edited_into_theirs(world, partner, cause):
    """A stranger writes a laboratory’s name into MSH-3 and 4; another MSH-7 makes it no truer."""
    origin = Origin("10.66.6.6")
    if cause == "cleartext":
        partner.feeds.update(cleartext_until=None, cleartext_because="")
    else:
        origin = Origin("10.66.6.6", partner_id=operating.make_partner("ris").pk)
    services.accept_all([(operating.result("F1", "file"), origin)], services.Directory(seconds=0))
    services.process_waiting()
    forged = InboundMessage.objects.get()
    assert (forged.state, forged.partner) == ("parked", None)
    partner.feeds.update(**IN_CLEAR)
    text = text_of(forged).replace("20261122", "20261123", 1)
    for again in range(2):  # also after somebody has tried it once more
        with pytest.raises(NotSendable, match="not_proven"):
            correct(world, forged, text, by="central")
        services.retry_inbound(forged, by=world.acting("central")) if not again else None
        services.process_waiting()
    assert taken() == []


@pytest.mark.hazard("H19")
def test_an_unreadable_message_is_not_edited_into_one_for_the_live_system(world, partner):
    services.accept(operating.result("B1").replace(b"MSH|^~", b"MSH|^^"), peer="10.0.0.7")
    broken = InboundMessage.objects.get()
    text = text_of(broken).replace("MSH|^^", "MSH|^~", 1)
    live = "|".join([*text.split("|")[:10], "P", *text.split("|")[11:]])
    with pytest.raises(NotSendable, match="processing_id"):
        correct(world, broken, live, by="central")
    assert correct(world, broken, text, by="central").needs_second


# --- Inbound -------------------------------------------------------------------------------------


@pytest.mark.hazard("H21")
def test_a_clinical_edit_waits_until_a_second_person_agrees(world, parked):
    before = bytes(parked.raw)
    correction = correct(world, parked, mended(parked))
    services.process_waiting()
    parked.refresh_from_db()
    assert (correction.state, parked.state, taken()) == ("proposed", "parked", [])
    services.approve_correction(correction, by=world.acting("central"))
    services.process_waiting()
    parked.refresh_from_db()
    copy = InboundMessage.objects.get(corrects=parked)
    assert (parked.state, copy.state, taken()) == ("replaced", "processed", ["P1"])
    assert bytes(parked.raw) == before
    assert (copy.acknowledgement, copy.partner, copy.feed) == ("", parked.partner, parked.feed)
    assert parked.handled_by.startswith("Ms P Nair")
    assert ", agreed by " in parked.handled_by
    assert parked.handled_how == WHY


def test_nobody_agrees_with_themselves(world, parked):
    correction = correct(world, parked, mended(parked))
    with pytest.raises(PermissionDenied):
        services.approve_correction(correction, by=world.acting("lab"))
    correction.refresh_from_db()
    assert correction.state == "proposed"
    with pytest.raises(IntegrityError):
        Correction.objects.update(state="applied", decided_by=correction.proposed_by)


def test_nobody_agrees_for_another_laboratory(world, parked):
    correction = correct(world, parked, mended(parked))
    stranger = world.acting(world.stranger("lab").username)
    for verb in (
        lambda: services.approve_correction(correction, by=stranger),
        lambda: services.decline_correction(correction, reason="x", by=stranger),
    ):
        with pytest.raises(PermissionDenied):
            verb()


def test_what_was_declined_leaves_the_message_as_it_was(world, parked):
    correction = correct(world, parked, mended(parked))
    with pytest.raises(ReasonMissing):
        services.decline_correction(correction, reason=" ", by=world.acting("central"))
    services.decline_correction(correction, reason="Wrong patient.", by=world.acting("central"))
    parked.refresh_from_db()
    assert parked.state == "parked"
    with pytest.raises(NoSuchMove):
        services.approve_correction(correction, by=world.acting("central"))
    assert correct(world, parked, mended(parked)).state == "proposed"  # there may be another


@pytest.mark.parametrize("deed", ["retry", "handle"])
def test_a_correction_falls_when_its_message_is_dealt_with_otherwise(world, parked, deed):
    correction = correct(world, parked, mended(parked))
    if deed == "retry":
        services.retry_inbound(parked, by=world.acting("central"))
    else:
        services.handle_inbound(parked, reason="Rang them.", by=world.acting("central"))
    with pytest.raises(NoSuchMove):
        services.approve_correction(correction, by=world.acting("central"))
    assert InboundMessage.objects.filter(corrects=parked).count() == 0


def test_two_corrections_of_one_message_do_not_wait_at_once(world, parked):
    correct(world, parked, mended(parked))
    with pytest.raises(NoSuchMove):
        correct(world, parked, mended(parked), by="central")


def test_a_copy_that_says_the_same_is_no_correction(world, parked):
    with pytest.raises(NothingChanged):
        correct(world, parked, text_of(parked).replace("\n", "\r\n"))


def test_a_correction_needs_a_reason_and_a_parked_message(world, parked):
    with pytest.raises(ReasonMissing):
        correct(world, parked, mended(parked), reason="  ")
    services.handle_inbound(parked, reason="Rang them.", by=world.acting("lab"))
    with pytest.raises(NoSuchMove):
        correct(world, parked, mended(parked))


@pytest.mark.hazard("H19")
@pytest.mark.parametrize(
    ("old", "new"), [("LIMS|RX1", "RIS|RX1"), ("|P1|", "|P2|"), ("|T|2.4", "|P|2.4")]
)
def test_a_copy_cannot_pretend_to_be_of_another_sender(world, parked, old, new):
    text = text_of(parked)
    assert old in text
    with pytest.raises(NotSendable):
        correct(world, parked, text.replace(old, new))


def test_a_message_that_could_not_be_read_is_put_right_by_two(world, partner):
    services.accept(operating.result("P7", "filed").replace(b"\rPID", b"\r|PID"), peer="10.0.0.7")
    broken = InboundMessage.objects.get()
    assert broken.state == "parked"
    correction = correct(world, broken, text_of(broken).replace("\n|PID", "\nPID"))
    assert correction.needs_second
    services.approve_correction(correction, by=world.acting("central"))
    services.process_waiting()
    assert taken() == ["P7"]


def test_a_copy_is_not_taken_for_the_message_when_its_sender_repeats_it(world, parked):
    correction = correct(world, parked, mended(parked))
    services.approve_correction(correction, by=world.acting("central"))
    services.process_waiting()
    services.accept(bytes(parked.raw))
    services.process_waiting()
    newest = InboundMessage.objects.latest("pk")
    assert (newest.state, newest.repeat_of_id) == ("repeat", parked.pk)
    assert taken() == ["P1"]


# --- Outbound ------------------------------------------------------------------------------------


@pytest.mark.hazard("H18")
def test_a_corrected_order_goes_under_a_new_control_id_before_what_waited(world, dead, partner):
    later = operating.enqueue(partner, "s", kind="CA")
    correction = correct(world, dead, text_of(dead).replace("Testpatient", "Testperson"))
    assert (correction.needs_second, operating.deliver(partner)) == (True, [])
    services.approve_correction(correction, by=world.acting("central"))
    received = [wire.parse(raw) for raw in operating.deliver(partner)]
    copy = OutboundMessage.objects.get(corrects=dead)
    assert [each.control_id for each in received] == [copy.control_id, later.control_id]
    assert copy.control_id != dead.control_id
    assert received[0].get("PID", 5) == "Testperson"
    dead.refresh_from_db()
    assert (dead.state, copy.stream, copy.sequence) == ("replaced", dead.stream, dead.sequence)


def test_a_telephone_number_goes_at_once_with_one_person(world, partner):
    dead = operating.bury(partner, "s")[0]
    order = text_of(dead).replace("ORC|NW|OC1-s", "ORC|NW|OC1-s||||||||||||020 7946 0100")
    correction = correct(world, dead, order)
    assert (correction.needs_second, correction.state) == (False, "applied")
    assert b"020 7946 0100" in operating.deliver(partner)[0]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("OC1-s", "OC1-other", NotSendable),  # the number that the answer is matched by
        ("|T|2.4", "|P|2.4", NotSendable),  # MSH-11
        ("LIMS|RX1", "RIS|RX1", NotSendable),  # MSH-5
        ("UNICODE UTF-8", "8859/1", NotSendable),  # MSH-18
        ("PID|", "P|", Unparseable),
    ],
)
def test_what_may_not_go_to_this_partner_is_refused_with_a_sentence(world, dead, old, new, error):
    assert old in text_of(dead)
    with pytest.raises(error) as refusal:
        correct(world, dead, text_of(dead).replace(old, new))
    assert refusal.value.sentence.endswith(".")
    dead.refresh_from_db()
    assert dead.state == "dead"


def test_a_copy_that_is_rejected_too_can_be_corrected_again(world, dead, partner):
    correction = correct(world, dead, text_of(dead).replace("Testpatient", "Testperson"))
    services.approve_correction(correction, by=world.acting("central"))
    from messaging.models import Partner
    from tests.messaging import peer

    with peer.listening(peer.says(b"AR", b"no")) as other:
        Partner.objects.update(port=other.port)
        services.deliver(partner.pk)
    second = OutboundMessage.objects.get(corrects=dead)
    assert second.state == "dead"
    again = correct(world, second, text_of(second).replace("Testperson", "Testpatient"))
    services.approve_correction(again, by=world.acting("central"))
    assert len(operating.deliver(partner)) == 1


# --- The pages -----------------------------------------------------------------------------------


def post(client, name, *arguments, **data):
    return client.post(reverse(f"messaging:{name}", args=arguments), data)


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_page_shows_what_changes_before_it_goes(world, parked, dead, direction):
    message = parked if direction == "in" else dead
    client = world.client("lab")
    shown = client.get(reverse(f"messaging:correct-{direction}", args=[message.pk]))
    assert "Testpatient" in shown.content.decode()
    text = text_of(message).replace("Testpatient", "Testperson")
    checked = post(client, f"correct-{direction}", message.pk, text=text, reason=WHY)
    page = checked.content.decode()
    assert checked.status_code == 200
    for words in ("What changes, 1 place", "PID-5", "Testperson", "Ask a second person"):
        assert words in page
    assert Correction.objects.count() == 0
    sent = post(client, f"correct-{direction}", message.pk, text=text, reason=WHY, send="1")
    correction = Correction.objects.get()
    assert sent["Location"] == reverse("messaging:correction", args=[correction.pk])
    own = client.get(sent["Location"]).content.decode()
    assert "somebody else has to agree" in own
    assert "Agree and" not in own
    assert post(client, "approve", correction.pk).status_code == 403
    other = world.client("central")
    assert post(other, "approve", correction.pk).status_code == 302
    assert post(other, "approve", correction.pk).status_code == 409
    copy = type(message).objects.get(corrects=message)
    page = other.get(reverse(f"messaging:{direction}", args=[message.pk])).content.decode()
    assert reverse(f"messaging:{direction}", args=[copy.pk]) in page
    page = other.get(reverse(f"messaging:{direction}", args=[copy.pk])).content.decode()
    assert "Corrected copy of" in page
    assert reverse(f"messaging:{direction}", args=[message.pk]) in page


def test_a_text_that_does_not_read_back_stays_on_the_page_with_the_reason(world, dead):
    text = text_of(dead).replace("PID|", "P|")
    answer = post(world.client("lab"), "correct-out", dead.pk, text=text, reason=WHY)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "A line of the message is not a segment." in page
    assert "P|1" in page


@pytest.mark.parametrize(("field", "words"), [("reason", "why you correct"), ("text", "is empty")])
def test_a_correction_without_words_is_asked_for_them(world, parked, field, words):
    data = {"text": mended(parked), "reason": WHY} | {field: ""}
    answer = post(world.client("lab"), "correct-in", parked.pk, **data)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_nothing_of_the_patient_is_in_the_audit_trail(world, parked):
    correction = correct(world, parked, mended(parked), reason="Ada Testpatient, 9990000018")
    services.approve_correction(correction, by=world.acting("central"))
    rows = AccessEvent.objects.filter(action__contains="correction")
    assert [row.action for row in rows.order_by("id")] == [
        "propose_correction", "apply_correction",
    ]  # fmt: skip
    assert [row.username for row in rows.order_by("id")] == ["lab", "central"]
    assert not any("Ada" in row.reason or "999" in row.object_id for row in rows)


def test_corrections_that_wait_are_listed_for_those_who_may_see_them(world, parked):
    correction = correct(world, parked, mended(parked))
    address = reverse("messaging:correction", args=[correction.pk])
    for username in ("lab", "central"):
        assert (
            address in world.client(username).get(reverse("messaging:corrections")).content.decode()
        )
    stranger = world.client_elsewhere("lab")
    assert address not in stranger.get(reverse("messaging:corrections")).content.decode()
    assert stranger.get(address).status_code == 404
