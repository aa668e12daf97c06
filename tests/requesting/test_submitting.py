"""Send: everything that is missing is told; the same form asks once; the rest as it was shown."""

import uuid
from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.models import AccessEvent, Organisation
from messaging.models import Partner
from patients import services as patients
from patients.models import Relationship
from requesting import services
from requesting.errors import Conflict, Incomplete, Refused, StaleDraft
from requesting.models import Draft, Request, RuleCount

from .surgery import CHEST, FBC, line


def sentences(caught) -> dict[str, str]:
    return {problem.field: problem.sentence for problem in caught.value.problems}


def test_a_request_is_held_with_everything_frozen_as_it_was_shown(surgery):
    item = surgery.item(CHEST | {"details": "Ex-smoker"})
    assert (item.status, item.service_name, item.code_system) == ("held", "Chest X-ray", "NICIP")
    assert item.reasons[0]["text"] == "Cough for more than 3 weeks"
    assert item.clinical_details == "Ex-smoker"
    assert item.request.reference.startswith("R-1")
    assert len(item.placer_number) <= 22
    assert item.request.release_at - item.request.requested_at == timedelta(seconds=10)
    assert [event.event for event in item.events.all()] == ["submitted"]


def test_a_sent_request_is_audited_and_leaves_no_draft(surgery):
    patient = surgery.patient()
    draft = surgery.draft(patient, CHEST)
    request = services.submit(draft, idempotency_key=uuid.uuid4(), by=surgery.acting())
    assert not Draft.objects.filter(patient=patient).exists()
    moved = AccessEvent.objects.filter(action="request.submitted", patient_id=patient.pk)
    assert [event.username for event in moved] == ["gp"]
    kinds = Relationship.objects.filter(patient=patient).values_list("kind", flat=True)
    assert list(kinds) == ["requester"]
    assert request.body_sha256


def test_a_save_that_comes_after_send_brings_no_draft_back(surgery):
    patient, by = surgery.patient(), surgery.acting()
    draft = surgery.draft(patient, CHEST)
    services.submit(draft, idempotency_key=uuid.uuid4(), by=by)
    with pytest.raises(StaleDraft):
        services.save_draft(patient, content=draft.content, version=draft.version, by=by)
    assert not Draft.objects.filter(patient=patient).exists()


def test_the_persons_own_undo_time_is_kept(surgery):
    gp = surgery.user("gp")
    gp.undo_seconds = 30
    gp.save()
    request = surgery.ask()
    assert request.release_at - request.requested_at == timedelta(seconds=30)


def test_every_problem_is_told_at_once(surgery):
    with pytest.raises(Incomplete) as caught:
        surgery.ask(line("chest-xray"), line("knee-xray"), FBC, priority="soon", results_to=999_999)
    said = sentences(caught)
    assert said["chest-xray.reason"] == "Enter a reason for the chest X-ray"
    assert said["knee-xray.side"] == "Choose left, right or both"
    assert said["priority"] == "Choose a priority"
    assert said["results_to"] == "Choose who the results go to"
    assert not any(field.startswith("fbc") for field in said), "bloods need no reason"


def test_an_empty_request_is_not_sent(surgery):
    with pytest.raises(Incomplete) as caught:
        services.send(
            surgery.patient(), content={}, idempotency_key=uuid.uuid4(), by=surgery.acting()
        )
    assert sentences(caught)["find"] == "Choose a test"


@pytest.mark.hazard("H02")
def test_imaging_with_sides_goes_with_one_and_with_its_code(surgery):
    left = surgery.item(line("knee-xray", side="L", details="Locking"))
    right = surgery.item(line("knee-xray", side="R", details="Locking"))
    assert left.code != right.code
    assert left.service_name == "X-ray of left knee"


@pytest.mark.hazard("H02")
def test_details_that_name_the_other_side_ask_for_a_reason(surgery):
    wrong = line("knee-xray", side="L", details="Right knee locks")
    with pytest.raises(Incomplete) as caught:
        surgery.ask(wrong)
    assert "knee-xray.alert.side-words" in sentences(caught)
    given = {"side-words": {"reason": "other", "words": "Right knee is the good one"}}
    assert surgery.ask(wrong | {"alerts": given})


@pytest.mark.hazard("H07")
def test_a_question_that_this_patient_needs_has_to_be_answered(surgery):
    young = surgery.patient(birth_date=date(1996, 5, 1))
    pelvis = line("pelvis-xray", details="Pain after a fall")
    with pytest.raises(Incomplete) as caught:
        surgery.ask(pelvis, patient=young)
    assert sentences(caught) == {"pelvis-xray.q.pregnant": "Answer: Could the patient be pregnant?"}
    item = surgery.item(pelvis | {"answers": {"pregnant": "no"}}, patient=young)
    answer = item.answers.get()
    assert (answer.question_text, answer.label) == ("Could the patient be pregnant?", "No")


def test_an_answer_that_is_none_of_the_choices_is_refused(surgery):
    young = surgery.patient(birth_date=date(1996, 5, 1))
    with pytest.raises(Incomplete) as caught:
        surgery.ask(
            line("pelvis-xray", details="Fall", answers={"pregnant": "maybe"}), patient=young
        )
    assert "pelvis-xray.q.pregnant" in sentences(caught)


def test_a_pregnant_patient_is_sent_only_with_the_name_of_who_agreed(surgery):
    young = surgery.patient(birth_date=date(1996, 5, 1))
    pelvis = line("pelvis-xray", details="Pain", answers={"pregnant": "yes"})
    with pytest.raises(Incomplete) as caught:
        surgery.ask(pelvis, patient=young)
    assert sentences(caught)["pelvis-xray.alert.preg-yes"].startswith("Ring radiology")
    agreed = {"pregnant": "yes", "pregnant-agreed-with": "Dr Marsh"}
    item = surgery.item(pelvis | {"answers": agreed}, patient=young)
    labels = dict(item.answers.values_list("question_code", "label"))
    assert labels == {"pregnant": "Yes", "pregnant-agreed-with": "Dr Marsh"}


def test_nobody_asks_for_the_dead(surgery):
    patient = surgery.patient()
    patients.record_death(patient, died_on=date(2026, 3, 3), by=surgery.acting())
    patient.refresh_from_db()
    with pytest.raises(Incomplete) as caught:
        surgery.ask(patient=patient)
    assert sentences(caught)["chest-xray.alert.deceased"].startswith("This patient has died.")


def test_a_child_is_not_sent_to_a_walk_in_for_adults(surgery):
    child = surgery.patient(birth_date=timezone.localdate() - timedelta(days=4000))
    item = surgery.item(patient=child)
    assert item.attendance == "booked"
    assert surgery.item().attendance == "walk_in"


def test_what_the_catalogue_no_longer_has_is_named(surgery):
    with pytest.raises(Incomplete) as caught:
        surgery.ask(CHEST, line("phrenology"))
    assert "can no longer be requested" in sentences(caught)["find"]


@pytest.mark.hazard("H08")
def test_control_characters_and_too_many_words_are_refused_on_the_form(surgery):
    with pytest.raises(Incomplete) as caught:
        surgery.ask(CHEST | {"details": "dry\x0bcough"})
    assert "cannot be sent" in sentences(caught)["chest-xray.details"]
    with pytest.raises(Incomplete) as caught:
        surgery.ask(CHEST | {"details": "x" * 501})
    assert "500 characters" in sentences(caught)["chest-xray.details"]
    assert surgery.ask(CHEST | {"details": "x" * 500})


@pytest.mark.hazard("H05")
@pytest.mark.hazard("H08")
def test_what_the_partners_character_set_lacks_is_told_before_it_is_sent(surgery):
    Partner.objects.filter(slug="ris-rz1").update(character_set="8859/1")
    with pytest.raises(Incomplete) as caught:
        surgery.ask(CHEST | {"details": "Łukasz’s cough"})
    assert "character set" in sentences(caught)["chest-xray.details"]
    assert not Request.objects.exists()


def test_a_department_without_a_link_is_told_before_it_is_sent(surgery):
    Partner.objects.get(slug="ris-rz1").departments.clear()
    with pytest.raises(Incomplete) as caught:
        surgery.ask()
    assert "takes no requests" in sentences(caught)["chest-xray.details"]


def test_a_date_in_the_past_is_no_date_to_take_it(surgery):
    yesterday = timezone.localdate() - timedelta(days=1)
    with pytest.raises(Incomplete):
        surgery.ask(FBC | {"take_from": yesterday.isoformat()})
    item = surgery.item(FBC | {"take_from": (yesterday + timedelta(days=30)).isoformat()})
    assert item.take_from == yesterday + timedelta(days=30)


@pytest.mark.hazard("H12")
def test_results_go_only_to_people_who_can_act_on_them_here(surgery):
    other = surgery.user("ahp").pk
    for wrong in (other, surgery.user("practice-admin").pk):
        with pytest.raises(Incomplete):
            surgery.ask(results_to=wrong)
    request = surgery.ask(results_to=surgery.user("gp2").pk, copy_to=[surgery.user("gp").pk])
    assert request.results_to.username == "gp2"
    assert [user.username for user in request.copy_to.all()] == ["gp"]


@pytest.mark.hazard("H12")
def test_the_results_of_a_supervised_person_go_to_the_supervisor_unless_they_say_otherwise(surgery):
    assert surgery.ask(FBC, by="ahp-expired").results_to.username == "gp"


@pytest.mark.hazard("H12")
def test_a_leaver_gets_no_results(surgery):
    gp2 = surgery.user("gp2")
    gp2.is_active = False
    gp2.save()
    with pytest.raises(Incomplete):
        surgery.ask(results_to=gp2.pk)


@pytest.mark.hazard("H01")
def test_a_stranger_cannot_ask_for_another_practices_patient(surgery):
    elsewhere = surgery.patient(practice=Organisation.objects.get(ods_code="Y90003"))
    with pytest.raises(Refused):
        surgery.ask(patient=elsewhere)
    assert surgery.ask()


@pytest.mark.parametrize("username", ["practice-admin", "radiologist", "lab", "central"])
def test_whoever_may_not_request_is_refused(surgery, username):
    with pytest.raises(Refused):
        surgery.ask(by=username)


# --- Once ----------------------------------------------------------------------------------------


@pytest.mark.hazard("H04")
def test_the_same_form_sent_again_is_the_same_request(surgery):
    patient, key = surgery.patient(), uuid.uuid4()
    first = surgery.ask(patient=patient, key=key)
    again = surgery.ask(patient=patient, key=key)
    assert again.pk == first.pk
    assert Request.objects.count() == 1


@pytest.mark.hazard("H04")
def test_the_same_key_with_other_content_is_refused(surgery):
    patient, key = surgery.patient(), uuid.uuid4()
    first = surgery.ask(patient=patient, key=key)
    with pytest.raises(Conflict) as caught:
        surgery.ask(CHEST | {"details": "changed"}, patient=patient, key=key)
    assert caught.value.request == first
    with pytest.raises(Conflict):
        surgery.ask(key=key)  # another patient


def test_a_draft_that_came_back_with_the_second_click_goes_with_it(surgery):
    patient, key = surgery.patient(), uuid.uuid4()
    draft = surgery.draft(patient, CHEST, results_to=surgery.user("gp").pk)
    services.submit(draft, idempotency_key=key, by=surgery.acting())
    again = surgery.draft(patient, CHEST, results_to=surgery.user("gp").pk)
    services.submit(again, idempotency_key=key, by=surgery.acting())
    assert not Draft.objects.filter(patient=patient).exists()


def test_numbers_are_never_given_twice(surgery):
    request = surgery.ask(CHEST, FBC, line("ue"))
    placers = {item.placer_number for item in request.items.all()}
    other = surgery.ask()
    assert len(placers) == 3
    assert other.reference != request.reference
    assert other.items.get().placer_number not in placers


# --- Duplicates ----------------------------------------------------------------------------------


@pytest.mark.hazard("H03")
def test_the_same_examination_that_is_open_asks_for_a_reason(surgery):
    patient = surgery.patient()
    surgery.ask(patient=patient, by="gp2")
    with pytest.raises(Incomplete) as caught:
        surgery.ask(patient=patient)
    assert "chest-xray.alert.dup-open" in sentences(caught)
    given = {"dup-open": {"reason": "clinical_change"}}
    item = surgery.item(CHEST | {"alerts": given}, patient=patient)
    outcome = item.alerts.get(rule_key="dup-open")
    assert (outcome.reason_code, outcome.rule_version) == ("clinical_change", 1)
    assert outcome.heading == "Chest X-ray is already requested."


def test_other_needs_words_of_ten_characters(surgery):
    patient = surgery.patient()
    surgery.ask(patient=patient)
    for words, is_enough in (("because", False), ("The film was lost", True)):
        again = CHEST | {"alerts": {"dup-open": {"reason": "other", "words": words}}}
        if is_enough:
            assert surgery.ask(again, patient=patient)
        else:
            with pytest.raises(Incomplete):
                surgery.ask(again, patient=patient)


def test_what_was_answered_within_a_day_is_not_asked_again(surgery):
    patient = surgery.patient()
    surgery.ask(patient=patient)
    surgery.ask(CHEST | {"alerts": {"dup-open": {"reason": "specialist"}}}, patient=patient)
    assert surgery.ask(patient=patient), "the third in a day"
    with pytest.raises(Incomplete):
        surgery.ask(patient=patient, by="gp2")  # another person has answered nothing


def test_a_rule_counts_what_became_of_its_box(surgery):
    patient = surgery.patient()
    surgery.ask(patient=patient)
    surgery.draft(patient, CHEST)
    surgery.draft(patient, CHEST | {"details": "more"})
    surgery.draft(patient, FBC)
    surgery.ask(CHEST | {"alerts": {"dup-open": {"reason": "specialist"}}}, patient=patient)
    count = RuleCount.objects.get(key="dup-open")
    assert (count.shown, count.changed, count.reasoned) == (2, 1, 1)


def test_a_box_can_be_called_not_helpful_once(surgery):
    patient = surgery.patient()
    surgery.ask(patient=patient)
    surgery.draft(patient, CHEST)
    for _ in range(2):
        services.mark_not_helpful(
            patient, service_code="chest-xray", rule_key="dup-open", by=surgery.acting()
        )
    assert RuleCount.objects.get(key="dup-open").not_helpful == 1
