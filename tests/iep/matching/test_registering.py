"""The RIS's half: the message in each dialect, and what each answer does."""

import re
from datetime import UTC, datetime

import pytest

from demo.people import KINGSMERE
from iep.errors import NotAccepted
from iep.hl7 import KINDS
from iep.models import Study
from iep.queries.registration.registering import is_our_number, ris_of
from iep.services.registration import filing, registering
from messaging import wire
from messaging.errors import Park
from messaging.models import OutboundMessage, Partner, PartnerCode
from requesting.services.numbers import next_placer_number

from .room import fresh, history

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)


def parked(call, *args, **facts) -> tuple[str, str]:
    before = list(Study.objects.values())
    with pytest.raises(Park) as caught:
        call(*args, **facts)
    assert list(Study.objects.values()) == before
    return caught.value.reason_code, caught.value.sentence


# --- The message ----------------------------------------------------------------------------------

GOLDEN = (
    "MSH|^~\\&|ORDERCOMMS|OC1|RIS|RZ1|20261122090500+0000||OMG^O19^OMG_O19|CONTROL|T|2.4|||||GBR"
    "|UNICODE UTF-8",
    "PID|1||9990000018^^^NHS^NH~S1234567^^^RZ1^MR||Testpatient^Agnes^^^Mrs^^L||19580302|F|||"
    "3 Invented Row^Northgate^^^NG2 9ZZ^^H|||||||||||||||||||||01",
    "ORC|NW|PLACER||IEP-261122-001|CM||||20261122090500+0000|||^Dr Asker|||||"
    "RZ1^Kingsmere University Hospitals NHS Trust||||"
    "Kingsmere University Hospitals NHS Trust^^RZ1",
    "OBR|1|PLACER||CSKUH^CT head^L|||20261103091500+0100||||||"
    "Imported images from St Mary's of Invention. Not reported here.|||^Dr Asker||PLACER||||||CT|R",
    "OBX|1|ST|113014^DICOM Study^DCM||STUDY||||||F",
)


def test_the_message_is_as_it_was_agreed_field_by_field(desk, time_machine):
    study = desk.arrived(ticket=desk.ticket())
    time_machine.move_to(AT, tick=False)
    study = desk.match(study)
    raw = bytes(OutboundMessage.objects.latest("pk").raw).decode()
    said = raw.replace(study.placer_number, "PLACER").replace(study.study_uid, "STUDY")
    said = re.sub(r"OC1[0-9]{10}(?=\|T)", "CONTROL", said)
    assert [line.rstrip("|") for line in said.split("\r") if line] == list(GOLDEN)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1"])
def test_each_dialect_says_the_same_in_its_own_fields(desk, kind, version):
    Partner.objects.filter(pk=desk.ris.pk).update(order_message=kind, version=version)
    study = desk.match(desk.arrived())
    message = desk.sent()
    orc, obr = message.first("ORC"), message.first("OBR")
    assert study.ris_state == "sent"
    assert message.header.get(12) == version
    assert message.header.raw(9) == "^".join(KINDS[kind][: 2 if version == "2.3" else 3])
    assert (orc.get(1), orc.get(5), orc.get(2)) == ("NW", "CM", study.placer_number)
    assert (obr.get(4), obr.get(25), obr.get(18)) == ("CSKUH", "R", study.our_accession)
    assert obr.raw(7) == "20261103091500+0100"
    assert len(orc) <= (19 if version == "2.3" else 24)
    assert len(message.first("PID")) <= (30 if version < "2.4" else 40)


def test_a_laboratorys_message_is_none_for_images(desk):
    Partner.objects.filter(pk=desk.ris.pk).update(order_message="OML^O21")
    study = desk.match(desk.arrived())
    assert study.ris_state == "refused"
    assert "cannot be told" in study.ris_why


@pytest.mark.hazard("H47")
@pytest.mark.parametrize(
    ("said", "on_the_wire"),
    [
        ({}, "20261103091500+0100"),
        ({"study_time": "235959.12", "utc_offset": "-0500"}, "20261103235959-0500"),
        ({"utc_offset": None}, "20261103091500"),
        ({"study_time": None}, "20261103"),
        ({"study_time": "09"}, "20261103"),
        ({"study_date": "20190331", "study_time": "0130", "utc_offset": "+0000"},
         "201903310130+0000"),
    ],
)  # fmt: skip
def test_the_event_has_the_day_and_offset_of_the_images_and_never_the_imports(
    desk, said, on_the_wire
):
    desk.match(desk.arrived(**said))
    assert desk.sent().first("OBR").raw(7) == on_the_wire


def test_a_requester_who_is_registered_here_is_named_by_number(desk, world):
    user = world.user("radiologist")
    ticket = desk.ticket(requester=user)
    desk.match(desk.arrived(ticket=ticket))
    assert desk.sent().first("ORC").get(12) == user.registration_number


def test_our_number_can_never_be_a_requests(desk):
    ours = [registering.next_number() for _ in range(3)]
    theirs = next_placer_number()
    assert all(is_our_number(each) and len(each) <= 16 for each in ours)
    assert not is_our_number(theirs)
    assert len(set(ours)) == 3


def test_a_prefix_that_would_make_the_accession_too_long_is_refused(desk, settings):
    settings.HL7_SITE_PREFIX = "HOSPITAL"
    with pytest.raises(OverflowError):
        registering.next_number()


# --- Codes ----------------------------------------------------------------------------------------


def _map(desk, ours: str, theirs: str) -> None:
    PartnerCode.objects.create(
        partner=desk.ris, kind="exam", ours=ours, theirs=theirs, display="Head CT", system="NICIP",
        valid_from="2020-01-01",
    )  # fmt: skip


def test_a_code_goes_through_the_partners_map(desk):
    _map(desk, "CSKUH", "HEADCT")
    desk.match(desk.arrived())
    assert desk.sent().first("OBR").raw(4) == "HEADCT^Head CT^NICIP"


def test_a_code_that_the_map_lacks_is_not_guessed_and_no_image_leaves(desk):
    _map(desk, "CCHES", "CHESTCT")
    study = desk.match(desk.arrived())
    assert (study.state, study.ris_state) == ("matched", "refused")
    assert "There is no code for our exam CSKUH" in study.ris_why
    assert OutboundMessage.objects.count() == 0
    filing.file_waiting()
    assert not filing.live_transfers(study).exists()


def test_a_person_puts_the_code_right_with_a_reason_and_asks_again(desk):
    _map(desk, "CCHES", "CHESTCT")
    study = desk.match(desk.arrived())
    with pytest.raises(NotAccepted) as caught:
        registering.retry(study, exam_code="CCHES", why=" ", by=desk.desk)
    assert caught.value.code == "why"
    done = registering.retry(study, exam_code="CCHES", why="It is a chest.", by=desk.desk)
    assert (done.ris_state, done.ris_why, done.code_why) == ("sent", "", "It is a chest.")
    assert desk.sent().first("OBR").get(4) == "CHESTCT"


def test_a_trust_without_a_link_says_so(desk):
    desk.ris.departments.clear()
    assert ris_of(desk.trust) is None
    study = desk.match(desk.arrived())
    assert "has no link to its RIS" in study.ris_why


def test_what_the_partners_character_set_lacks_is_not_sent_as_something_else(desk, world):
    Partner.objects.filter(pk=desk.ris.pk).update(character_set="ASCII")
    zoe = world.patient(s_number="S2000001", given_names="Zoë")
    study = desk.arrived(other_ids=desk.their_nhs_number(zoe.nhs_number), name="Testpatient^Zoe")
    study = desk.match(study, patient=zoe)
    assert study.ris_state == "refused"
    assert "character" in study.ris_why


# --- Answers --------------------------------------------------------------------------------------


@pytest.mark.hazard("H46")
@pytest.mark.parametrize("kind", [("ORG", "O20", "ORG_O20"), ("ORR", "O02"), ("OMG", "O19"),
                                  ("ORM", "O01")])  # fmt: skip
@pytest.mark.parametrize("control", ["OK", "NA", "SC", "XR"])
def test_the_ris_has_it_when_it_gives_a_number(desk, kind, control):
    study = desk.match(desk.arrived())
    assert study.is_unverified
    desk.answers(study, control, kind=kind)
    held = fresh(study)
    assert (held.ris_state, held.ris_number, held.is_unverified) == ("held", "RIS-IMP-1", False)


@pytest.mark.hazard("H46")
def test_an_acknowledgement_alone_is_no_entry(desk):
    study = desk.match(desk.arrived())
    message = OutboundMessage.objects.latest("pk")
    registering.record_delivery(message.subject_id, "delivered", "")
    assert fresh(study).ris_state == "sent"
    assert fresh(study).is_unverified


def test_a_yes_without_a_number_waits_for_a_person(desk):
    study = desk.match(desk.arrived())
    assert parked(desk.answers, study, filler="")[0] == "contradiction"


def test_a_second_number_for_the_same_examination_waits_for_a_person(desk):
    study = desk.match(desk.arrived())
    desk.answers(study)
    desk.answers(study)  # said twice: nothing new
    code, sentence = parked(desk.answers, study, filler="RIS-IMP-2")
    assert code == "contradiction"
    assert "another number before" in sentence


@pytest.mark.parametrize(("control", "acknowledgement"), [("UA", "AA"), ("OK", "AE"), ("DE", "AR")])
def test_a_refusal_comes_to_a_person_in_the_riss_own_words(desk, control, acknowledgement):
    study = desk.match(desk.arrived())
    desk.answers(study, control, filler="", reason="Unknown exam", acknowledgement=acknowledgement)
    refused = fresh(study)
    assert (refused.ris_state, refused.ris_why) == ("refused", "Unknown exam")
    again = registering.retry(refused, by=desk.desk)
    assert (again.ris_state, again.placer_number) == ("sent", study.placer_number)
    desk.answers(again)
    assert fresh(study).ris_state == "held"


@pytest.mark.hazard("H46")
@pytest.mark.parametrize(("control", "status"), [("OC", ""), ("CR", ""), ("SC", "CA")])
def test_an_entry_that_the_ris_cancels_is_none_any_more(desk, control, status):
    study = desk.match(desk.arrived())
    desk.answers(study)
    desk.answers(study, control, status=status, reason="Entered twice")
    assert fresh(study).is_unverified
    assert fresh(study).ris_why == "Entered twice"


def test_a_word_that_no_table_has_waits_for_a_person(desk):
    study = desk.match(desk.arrived())
    assert parked(desk.answers, study, "RU")[0] == "unknown_code"


@pytest.mark.hazard("H21")
def test_an_answer_about_somebody_else_waits_for_a_person(desk, world):
    study = desk.match(desk.arrived())
    other = world.patient(s_number="S7654321", family_name="Otherpatient")
    code, sentence = parked(desk.answers, study, patient=other)
    assert code == "identity_mismatch"
    assert "Otherpatient" not in sentence


def test_another_trusts_ris_has_no_say(desk):
    study = desk.match(desk.arrived())
    other = Partner.objects.get(slug="ris-rz2")
    assert parked(desk.answers, study, partner=other)[0] == "other_department"


def test_a_number_of_ours_that_nothing_has_waits_for_a_person(desk):
    study = desk.match(desk.arrived())
    assert parked(desk.answers, study, placer="OC199999999X")[0] == "unknown_request"


def test_an_answer_about_a_request_goes_where_it_always_went(desk):
    study = desk.match(desk.arrived())
    code, sentence = parked(desk.answers, study, placer="OC19999999999")
    assert (code, sentence) == ("unknown_request", "No request of ours has that number (ORC-2).")


# --- The message itself ---------------------------------------------------------------------------


def test_a_message_that_the_ris_cannot_take_is_a_persons(desk):
    study = desk.match(desk.arrived())
    message = OutboundMessage.objects.latest("pk")
    registering.record_delivery(message.subject_id, "failing", "It takes no connection.")
    assert (fresh(study).ris_state, fresh(study).ris_why) == ("sent", "It takes no connection.")
    registering.record_delivery(message.subject_id, "refused", "AR: no such message")
    assert fresh(study).ris_why == "It could not take the message: AR: no such message"
    registering.record_delivery(message.subject_id, "refused", "AR: no such message")
    assert len([each for each in history(study) if "AR: no such" in each]) == 1


def test_the_trouble_of_an_older_message_says_nothing_of_the_newer(desk):
    study = desk.match(desk.arrived())
    older = OutboundMessage.objects.latest("pk")
    registering.record_delivery(older.subject_id, "refused", "AR")
    registering.retry(study, by=desk.desk)
    registering.record_delivery(older.subject_id, "refused", "AR")
    assert fresh(study).ris_state == "sent"


def test_the_messages_of_one_study_go_in_order_and_to_its_own_trust(desk):
    study = desk.match(desk.arrived())
    message = OutboundMessage.objects.latest("pk")
    assert (message.partner, message.stream) == (desk.ris, str(study.pk))
    assert ris_of(desk.trust) == desk.ris
    assert wire.parse(bytes(message.raw)).get("PID", 3, repetition=2) == "S1234567"
    assert KINGSMERE in desk.sent().first("ORC").get(17)
