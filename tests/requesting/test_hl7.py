"""The order on the wire: every field by the book, in each of the four structures."""

from dataclasses import replace
from datetime import UTC, date, datetime

import hl7apy.parser
import pytest
from hl7apy.consts import VALIDATION_LEVEL

from messaging import wire
from messaging.errors import NotEncodable
from requesting.errors import NoCodeFor
from requesting.hl7 import (
    Answered,
    Line,
    Order,
    Person,
    Reason,
    Sample,
    asked,
    read_replies,
    render,
)
from requesting.hl7.codes import PRIORITIES, priority_code, priority_of, sections
from requesting.models import Priority

AT = datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
PID = wire.segment("PID", {
    1: "1", 3: wire.Repeat([["9990000018", "", "", "NHS", "NH"]]), 5: ["Testpatient", "Agnes"],
    7: "19580302", 8: "F",
})  # fmt: skip
CHEST = Line(
    placer="OC10000000001", code="XCHES", name="XR Chest", system="NICIP", priority="urgent",
    modality="XR",
    reasons=(
        Reason("cough", "Cough for more than 3 weeks", "Cough for more than 3 weeks."),
        Reason("loss", "Weight loss"),
    ),
    details="Ex-smoker\n20 a day & more",
    answers=(Answered("pregnant", "Could the patient be pregnant?", "yes_no_unsure", "no", "No"),),
)  # fmt: skip
EDTA = Sample("122555007", "Venous blood", "lavender", "Lavender (EDTA)")
SST = Sample("122555007", "Venous blood", "gold", "Gold (SST)")
FBC = Line("OC10000000002", "26604007", "Full blood count", "SNOMED", "routine", samples=(EDTA,),
           collection="Home visit")  # fmt: skip
UE = Line("OC10000000003", "252167001", "U&E", "SNOMED", "routine", samples=(SST,))
CRP = Line("OC10000000004", "CRP", "C-reactive protein", "LOCAL", "routine", samples=(EDTA,))


def order(*lines, kind="OMG^O19", **others) -> Order:
    facts = {
        "control": "NW", "control_id": "OC10000000009", "kind": kind,
        "version": "2.5.1" if kind == "OML^O33" else "2.4", "charset": wire.UTF_8,
        "processing_id": "T", "sender": ("ORDERCOMMS", "OC1"), "receiver": ("RIS", "RZ1"),
        "written_at": AT, "asked_at": AT, "group": "R-100482", "patient": PID,
        "orderer": Person("9900001", "GMC", "Patel", "Anita", "Dr"),
        "place_code": "Y90001", "place_name": "Northgate Surgery", "phone": "01632 960010",
        "lines": lines or (CHEST,),
    }  # fmt: skip
    return Order(**facts | others)


def written(*lines, **others) -> wire.Message:
    return wire.parse(render(order(*lines, **others)))


def names(message) -> list[str]:
    return [segment.name for segment in message]


# --- Imaging -------------------------------------------------------------------------------------


def test_an_imaging_order_has_each_thing_where_hl7_uk_has_it():
    message = written(copies=(Person("9900002", "GMC", "Shah"), Person("PH1", "HCPC", "Bennett")))
    assert message.header.raw(9) == "OMG^O19^OMG_O19"
    orc, obr = message.first("ORC"), message.first("OBR")
    assert (orc.get(1), orc.get(2), orc.get(4)) == ("NW", CHEST.placer, "R-100482")
    assert orc.raw(7) == "^^^^^A"
    assert orc.raw(12) == "9900001^Patel^Anita^^^Dr^^^GMC"
    assert orc.raw(17) == "Y90001^Northgate Surgery"
    assert obr.raw(4) == "XCHES^XR Chest^NICIP"
    assert obr.get(24) == "RAD"
    assert obr.raw(28) == "9900002^Shah^^^^^^^GMC~PH1^Bennett^^^^^^^HCPC"
    assert obr.raw(31) == "cough^Cough for more than 3 weeks^L~loss^Weight loss^L"
    assert obr.get(13) == (
        "Cough for more than 3 weeks. Weight loss. Ex-smoker 20 a day & more. "
        "Could the patient be pregnant? No."
    )


def test_details_of_several_lines_go_as_they_were_typed_too():
    note = written().first("NTE")
    assert note.get(3) == "Ex-smoker\n20 a day & more"
    assert written(replace(CHEST, details="Ex-smoker")).first("NTE") is None


def test_an_answer_is_coded_and_readable():
    obx = written().first("OBX")
    assert obx.source == "OBX|1|CE|pregnant^Could the patient be pregnant?^L||no^No^L||||||F"


def test_answers_of_words_and_dates_keep_their_kind():
    line = replace(CHEST, answers=(
        Answered("lmp", "Last period", "date", "2026-11-01", "01-Nov-2026"),
        Answered("implant", "Which implant?", "text", "Stent | 2019\nLAD", "Stent | 2019\nLAD"),
    ))  # fmt: skip
    first, second = written(line).all("OBX")
    assert (first.get(2), first.get(5)) == ("DT", "20261101")
    assert (second.get(2), second.get(5)) == ("TX", "Stent | 2019\nLAD")


def test_a_later_date_is_in_the_timing():
    message = written(replace(CHEST, take_from=date(2026, 12, 25), priority="2ww"))
    assert message.first("ORC").raw(7) == "^^^20261225^^T^^2WW"


def test_from_version_2_5_the_timing_has_a_segment_of_its_own():
    message = written(version="2.5.1")
    tq1 = message.first("TQ1")
    assert (tq1.get(9), names(message).index("TQ1")) == ("A", names(message).index("ORC") + 1)


def test_a_cancellation_names_the_order_and_why():
    message = written(control="CA", reason_code="CHNR", reason="Patient moved")
    orc = message.first("ORC")
    assert (orc.get(1), orc.get(2)) == ("CA", CHEST.placer)
    assert orc.raw(16) == "CHNR^Patient moved^L"


# --- The laboratory ------------------------------------------------------------------------------


def test_an_o21_has_the_specimen_below_its_order():
    message = written(FBC, UE, kind="OML^O21")
    assert message.header.raw(9) == "OML^O21^OML_O21"
    assert names(message) == ["MSH", "PID", "ORC", "OBR", "NTE", "SPM", "ORC", "OBR", "SPM"]
    assert message.first("SPM").raw(4) == "122555007^Venous blood^SCT"
    assert message.first("NTE").get(3) == "Sample: Home visit"
    assert message.first("OBR").get(24) == "LAB"


def test_an_o33_has_the_specimen_above_the_orders_that_share_it():
    message = written(FBC, UE, CRP, kind="OML^O33")
    assert names(message) == [
        "MSH", "PID", "SPM", "ORC", "TQ1", "OBR", "NTE", "ORC", "TQ1", "OBR",
        "SPM", "ORC", "TQ1", "OBR",
    ]  # fmt: skip
    assert [orc.get(2) for orc in message.all("ORC")] == [FBC.placer, CRP.placer, UE.placer]


def test_systems_are_named_as_table_0396_has_them():
    message = written(FBC, CRP, kind="OML^O21")
    assert [obr.get(4, 3) for obr in message.all("OBR")] == ["SCT", "L"]


@pytest.mark.parametrize("kind", ["OMG^O19", "OML^O21", "OML^O33", "ORM^O01"])
def test_another_reader_finds_the_same_orders_in_every_structure(kind):
    """hl7apy knows the standard's structures; it is asked only here. SPM is of version 2.5, and
    HL7 UK takes it into 2.4."""
    lines = (CHEST,) if kind in ("OMG^O19", "ORM^O01") else (FBC, UE)
    raw = render(order(*lines, kind=kind, version="2.5.1"))
    message = hl7apy.parser.parse_message(
        raw.decode(), validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False
    )
    assert [each.orc_2.value for each in message.children if each.name == "ORC"] == [
        line.placer for line in lines
    ]
    assert message.msh.msh_9.value == raw.split(b"|")[8].decode()


# --- Never guessed -------------------------------------------------------------------------------


@pytest.mark.hazard("H11")
@pytest.mark.parametrize("priority", Priority.values)
def test_every_priority_of_the_form_comes_back_as_it_went(priority):
    (said,) = asked(written(replace(CHEST, priority=priority)))
    assert said.priority == priority
    assert priority_of(priority_code(priority)) == priority


@pytest.mark.hazard("H11")
def test_the_priorities_are_exactly_those_of_the_form():
    assert set(PRIORITIES) == set(Priority.values)
    assert len(set(PRIORITIES.values())) == len(PRIORITIES)


@pytest.mark.hazard("H11")
@pytest.mark.parametrize(
    "line",
    [
        replace(CHEST, priority="soon"),
        replace(CHEST, priority=""),
        replace(CHEST, system="READ"),
        replace(CHEST, modality="ZZ"),
    ],
)
def test_what_has_no_code_is_not_sent(line):
    with pytest.raises(NoCodeFor):
        render(order(line))


@pytest.mark.parametrize("modality", ["", "XR", "CT", "US", "MR", "NM", "RF", "DX", "MG"])
def test_every_modality_of_the_catalogue_has_a_section(modality):
    assert sections(modality)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "ORU^R01"},
        {"control": "DC"},
        {"version": "2.2"},
        {"priorities": {"routine": "R", "urgent": "R", "2ww": "T"}},
        {"copies": tuple(Person(str(n), "GMC", "X") for n in range(6))},
        {"orderer": Person("", "GMC", "Patel")},
    ],
)
def test_an_order_that_breaks_a_rule_is_not_written(wrong):
    with pytest.raises(NoCodeFor):
        render(order(**wrong))
    with pytest.raises(NoCodeFor):
        render(replace(order(), lines=()))


@pytest.mark.hazard("H08")
@pytest.mark.parametrize("text", ["tab\x01", "vertical\x0b", "end\x1c"])
def test_control_characters_never_reach_the_wire(text):
    with pytest.raises(NotEncodable):
        render(order(replace(CHEST, details=text)))


@pytest.mark.hazard("H08")
def test_a_character_that_the_partner_cannot_read_is_refused_not_replaced():
    with pytest.raises(NotEncodable):
        render(order(replace(CHEST, details="Łukasz"), charset="8859/1"))
    assert render(order(replace(CHEST, details="naïve"), charset="8859/1"))


# --- Replies -------------------------------------------------------------------------------------


def reply(*segments: str) -> wire.Message:
    head = "MSH|^~\\&|RIS|RZ1|ORDERCOMMS|OC1|20261122090500||ORG^O20|H1|T|2.4||||||UNICODE UTF-8"
    return wire.parse("\r".join([head, *segments, ""]).encode())


def test_a_reply_is_read_field_by_field():
    (said,) = read_replies(
        reply(
            "MSA|AA|OC10000000009",
            "PV1|1|O|^^^RZ101^^^^^Kingsmere Hospital X-ray",
            "ORC|SC|OC10000000001|F-7||SC||||20261122101500+0000|||||||CP^Cancelled^L^^Rang us",
            "OBR|1|OC10000000001|F-7|XCHES^XR Chest^NICIP|||||||||||||||||||||I"
            "|||||||||||202611240920",
        )
    )
    assert (said.control, said.placer, said.filler) == ("SC", "OC10000000001", "F-7")
    assert (said.order_status, said.result_status) == ("SC", "I")
    assert (said.reason_code, said.reason_text, said.reason) == ("CP", "Cancelled", "Rang us")
    assert (said.place, said.site_code) == ("Kingsmere Hospital X-ray", "RZ101")
    assert said.scheduled_at.isoformat() == "2026-11-24T09:20:00+00:00"
    assert said.happened_at == datetime(2026, 11, 22, 10, 15, tzinfo=UTC)
    assert (said.answers, said.acknowledgement) == ("OC10000000009", "AA")


@pytest.mark.parametrize(
    "segments",
    [
        ["ORC|SC|P|F||SC|", "OBR|1|P|F|X" + "|" * 32 + "202611240920"],
        ["ORC|SC|P|F||SC|", "TQ1|1||||||202611240920", "OBR|1|P|F|X"],
        ["ORC|SC|P|F||SC||^^^202611240920^^R", "OBR|1|P|F|X"],
    ],
)
def test_the_appointment_is_found_where_each_version_has_it(segments):
    (said,) = read_replies(reply(*segments))
    assert said.scheduled_at.isoformat() == "2026-11-24T09:20:00+00:00"


def test_a_message_of_several_orders_is_several_replies_and_the_number_may_be_in_obr():
    replies = read_replies(reply("ORC|OK|P1", "OBR|1|P1", "ORC|UA", "OBR|2|P2", "NTE|1||Why"))
    assert [(r.control, r.placer) for r in replies] == [("OK", "P1"), ("UA", "P2")]
    assert replies[1].reason == "Why"
    assert read_replies(reply("PID|1")) == ()
