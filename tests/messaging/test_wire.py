"""The particular cases of reading and writing; what holds for all text is in properties/."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from messaging import wire

HEAD = b"MSH|^~\\&|LAB|RX1|ORDERCOMMS|OC1|20261122||ORU^R01^ORU_R01|7|T|2.4||||||UNICODE UTF-8\r"


def parse(*lines: str) -> wire.Message:
    return wire.parse(HEAD + "\r".join(lines).encode() + b"\r")


@pytest.mark.parametrize(
    ("leaf", "text"),
    [
        (r"a \F\ b \S\ c \T\ d \R\ e \E\ f", "a | b ^ c & d ~ e \\ f"),
        (r"one\.br\two\.sp\three\.ce\four", "one\ntwo\nthree\nfour"),
        (r"one\.sp3\two\.sp+2\three", "one\n\n\ntwo\n\nthree"),
        (r"\H\important\N\ rest", "important rest"),
        (r"\XC2B5\g", "µg"),
        (r"\X0D0A\next\X0A\last", "\nnext\nlast"),
        (r"\X00\ and \XC2\ and \XG1\ and \X4\ and \X\ stay", None),
        (r"\.in+4\ and \Z12\ and \M1234\ and \q\ stay", None),
        (r"5 \ 3 = nothing lost", None),
        ("half \\E", None),
        ("\\", None),
        (r"\E\.br\E\ ", r"\.br\ "),
    ],
)
def test_escapes_read_once_and_what_is_unknown_stays(leaf, text):
    assert wire.unescape(leaf) == (leaf if text is None else text)


def test_control_characters_inside_a_message_become_visible():
    assert parse("NTE|1||a\x00b\x1bc\td").get("NTE", 3) == "a␀b␛c\td"


@pytest.mark.hazard("H25")
def test_text_with_delimiters_that_nobody_escaped_is_read_whole():
    obx = parse("OBX|1|TX|K||Na & K ^ high~second line||||||F").first("OBX")
    assert obx.text(5) == "Na & K ^ high\nsecond line"
    assert obx.get(5) == "Na "


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("charset", "raw"), [("8859/1", b"5 \xb5g < 6"), ("UNICODE UTF-8", b"5 \xc2\xb5g < 6")]
)
def test_text_is_read_in_the_character_set_that_is_named(charset, raw):
    head = HEAD.replace(b"UNICODE UTF-8", charset.encode())
    assert wire.parse(head + b"NTE|1||" + raw).get("NTE", 3) == "5 µg < 6"


def test_every_position_counts_from_one_and_absence_is_empty():
    message = parse("PID|1||A^1^^NHS&x&y^NH~B|||")
    assert message.get("PID", 3) == "A"
    assert message.get("PID", 3, component=4, subcomponent=3) == "y"
    assert message.get("PID", 3, repetition=2) == "B"
    nothing = {
        message.get("PID", 3, component=9), message.get("PID", 3, repetition=9),
        message.get("PID", 99), message.get("ZZZ", 1), message.get("PID", 2),
    }  # fmt: skip
    assert nothing == {""}
    pid = message.first("PID")
    assert [each.get(1) for each in pid.repetitions(3)] == ["A", "B"]
    assert pid.repetitions(2) == []


def test_the_header_counts_its_separator_as_the_first_field():
    header = parse("NTE|1").header
    assert [header.get(n) for n in (1, 2, 3, 9)] == ["|", "^~\\&", "LAB", "ORU"]
    assert header.get(9, 3) == "ORU_R01"


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        ("ORC OBR OBX NTE ORC OBR OBX", [["ORC", "OBR", "OBX", "NTE"], ["ORC", "OBR", "OBX"]]),
        ("ORC OBR OBX OBR OBX", [["ORC", "OBR", "OBX"], ["OBR", "OBX"]]),
        ("PID OBR OBX OBX", [["OBR", "OBX", "OBX"]]),
        ("PID PV1", []),
    ],
)
def test_segments_fall_into_groups(names, groups):
    message = parse(*(f"{name}|1" for name in names.split()))
    found = message.groups("ORC", "OBR")
    assert [[segment.name for segment in group] for group in found] == groups


def test_groups_nest():
    message = parse(
        *(f"{name}|1" for name in ["SPM", "ORC", "OBR", "ORC", "OBR", "SPM", "ORC", "OBR"])
    )
    specimens = message.groups("SPM")
    assert [len(wire.groups(group, "ORC", "OBR")) for group in specimens] == [2, 1]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_segments_may_end_as_they_end_elsewhere(end):
    raw = HEAD.decode().replace("\r", end) + f"PID|1{end}NTE|1||x{end}"
    message = wire.parse(raw.encode())
    assert [segment.name for segment in message] == ["MSH", "PID", "NTE"]
    assert message.get("NTE", 3) == "x"
    assert message.raw == raw.encode()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "header"),
        (b"PID|1", "header"),
        (b"\nMSH|^~\\&|", "header"),
        (b"MSH|" + b"x" * 5000, "header"),
        (b"MSH$%~\\&$", "delimiters"),
        (b"MSH|^~\\\\&|", "delimiters"),
        (HEAD.replace(b"UNICODE UTF-8", b"UNICODE"), "charset"),
        (HEAD + b"NTE|1||\xff", "charset"),
        (HEAD + b"NTE|1||a\x1cb", "framing"),
        (HEAD + b"this is not a segment", "segment"),
        (HEAD + b"nte|1", "segment"),
        (HEAD + HEAD, "second_header"),
        (HEAD + b"NTE|1\r" * 10_001, "too_many_segments"),
    ],
)
def test_what_cannot_be_read_without_guessing_is_refused_with_a_reason(raw, reason):
    with pytest.raises(wire.Unparseable) as refusal:
        wire.parse(raw)
    assert refusal.value.reason_code == reason


def test_an_empty_character_set_is_ascii_or_what_is_agreed():
    raw = HEAD.replace(b"UNICODE UTF-8", b"") + b"NTE|1||\xb5"
    assert wire.parse(raw, default_charset="WINDOWS-1252").get("NTE", 3) == "µ"
    with pytest.raises(wire.Unparseable):
        wire.parse(raw)


@pytest.mark.hazard("H08")
def test_words_that_the_partners_character_set_lacks_are_refused_and_not_replaced():
    header = wire.header(
        sender=("A", "B"), receiver=("C", "D"), at=datetime(2026, 1, 1, tzinfo=UTC),
        message_type=("ORU", "R01"), control_id="1", charset="8859/1",
    )  # fmt: skip
    with pytest.raises(wire.NotEncodable) as refusal:
        wire.build([header, wire.segment("NTE", ["1", "", "10 µg → 20"])])
    assert refusal.value.reason_code == "charset"


def test_nothing_prints_a_message_by_accident():
    message = parse("PID|1||9990000018||Testpatient")
    for thing in (message, message.first("PID"), message.first("PID").repetitions(3)[0]):
        assert "999" not in repr(thing)
        assert "Testpatient" not in f"{thing}"


def test_trailing_empty_fields_are_left_out_and_inner_ones_kept():
    assert wire.segment("OBR", {1: "1", 4: ["", "name", ""], 9: ""}).source == "OBR|1|||^name"
    assert wire.segment("PID", ["", None, ""]).source == "PID"


@pytest.mark.parametrize("name", ["pid", "PI", "PIDX", "MSH", "1ID"])
def test_a_segment_has_a_name_of_three_capitals(name):
    with pytest.raises(wire.NotEncodable):
        wire.segment(name, ["1"])


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("20261122090500+0000", datetime(2026, 11, 22, 9, 5, tzinfo=UTC)),
        ("20260722090500", datetime(2026, 7, 22, 8, 5, tzinfo=UTC)),  # British Summer Time
        ("202611220905", datetime(2026, 11, 22, 9, 5, tzinfo=UTC)),
        ("20261122", datetime(2026, 11, 22, tzinfo=UTC)),
        ("20261122090500.25-0130", datetime(2026, 11, 22, 10, 35, 0, 250000, tzinfo=UTC)),
    ],
)
def test_times_are_instants(text, instant):
    assert wire.read_timestamp(text) == instant


@pytest.mark.parametrize("text", ["", "2026", "202611", "20261322", "20260230", "2026112209", "x"])
def test_what_does_not_name_a_day_is_no_time(text):
    with pytest.raises(wire.NotATime):
        wire.read_timestamp(text)


def test_a_time_without_a_zone_is_not_written():
    assert wire.timestamp(datetime(2026, 7, 1, 8, tzinfo=UTC)) == "20260701090000+0100"
    with pytest.raises(wire.NotATime):
        wire.timestamp(datetime(2026, 7, 1, 8))


def test_a_day_is_read_from_a_date_or_a_time():
    assert wire.read_date("19580302") == wire.read_date("195803021200") == date(1958, 3, 2)
    with pytest.raises(wire.NotATime):
        wire.read_date("195803")


def test_the_examples_at_the_top_of_the_module_are_true():
    import doctest

    assert doctest.testmod(wire).failed == 0
    assert doctest.testmod(wire).attempted > 5
    assert Path(wire.__file__).name == "__init__.py"
