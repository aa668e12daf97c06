"""Whose images these are: who is found, what agrees, who may decide, and what a decision writes."""

import pytest
from django.db import IntegrityError, transaction

from iep.errors import NotAccepted
from iep.models import Study
from iep.queries.registration.matching import agreement, page_for, people_for
from iep.services.registration import filing, matching
from iep.services.registration.merging import FOLLOWER
from messaging.models import OutboundMessage
from tests.requesting.surgery import next_number

from .room import OUR_NUMBER, fresh, history

pytestmark = pytest.mark.django_db


def refusal(call, *args, **facts) -> NotAccepted:
    """Why it is not accepted; nothing may have changed."""
    before = list(Study.objects.values()), OutboundMessage.objects.count()
    with pytest.raises(NotAccepted) as caught:
        call(*args, **facts)
    assert (list(Study.objects.values()), OutboundMessage.objects.count()) == before
    return caught.value


# --- Who it may be --------------------------------------------------------------------------------


def test_the_nhs_number_of_the_header_leads_to_the_record(desk):
    study = desk.arrived()
    assert people_for(study) == [desk.agnes]
    assert agreement(study, desk.agnes).agrees


def test_our_own_number_in_the_header_leads_to_the_record_too(desk):
    study = desk.arrived(other_ids=None, patient_id=OUR_NUMBER, issuer="RZ1")
    assert people_for(study) == [desk.agnes]
    assert agreement(study, desk.agnes).agrees


@pytest.mark.hazard("H41")
def test_a_number_of_theirs_that_is_somebody_elses_here_says_nothing(desk, world):
    other = world.patient(s_number="X4711", family_name="Otherpatient", birth_date="1990-01-01")
    study = desk.arrived(issuer=None, patient_id="X4711")
    assert other not in people_for(study)
    assert agreement(study, desk.agnes).agrees


def test_the_ticket_leads_to_the_record_where_the_header_has_no_number_of_ours(desk):
    study = desk.arrived(ticket=desk.ticket(), other_ids=None)
    assert people_for(study) == [desk.agnes]
    assert agreement(study, desk.agnes).conflicts == ("images: no number is on both records",)


def test_somebody_who_is_not_registered_is_registered_on_the_pas_first(desk):
    study = desk.arrived(other_ids=desk.their_nhs_number(next_number()))
    page = page_for(study, desk.desk)
    assert page.patient is None
    assert "Register the patient on the PAS first" in page.stop


def test_somebody_without_a_number_of_this_trust_is_registered_on_the_pas_first(desk, world):
    bert = world.patient(given_names="Bert", family_name="Numberless")
    study = desk.arrived(other_ids=desk.their_nhs_number(bert.nhs_number), name="Numberless^Bert")
    assert "no hospital number at" in page_for(study, desk.desk).stop
    said = refusal(matching.match, study, patient=bert, exam=None, exam_code="C", by=desk.desk)
    assert said.code == "not_registered"


@pytest.mark.hazard("H41")
def test_numbers_of_two_people_stop_it(desk, world):
    bert = world.patient(s_number="S7654321", given_names="Bert")
    study = desk.arrived(ticket=desk.ticket(patient=bert, s_number="", given_names="Bert"))
    page = page_for(study, desk.desk)
    assert page.patient is None
    assert "more than one person" in page.stop


# --- Deciding -------------------------------------------------------------------------------------


def test_what_agrees_is_matched_by_one_person(desk):
    study = desk.match(desk.arrived())
    assert (study.state, study.identity_agreed) == ("matched", True)
    assert study.matched_by == desk.desk.label
    assert study.our_accession == study.placer_number
    assert study.due_at is not None


@pytest.mark.hazard("H41")
@pytest.mark.parametrize(
    ("said", "conflict"),
    [
        ({"name": "Testpatent^Agnes"}, "family name is different"),
        ({"name": "Testpatient^Bertha"}, "given name is different"),
        ({"birth_date": "19580203"}, "birth date is different"),
        ({"birth_date": None}, "birth date was not given"),
        ({"name": None}, "family name was not given"),
        ({"other_ids": None}, "no number is on both records"),
    ],
)
def test_what_differs_is_a_stop_that_says_to_ring_the_sender(desk, said, conflict):
    study = desk.arrived(ticket=desk.ticket(), **said)
    refused = refusal(desk.match, study)
    assert refused.code == "ring_the_sender"
    assert conflict in refused.sentence
    assert "Testpatent" not in refused.sentence


@pytest.mark.hazard("H41")
def test_another_nhs_number_is_a_stop_though_our_number_agrees(desk):
    study = desk.arrived(
        patient_id=OUR_NUMBER, issuer="RZ1", other_ids=desk.their_nhs_number(next_number())
    )
    assert "NHS number is different" in refusal(desk.match, study).sentence


@pytest.mark.hazard("H41")
def test_a_ticket_for_somebody_else_is_a_stop_though_the_images_agree(desk):
    study = desk.arrived(ticket=desk.ticket(birth_date="1958-03-03"))
    assert "ticket: the birth date is different" in refusal(desk.match, study).sentence


def test_capitals_accents_and_hyphens_are_no_difference(desk, world):
    zoe = world.patient(s_number="S2000001", family_name="O’Néill-Smith", given_names="Zoë")
    study = desk.arrived(name="ONEILL SMITH^ZOE", other_ids=desk.their_nhs_number(zoe.nhs_number))
    assert agreement(study, zoe).agrees


@pytest.mark.hazard("H41")
def test_two_persons_may_go_on_where_something_differs(desk):
    study = desk.arrived(name="Testpatent^Agnes")
    matching.vouch(study, patient=desk.agnes, why="Rang Pat: a slip of the pen.", by=desk.desk)
    assert refusal(desk.match, fresh(study)).code == "same_person"
    done = desk.match(study, by=desk.lead)
    assert (done.state, done.identity_agreed) == ("matched", False)
    assert (done.vouched_by, done.matched_by) == (desk.desk.label, desk.lead.label)
    assert any("a slip of the pen" in words for words in history(done))


@pytest.mark.hazard("H41")
def test_whoever_vouched_did_so_for_that_record_and_no_other(desk, world):
    study = desk.arrived(name="Testpatent^Agnes")
    matching.vouch(study, patient=desk.agnes, why="Rang Pat.", by=desk.desk)
    twin = world.patient(s_number="S1234568", given_names="Agnes")
    said = refusal(desk.match, study, patient=twin, by=desk.lead)
    assert said.code == "ring_the_sender"


@pytest.mark.hazard("H41")
@pytest.mark.parametrize("second", [None, "the same"])
def test_the_database_holds_a_match_that_differs_to_two_different_people(desk, second):
    study = desk.match(desk.arrived())
    vouched = study.matched_by_id if second else None
    with pytest.raises(IntegrityError, match="took_two_people"), transaction.atomic():
        Study.objects.filter(pk=study.pk).update(
            identity_agreed=False, vouched_by_id=vouched, vouched_patient=desk.agnes
        )


def test_nobody_vouches_without_saying_what_the_sender_said(desk):
    study = desk.arrived(name="Testpatent^Agnes")
    assert refusal(matching.vouch, study, patient=desk.agnes, why=" ", by=desk.desk).code == "why"


def test_what_agrees_needs_nobody_to_vouch(desk):
    study = desk.arrived()
    said = refusal(matching.vouch, study, patient=desk.agnes, why="Rang.", by=desk.desk)
    assert said.code == "agrees"


def test_only_the_desk_of_the_studys_own_trust_matches(desk, world):
    study = desk.arrived()
    for name in ("radiologist", "gp"):
        assert refusal(desk.match, study, by=world.acting(name)).code == "not_yours"
    stranger = world.stranger("mbp")
    assert refusal(desk.match, study, by=world.acting(stranger.username)).code == "not_yours"


def test_a_study_is_matched_once(desk):
    study = desk.arrived()
    desk.match(study)
    assert refusal(desk.match, study, by=desk.lead).code == "moved_on"


# --- The code and the day -------------------------------------------------------------------------


def test_the_code_is_the_senders_and_another_needs_a_reason(desk):
    ticket = desk.ticket()
    study, exam = desk.arrived(ticket=ticket), ticket.exams.get()
    page = page_for(study, desk.desk)
    assert (page.exam, page.code) == (exam, "CSKUH")
    assert refusal(desk.match, study, exam=exam, exam_code="CTHEAD").code == "why"
    done = desk.match(study, exam=exam, exam_code="CTHEAD", why="They have two codes for it.")
    assert (done.exam_code, done.code_why) == ("CTHEAD", "They have two codes for it.")


def test_without_any_code_a_person_has_to_enter_one(desk):
    assert refusal(desk.match, desk.arrived(), exam_code=" ").code == "no_code"


def test_an_exam_of_another_ticket_is_not_taken(desk):
    study = desk.arrived(ticket=desk.ticket())
    other = desk.ticket().exams.get()
    assert refusal(desk.match, study, exam=other, exam_code="CSKUH").code == "exam"


@pytest.mark.hazard("H47")
def test_images_that_do_not_say_a_day_are_not_matched(desk):
    study = desk.arrived(study_date=None)
    assert refusal(desk.match, study).code == "no_day"
    assert "Ring the sender" in page_for(study, desk.desk).stop


# --- Taking it back -------------------------------------------------------------------------------


def test_a_match_can_be_taken_back_and_the_ris_is_asked_to_cancel(desk):
    study = desk.match(desk.arrived())
    number = study.placer_number
    back = matching.unmatch(study, why="It was her sister.", by=desk.lead)
    assert (back.state, back.patient, back.placer_number) == ("failed_verification", None, "")
    orc = desk.sent().first("ORC")
    assert (orc.get(1), orc.get(2), orc.get(16, 2)) == ("CA", number, "It was her sister.")
    again = desk.match(back)
    assert again.placer_number not in ("", number)
    desk.answers(again, "OC", placer=number)
    assert fresh(again).ris_state == "sent"


def test_a_match_is_not_taken_back_without_a_reason(desk):
    study = desk.match(desk.arrived())
    assert refusal(matching.unmatch, study, why="", by=desk.desk).code == "why"


def test_once_an_image_has_left_for_pacs_the_match_stays(desk):
    study = desk.match(desk.arrived())
    filing.file_waiting()
    transfer = filing.live_transfers(study).get()
    transfer.instances.filter(position=1).update(state="sent")
    said = refusal(matching.unmatch, study, why="Too late.", by=desk.desk)
    assert said.code == "left"
    assert filing.live_transfers(study).exists()


@pytest.mark.hazard("H41")
def test_a_merge_takes_along_what_two_persons_matched(desk, world):
    study = desk.arrived(name="Testpatent^Agnes")
    matching.vouch(study, patient=desk.agnes, why="Rang Pat.", by=desk.desk)
    desk.match(study, by=desk.lead)
    stays = world.patient(s_number="S1234599", nhs_number=None)
    FOLLOWER.move(FOLLOWER.holdings(desk.agnes), to=stays)
    assert (fresh(study).patient, fresh(study).vouched_patient) == (stays, stays)
