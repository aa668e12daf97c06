"""What the place that asked may still do: undo, cancel, answer, fix, rebook, close, collect."""

import pytest
import time_machine
from django.utils import timezone

from requesting import policies, queries, services
from requesting.errors import MoveRefused, Refused, TooLateToUndo
from requesting.models import Draft, OrderMessage
from requesting.states import Lane

from .surgery import CHEST, FBC, line

REJECTED = ["CHRAD", "Cancelled by radiologist", "L", "", "Say how long"]


# --- Undo ----------------------------------------------------------------------------------------


@pytest.mark.hazard("H09")
def test_an_undone_request_never_left_and_is_a_draft_again(surgery):
    patient = surgery.patient()
    draft = surgery.draft(patient, CHEST | {"details": "Ex-smoker"}, FBC)
    request = surgery.ask(CHEST | {"details": "Ex-smoker"}, FBC, patient=patient)
    again = services.undo(request, by=surgery.acting())
    assert {item.status for item in request.items.all()} == {"cancelled"}
    assert again.content["items"] == draft.content["items"]
    with surgery.after_undo(request):
        assert services.release_due() == 0
    assert not OrderMessage.objects.exists()


@pytest.mark.hazard("H09")
def test_after_the_window_undo_says_who_to_ring(surgery):
    request = surgery.ask()
    with surgery.after_undo(request), pytest.raises(TooLateToUndo) as caught:
        services.undo(request, by=surgery.acting())
    assert caught.value.phone == "01632 960100 ext 8569"
    assert request.items.get().status == "held"


def test_what_was_undone_cannot_be_undone_again(surgery):
    request = surgery.ask()
    services.undo(request, by=surgery.acting())
    with pytest.raises(TooLateToUndo):
        services.undo(request, by=surgery.acting())


def test_only_who_sent_it_undoes_it(surgery):
    request = surgery.ask()
    for other in ("gp2", "practice-admin", "radiologist"):
        with pytest.raises(Refused):
            services.undo(request, by=surgery.acting(other))
    assert request.items.get().status == "held"


def test_an_undone_request_meets_a_draft_begun_since_without_loss(surgery):
    patient = surgery.patient()
    request = surgery.ask(CHEST, patient=patient)
    surgery.draft(patient, FBC)
    draft = services.undo(request, by=surgery.acting())
    assert [each["service"] for each in draft.content["items"]] == ["fbc", "chest-xray"]


# --- Cancel --------------------------------------------------------------------------------------


def test_one_held_test_is_taken_out_and_the_others_go(surgery):
    request = surgery.ask(CHEST, FBC)
    chest, fbc = request.items.order_by("position")
    services.cancel(chest, reason="Had one privately", by=surgery.acting())
    with surgery.after_undo(request):
        services.release_due()
    assert (surgery.fresh(chest).status, surgery.fresh(fbc).status) == ("cancelled", "sent")


def test_the_last_held_test_taken_out_undoes_the_request(surgery):
    item = surgery.item()
    services.cancel(item, reason="", by=surgery.acting())
    assert surgery.fresh(item).request.undone_at


@pytest.mark.hazard("H09")
@pytest.mark.hazard("H18")
def test_a_test_that_has_left_is_cancelled_by_message_and_shown_as_asked_until_confirmed(surgery):
    item = surgery.delivered()
    item = services.cancel(item, reason="Patient moved away", by=surgery.acting())
    assert (item.status, bool(item.cancel_requested_at)) == ("received", True)
    assert "it is not cancelled yet" in queries.next_sentence(item)
    assert "01632 960100 ext 8569" in queries.next_sentence(item)
    new, cancel = surgery.orders(item)
    assert (new.get("ORC", 1), cancel.get("ORC", 1)) == ("NW", "CA")
    assert cancel.get("ORC", 2) == item.placer_number
    assert cancel.get("ORC", 16, 2) == "Patient moved away"
    surgery.says(item, "CR", status="CA")
    item = surgery.fresh(item)
    assert (item.status, item.attention) == ("cancelled", "")


@pytest.mark.hazard("H09")
def test_a_cancel_that_is_refused_comes_back_to_the_requester(surgery):
    item = surgery.delivered()
    services.cancel(item, reason="", by=surgery.acting())
    surgery.says(item, "UC", reason=["LATE", "Already done or being done", "L"])
    item = surgery.fresh(item)
    assert (item.status, item.attention) == ("received", "cancel_refused")
    assert queries.needs_you_count(surgery.acting()) == 1
    services.seen(item, by=surgery.acting())
    assert queries.needs_you_count(surgery.acting()) == 0


def test_an_unanswered_cancel_needs_the_requester_after_an_hour(surgery):
    item = surgery.delivered()
    services.cancel(item, reason="", by=surgery.acting())
    with time_machine.travel(timezone.now() + timezone.timedelta(minutes=61), tick=False):
        assert queries.needs_you_count(surgery.acting()) == 1


def test_a_cancel_is_asked_once(surgery):
    item = surgery.delivered()
    services.cancel(item, reason="", by=surgery.acting())
    with pytest.raises(Refused):
        services.cancel(item, reason="", by=surgery.acting())
    assert OrderMessage.objects.filter(control="CA").count() == 1


def test_what_is_being_vetted_here_is_cancelled_at_once(surgery):
    item = surgery.vetting()
    item = services.cancel(item, reason="Better now", by=surgery.acting())
    assert (item.status, item.reason) == ("cancelled", "Better now")
    assert not OrderMessage.objects.exists()


def test_what_is_reported_cannot_be_cancelled(surgery):
    item = surgery.report(surgery.delivered())
    with pytest.raises(Refused):
        services.cancel(item, reason="", by=surgery.acting())


@pytest.mark.parametrize("username", ["practice-admin", "radiologist", "ahp"])
def test_others_cancel_nothing_of_ours(surgery, username):
    item = surgery.delivered()
    with pytest.raises(Refused):
        services.cancel(item, reason="", by=surgery.acting(username))
    assert services.cancel(item, reason="", by=surgery.acting("gp2")), "a colleague stands in"


# --- What came back ------------------------------------------------------------------------------


def rejected(surgery, **others):
    item = surgery.delivered(**others)
    surgery.says(item, "UA", reason=REJECTED)
    return surgery.fresh(item)


def test_a_rejected_test_is_fixed_with_only_the_test_in_the_draft(surgery):
    item = rejected(surgery)
    draft = services.fix(item, by=surgery.acting())
    line_ = draft.content["items"][0]
    assert (line_["service"], line_["details"], line_["reasons"]) == ("chest-xray", "", [])
    assert draft.replaces_id == item.pk


def test_an_undone_fix_is_a_fix_again(surgery):
    item = rejected(surgery)
    services.fix(item, by=surgery.acting())
    request = surgery.ask(patient=item.patient)
    draft = services.undo(request, by=surgery.acting())
    assert draft.replaces_id == item.pk
    assert surgery.fresh(item).status == "rejected"


def test_a_rejected_test_can_be_closed_and_then_needs_nobody(surgery):
    item = rejected(surgery)
    item = services.close(item, by=surgery.acting())
    assert (item.status, item.due_at) == ("cancelled", None)
    assert queries.tracker(surgery.acting(), Lane.DONE).total.number == 1


def test_only_what_was_rejected_can_be_fixed_and_only_what_was_missed_rebooked(surgery):
    waiting = surgery.delivered()
    for verb in (services.fix, services.rebook, services.close):
        with pytest.raises(Refused):
            verb(waiting, by=surgery.acting())
    item = rejected(surgery)
    with pytest.raises(Refused):
        services.rebook(item, by=surgery.acting())
    with pytest.raises(Refused):
        services.fix(item, by=surgery.acting("practice-admin"))


def test_a_missed_test_is_asked_for_again_and_does_not_count_as_its_own_duplicate(surgery):
    item = surgery.delivered()
    surgery.says(item, "SC", status="HD", reason=["DNA", "Did not attend", "L"])
    item = surgery.fresh(item)
    assert (item.status, queries.needs_you_count(surgery.acting())) == ("dna", 1)
    services.rebook(item, by=surgery.acting())
    again = surgery.item(patient=item.patient)
    assert again.request.replaces_id == item.pk
    surgery.release(again)
    assert surgery.fresh(item).status == "cancelled"


def test_a_question_is_answered_and_goes_back_to_the_department(surgery):
    item = surgery.vetting()
    services.vet_ask(item, question="How long?", by=surgery.acting("radiologist"))
    item = surgery.fresh(item)
    assert "How long?" in queries.next_sentence(item)
    with pytest.raises(Refused):
        services.answer(item, text="  ", by=surgery.acting())
    with pytest.raises(Refused):
        services.answer(item, text="Six weeks", by=surgery.acting("practice-admin"))
    item = services.answer(item, text="Six weeks", by=surgery.acting())
    assert item.status == "vetting"
    assert [m.text for m in item.messages.order_by("at")] == ["How long?", "Six weeks"]
    with pytest.raises(Refused):
        services.answer(item, text="Again", by=surgery.acting())


def test_a_sample_taken_here_is_collected_and_an_x_ray_is_not(surgery):
    item = surgery.delivered(FBC)
    item = services.collect(item, by=surgery.acting())
    assert item.status == "collected"
    assert "by Dr A Patel, GP" in queries.next_sentence(item)
    with pytest.raises(Refused):
        services.collect(surgery.delivered(), by=surgery.acting())


def test_what_is_shown_as_possible_is_what_is_possible(surgery):
    item = rejected(surgery)
    assert policies.actions(surgery.acting(), item) == ("fix", "close")
    assert policies.actions(surgery.acting("practice-admin"), item) == ()
    assert policies.actions(surgery.acting(), surgery.delivered(FBC)) == ("collect", "cancel")


# --- Drafts --------------------------------------------------------------------------------------


def test_a_draft_is_kept_and_found_again(surgery):
    patient = surgery.patient()
    surgery.draft(patient, CHEST)
    assert queries.draft_for(surgery.acting(), patient).version == 1
    assert [each.patient for each in queries.open_drafts(surgery.acting())] == [patient]
    assert queries.draft_for(surgery.acting("gp2"), patient).version == 0
    services.discard_draft(patient, by=surgery.acting())
    assert not Draft.objects.exists()


def test_a_page_drawn_before_another_saved_is_told_of_the_other(surgery):
    from requesting.errors import StaleDraft

    patient = surgery.patient()
    first = surgery.draft(patient, CHEST)
    save = {"by": surgery.acting(), "version": first.version}
    services.save_draft(patient, content=surgery.content(CHEST, FBC), **save)
    with pytest.raises(StaleDraft) as caught:
        services.save_draft(patient, content=surgery.content(line("ue")), **save)
    assert len(caught.value.draft.content["items"]) == 2
    same = services.save_draft(patient, content=surgery.content(CHEST, FBC), **save)
    assert same.version == 2, "the same again is no conflict"


def test_a_draft_for_a_strangers_patient_is_refused(surgery):
    patient = surgery.patient()
    with pytest.raises(Refused):
        services.save_draft(patient, content={}, by=surgery.acting("practice-admin"))
    with pytest.raises(Refused):
        services.save_draft(patient, content={}, by=surgery.acting("radiologist"))


def test_a_moved_row_raises_and_changes_nothing(surgery):
    item = surgery.item()
    with pytest.raises(MoveRefused) as caught:
        surgery.report(item)
    assert (caught.value.status, caught.value.event) == ("held", "reported")
    assert surgery.fresh(item).status == "held"
    assert item.events.count() == 1
