"""Vetting for a department that vets here: accept, change, ask, reject; locks; ten seconds."""

from datetime import date

import pytest
import time_machine
from django.utils import timezone

from messaging.models import OutboundMessage
from requesting import queries, services
from requesting.errors import MoveRefused, NotFound, Refused, TooLateToUndo, VettingTaken
from requesting.queries import VettingLane
from requesting.reasons import REJECTIONS, WIRE_REASONS

from .surgery import CHEST, line, service

CT = line("ct-head", reasons=["headache-with-change-of-pattern-or-red"],
          answers={"contrast-reaction": "no"})  # fmt: skip


def eleven_seconds_later():
    return time_machine.travel(timezone.now() + timezone.timedelta(seconds=11), tick=False)


@pytest.fixture
def vetter(surgery):
    return surgery.acting("radiologist")


def test_an_accepted_request_leaves_for_the_departments_system_after_ten_seconds(surgery, vetter):
    item = services.vet_accept(surgery.vetting(), by=vetter)
    assert item.status == "walkin"
    assert services.order_due() == 0
    assert not OutboundMessage.objects.exists()
    with eleven_seconds_later():
        assert services.order_due() == 1
        assert services.order_due() == 0
    assert OutboundMessage.objects.get().kind == "OMG^O19 NW"
    surgery.acknowledge(item)
    assert surgery.fresh(item).status == "walkin"


def test_who_decided_in_which_role_and_when_is_on_record(surgery, vetter):
    item = services.vet_accept(surgery.vetting(), by=vetter)
    event = item.events.latest("id")
    assert event.by_name == "Dr H Marsh, Consultant radiologist"
    assert (event.by_role, event.organisation_code) == ("radiology-vetter", "RZ2RAD")


def test_a_booked_examination_that_is_accepted_is_being_booked(surgery, vetter):
    item = surgery.vetting(line("us-abdomen", reasons=["jaundice"]))
    item = services.vet_accept(item, by=vetter)
    assert (item.status, queries.next_sentence(item)) == ("accepted", "Being booked.")


def test_a_decision_is_taken_back_within_ten_seconds_by_who_took_it(surgery, vetter):
    item = services.vet_accept(surgery.vetting(), by=vetter)
    with pytest.raises(TooLateToUndo):
        services.vet_undo(item, by=surgery.acting("radiology-admin"))
    item = services.vet_undo(item, by=vetter)
    assert (item.status, item.order_due_at) == ("vetting", None)
    with eleven_seconds_later():
        assert services.order_due() == 0
    rejected = services.vet_reject(item, reason="detail", by=vetter)
    assert services.vet_undo(rejected, by=vetter).status == "vetting"


def test_after_ten_seconds_a_decision_stands(surgery, vetter):
    item = services.vet_accept(surgery.vetting(), by=vetter)
    with eleven_seconds_later(), pytest.raises(TooLateToUndo):
        services.vet_undo(item, by=vetter)


@pytest.mark.parametrize("reason", sorted(REJECTIONS))
def test_every_reason_rejects_tells_the_requester_and_has_the_fields_code(surgery, vetter, reason):
    item = services.vet_reject(surgery.vetting(), reason=reason, words="Ultrasound", by=vetter)
    assert (item.status, item.reason_code) == ("rejected", reason)
    assert item.events.latest("id").reason_code in WIRE_REASONS
    assert REJECTIONS[reason].words in queries.next_sentence(item)
    detail = queries.item_for(surgery.acting(), item.pk)
    assert detail.rejection.field in ("details", "service", "answers")
    assert detail.actions == ("fix", "close")
    assert not OutboundMessage.objects.exists()


def test_a_reason_that_needs_words_asks_for_them(surgery, vetter):
    item = surgery.vetting()
    for wrong in ("other", "better_test", "because"):
        with pytest.raises(Refused):
            services.vet_reject(item, reason=wrong, by=vetter)
    assert surgery.fresh(item).status == "vetting"


def test_an_examination_is_changed_and_the_requester_is_told(surgery, vetter):
    item = surgery.vetting(CT)
    item = services.vet_change_exam(item, service=service("mri-head"), by=vetter)
    assert (item.status, item.service_name) == ("accepted", "MRI head")
    assert item.attention == "exam_changed"
    assert [e.event for e in item.events.order_by("-id")[:2]] == ["accepted", "exam_changed"]
    assert queries.needs_you_count(surgery.acting()) == 1
    with eleven_seconds_later():
        services.order_due()
    (message,) = surgery.orders(item)
    assert message.get("OBR", 4) == item.code


def test_an_examination_of_one_side_is_changed_only_to_a_side(surgery, vetter):
    item = surgery.vetting(line("knee-xray", side="L", details="Locking"))
    with pytest.raises(Refused):
        services.vet_change_exam(item, service=service("mri-knee"), by=vetter)
    with pytest.raises(Refused):
        services.vet_change_exam(item, service=service("fbc"), by=vetter)
    item = services.vet_change_exam(item, service=service("mri-knee"), side="L", by=vetter)
    assert item.service_name == "MRI of left knee"


# --- Who may, who is looking ---------------------------------------------------------------------


@pytest.mark.parametrize("username", ["gp", "lab", "practice-admin", "central"])
def test_only_the_departments_vetters_decide(surgery, vetter, username):
    item = surgery.vetting()
    other = surgery.acting(username)
    for verb in (services.vet_accept, services.vet_open, services.vet_take_over):
        with pytest.raises(Refused):
            verb(item, by=other)
    with pytest.raises(Refused):
        services.vet_reject(item, reason="detail", by=other)
    assert services.vet_accept(item, by=vetter)


def test_what_another_department_was_asked_is_not_theirs_to_see(surgery, vetter):
    item = surgery.delivered()
    with pytest.raises(NotFound):
        queries.vetting_for(vetter, item.pk)
    with pytest.raises(Refused):
        services.vet_accept(item, by=vetter)


def test_what_is_decided_is_not_decided_again(surgery, vetter):
    item = services.vet_accept(surgery.vetting(), by=vetter)
    for verb in (services.vet_accept,):
        with pytest.raises(MoveRefused):
            verb(item, by=vetter)


def test_an_opened_request_is_the_openers_until_they_leave_or_another_takes_over(surgery, vetter):
    item, colleague = surgery.vetting(), surgery.acting("radiology-admin")
    services.vet_open(item, by=vetter)
    with pytest.raises(VettingTaken) as caught:
        services.vet_reject(item, reason="detail", by=colleague)
    assert caught.value.name == "Dr H Marsh"
    assert "is looking at this" in queries.vetting_for(colleague, item.pk).looking
    assert queries.vetting_for(vetter, item.pk).looking == ""
    services.vet_take_over(item, by=colleague)
    with pytest.raises(VettingTaken):
        services.vet_accept(item, by=vetter)
    services.vet_leave(item, by=colleague)
    assert services.vet_accept(item, by=vetter)


def test_a_forgotten_lock_is_over_after_ten_minutes(surgery, vetter):
    item = surgery.vetting()
    services.vet_open(item, by=vetter)
    with time_machine.travel(timezone.now() + timezone.timedelta(minutes=11), tick=False):
        assert services.vet_open(item, by=surgery.acting("radiology-admin"))


# --- The lists -----------------------------------------------------------------------------------


def lanes(acting):
    return {lane: tally.number for lane, tally in queries.department_counts(acting).items()}


def test_the_list_has_the_urgent_first_then_the_oldest(surgery, vetter):
    old, urgent, new = (
        surgery.vetting(priority=priority) for priority in ("routine", "urgent", "routine")
    )
    page = queries.department_worklist(vetter)
    assert [row.item.pk for row in page.rows] == [urgent.pk, old.pk, new.pk]
    assert queries.next_to_vet(vetter) == urgent.pk
    detail = queries.vetting_for(vetter, old.pk)
    assert (detail.position, detail.of, detail.next_id) == (2, 3, new.pk)


def test_each_request_is_in_the_lane_of_what_was_done_with_it(surgery, vetter):
    items = [surgery.vetting() for _ in range(4)]
    services.vet_open(items[0], by=vetter)
    services.vet_ask(items[1], question="Since when?", by=vetter)
    services.vet_reject(items[2], reason="not_justified", by=vetter)
    assert lanes(vetter) == {
        VettingLane.TO_VET: 2, VettingLane.MINE: 1, VettingLane.WAITING: 1, VettingLane.DECIDED: 2,
    }  # fmt: skip
    decided = queries.department_worklist(vetter, VettingLane.DECIDED)
    assert {row.item.pk for row in decided.rows} == {items[1].pk, items[2].pk}


def test_the_row_says_what_the_answers_mean_for_safety(surgery, vetter):
    young = surgery.patient(birth_date=date(1996, 5, 1))
    pelvis = line("pelvis-xray", details="Pain", answers={"pregnant": "unsure"})
    surgery.vetting(pelvis, patient=young)
    (row,) = queries.department_worklist(vetter).rows
    assert row.flags == ("Pregnancy not sure",)
    assert row.reason == "Pain"


def test_the_list_costs_the_same_for_ten_as_for_one(surgery, vetter, django_assert_max_num_queries):
    surgery.vetting()
    with django_assert_max_num_queries(12) as one:
        queries.department_worklist(vetter)
    for _ in range(9):
        surgery.vetting(CHEST)
    with django_assert_max_num_queries(12) as ten:
        assert len(queries.department_worklist(vetter).rows) == 10
    assert len(one) == len(ten)


def test_a_held_request_is_on_no_departments_list(surgery, vetter):
    surgery.ask(hospital="RZ2")
    assert queries.department_worklist(vetter).rows == ()
    rows, tally = queries.department_requests(surgery.acting("lab"))
    assert (rows, tally.number) == ([], 0)


def test_the_laboratory_sees_what_it_was_asked_for(surgery):
    item = surgery.delivered(line("fbc"))
    surgery.delivered()
    rows, _ = queries.department_requests(surgery.acting("lab"))
    assert [row.pk for row in rows] == [item.pk]
    assert queries.department_requests(surgery.acting("gp"))[0] == []
