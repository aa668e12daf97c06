"""What departments say: matched by number and identity, moved by the table, or parked in words."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from messaging import wire
from messaging.errors import Park
from messaging.models import Partner
from patients.hl7 import pid_segment
from requesting import queries, services
from requesting.models import RequestEvent, RequestItem

from .surgery import FBC, line

ULTRASOUND = line("us-abdomen", reasons=["jaundice"])
STATUS = {"kind": ("OMG", "O19", "OMG_O19")}


def parked(says, *args, **fields) -> tuple[str, str]:
    """Why it waits for a person; nothing may have changed."""
    before = list(RequestItem.objects.order_by("pk").values()), RequestEvent.objects.count()
    with pytest.raises(Park) as caught:
        says(*args, **fields)
    assert (list(RequestItem.objects.order_by("pk").values()), RequestEvent.objects.count()) == (
        before
    )
    return caught.value.reason_code, caught.value.sentence


def last(item) -> str:
    return item.events.latest("id").event


# --- What each says ------------------------------------------------------------------------------


def test_an_accepted_walk_in_is_ready_and_a_booked_one_is_being_booked(surgery):
    chest, scan, blood = surgery.delivered(), surgery.delivered(ULTRASOUND), surgery.delivered(FBC)
    for item in (chest, scan, blood):
        surgery.says(item, "OK", status="SC", filler="RIS-77")
    assert surgery.fresh(chest).status == "walkin"
    assert surgery.fresh(scan).status == "accepted"
    assert surgery.fresh(blood).status == "accepted"
    assert surgery.fresh(chest).filler_number == "RIS-77"
    assert queries.next_sentence(surgery.fresh(blood)) == "The laboratory is ready for the sample."


def test_a_reply_stands_for_the_acknowledgement_that_is_still_on_its_way(surgery):
    item = surgery.released()
    surgery.says(item, "OK")
    assert surgery.fresh(item).status == "walkin"


@pytest.mark.hazard("H10")
def test_a_rejection_has_the_fields_words_and_what_was_typed_and_needs_the_requester(surgery):
    item = surgery.delivered()
    surgery.says(item, "UA", reason=["CHUN", "Unjustified exam", "L", "", "No red flag given"])
    item = surgery.fresh(item)
    assert (item.status, item.reason_code) == ("rejected", "CHUN")
    assert item.reason == "Unjustified examination: No red flag given"
    assert queries.needs_you_count(surgery.acting()) == 1
    assert item.events.latest("id").by_name == "RZ1 RIS"


def test_a_booking_has_its_time_its_place_and_its_site(surgery):
    item, when = surgery.delivered(ULTRASOUND), timezone.now() + timedelta(days=9)
    visit = wire.segment("PV1", {3: ["", "", "", "RZ103", "", "", "", "", "Oakfield Diagnostic"]})
    surgery.says(item, "SC", status="SC", obr={36: wire.timestamp(when)}, extra=[visit], **STATUS)
    item = surgery.fresh(item)
    assert item.status == "booked"
    assert item.scheduled_at == when.replace(microsecond=0)
    assert (item.scheduled_place, item.site.ods_code) == ("Oakfield Diagnostic", "RZ103")
    assert queries.next_sentence(item).startswith("Oakfield Diagnostic, ")
    assert item.due_at == item.scheduled_at + timedelta(days=1)


def test_another_time_is_another_booking_and_the_same_one_is_not(surgery):
    item = surgery.delivered(ULTRASOUND)
    for days in (9, 9, 12):
        when = (timezone.now() + timedelta(days=days)).replace(hour=9, minute=0, second=0)
        surgery.says(item, "SC", status="SC", obr={36: wire.timestamp(when)}, **STATUS)
    assert list(item.events.values_list("event", flat=True)).count("booked") == 2


@pytest.mark.parametrize("status", ["IP", "A", "CM"])
def test_an_examination_under_way_is_in_progress(surgery, status):
    item = surgery.delivered()
    surgery.says(item, "SC", status=status, **STATUS)
    assert surgery.fresh(item).status == "progress"


@pytest.mark.parametrize(("control", "status"), [("SC", "HD"), ("OC", "CA"), ("SC", "CA")])
def test_a_patient_who_did_not_come_is_told_whatever_the_message_is_called(
    surgery, control, status
):
    item = surgery.delivered()
    surgery.says(item, control, status=status, reason=["DNA", "Did not attend", "L"])
    assert surgery.fresh(item).status == "dna"


@pytest.mark.parametrize("code", ["CHUN", "CHRAD", "CPMP", "CHLMP", "LABREJ", "UNK"])
def test_a_cancellation_that_is_a_decision_on_the_request_is_a_rejection(surgery, code):
    item = surgery.delivered()
    surgery.says(item, "OC", status="CA", reason=[code, "", "L"])
    assert surgery.fresh(item).status == "rejected"


@pytest.mark.parametrize("code", ["CP", "CPR", "CHPP", "CHIP", "CHNR", "ABB", "CHAE", "ZZZ"])
def test_any_other_cancellation_needs_the_requester_until_they_have_seen_it(surgery, code):
    item = surgery.delivered()
    surgery.says(item, "OC", status="CA", reason=[code, "Their words", "L"])
    item = surgery.fresh(item)
    assert (item.status, item.attention) == ("cancelled", "cancelled")
    assert queries.needs_you_count(surgery.acting()) == 1
    services.seen(item, by=surgery.acting())
    assert queries.needs_you_count(surgery.acting()) == 0


def test_an_unknown_reason_is_shown_as_it_was_sent(surgery):
    item = surgery.delivered()
    surgery.says(item, "OC", reason=["ZZZ", "Scanner broken", "L", "", "Try Monday"])
    assert surgery.fresh(item).reason == "Scanner broken: Try Monday"


def test_a_number_assigned_says_that_they_have_it(surgery):
    item = surgery.released()
    surgery.says(item, "NA", filler="RIS-9")
    item = surgery.fresh(item)
    assert (item.status, item.filler_number) == ("received", "RIS-9")


def test_an_examination_changed_there_is_the_one_of_its_code_and_the_requester_is_told(surgery):
    item = surgery.delivered()
    surgery.says(item, "XX", obr={4: ["CSKUH", "CT Head", "NICIP"]}, **STATUS)
    item = surgery.fresh(item)
    assert (item.service.code, item.code, item.attention) == ("ct-head", "CSKUH", "exam_changed")


def test_replies_of_the_laboratory_in_either_form_are_understood(surgery):
    item = surgery.delivered(FBC)
    surgery.says(item, "OK", status="IP", kind=("ORL", "O22", "ORL_O22"))
    specimen = [wire.segment("SPM", {1: "1", 4: ["", "Venous blood"]})]
    kind = ("OML", "O33", "OML_O33")
    surgery.says(item, "SC", status="IP", obr={25: "I"}, extra=specimen, kind=kind)
    assert surgery.fresh(item).status == "progress"


# --- Again, late, or out of turn -----------------------------------------------------------------


def test_the_same_again_changes_nothing(surgery):
    item = surgery.delivered()
    for _ in range(3):
        surgery.says(item, "OK", status="SC")
    for _ in range(2):
        surgery.says(item, "UA", reason=["CHUN", "", "L"])
    events = list(item.events.values_list("event", flat=True))
    assert (events.count("ready"), events.count("rejected")) == (1, 1)


def test_what_is_older_than_what_we_know_changes_nothing(surgery):
    item, now = surgery.delivered(ULTRASOUND), timezone.now()
    surgery.says(item, "SC", status="IP", at=now, **STATUS)
    when = wire.timestamp(now + timedelta(days=3))
    surgery.says(item, "SC", status="SC", at=now - timedelta(minutes=5), obr={36: when}, **STATUS)
    surgery.says(item, "OK", at=now - timedelta(minutes=9))
    item = surgery.fresh(item)
    assert (item.status, last(item), item.scheduled_at) == ("progress", "started", None)


def test_what_was_reported_stays_reported(surgery):
    item = surgery.report(surgery.delivered())
    surgery.says(item, "SC", status="IP", **STATUS)
    surgery.says(item, "OK")
    assert surgery.fresh(item).status == "reported"


@pytest.mark.parametrize("control", ["OC", "UA"])
def test_what_contradicts_the_table_waits_for_a_person(surgery, control):
    item = surgery.report(surgery.delivered())
    reason, words = parked(surgery.says, item, control, status="CA", reason=["CP", "", "L"])
    assert (reason, "reported" in words) == ("contradiction", True)


def test_an_acceptance_after_a_rejection_waits_for_a_person(surgery):
    item = surgery.delivered()
    surgery.says(item, "UA", reason=["CHUN", "", "L"])
    assert parked(surgery.says, item, "OK")[0] == "contradiction"


# --- Whose, and from whom ------------------------------------------------------------------------


@pytest.mark.hazard("H21")
def test_the_number_of_one_and_the_name_of_another_wait_for_a_person(surgery):
    item, other = surgery.delivered(), surgery.patient(family_name="Someone")
    reason, words = parked(surgery.says, item, "OK", patient=other)
    assert reason == "identity_mismatch"
    assert "family name" in words
    assert "Someone" not in words


@pytest.mark.hazard("H21")
def test_a_reply_about_nobody_or_of_no_order_waits_for_a_person(surgery):
    item = surgery.delivered()
    partner = Partner.objects.get(slug="ris-rz1")
    order = wire.segment("ORC", ["OK", item.placer_number])
    for segment, reason in ((order, "identity_mismatch"), (pid_segment(item.patient), "no_order")):
        header = wire.header(
            sender=("RIS", "RZ1"), receiver=("ORDERCOMMS", "OC1"), at=timezone.now(),
            message_type=("ORG", "O20"), control_id=f"X{reason}",
        )  # fmt: skip
        raw = wire.build([header, segment]).raw
        assert parked(surgery.hear, raw, partner)[0] == reason


@pytest.mark.parametrize("number", ["OC19999999999", ""])
def test_a_number_that_is_not_ours_waits_for_a_person(surgery, number):
    item = surgery.delivered()
    assert parked(surgery.says, item, "OK", placer=number)[0] == "unknown_request"


def test_another_departments_system_moves_nothing_of_ours(surgery):
    item = surgery.delivered()
    other = Partner.objects.get(slug="ris-rz2")
    assert parked(surgery.says, item, "OK", partner=other)[0] == "other_department"


@pytest.mark.parametrize(
    ("control", "fields", "word"),
    [
        ("PA", {}, "order control"),
        ("", {}, "order control"),
        ("SC", {"status": "RP"}, "order status"),
        ("SC", {"status": "ER"}, "order status"),
        ("SC", {"obr": {25: "Y"}}, "order status"),
        ("XX", {"obr": {4: ["NOSUCH", "?", "NICIP"]}}, "examination"),
        ("XX", {"obr": {4: ["CSKUH", "CT Head", "99LOCAL"]}}, "examination"),
    ],
)
def test_what_no_table_has_waits_for_a_person(surgery, control, fields, word):
    item = surgery.delivered()
    reason, words = parked(surgery.says, item, control, **fields)
    assert reason == "unknown_code"
    assert word in words


def test_a_time_that_says_no_day_waits_for_a_person(surgery):
    item = surgery.delivered(ULTRASOUND)
    fields = {"status": "SC", "obr": {36: "2026"}}
    assert parked(surgery.says, item, "SC", **fields, **STATUS)[0] == "message_time"


def test_a_held_request_is_not_moved_by_a_message(surgery):
    item = surgery.item()
    assert parked(surgery.says, item, "OK")[0] == "contradiction"
    assert surgery.fresh(item).status == "held"


def test_a_message_of_two_orders_moves_both_or_none(surgery):
    request = surgery.ask(line("fbc"), line("ue"))
    with surgery.after_undo(request):
        services.release_due()
    first, second = (surgery.fresh(item) for item in request.items.order_by("position"))
    partner = Partner.objects.get(slug="lims-rz1")

    def both(second_control: str) -> bytes:
        return wire.build(
            [
                wire.header(
                    sender=("LIMS", "RZ1"), receiver=("ORDERCOMMS", "OC1"), at=timezone.now(),
                    message_type=("ORL", "O22"), control_id=f"T{second_control}",
                ),
                pid_segment(first.patient),
                wire.segment("ORC", ["OK", first.placer_number]),
                wire.segment("ORC", [second_control, second.placer_number]),
            ]
        ).raw  # fmt: skip

    with pytest.raises(Park), transaction.atomic():
        surgery.hear(both("ZZ"), partner)
    assert surgery.fresh(first).status == "sent"
    surgery.hear(both("UA"), partner)
    assert (surgery.fresh(first).status, surgery.fresh(second).status) == ("accepted", "rejected")
