"""Files become studies: grouped, whole, stopped; twice the same, and not the same."""

from datetime import timedelta

import pytest
from django.utils import timezone

from iep import storage
from iep.errors import NotAccepted
from iep.models import Node, ReceivedFile, Study, Transaction, Transfer
from iep.services.arrival import arrivals
from iep.services.lanes import transfers
from iep.states.priorities import Priority
from iep.states.studies import FileState, Origin, StudyState
from iep.states.transactions import TransactionKind

from . import bytes as files


def the_study() -> Study:
    return Study.objects.get()


def test_images_of_one_study_become_one_study_with_what_their_heads_say(exchange):
    exchange.came(*exchange.images(3))
    study = the_study()
    assert (study.received, study.state) == (3, StudyState.ARRIVING)
    assert study.header_name == "Testpatient^Agnes"
    assert study.header_patient_id == "X4711"
    assert study.header_issuer == "STMARY"
    assert study.description == "CT head"
    assert study.modalities == ["CT"]
    assert study.organisation == exchange.trust
    assert study.files.filter(state=FileState.KEPT).count() == 3


@pytest.mark.hazard("H47")
def test_the_date_is_the_date_of_acquisition_with_its_offset_and_not_of_the_import(exchange):
    exchange.came(files.image(study_date="20190704", utc_offset="-0500", study_time="235959.12"))
    study = the_study()
    assert study.acquired_on.isoformat() == "2019-07-04"
    assert (study.acquired_time, study.utc_offset) == ("235959.12", "-0500")


@pytest.mark.hazard("H47")
def test_a_study_without_a_date_has_none(exchange):
    exchange.came(files.image(study_date=None))
    assert the_study().acquired_on is None


def test_a_study_that_came_unasked_is_held_for_a_person_and_never_filed(exchange):
    exchange.came(*exchange.images(2))
    exchange.goes_quiet()
    study = the_study()
    assert study.state == StudyState.FAILED_VERIFICATION
    assert study.whole_at
    assert study.is_unverified
    assert study.patient is None
    assert study.in_pacs_at is None
    assert study.due_at - study.state_since >= timedelta(days=13)


def test_a_study_that_came_unasked_becomes_a_direct_transaction(exchange):
    exchange.came(*exchange.images(2))
    exchange.goes_quiet()
    made = Transaction.objects.get()
    assert made.kind == TransactionKind.DIRECT
    assert made.institution == exchange.them
    assert the_study().transaction == made


@pytest.mark.hazard("H40")
def test_a_study_is_whole_only_when_every_announced_image_is_here(exchange):
    content = exchange.images(3)
    transfer = a_fetch_of(exchange, 3)
    for one in content[:2]:
        exchange.came(one, transfer=transfer)
    exchange.goes_quiet()
    assert (the_study().state, the_study().received, the_study().expected) == (
        StudyState.ARRIVING, 2, 3,
    )  # fmt: skip
    exchange.came(content[2], transfer=transfer)
    assert the_study().state == StudyState.FAILED_VERIFICATION


def a_fetch_of(exchange, count: int) -> Transfer:
    transfer = transfers.queue_fetch(
        exchange.node, files.ROOT, priority=Priority.NORMAL, purpose="in", title="CT head",
        by=exchange.desk,
    )  # fmt: skip
    Transfer.objects.filter(pk=transfer.pk).update(images=count)
    return transfer


def test_a_person_may_go_on_with_two_of_three_and_says_why(exchange):
    transfer = a_fetch_of(exchange, 3)
    exchange.came(*exchange.images(2), transfer=transfer)
    with pytest.raises(NotAccepted):
        arrivals.take_as_it_is(the_study(), why=" ", by=exchange.desk)
    arrivals.take_as_it_is(the_study(), why="Their archive has lost one", by=exchange.desk)
    assert the_study().state == StudyState.FAILED_VERIFICATION
    assert "2 of 3 images" in the_study().events.last().words


def test_more_images_of_a_quiet_study_open_it_again(exchange):
    exchange.came(*exchange.images(2))
    exchange.goes_quiet()
    exchange.came(files.image())
    assert (the_study().state, the_study().received) == (StudyState.ARRIVING, 3)
    exchange.goes_quiet()
    assert the_study().state == StudyState.FAILED_VERIFICATION


@pytest.mark.django_db(transaction=True)
def test_the_same_image_twice_is_kept_once_and_quietly(exchange):
    content = files.image()
    first, second = exchange.came(content, content)
    states = sorted([first.state, second.state])
    assert states == [FileState.DISCARDED, FileState.KEPT]
    dropped = first if first.state == FileState.DISCARDED else second
    assert not storage.path_of(dropped.pk).exists()
    assert the_study().received == 1
    assert the_study().state == StudyState.ARRIVING


@pytest.mark.hazard("H41")
def test_another_image_under_a_used_identifier_is_refused_and_kept_for_a_person(exchange):
    one = files.image(sop_uid="2.25.1", instance_number="1")
    other = files.image(sop_uid="2.25.1", instance_number="2")
    exchange.came(one)
    (refused,) = exchange.came(other)
    assert (refused.state, refused.reason_code) == (FileState.REFUSED, "conflict")
    assert storage.path_of(refused.pk).read_bytes() == other
    assert the_study().received == 1


DIFFERENT = {
    "name": ("Testpatient^Agnes", "Otherpatient^Agnes", "name"),
    "birth_date": ("19580302", "19580203", "date of birth"),
    "sex": ("F", "M", "sex"),
    "patient_id": ("X4711", "X4712", "patient ID"),
}


@pytest.mark.hazard("H41")
@pytest.mark.parametrize("item", DIFFERENT)
def test_a_study_of_two_people_is_stopped_and_the_words_name_the_item_only(exchange, item):
    one, other, words = DIFFERENT[item]
    exchange.came(files.image(**{item: one}), files.image(**{item: other}))
    study = the_study()
    assert study.state == StudyState.STOPPED
    assert words in study.why
    assert one not in study.why
    assert other not in study.why
    exchange.goes_quiet()
    assert the_study().state == StudyState.STOPPED


@pytest.mark.hazard("H41")
def test_a_person_who_appears_after_the_study_was_quiet_stops_it(exchange):
    exchange.came(*exchange.images(2))
    exchange.goes_quiet()
    exchange.came(files.image(patient_id="Z9"))
    assert the_study().state == StudyState.STOPPED


@pytest.mark.hazard("H41")
@pytest.mark.parametrize("missing", DIFFERENT)
def test_an_image_that_does_not_say_whose_it_is_differs(exchange, missing):
    exchange.came(files.image(), files.image(**{missing: None}))
    assert the_study().state == StudyState.STOPPED


def test_padding_is_no_difference(exchange):
    exchange.came(files.image(patient_id="X4711"), files.image(patient_id="X4711   "))
    assert the_study().state == StudyState.ARRIVING


def test_a_stopped_study_is_released_with_a_reason_and_its_identities_stay_known(exchange):
    exchange.came(files.image(), files.image(name="Testpatient^Agnes^Mary"))
    with pytest.raises(NotAccepted):
        arrivals.release(the_study(), why="", by=exchange.desk)
    arrivals.release(the_study(), why="Her middle name, said the sender", by=exchange.desk)
    assert the_study().state == StudyState.FAILED_VERIFICATION
    exchange.came(files.image(name="Testpatient^Agnes^Mary"))
    assert the_study().state == StudyState.ARRIVING
    exchange.came(files.image(name="Testpatient^Boris"))
    assert the_study().state == StudyState.STOPPED


@pytest.mark.django_db(transaction=True)
def test_a_discarded_study_takes_its_bytes_with_it(exchange):
    (file,) = exchange.came(files.image())
    arrivals.discard(the_study(), why="Sent to us by mistake", by=exchange.desk)
    file.refresh_from_db()
    assert (the_study().state, file.state) == (StudyState.DISCARDED, FileState.DISCARDED)
    assert not storage.path_of(file.pk).exists()
    assert the_study().events.last().words == "Sent to us by mistake"


def test_another_trust_can_neither_release_nor_discard(exchange, world):
    exchange.came(files.image(), files.image(sex="M"))
    stranger = world.acting(world.stranger("mbp").username)
    for act in (arrivals.release, arrivals.discard):
        with pytest.raises(NotAccepted):
            act(the_study(), why="because", by=stranger)
    assert the_study().state == StudyState.STOPPED


def test_two_sources_of_one_study_are_two_studies(exchange):
    other = exchange._node(exchange.them, "STMARY2", may_call=True)
    exchange.came(files.image())
    exchange.came(files.image(patient_id="K1"), node=other)
    assert Study.objects.count() == 2
    assert not Study.objects.filter(state=StudyState.STOPPED).exists()


def test_a_study_of_our_own_pacs_goes_out_and_is_never_matched(exchange):
    exchange.came(*exchange.images(2), origin=Origin.PACS, node=exchange.pacs)
    exchange.goes_quiet()
    assert the_study().state == StudyState.OUTGOING
    assert the_study().whole_at


@pytest.mark.hazard("H41")
def test_a_study_of_our_own_pacs_that_has_two_people_is_stopped(exchange):
    mixed = [files.image(), files.image(patient_id="S2")]
    exchange.came(*mixed, origin=Origin.PACS, node=exchange.pacs)
    exchange.came(files.image(), origin=Origin.PACS, node=exchange.pacs)
    assert the_study().state == StudyState.STOPPED
    assert the_study().received == 3
    with pytest.raises(NotAccepted):
        arrivals.release(the_study(), why="it is", by=exchange.desk)


def test_a_file_that_is_not_what_the_sender_said_is_refused(exchange):
    (file,) = exchange.came(files.image(sop_uid="2.25.7"), sop_uid="2.25.8")
    assert (file.state, file.reason_code) == (FileState.REFUSED, "uid_differs")
    (file,) = exchange.came(files.image(), study_uid="2.25.99")
    assert (file.state, file.reason_code) == (FileState.REFUSED, "other_study")
    assert not Study.objects.exists()


def test_where_no_trust_is_set_up_nothing_is_anybodys_until_it_is_put_right(exchange):
    Node.objects.filter(pk=exchange.pacs.pk).update(is_our_pacs=False)
    (file,) = exchange.came(files.image())
    assert (file.state, file.reason_code) == (FileState.REFUSED, "no_trust")
    exchange.pacs.save()
    arrivals.look_again(file, by=exchange.desk)
    arrivals.read_waiting()
    assert the_study().received == 1


def test_blue_light_is_looked_into_first_and_discs_last(exchange):
    from iep.services.arrival import reading

    old = exchange.comes(files.image())
    made = Transaction.objects.create(
        number=7, kind="request", direction="out", institution=exchange.them, priority=0,
        eligibility="ambulance", organisation=exchange.trust, state_since=timezone.now(),
        created_by="A test",
    )  # fmt: skip
    blue = exchange.comes(files.image(), transaction=made)
    assert [each.pk for each in reading._claim()] == [blue.pk, old.pk]


def test_a_refused_file_can_be_looked_at_again_or_discarded(exchange):
    exchange.pacs.is_our_pacs = False
    (file,) = exchange.came(files.image()[:-10])
    assert file.reason_code == "truncated"
    again = arrivals.look_again(file, by=exchange.desk)
    assert again.state == FileState.QUARANTINED
    arrivals.read_waiting()
    file.refresh_from_db()
    assert file.state == FileState.REFUSED
    with pytest.raises(NotAccepted):
        arrivals.discard_file(file, why=" ", by=exchange.desk)
    arrivals.discard_file(file, why="Cut off on the way", by=exchange.desk)
    file.refresh_from_db()
    assert file.state == FileState.DISCARDED
    assert "Cut off on the way" in file.why


def test_a_worker_that_died_loses_its_lease_and_the_file_is_read(exchange):
    from iep.services.arrival import reading

    file = exchange.comes(files.image())
    assert [each.pk for each in reading._claim()] == [file.pk]
    assert reading._claim() == []
    ReceivedFile.objects.update(lease_until=timezone.now())
    arrivals.read_waiting()
    assert the_study().received == 1


def test_a_file_at_which_workers_die_again_and_again_is_refused(exchange):
    file = exchange.comes(files.image())
    ReceivedFile.objects.filter(pk=file.pk).update(attempts=5)
    arrivals.read_waiting()
    file.refresh_from_db()
    assert (file.state, file.reason_code) == (FileState.REFUSED, "attempts")
