from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import wire
from messaging.errors import Park
from results.hl7 import reports as hl7

from .letters import NOON, nte, obr, obx, orc, oru, pid

NASTY = "pH < 7 & µ-globulin | 3^2 ~ 9 \\ end\n\n  indented\tλ <script>alert(1)</script>"


def reports(*segments, **header):
    return hl7.incoming_reports(oru(*segments, **header))


def only(*segments):
    (report,) = reports(*segments)
    return report


def parked(*segments):
    with pytest.raises(Park) as refused:
        reports(*segments)
    return refused.value.reason_code


def raw(text):
    return hl7.incoming_reports(wire.parse(text.encode(), default_charset=wire.UTF_8))


HEADER = "MSH|^~\\&|LIMS|RX1|ORDERCOMMS|OC1|20261122120000+0000||ORU^R01|1|T|2.4\r"
WHO = "PID|||9990000018^^^NHS^NH||Lovelace^Ada||19550312|F\r"


def test_a_report_says_all_that_was_sent():
    report = only(pid(), orc(), obr(), obx(), nte("Film reviewed"), obx("K", "4.1", units="mmol/L"))
    assert (report.placer_number, report.filler_number) == ("OC10000000001", "LAB77")
    assert (report.code, report.name, report.result_status) == ("26604007", "Full blood count", "F")
    assert report.authoriser == "Dr Ngozi Okafor"
    assert report.issued_at == NOON
    assert report.observed_at == NOON - timedelta(hours=3)
    assert report.patient.family_name == "Lovelace"
    haemoglobin, potassium = report.observations
    assert (haemoglobin.code, haemoglobin.name, haemoglobin.value) == ("HB", "The HB", "142")
    assert (haemoglobin.units, haemoglobin.reference_range) == ("g/L", "115-165")
    assert (haemoglobin.flags, haemoglobin.note) == ("N", "Film reviewed")
    assert potassium.note == ""


def test_a_comment_above_the_values_belongs_to_the_report():
    report = only(pid(), orc(), obr(), nte("Fasting"), nte("By courier"), obx(), nte("Repeated"))
    assert report.note == "Fasting\nBy courier"
    assert report.observations[0].note == "Repeated"


@pytest.mark.hazard("H25")
def test_text_is_what_was_written_whatever_is_in_it():
    report = only(pid(), orc(), obr(), obx(value=wire.Text(NASTY), kind="FT", flag=""))
    assert report.observations[0].value == NASTY


@pytest.mark.hazard("H25")
@given(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), min_size=1
    ).filter(lambda text: text.strip("\n"))
)
def test_any_text_survives_the_way(text):
    report = only(pid(), orc(), obr(), obx(value=wire.Text(text), kind="TX", flag=""))
    assert report.observations[0].value == text


@pytest.mark.hazard("H25")
def test_each_repetition_of_a_text_is_a_line():
    value = wire.Repeat([wire.Text("Line 1"), wire.Text(""), wire.Text("Line ~ 3")])
    report = only(pid(), orc(), obr(), obx(value=value, kind="TX", flag=""))
    assert report.observations[0].value == "Line 1\n\nLine ~ 3"


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("NM", "6.80", "6.80"),
        ("SN", ["<", "5"], "<5"),
        ("SN", ["", "1", ":", "128"], "1:128"),
        ("CE", ["260373001", "Detected", "SCT"], "Detected"),
        ("CE", ["260373001"], "260373001"),
        ("CWE", ["1", "", "", "", "Alt", "", "", "", "As typed"], "As typed"),
        ("ST", "Not seen", "Not seen"),
        ("DT", "20261101", "01-Nov-2026"),
    ],
)
def test_each_kind_of_value_reads_as_a_person_would_write_it(kind, value, read):
    assert only(pid(), orc(), obr(), obx(value=value, kind=kind)).observations[0].value == read


def test_flags_repeat_and_none_is_lost():
    report = only(pid(), orc(), obr(), obx(flag=wire.Repeat(["H", "U"])))
    assert report.observations[0].flags == "H\nU"


def test_units_that_were_sent_without_escapes_stay_whole():
    (report,) = raw(
        HEADER + WHO + "OBR||OC1|L1|FBC|||20261122||||||||||||||||||F\r"
        "OBX||NM|PLT||250|10^9/L|150-400|N|||F\rOBX||NM|K||4|mmol/L^x^UCUM||N|||F\r"
    )
    assert [each.units for each in report.observations] == ["10^9/L", "mmol/L"]


def test_a_document_is_named_and_not_shown_as_letters():
    value = ["lab", "application", "PDF", "Base64", "JVBERi0xLjQK"]
    report = only(pid(), orc(), obr(), obx(value=value, kind="ED", flag=""))
    assert report.observations[0].document == "application PDF"
    assert report.observations[0].value == ""


def test_another_document_is_another_content():
    def with_document(letters):
        value = ["lab", "application", "PDF", "Base64", letters]
        return only(pid(), orc(), obr(), obx(value=value, kind="ED", flag="")).content_sha256

    assert with_document("JVBERi0xLjQK") == with_document("JVBERi0xLjQK")
    assert with_document("JVBERi0xLjQK") != with_document("JVBERi0xLjUK")


def test_one_message_with_several_reports_gives_each_its_own_values():
    first, second = reports(
        pid(), orc("OC1"), obr("OC1", "L1"), obx("HB"), orc("OC2"), obr("OC2", "L2", "K", "U&E"),
        obx("K"), obx("NA"),
    )  # fmt: skip
    assert [each.code for each in first.observations] == ["HB"]
    assert [each.code for each in second.observations] == ["K", "NA"]
    assert (first.placer_number, second.placer_number) == ("OC1", "OC2")


def test_several_reports_of_one_order_are_told_apart_by_their_code():
    first, second = reports(pid(), orc(), obr(), obx("HB"), obr(code="ESR", name="ESR"), obx("ESR"))
    assert first.key != second.key
    assert first.placer_number == second.placer_number


def test_two_parts_of_one_report_are_joined_and_as_unfinished_as_the_less_finished():
    report = only(pid(), orc(), obr(status="F"), obx("GROWTH"), obr(status="P"), obx("SENS"))
    assert [each.code for each in report.observations] == ["GROWTH", "SENS"]
    assert report.result_status == "P"


def test_two_patients_in_one_message_keep_their_own_reports():
    other = pid(f3=wire.Repeat([["9990000026", "", "", "NHS", "NH"]]), f5=["Hopper", "Grace"])
    first, second = reports(pid(), orc(), obr(), obx(), other, orc("OC2"), obr("OC2", "L2"), obx())
    assert first.patient.family_name == "Lovelace"
    assert second.patient.family_name == "Hopper"


def test_the_content_is_the_same_whenever_and_by_whatever_message_it_comes():
    one = only(pid(), orc(), obr(), obx())
    (again,) = reports(pid(), orc(), obr(issued=NOON + timedelta(days=1)), obx(), control_id="H9")
    assert one.content_sha256 == again.content_sha256


@pytest.mark.parametrize(
    "other",
    [
        obx(value="143"),
        obx(flag="H"),
        obx(units="g/dL"),
        obx(limits="110-160"),
        obx(status="C"),
        obx(name="Hb"),
        obx(kind="ST"),
    ],
    ids=["value", "flag", "units", "range", "status", "name", "type"],
)
def test_whatever_a_reader_reads_makes_another_content(other):
    one = only(pid(), orc(), obr(), obx())
    assert only(pid(), orc(), obr(), other).content_sha256 != one.content_sha256


def test_nothing_of_a_report_is_in_its_repr():
    report = only(pid(), orc(), obr(), obx(value="6.8"))
    assert "Lovelace" not in repr(report)
    assert "6.8" not in repr(report) + repr(report.observations)


# --- What is parked ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ([orc(), obr(), obx()], hl7.NO_PATIENT),
        ([orc(), obr(), obx(), pid(), orc("OC2"), obr("OC2"), obx()], hl7.NO_PATIENT),
        ([pid()], hl7.NO_REPORT),
        ([pid(), orc(), obx()], hl7.NO_REPORT),
        ([pid(), orc(placer=""), obr(placer=""), obx()], hl7.NO_REQUEST_NUMBER),
        ([pid(), orc(placer="OC2"), obr(placer="OC1"), obx()], hl7.REQUEST_NUMBERS_DIFFER),
        ([pid(), orc(), obr(status="Z"), obx()], hl7.UNKNOWN_STATUS),
        ([pid(), orc(), obr(status=""), obx(status="")], hl7.UNKNOWN_STATUS),
        ([pid(), orc(), obr()], hl7.NO_VALUES),
        ([pid(), orc(), obr(), obx(value="")], hl7.NO_VALUES),
        ([pid(), orc(), obr(), obx(), obx(value="", status="U")], hl7.NO_VALUES),
        ([pid(), orc(), obr(code="C" * 201), obx()], hl7.TOO_LONG),
    ],
)
def test_what_cannot_be_understood_is_parked_with_its_reason(segments, reason):
    assert parked(*segments) == reason


def test_a_second_report_without_a_request_number_is_not_given_that_of_the_first():
    assert parked(pid(), orc(), obr(), obx(), obr(placer="", code="X"), obx()) == (
        hl7.NO_REQUEST_NUMBER
    )


def test_a_time_that_is_none_parks_and_a_missing_one_is_the_time_of_sending():
    body = "OBR||OC1|L1|FBC|||{}|||||||||||||||{}|||F\rOBX||NM|K||4|||N|||F\r"
    with pytest.raises(Park) as refused:
        raw(HEADER + WHO + body.format("20261341", ""))
    assert refused.value.reason_code == hl7.TIME
    (report,) = raw(HEADER + WHO + body.format("", ""))
    assert report.issued_at == report.observed_at == NOON


def test_a_cancelled_report_needs_no_value():
    assert only(pid(), orc(), obr(status="X")).result_status == "X"
