"""Each deed of the hospital's people sends the message that docs/hl7/hospital.md describes.

The messages are read by hl7apy, which neither side wrote.
"""

import base64
import re
from io import BytesIO
from pathlib import Path

import pytest
from hl7apy.core import Group, Message
from pypdf import PdfReader

from demo.hospital import Hospital, Refused
from demo.hospital.actions import DEEDS
from demo.hospital.departments import REASONS
from demo.hospital.orders import ACTIONS
from demo.hospital.structure import remarks
from tests.demo.peers import Product, Sender, blood_order, by_hl7apy, imaging_order

DOCUMENT = Path(__file__).parents[2] / "docs" / "hl7" / "hospital.md"


def only(messages: list[bytes]) -> Message:
    assert len(messages) == 1
    return by_hl7apy(messages[0])


@pytest.fixture
def imaging(hospital: Hospital, sender: Sender) -> str:
    sender.ask(imaging_order("OC1-1"))
    return "OC1-1"


@pytest.fixture(params=["OML^O21", "OML^O33"])
def blood(hospital: Hospital, sender: Sender, request: pytest.FixtureRequest) -> str:
    sender.ask(blood_order("OC1-2", kind=request.param))
    return "OC1-2"


def accepted(hospital: Hospital, product: Product, placer: str) -> str:
    """Accept the order, and forget the message that said so."""
    hospital.act(placer, "accept")
    product.wait_for(1)
    product.got.clear()
    return placer


def imaging_order_of(message: Message) -> Group:
    return message.omg_o19_order


# --- Answers to an order --------------------------------------------------------------------------


def test_accepting_imaging_sends_org_o20_with_a_filler_number(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    hospital.act(imaging, "accept")
    message = only(product.wait_for(1))
    order = message.org_o20_response.org_o20_order
    assert message.msh.msh_9.value == "ORG^O20^ORG_O20"
    assert (message.msa.msa_1.value, message.msa.msa_2.value) == ("AA", "OC1000001")
    assert (order.orc.orc_1.value, order.orc.orc_2.value) == ("OK", imaging)
    assert order.orc.orc_3.value == hospital.orders()[0].filler != ""
    assert order.obr.obr_4.value == "XCHES^XR Chest^NICIP"


def test_accepting_bloods_answers_in_the_structure_of_the_order(
    hospital: Hospital, product: Product, blood: str
) -> None:
    hospital.act(blood, "accept")
    message = only(product.wait_for(1))
    expected = {"OML^O21": "ORL^O22^ORL_O22", "OML^O33": "ORL^O34^ORL_O34"}
    assert message.msh.msh_9.value == expected[hospital.orders()[0].message_type]
    assert "\rORC|OK|OC1-2|" in product.got[0].decode()


def test_a_rejection_carries_code_meaning_and_the_persons_words(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    hospital.act(imaging, "reject", code="CHUN", words="How long | which side?")
    order = only(product.wait_for(1)).org_o20_response.org_o20_order
    assert order.orc.orc_1.value == "UA"
    assert order.orc.orc_3.value == ""
    assert order.orc.orc_16.value == ("CHUN^Unjustified examination^L^^How long \\F\\ which side?")


def test_a_reason_that_is_not_on_the_list_is_refused(hospital: Hospital, imaging: str) -> None:
    with pytest.raises(Refused, match="No reason has the code"):
        hospital.act(imaging, "reject", code="BECAUSE")
    assert hospital.orders()[0].status == "new"


@pytest.mark.parametrize(
    ("action", "control", "status"),
    [("confirm_cancel", "CR", "cancelled"), ("refuse_cancel", "UC", "accepted")],
)
def test_a_cancel_request_is_answered_to_its_own_control_id(
    hospital: Hospital, product: Product, sender: Sender, imaging: str,
    action: str, control: str, status: str,
) -> None:  # fmt: skip
    accepted(hospital, product, imaging)
    sender.ask(imaging_order(imaging, control="C-CANCEL", order="CA"))
    hospital.act(imaging, action)
    message = only(product.wait_for(1))
    assert message.org_o20_response.org_o20_order.orc.orc_1.value == control
    assert message.msa.msa_2.value == "C-CANCEL"
    assert hospital.orders()[0].status == status
    assert not hospital.orders()[0].cancel_control


# --- Unasked --------------------------------------------------------------------------------------


def test_a_booking_says_when_and_where(hospital: Hospital, product: Product, imaging: str) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "schedule", at="2026-11-24T09:20", place="Queen Mary's", site="RZ101")
    message = only(product.wait_for(1))
    order = imaging_order_of(message)
    assert message.msh.msh_9.value == "OMG^O19^OMG_O19"
    assert (order.orc.orc_1.value, order.orc.orc_5.value) == ("SC", "SC")
    assert order.obr.obr_36.value == "20261124092000+0000"
    place = message.omg_o19_patient.omg_o19_patient_visit.pv1.pv1_3
    assert (place.pv1_3_4.value, place.pv1_3_9.value) == ("RZ101", "Queen Mary's")


def test_a_booking_in_summer_is_in_summer_time(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "schedule", at="2027-06-01T09:20")
    order = imaging_order_of(only(product.wait_for(1)))
    assert order.obr.obr_36.value == "20270601092000+0100"


def test_who_did_not_attend_leaves_the_order_open(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "did_not_attend")
    order = imaging_order_of(only(product.wait_for(1)))
    assert (order.orc.orc_1.value, order.orc.orc_5.value) == ("SC", "HD")
    assert order.orc.orc_16.orc_16_1.value == "DNA"
    assert "schedule" in hospital.orders()[0].actions


def test_a_sample_received_and_an_examination_done_are_in_progress(
    hospital: Hospital, product: Product, imaging: str, sender: Sender
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "receive")
    hospital.act(imaging, "perform")
    arrived, done = (imaging_order_of(by_hl7apy(raw)) for raw in product.wait_for(2))
    assert (arrived.orc.orc_1.value, arrived.orc.orc_5.value) == ("SC", "IP")
    assert (arrived.obr.obr_25.value, done.obr.obr_25.value) == ("I", "R")


def test_a_laboratory_says_when_the_sample_came(
    hospital: Hospital, product: Product, blood: str
) -> None:
    accepted(hospital, product, blood)
    hospital.act(blood, "receive")
    raw = product.wait_for(1)[0]
    assert remarks(raw) == []
    kind = hospital.orders()[0].message_type
    assert f"|{kind}^{kind.replace('^', '_')}|" in raw.decode()
    obr = next(line for line in raw.decode().split("\r") if line.startswith("OBR")).split("|")
    assert (len(obr[14]), obr[25]) == (19, "I")


def test_a_cancellation_by_the_hospital_carries_its_reason(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "cancel", code="CHPP", words="Seen privately")
    order = imaging_order_of(only(product.wait_for(1)))
    assert (order.orc.orc_1.value, order.orc.orc_5.value) == ("OC", "CA")
    assert order.orc.orc_16.value == "CHPP^Done at a private or other hospital^L^^Seen privately"
    assert hospital.orders()[0].actions == []


# --- Reports --------------------------------------------------------------------------------------


def result_of(raw: bytes) -> Group:
    return by_hl7apy(raw).oru_r01_patient_result.oru_r01_order_observation


@pytest.mark.parametrize(
    ("kind", "flag", "status"),
    [
        ("normal", "N", "F"),
        ("abnormal", "A", "F"),
        ("critical", "AA", "F"),
        ("unflagged", "", "F"),
        ("preliminary", "N", "P"),
    ],
)
def test_an_imaging_report_is_one_text_with_its_flag(
    hospital: Hospital, product: Product, imaging: str, kind: str, flag: str, status: str
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "report", kind=kind)
    result = result_of(product.wait_for(1)[0])
    text = result.oru_r01_observation.obx
    assert (text.obx_2.value, text.obx_8.value, text.obx_11.value) == ("FT", flag, status)
    assert (result.orc.orc_1.value, result.obr.obr_25.value) == ("RE", status)
    assert "\\.br\\" in text.obx_5.value
    assert result.obr.obr_24.value == "RAD"
    assert result.obr.obr_32.value.startswith("C7654321&Okafor")
    assert text.obx_3.value == result.obr.obr_4.value


def test_a_person_may_write_the_report(hospital: Hospital, product: Product, imaging: str) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "report", kind="abnormal", text="Nodule, 6 mm.\r\nRepeat | in 3 months.")
    (obx,) = values_of(product.wait_for(1)[0])
    assert obx[5] == "Nodule, 6 mm.\\.br\\Repeat \\F\\ in 3 months."


def test_an_amended_report_is_a_later_version_of_the_same_report(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    accepted(hospital, product, imaging)
    for kind in ("preliminary", "normal", "amended", "critical"):
        hospital.act(imaging, "report", kind=kind)
    results = [result_of(raw) for raw in product.wait_for(4)]
    assert [one.obr.obr_25.value for one in results] == ["P", "F", "C", "C"]
    assert len({one.obr.obr_3.value for one in results}) == 1
    issued = [one.obr.obr_22.value for one in results]
    assert issued == sorted(set(issued))
    texts = [one.oru_r01_observation.obx.obx_5.value for one in results]
    assert texts[2].startswith("AMENDED REPORT. ")
    assert texts[3].startswith("AMENDED REPORT. ")


def test_a_report_with_a_document_has_the_bytes_of_a_pdf(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "report", kind="document")
    text, document = values_of(product.wait_for(1)[0])
    assert (text[2], document[2]) == ("FT", "ED")
    kind, letters = document[5].split("^")[2:5:2]
    content = base64.b64decode(letters)
    assert (kind, content[:5]) == ("pdf", b"%PDF-")
    (page,) = PdfReader(BytesIO(content)).pages
    assert "Report 1" in page.extract_text()


def test_a_withdrawn_report_repeats_the_last_and_a_test_may_be_impossible(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    accepted(hospital, product, imaging)
    for kind in ("normal", "withdrawn"):
        hospital.act(imaging, "report", kind=kind)
    results = [result_of(raw) for raw in product.wait_for(2)]
    assert [one.obr.obr_25.value for one in results] == ["F", "W"]
    with pytest.raises(Refused, match="can be withdrawn"):
        hospital.act(imaging, "report", kind="impossible")


def test_an_impossible_test_is_cancelled_with_a_comment_and_no_value(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "report", kind="impossible")
    raw = product.wait_for(1)[0]
    assert b"|X|" in raw
    assert b"NTE|" in raw
    assert b"OBX|" not in raw


def test_there_is_nothing_to_amend_before_there_is_a_report(
    hospital: Hospital, imaging: str
) -> None:
    hospital.act(imaging, "accept")
    with pytest.raises(Refused, match="no report to amend"):
        hospital.act(imaging, "report", kind="amended")


def test_a_final_report_does_not_become_preliminary(hospital: Hospital, imaging: str) -> None:
    hospital.act(imaging, "report", kind="normal")
    with pytest.raises(Refused, match="only be amended"):
        hospital.act(imaging, "report", kind="preliminary")


def values_of(raw: bytes) -> list[list[str]]:
    return [line.split("|") for line in raw.decode().split("\r") if line.startswith("OBX")]


def test_a_laboratory_report_has_a_value_a_line_with_units_range_and_flag(
    hospital: Hospital, product: Product, blood: str
) -> None:
    hospital.act(blood, "report", kind="normal")
    raw = product.wait_for(2)[1]
    assert remarks(raw) == []
    values = values_of(raw)
    assert [value[3].split("^")[1] for value in values] == [
        "Sodium", "Potassium", "Urea", "Creatinine", "eGFR (CKD-EPI)",
    ]  # fmt: skip
    assert {value[8] for value in values} == {"N"}
    sodium = values[0]
    assert sodium[2:4] == ["NM", "1107871000000107^Sodium^SCT"]
    assert (sodium[6], sodium[7], sodium[11]) == ("mmol/L", "133-146", "F")
    assert 133 <= float(sodium[5]) <= 146


def test_a_critical_laboratory_report_is_flagged_beyond_its_limits(
    hospital: Hospital, product: Product, blood: str
) -> None:
    hospital.act(blood, "report", kind="critical")
    flags = {value[8] for value in values_of(product.wait_for(2)[1])}
    assert flags & {"HH", "LL"}


def test_a_preliminary_laboratory_report_is_the_first_part_of_the_final_one(
    hospital: Hospital, product: Product, blood: str
) -> None:
    hospital.act(blood, "report", kind="preliminary")
    hospital.act(blood, "report", kind="normal")
    _, part, whole = (values_of(raw) for raw in product.wait_for(3))
    assert len(part) == 3
    assert [value[5] for value in part] == [value[5] for value in whole[:3]]
    assert {value[11] for value in part} == {"P"}


def test_an_amended_laboratory_report_says_from_what_to_what(
    hospital: Hospital, product: Product, blood: str
) -> None:
    hospital.act(blood, "report", kind="normal")
    hospital.act(blood, "report", kind="amended")
    _, before, after = product.wait_for(3)
    old, new = values_of(before), values_of(after)
    assert old[0][5] != new[0][5]
    assert [value[5] for value in old[1:]] == [value[5] for value in new[1:]]
    assert f"Corrected from {old[0][5]} to {new[0][5]}." in after.decode()


def test_a_person_may_give_the_values(hospital: Hospital, product: Product, blood: str) -> None:
    hospital.act(blood, "report", kind="normal", text="k=6.9, NA=131")
    values = {value[3].split("^")[1]: value for value in values_of(product.wait_for(2)[1])}
    assert (values["Potassium"][5], values["Potassium"][8]) == ("6.9", "HH")
    assert (values["Sodium"][5], values["Sodium"][8]) == ("131", "L")
    assert values["Urea"][8] == "N"
    with pytest.raises(Refused, match=r"Give values like K=6\.9"):
        hospital.act(blood, "report", kind="amended", text="XYZ=1")


def test_reporting_a_new_order_accepts_it_first(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    hospital.act(imaging, "report", kind="normal")
    first, second = product.wait_for(2)
    assert by_hl7apy(first).msh.msh_9.value == "ORG^O20^ORG_O20"
    assert result_of(second).obr.obr_3.value == hospital.orders()[0].filler


# --- Patients and bad input -----------------------------------------------------------------------


@pytest.mark.parametrize("event", ["A31", "A08"])
def test_moving_house_changes_the_address_and_nothing_else(
    hospital: Hospital, product: Product, imaging: str, event: str
) -> None:
    hospital.act(imaging, "move_house", event=event)
    message = only(product.wait_for(1))
    assert message.msh.msh_9.msh_9_2.value == event
    assert message.evn.evn_1.value == event
    assert message.pid.pid_3.value.startswith("9990000018^^^NHS^NH")
    assert message.pid.pid_7.value == "19650714"
    assert "Orchard Way^^Dartford^Kent^DA1 1AA" not in message.pid.pid_11.value


@pytest.mark.parametrize(("kind", "born"), [("clear", "19650714"), ("doubtful", "19660714")])
def test_a_patient_who_was_registered_twice_is_merged(
    hospital: Hospital, product: Product, imaging: str, kind: str, born: str
) -> None:
    hospital.act(imaging, "register_twice", kind=kind)
    first, second = (by_hl7apy(each) for each in product.wait_for(2))
    assert (first.evn.evn_1.value, second.evn.evn_1.value) == ("A28", "A40")
    assert first.pid.pid_7.value == born
    assert "NHS" not in first.pid.pid_3.value
    merged = product.wait_for(2)[1].decode().split("MRG|")[1].split("\r")[0]
    assert merged == first.pid.pid_3.value
    kept = second.adt_a39_patient.pid  # the A40 has its patients in groups
    assert kept.pid_3.value.startswith("9990000018^^^NHS^NH")


@pytest.mark.parametrize("event", ["A28", "A01", "A04"])
def test_a_new_patient_has_a_valid_number_of_the_demo_range(
    hospital: Hospital, product: Product, event: str
) -> None:
    hospital.act_at_large("new_patient", event=event)
    message = only(product.wait_for(1))
    number = message.pid.pid_3.pid_3_1.value
    digits = [int(digit) for digit in number]
    weights = range(10, 1, -1)
    check = (11 - sum(d * w for d, w in zip(digits, weights, strict=False)) % 11) % 11
    assert number.startswith("999")
    assert check == digits[9]


def test_a_wrong_birth_date_is_the_only_thing_wrong(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "wrong_birth_date")
    message = only(product.wait_for(1))
    assert message.oru_r01_patient_result.oru_r01_patient.pid.pid_7.value == "19660714"
    assert result_of(product.got[0]).orc.orc_2.value == imaging
    assert hospital.orders()[0].status == "accepted"


def test_a_result_for_an_unknown_request_has_a_number_that_nobody_issued(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, "unknown_request")
    placer = result_of(product.wait_for(1)[0]).orc.orc_2.value
    assert placer != imaging
    assert hospital.order(placer) is None


def test_a_broken_message_has_no_header_and_is_sent_once(
    hospital: Hospital, product: Product
) -> None:
    product.answer = "AE"
    hospital.act_at_large("broken")
    assert b"MSH" not in product.wait_for(1)[0]
    hospital.wait_for(lambda: hospital.messages()[0].is_done, seconds=5)
    assert (hospital.messages()[0].answer, len(product.got)) == ("AE", 1)


# --- The page of documentation --------------------------------------------------------------------


def test_the_document_names_every_deed_and_every_reason() -> None:
    text = DOCUMENT.read_text()
    named = set(re.findall(r"`([a-z_]+)`", text.split("## 9.")[1]))
    assert set(DEEDS) <= named
    reasons = dict(re.findall(r"^\| `([A-Z]+)` \| (.+?) \| \w", text, flags=re.MULTILINE))
    assert {code: reasons.get(code) for code in REASONS} == REASONS


def test_every_action_of_every_status_exists() -> None:
    assert {action for actions in ACTIONS.values() for action in actions} <= set(DEEDS)


# --- Changes, holds, and other ends ---------------------------------------------------------------


@pytest.mark.parametrize(("action", "said"), [("confirm_change", "XR"), ("refuse_change", "UX")])
def test_a_change_order_is_answered_and_only_a_confirmed_one_changes_the_order(
    hospital: Hospital, product: Product, sender: Sender, imaging: str, action: str, said: str
) -> None:
    before = hospital.order(imaging).details
    change = imaging_order(imaging, control="OC1000077", order="XO")
    sender.ask(change.replace(b"six weeks", b"eight weeks"))
    assert hospital.order(imaging).details == before
    hospital.act(imaging, action)
    message = only(product.wait_for(1))
    order = message.org_o20_response.org_o20_order
    assert (order.orc.orc_1.value, message.msa.msa_2.value) == (said, "OC1000077")
    assert ("eight weeks" in hospital.order(imaging).details) == (said == "XR")


@pytest.mark.parametrize(
    ("action", "control", "status"),
    [("hold", "OH", "HD"), ("change_exam", "XX", "SC"), ("discontinue", "OD", "DC")],
)
def test_what_nobody_asked_for_is_told_in_an_order_message(
    hospital: Hospital, product: Product, imaging: str, action: str, control: str, status: str
) -> None:
    accepted(hospital, product, imaging)
    hospital.act(imaging, action)
    orc = imaging_order_of(only(product.wait_for(1))).orc
    assert (orc.orc_1.value, orc.orc_5.value) == (control, status)


def test_an_order_can_be_numbered_before_anybody_looks_at_it(
    hospital: Hospital, product: Product, imaging: str
) -> None:
    hospital.act(imaging, "number")
    orc = only(product.wait_for(1)).org_o20_response.org_o20_order.orc
    assert orc.orc_1.value == "NA"
    assert orc.orc_3.value == hospital.order(imaging).filler != ""


def test_an_older_order_message_is_answered_in_its_own_form_and_version(
    hospital: Hospital, product: Product, sender: Sender
) -> None:
    raw = imaging_order("OC1-9").replace(b"OMG^O19^OMG_O19", b"ORM^O01").replace(b"|2.4", b"|2.3")
    sender.ask(raw)
    hospital.act("OC1-9", "accept")
    said = product.wait_for(1)[0].decode()
    assert "|ORR^O02|" in said
    assert "\rORC|OK|OC1-9|" in said
