"""A message laid open: names, repetitions, decoded escapes, Z segments, and what fills no page."""

import time

import pytest

from messaging import anatomy as page
from messaging import wire
from tests.messaging.senders import patient, sent

MEBIBYTE = 1024 * 1024


def lay(*segments: str) -> dict[str, page.FieldLines]:
    raw = sent("A1", patient()) + "".join(f"{each}\r" for each in segments).encode()
    opened = page.anatomy(raw, default_charset="ASCII")
    assert opened.unreadable == ""
    return {field.number: field for segment in opened.segments for field in segment.fields}


def shown(field: page.FieldLines) -> list[list[tuple[str, str]]]:
    return [[(part.name, part.value) for part in parts] for parts in field.repetitions]


def test_fields_components_and_repetitions_have_their_names():
    fields = lay("PV1|1|O|W3^B2~W4^B1")
    assert fields["PV1-3"].name == "Assigned patient location"
    assert shown(fields["PV1-3"])[0] == [("Point of care", "W3"), ("Room", "B2")]
    assert len(fields["PV1-3"].repetitions) == 2


def test_escapes_are_read_and_what_is_no_escape_stays():
    fields = lay(r"NTE|1||5\T\6 \F\ a\.br\b \Zx\ <b>")
    assert shown(fields["NTE-3"]) == [[("", "5&6 | a\nb \\Zx\\ <b>")]]


def test_a_value_has_the_names_of_the_type_that_obx_2_gives_it():
    fields = lay("OBX|1|CE|K^Potassium^L||N^Normal^HL70078")
    assert [name for name, _ in shown(fields["OBX-5"])[0]] == [
        "Identifier", "Text", "Name of coding system",
    ]  # fmt: skip
    assert shown(lay("OBX|1|ZZ|K||A^B")["OBX-5"]) == [[("", "A"), ("", "B")]]


def test_a_segment_that_no_version_has_is_shown_without_names():
    assert shown(lay("ZXY|one|two^three")["ZXY-2"]) == [[("", "two"), ("", "three")]]


def test_what_cannot_be_read_says_why_and_shows_its_bytes():
    opened = page.anatomy(b"\x0bPID|1\r\xff", default_charset="ASCII")
    assert opened.unreadable.endswith(".")
    assert opened.byte_lines == [("000000", "0b 50 49 44 7c 31 0d ff", "[VT]PID|1[CR]·")]


def hostile(shape: str) -> bytes:
    """Nearly 16 MiB that a listener would take."""
    head = sent("A1", patient())
    much = 15 * MEBIBYTE
    return (
        head
        + {
            "one long value": b"OBX|1|TX|K||" + b"x" * much,
            "repetitions": b"OBX|1|TX|K||" + b"~" * much,
            "components": b"OBX|1|TX|K||" + b"^" * much,
            "full components": b"OBX|1|TX|K||" + b"^a" * (much // 2),
            "fields": b"ZZZ" + b"|a" * (much // 2),
            "segments": b"".join(b"NTE|%d||%s\r" % (n, b"y" * 1400) for n in range(9_900)),
            "escapes": b"OBX|1|TX|K||" + b"\\T\\" * (much // 3),
        }[shape]
    )


@pytest.mark.parametrize(
    "shape",
    [
        "one long value", "repetitions", "components", "full components", "fields", "segments",
        "escapes",
    ],
)  # fmt: skip
def test_no_message_of_sixteen_mebibytes_fills_a_page_or_keeps_it_waiting(shape):
    raw = hostile(shape)
    began = time.monotonic()
    opened = page.anatomy(raw, default_charset="ASCII")
    assert time.monotonic() - began < 10  # a busy machine; alone it is about one second
    parts = [
        part
        for segment in opened.segments
        for field in segment.fields
        for repetition in field.repetitions
        for part in repetition
    ]
    assert sum(len(part.value) for part in parts) < 2 * page.MOST_CHARACTERS
    assert len(parts) < 20_000
    assert opened.size == len(raw)
    assert opened.bytes_left_out == len(raw) - page.MOST_BYTES


def test_what_is_left_out_is_counted():
    raw = sent("A1", *(wire.segment("NTE", [str(n), "", "y" * 3000]) for n in range(400)))
    opened = page.anatomy(raw, default_charset="ASCII")
    assert len(opened.segments) + opened.segments_left_out == 401
    assert opened.segments_left_out > 0
