"""What the lanes and arrivals do, and what it means for the transaction, its ticket, its requester.

Real machines: the stand-in archive answers C-FIND, gives by C-GET and takes by C-STORE.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from demo.pacs.archive import Archive
from iep.dicom.peers import FoundStudy
from iep.errors import NotAccepted
from iep.models import Lane, Study, Ticket, Transaction, Transfer
from iep.queries.exchange import transactions as queries
from iep.services.arrival import arrivals
from iep.services.exchange import outcomes, sending, transactions
from iep.services.lanes import transfers
from iep.states.priorities import Priority
from iep.states.tickets import TicketState
from iep.states.transactions import TransactionEvent, TransactionState
from iep.states.transfers import TransferState
from patients.models import Patient
from tests.iep.lanes import images
from tests.iep.transactions import exchange
from tests.iep.transactions.exchange import THEIRS, held
from tests.world import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("lanes")]
Start = Callable[..., Archive]
S = TransactionState


def _events(thing: Transaction) -> list[str]:
    return list(thing.events.values_list("event", flat=True))


def _work(*lanes: str) -> None:
    """The lanes work, what came is read, until nothing is left to do."""
    for _ in range(3):
        images.wait_over()
        for lane in lanes:
            images.run(lane)
        arrivals.read_waiting(patience=60.0)


def _sendable(world: World, archive: Archive, **changes: Any) -> Transaction:
    exchange.our_pacs(world, archive.port)
    far = exchange.hospital()
    exchange.machine(far, archive.port)
    return exchange.transfer(world, institution=far, **changes)


def _uids(*studies: Any) -> list[str]:
    return [each.study_uid for each in studies]


# --- Out ---------------------------------------------------------------------------------------


@pytest.mark.hazard("H40")
def test_a_transfer_comes_from_our_pacs_and_is_delivered_when_every_image_is_there(
    world: World, archive: Start
) -> None:
    ct = held("head")
    far = archive(ct)
    ticket = exchange.export_ticket(world)
    thing = _sendable(world, far, ticket=ticket)
    found = sending.find_at_pacs(thing)
    assert [each.study.study_uid for each in found] == [ct.study_uid]
    assert found[0].differs == ()
    sending.send_studies(thing, _uids(ct), by=world.acting("mbp"))
    _work("in-1", "out-2")
    thing.refresh_from_db()
    assert thing.state == S.DELIVERED, thing.why
    assert thing.images == 3
    assert len(far.places[THEIRS].shelf.of_study(ct.study_uid)) == 3
    assert _events(thing) == [
        "created", "started", "uploading", "uploaded", "download_asked", "downloading", "delivered",
    ]  # fmt: skip
    ticket.refresh_from_db()
    assert ticket.state == TicketState.DONE
    assert ticket.sent_at is not None
    assert ticket.mails.filter(occasion="delivered").count() == 1


def test_the_15_days_run_from_the_first_moment_on_the_exchange(
    world: World, archive: Start
) -> None:
    ct = held("head")
    thing = _sendable(world, archive(ct))
    assert thing.purge_at is None
    sending.send_studies(thing, _uids(ct), by=world.acting("mbp"))
    images.run("in-1")
    arrivals.read_waiting(patience=60.0)
    thing.refresh_from_db()
    assert thing.on_iep_at is not None
    assert thing.purge_at is not None
    assert (thing.purge_at - thing.on_iep_at).days == 15


def test_a_study_of_another_patient_is_not_sent(world: World, archive: Start) -> None:
    other = held("chest", family_name="Otherpatient", nhs_number="9990000026")
    thing = _sendable(world, archive(other))
    found = sending.find_at_pacs(thing)
    assert "name" in found[0].differs
    with pytest.raises(NotAccepted) as refusal:
        sending.send_studies(thing, _uids(other), by=world.acting("mbp"))
    assert refusal.value.code == "other_patient"
    assert not Transfer.objects.exists()


def test_what_they_call_their_number_is_not_looked_for_here(world: World, archive: Start) -> None:
    """H77 is somebody else's number with us; the patient's own is found by the NHS number."""
    ours = held("head")
    elses = held("chest", patient_id="H77", family_name="Otherpatient", nhs_number="9990000026")
    far = archive(ours, elses)
    exchange.our_pacs(world, far.port)
    world.patient(s_number=exchange.S_NUMBER, nhs_number=exchange.NHS_NUMBER)
    theirs = exchange.asked_of_us(world, local_number="H77")
    found = sending.find_at_pacs(theirs)
    assert [each.study.study_uid for each in found] == _uids(ours)
    assert found[0].differs == ()


def test_what_the_archive_does_not_have_is_not_sent(world: World, archive: Start) -> None:
    thing = _sendable(world, archive(held("head")))
    for chosen, code in (([], "none_chosen"), (["2.25.1"], "not_found")):
        with pytest.raises(NotAccepted) as refusal:
            sending.send_studies(thing, chosen, by=world.acting("mbp"))
        assert refusal.value.code == code


def test_images_that_were_not_made_here_are_sent_on_only_for_care(
    world: World, archive: Start
) -> None:
    ct = held("head", institution="Harrowfield Infirmary")
    thing = _sendable(world, archive(ct))
    assert sending.find_at_pacs(thing)[0].is_foreign
    with pytest.raises(NotAccepted) as refusal:
        sending.send_studies(thing, _uids(ct), by=world.acting("mbp"))
    assert refusal.value.code == "care_reason"
    sending.send_studies(
        thing, _uids(ct), care_reason="Surgery there tomorrow", by=world.acting("mbp")
    )
    thing.refresh_from_db()
    assert thing.care_reason == "Surgery there tomorrow"
    assert thing.transfers.count() == 1


def test_a_study_that_is_here_already_goes_without_the_archive(
    world: World, archive: Start
) -> None:
    ct = held("head")
    far = archive(ct)
    first = _sendable(world, far)
    sending.send_studies(first, _uids(ct), by=world.acting("mbp"))
    _work("in-1", "out-2")
    second = exchange.transfer(world, institution=first.institution)
    queued = sending.send_studies(second, _uids(ct), by=world.acting("mbp"))
    assert [each.purpose for each in queued] == ["out"]
    _work("out-2")
    second.refresh_from_db()
    assert second.state == S.DELIVERED


@pytest.mark.hazard("H40")
def test_a_study_of_which_an_image_is_missing_is_never_delivered(
    world: World, archive: Start
) -> None:
    ct = held("head", images=4)
    far = archive(ct)
    ticket = exchange.export_ticket(world)
    thing = _sendable(world, far, ticket=ticket)
    sending.send_studies(thing, _uids(ct), by=world.acting("mbp"))
    images.run("in-1")
    arrivals.read_waiting(patience=60.0)
    far.next_image(THEIRS, "refuse")
    images.run("out-2")
    thing.refresh_from_db()
    assert thing.state == S.FAILED, _events(thing)
    assert "3 of 4 images" in thing.why
    ticket.refresh_from_db()
    assert ticket.state == TicketState.ACCEPTED
    assert ticket.mails.filter(occasion__startswith="failed").count() == 1
    out = thing.transfers.get(purpose="out")
    transfers.retry(out, by=world.acting("mbp"))
    images.run("out-2")
    thing.refresh_from_db()
    assert thing.state == S.DELIVERED
    assert "retried" in _events(thing)


@pytest.mark.hazard("H40")
def test_a_study_that_is_chosen_later_is_named_beside_the_first(
    world: World, archive: Start
) -> None:
    ct, mr = held("head"), held("spine", modality="MR")
    thing = _sendable(world, archive(ct, mr))
    for each in (ct, mr):
        sending.send_studies(thing, _uids(each), by=world.acting("mbp"))
    thing.refresh_from_db()
    named = [each["study_uid"] for each in thing.exams if each.get("study_uid")]
    assert named == _uids(ct, mr)
    assert thing.transfers.count() == 2
    before = thing.events.count()
    assert sending.send_studies(thing, _uids(ct), by=world.acting("mbp")) == []
    assert thing.events.count() == before


# --- Aborting (hazard H43) ---------------------------------------------------------------------


@pytest.mark.hazard("H43")
def test_it_is_cancelled_with_its_transfers_while_no_image_has_left(
    world: World, archive: Start
) -> None:
    ct = held("head")
    thing = _sendable(world, archive(ct))
    sending.send_studies(thing, _uids(ct), by=world.acting("mbp"))
    images.run("in-1")
    arrivals.read_waiting(patience=60.0)
    assert thing.transfers.get(purpose="out").state == TransferState.WAITING
    done = transactions.cancel(thing, "Wrong hospital", by=world.acting("mbp"))
    assert done.state == S.CANCELLED
    assert thing.transfers.get(purpose="out").state == TransferState.CANCELLED
    assert "failed" not in _events(done)


@pytest.mark.hazard("H43")
def test_it_is_not_cancelled_once_an_image_has_left(world: World, archive: Start) -> None:
    ct = held("head")
    far = archive(ct)
    thing = _sendable(world, far)
    sending.send_studies(thing, _uids(ct), by=world.acting("mbp"))
    images.run("in-1")
    arrivals.read_waiting(patience=60.0)
    far.next_image(THEIRS, "refuse")
    images.run("out-2")
    thing.refresh_from_db()
    assert thing.state == S.FAILED
    with pytest.raises(NotAccepted) as refusal:
        transactions.cancel(thing, "Wrong hospital", by=world.acting("mbp"))
    assert refusal.value.code == "left"
    assert "cancel" not in queries.detail(world.acting("mbp"), thing.number).actions


@pytest.mark.hazard("H43")
def test_it_is_not_cancelled_while_a_lane_has_it(world: World, archive: Start) -> None:
    ct = held("head")
    thing = _sendable(world, archive(ct))
    sending.send_studies(thing, _uids(ct), by=world.acting("mbp"))
    images.run("in-1")
    arrivals.read_waiting(patience=60.0)
    assert images.claim("out-2") is not None
    with pytest.raises(NotAccepted) as refusal:
        transactions.cancel(thing, "Wrong hospital", by=world.acting("mbp"))
    assert refusal.value.code == "left"


# --- In ----------------------------------------------------------------------------------------


def _asked(world: World, archive: Archive, **changes: Any) -> Transaction:
    far = exchange.hospital()
    exchange.machine(far, archive.port)
    return exchange.request(world, institution=far, **changes)


def test_a_request_fetches_what_a_person_ticks_into_failed_verification(
    world: World, archive: Start
) -> None:
    ct = held("head", at=THEIRS, patient_id="H77", issuer="FAR", institution="Harrowfield")
    mr = held("spine", at=THEIRS, patient_id="H77", issuer="FAR", modality="MR")
    ticket = exchange.import_ticket(world)
    thing = _asked(world, archive(ct, mr), ticket=ticket)
    assert {each.study.study_uid for each in sending.offered(thing)} == set(_uids(ct, mr))
    sending.download(thing, _uids(ct), by=world.acting("mbp"))
    thing.refresh_from_db()
    assert thing.state == S.DOWNLOAD_REQUEST
    Lane.objects.update(seen_at=timezone.now() + timedelta(hours=1))  # somebody runs them
    said = queries.detail(world.acting("mbp"), thing.number).sentence
    assert said.startswith("Queued: 1st inbound, starts about ")
    _work("in-1")
    thing.refresh_from_db()
    assert thing.state == S.DELIVERED, (thing.why, _events(thing))
    study = Study.objects.get(transaction=thing)
    assert (study.state, study.received) == ("failed_verification", 3)
    ticket.refresh_from_db()
    assert ticket.state == TicketState.ARRIVED
    assert ticket.mails.filter(occasion__startswith="arrived").count() == 1


def test_a_machine_that_does_not_answer_is_said_in_words(world: World, archive: Start) -> None:
    from iep.dicom.errors import DicomFailure

    far = archive()
    thing = _asked(world, far)
    far.behave(THEIRS, "away")
    with pytest.raises(DicomFailure):
        sending.offered(thing)
    client = world.client("mbp")
    page = client.get(f"/iep/t/{thing.number}/images/").content.decode()
    assert "could not be asked" in page


def _filed(world: World, study: Study) -> None:
    """As matching and PACS leave it, which have tests of their own."""
    patient = Patient.objects.first() or world.patient()
    Study.objects.filter(pk=study.pk).update(
        state="filed", due_at=None, matched_by="Mr I Aziz", matched_at=timezone.now(),
        patient=patient, exam_code="CHEAD", in_pacs_at=timezone.now(), identity_agreed=True,
    )  # fmt: skip
    study.refresh_from_db()


def test_fixed_up_is_when_every_study_is_filed_and_the_requester_is_told(
    world: World, archive: Start
) -> None:
    ct = held("head", at=THEIRS)
    mr = held("spine", at=THEIRS, modality="MR")
    ticket = exchange.import_ticket(world)
    thing = _asked(world, archive(ct, mr), ticket=ticket)
    sending.download(thing, _uids(ct, mr), by=world.acting("mbp"))
    _work("in-1")
    first, second = Study.objects.filter(transaction=thing).order_by("study_uid")
    _filed(world, first)
    outcomes.study_filed(first)
    thing.refresh_from_db()
    ticket.refresh_from_db()
    assert (thing.state, ticket.state) == (S.DELIVERED, TicketState.ARRIVED)
    assert ticket.fixed_up_by == "Mr I Aziz"
    _filed(world, second)
    outcomes.study_filed(second)
    thing.refresh_from_db()
    ticket.refresh_from_db()
    assert (thing.state, ticket.state) == (S.FIXED_UP, TicketState.DONE)
    assert ticket.mails.filter(occasion="available").count() == 1
    page = queries.detail(world.acting("mbp"), thing.number)
    assert "RIS entry CHEAD dated 03-Nov-2026" in page.sentence


def test_a_cancelled_download_leaves_the_transaction_to_a_person(
    world: World, archive: Start
) -> None:
    ct = held("head", at=THEIRS)
    thing = _asked(world, archive(ct))
    (queued,) = sending.download(thing, _uids(ct), by=world.acting("mbp"))
    transfers.cancel(queued, by=world.acting("mbp"), words="Wrong study")
    thing.refresh_from_db()
    assert thing.state == S.FAILED
    assert sending.download(thing, _uids(ct), by=world.acting("mbp"))


def test_a_study_that_did_not_go_on_is_found_by_the_sweep(world: World, archive: Start) -> None:
    ct = held("head")
    thing = _sendable(world, archive(ct))
    sending.send_studies(thing, _uids(ct), by=world.acting("mbp"))
    images.run("in-1")
    arrivals.read_waiting(patience=60.0)
    out = thing.transfers.get(purpose="out")
    out.instances.all().delete()
    Transfer.objects.filter(pk=out.pk).update(state="cancelled")
    assert outcomes.sweep_unsent() == 1
    assert thing.transfers.filter(purpose="out", state="waiting").count() == 1
    assert outcomes.sweep_unsent() == 0


def test_a_title_has_no_name_and_no_number(world: World) -> None:
    thing = exchange.transfer(world)
    study = images.outgoing(1)
    study.description, study.modalities = "CT head Testpatient 9990000018 Agnes", ["CT"]
    study.body_part = "HEAD"
    title = sending.title_of(thing, study)
    assert title == "CT head to Harrowfield Infirmary"


@pytest.mark.parametrize(
    ("modalities", "body_part", "title"),
    [
        (("CT",), "HEAD", "CT head"),
        (("CT",), "Chest abdomen", "CT chest abdomen"),
        (("MR", "PR"), "LSPINE", "MR PR lspine"),
        (("CT",), "SMITH-JONES", "CT"),
        (("CT",), "HEAD SMITH", "CT"),
        (("CT",), "MÜLLER", "CT"),
        (("Jones Ann",), "", "Images"),
        (("SMITH",), "HAND", "hand"),
        ((), "", "Images"),
    ],
)
def test_a_title_is_made_of_codes_and_of_nothing_that_somebody_typed(
    world: World, modalities: tuple[str, ...], body_part: str, title: str
) -> None:
    thing = exchange.transfer(world, family_name="Müller", given_names="Ann")
    study = images.outgoing(1)
    for typed in ("SMITH-JONES CT HEAD", "M LLER CT HEAD", "MÜLLER CT", "CT HEAD Jones Ann"):
        study.description = typed
        study.modalities, study.body_part = list(modalities), body_part
        assert sending.title_of(thing, study) == f"{title} to Harrowfield Infirmary"
        found = FoundStudy("1", description=typed, modalities=modalities)
        said = sending.title_of(thing, found).split()
        assert set(said) <= {*modalities, "Images", "to", "Harrowfield", "Infirmary"} - {"SMITH"}


@pytest.mark.django_db
def test_the_page_of_the_transaction_has_the_description_beside_the_title(world: World) -> None:
    named = {"description": "CT angiogram of the neck", "study_uid": "1.2.3"}
    thing = exchange.request(world, exams=[named])
    transfers.queue_fetch(
        thing.node, "1.2.3", priority=Priority.NORMAL, purpose="in",
        title="CT from Harrowfield", transaction=thing, by=world.acting("mbp"),
    )  # fmt: skip
    page = world.client("mbp").get(f"/iep/t/{thing.number}/").content.decode()
    row = page.split("CT from Harrowfield", 1)[1].split("</th>", 1)[0]
    assert named["description"] in row


def test_two_patients_numbers_are_different_only_when_both_are_said(world: World) -> None:
    thing = exchange.transfer(world)
    assert sending.differences(thing, FoundStudy("1", patient_name="TESTPATIENT^Agnes")) == ()
    assert sending.differences(thing, FoundStudy("1", nhs_number="999 000 0018")) == ()
    assert sending.differences(thing, FoundStudy("1", nhs_number="9990000026")) == ("NHS number",)


def test_no_ticket_ends_while_one_of_its_transactions_has_not(world: World, archive: Start) -> None:
    ct = held("head")
    far = archive(ct)
    ticket = exchange.export_ticket(world)
    first = _sendable(world, far, ticket=ticket)
    _sendable(world, far, ticket=ticket)
    sending.send_studies(first, _uids(ct), by=world.acting("mbp"))
    _work("in-1", "out-2")
    first.refresh_from_db()
    assert first.state == S.DELIVERED
    assert Ticket.objects.get().state == TicketState.WITH_OTHER


def test_what_is_over_does_not_move_again(world: World, archive: Start) -> None:
    ct = held("head")
    thing = _sendable(world, archive(ct))
    sending.send_studies(thing, _uids(ct), by=world.acting("mbp"))
    _work("in-1", "out-2")
    before = thing.events.count()
    out = thing.transfers.get(purpose="out")
    from iep.states.transfers import TransferEvent

    outcomes.transfer_moved(out, TransferEvent.CONFIRMED)
    assert thing.events.count() == before
    assert TransactionEvent.DELIVERED.value in _events(thing)
