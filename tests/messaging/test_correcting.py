"""A message as text, what an edit changes, and which of it two people have to want."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import correcting
from messaging.errors import NotSendable, Unparseable
from tests.messaging.senders import note, patient, sent

ORDER = sent(
    "C1", patient("9990000018", system="NHS"), note("Fell yesterday.\nCannot bear weight.")
)


def text(raw: bytes = ORDER) -> str:
    return correcting.text_of(raw, default_charset="ASCII")


def places(before: str, after: str) -> list[tuple[str, bool]]:
    return [(each.place, each.needs_second) for each in correcting.changes_of(before, after)]


def test_a_message_that_nobody_edits_comes_back_byte_for_byte():
    assert correcting.raw_of(text(), default_charset="ASCII") == ORDER
    assert places(text(), text()) == []


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])))
def test_any_words_in_a_note_survive_the_way_to_the_page_and_back(words):
    raw = sent("C1", patient(), note(words))
    there = text(raw).replace("\n", "\r\n")  # as browsers send what was typed
    assert correcting.raw_of(there, default_charset="ASCII") == raw


@pytest.mark.hazard("H21")
@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("PID|1||9990000019|||F", "PID-3"),
        ("ORC|CA|OC1-1|L1", "ORC-1"),
        ("OBR|1|OC1-1|L1|NA^Sodium^L", "OBR-4"),
        ("OBX|1|NM|K^Potassium^L||3.9|mmol/L", "OBX-5"),
        ("OBX|1|NM|K^Potassium^L||6.9|mol/L", "OBX-6"),
        ("NTE|1||Haemolysed", "NTE-3"),
        ("PV1|1|E", "PV1-2"),
        ("ZXY|changed", "ZXY-1"),
        ("MRG|S1", "MRG-1"),
        ("AL1|1||PEN", "AL1-3"),
    ],
)
def test_what_is_clinical_or_of_the_identity_needs_two_people(line, place):
    before = (
        "MSH|^~\\&|A|B\nPID|1||9990000018|||F\nORC|NW|OC1-1|L1\nOBR|1|OC1-1|L1|K^Potassium^L\n"
        "OBX|1|NM|K^Potassium^L||6.9|mmol/L\nNTE|1||Not haemolysed\nPV1|1|O\nZXY|was\nMRG|S2\n"
        "AL1|1||ASP"
    )
    after = "\n".join(line if old[:3] == line[:3] else old for old in before.split("\n"))
    assert places(before, after) == [(place, True)]


@pytest.mark.parametrize("place", ["MSH-9", "MSH-12", "MSH-18", "MSH-5", "EVN-2", "TQ1-9"])
def test_a_field_that_is_in_no_table_needs_two_people(place):
    name, number = place.split("-")
    assert int(number) not in correcting.ONE_PERSON.get(name, ())


def test_a_telephone_number_to_ring_back_needs_one_person():
    before = "MSH|^~\\&|A|B\nOBR|1||||||||||||||||020 7946 0100"
    assert places(before, before.replace("0100", "0101")) == [("OBR-17", False)]


@pytest.mark.parametrize("lines", ["PID|1\nOBX|1\nOBX|2", "PID|1", "OBX|1\nPID|1", "PID|1\nZZZ|1"])
def test_a_segment_more_or_less_or_moved_needs_two_people(lines):
    changes = correcting.changes_of("PID|1\nOBX|1", lines)
    assert changes
    assert all(each.needs_second for each in changes)


@pytest.mark.parametrize(
    ("edited", "reason"),
    [
        ("", "header"),
        ("PID|1||no header", "header"),
        ("MSH|#~\\&|A|B", "delimiters"),
        (text() + "\nhalf a line", "segment"),
        (text() + "\n" + text(), "second_header"),
        (text().replace("Fell", "Fe␋ll"), "control_character"),
        (text().replace("UNICODE UTF-8", "KLINGON"), "charset"),
        (text().replace("UNICODE UTF-8", "ASCII").replace("Fell", "Fèll"), "charset"),
        (text() + "x" * correcting.LONGEST_TEXT, "too_long"),
    ],
)
def test_a_text_that_is_no_message_is_refused_with_the_reason(edited, reason):
    with pytest.raises(Unparseable) as refusal:
        correcting.raw_of(edited, default_charset="ASCII")
    assert refusal.value.reason_code == reason
    assert refusal.value.sentence.endswith(".")


def test_bytes_that_are_no_message_are_shown_whole_with_control_bytes_drawn():
    assert text(b"\x0bMSH|half\x00\rPID\xff") == "␋MSH|half␀\nPIDÿ"


def test_a_new_control_id_changes_nothing_else():
    numbered = correcting.with_control_id(text(), "OC10000000007")
    assert places(text(), numbered) == [("MSH-10", False)]
    with pytest.raises(Unparseable):
        correcting.with_control_id("MSH|^~\\&|A|B", "X")


def test_what_messages_find_each_other_by_stays():
    changes = correcting.changes_of("ORC|NW|OC1-1", "ORC|NW|OC1-2")
    with pytest.raises(NotSendable) as refusal:
        correcting.refuse_fixed(changes, correcting.FIXED_OUT)
    assert "ORC-2" in refusal.value.sentence
    correcting.refuse_fixed(changes, correcting.FIXED_IN)
