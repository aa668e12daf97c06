from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messaging import wire
from messaging.models import InboundMessage
from patients.hl7 import pid_segment
from results.models import Report

from .clinic import potassium
from .letters import obr, obx, orc, oru

pytestmark = pytest.mark.django_db


def parked(message):
    return (message.state, message.reason_code)


def test_a_report_that_came_over_the_wire_is_filed_once(clinic):
    item = clinic.sent()
    letter = clinic.letter(item)
    message = clinic.arrives(letter)
    assert (message.state, message.acknowledgement) == ("processed", "AA")
    clinic.arrives(letter)
    report = Report.objects.get()
    assert report.item == item
    assert report.current.message == message


@pytest.mark.hazard("H26")
def test_the_same_report_in_a_message_of_its_own_makes_no_new_work(clinic):
    item, at = clinic.sent(), timezone.now()
    clinic.arrives(clinic.letter(item, issued=at))
    clinic.arrives(clinic.letter(item, issued=at))
    report = Report.objects.get()
    assert list(report.events.order_by("pk").values_list("event", flat=True)) == [
        "filed",
        "resent",
    ]


# --- What is parked ------------------------------------------------------------------------------


@pytest.mark.hazard("H22")
def test_a_result_for_a_request_that_nobody_made_is_parked(clinic):
    item = clinic.sent()
    message = clinic.arrives(clinic.letter(item, placer="OC10099999999"))
    assert parked(message) == ("parked", "unknown_request")
    assert not Report.objects.exists()


def test_a_result_without_a_request_number_is_parked(clinic):
    item = clinic.sent()
    bare = oru(
        pid_segment(item.patient), orc(""), obr(""), obx(), control_id="BARE", facility="RZ1"
    )
    assert parked(clinic.arrives(bare)) == ("parked", "no_request_number")


def changed_pid(item, **fields):
    """The patient's own PID with other fields, by number."""
    pid = pid_segment(item.patient)
    values = {
        3: wire.Repeat([[item.patient.nhs_number, "", "", "NHS", "NH"]]),
        5: [item.patient.family_name, item.patient.given_names],
        7: pid.get(7),
        8: pid.get(8),
    }
    return wire.segment("PID", values | {int(name[1:]): value for name, value in fields.items()})


@pytest.mark.hazard("H21")
@pytest.mark.parametrize(
    "other",
    [
        {"f3": wire.Repeat([["9990000026", "", "", "NHS", "NH"]])},
        {"f3": ""},
        {"f5": ["Testpatients", "Agnes"]},
        {"f5": ["", "Agnes"]},
        {"f5": ["Testpatient", "Bertha"]},
        {"f7": "19580203"},
        {"f7": "1958"},
        {"f7": ""},
    ],
    ids=["number", "no number", "name", "no name", "twin", "day", "year only", "no birth date"],
)
def test_a_result_for_somebody_who_is_not_the_patient_is_parked(clinic, other):
    item = clinic.sent()
    assert clinic.arrives(clinic.letter(item, pid=changed_pid(item))).state == "processed"
    message = clinic.arrives(
        clinic.letter(item, obx(value="61"), status="C", pid=changed_pid(item, **other))
    )
    assert parked(message) == ("parked", "identity_mismatch")
    assert "Testpatient" not in message.reason
    assert Report.objects.get().current.observations.get().value == "142"


@pytest.mark.hazard("H21")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_mutation_of_the_identity_is_ever_filed(clinic, data):
    if not hasattr(clinic, "asked"):
        clinic.asked = clinic.sent()
    item = clinic.asked
    number, birth = item.patient.nhs_number, f"{item.patient.birth_date:%Y%m%d}"
    part = data.draw(st.sampled_from(["number", "name", "birth"]))
    source = {"number": number, "name": "Testpatient", "birth": birth}[part]
    place = data.draw(st.integers(0, len(source) - 1))
    letter = data.draw(st.sampled_from("0123456789" if part != "name" else "bcdfghjklm"))
    mutated = source[:place] + letter + source[place + 1 :]
    if mutated.lower() == source.lower():
        return
    fields = {
        "number": {"f3": wire.Repeat([[mutated, "", "", "NHS", "NH"]])},
        "name": {"f5": [mutated, "Agnes"]},
        "birth": {"f7": mutated},
    }[part]
    message = clinic.arrives(clinic.letter(item, pid=changed_pid(item, **fields)))
    assert parked(message) == ("parked", "identity_mismatch")
    assert not Report.objects.exists()


def test_one_report_that_does_not_fit_parks_the_whole_message(clinic):
    item = clinic.sent()
    pid = pid_segment(item.patient)
    both = oru(
        pid, orc(item.placer_number), obr(item.placer_number), obx(),
        orc("OC10099999999"), obr("OC10099999999"), obx(),
        control_id="BOTH", facility="RZ1",
    )  # fmt: skip
    assert parked(clinic.arrives(both)) == ("parked", "unknown_request")
    assert not Report.objects.exists()


def test_several_reports_of_one_message_are_each_filed(clinic):
    patient = clinic.world.patient()
    first, second = clinic.sent("fbc", patient), clinic.sent("ue", patient)
    both = oru(
        pid_segment(patient),
        orc(first.placer_number, "L1"), obr(first.placer_number, "L1"), obx(),
        orc(second.placer_number, "L2"), obr(second.placer_number, "L2", "UE"), potassium(),
        control_id="BOTH", facility="RZ1",
    )  # fmt: skip
    assert clinic.arrives(both).state == "processed"
    assert {report.item for report in Report.objects.all()} == {first, second}


def test_a_department_does_not_report_for_another(clinic):
    item = clinic.sent("fbc")
    message = clinic.arrives(clinic.letter(item, sender="RIS"))
    assert parked(message) == ("parked", "other_department")


def test_a_report_of_the_future_is_parked(clinic):
    item = clinic.sent()
    message = clinic.arrives(clinic.letter(item, issued=timezone.now() + timedelta(days=2)))
    assert parked(message) == ("parked", "message_time")


def test_a_parked_result_is_filed_when_it_is_tried_again_after_the_cause_is_gone(clinic):
    from messaging.services import process_waiting, retry_inbound

    item = clinic.sent()
    clinic.partners["pathology"].departments.clear()
    message = clinic.arrives(clinic.letter(item))
    assert parked(message) == ("parked", "other_department")
    clinic.partners["pathology"].departments.add(item.department)
    retry_inbound(message, by=clinic.world.acting("lab"))
    process_waiting()
    assert InboundMessage.objects.get(pk=message.pk).state == "processed"
    assert Report.objects.get().item == item
