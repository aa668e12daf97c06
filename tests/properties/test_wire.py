"""Whatever a person types arrives as it was typed; whatever a partner sends loses nothing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import wire

CONTROL = "".join(chr(code) for code in range(0x20) if chr(code) not in "\t\n\r")
words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters=CONTROL))
words_with_delimiters = st.text(st.sampled_from("|^~\\&\r\n\tabé µ<FSTRE.brX0D")) | words
HEADER = {
    "sender": ("OURS", "OC1"),
    "receiver": ("THEIRS", "RX1"),
    "at": wire.read_timestamp("20261122090500"),
    "message_type": ("ORU", "R01"),
    "control_id": "7",
}


def lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(words_with_delimiters)
def test_any_text_escaped_and_read_again_is_the_same(text):
    assert wire.unescape(wire.escape(text, lines=True)) == lines(text)


@given(words_with_delimiters)
def test_plain_text_keeps_everything_but_its_new_lines(text):
    assert wire.unescape(wire.escape(text)) == lines(text).replace("\n", " ")


@given(words_with_delimiters)
def test_an_escaped_text_has_no_delimiter_and_no_control_character(text):
    escaped = wire.escape(text, lines=True)
    assert not set(escaped) & set("|^~&\r\n")
    assert not set(escaped) & set(CONTROL)


@given(st.text(st.sampled_from("\\abFSTREXHN0dD.brsp|Z"), max_size=30))
def test_broken_and_unknown_escapes_lose_nothing(text):
    """What is left when every understood escape is taken away stays, letter for letter."""
    understood = re.compile(r"\\([FSTREHN]|\.br|\.sp(\+?\d{1,2})?|X([0-9A-Fa-f]{2})+)\\")
    left = re.sub(r"\\([^\\]*)\\", lambda m: "" if understood.fullmatch(m[0]) else m[0], text)
    read = wire.unescape(text)
    kept = iter(read)
    assert all(letter in kept for letter in left)


leaf = words_with_delimiters
component = leaf | st.lists(leaf, min_size=1, max_size=3)
composite = leaf | st.lists(component, min_size=1, max_size=4)
value = composite | st.lists(composite, min_size=1, max_size=3).map(wire.Repeat)


def leaves(value, depth=0):
    """The leaves of a value in order, empty tails left out, as a reader must see them."""
    if isinstance(value, wire.Repeat):
        return [found for part in value.parts for found in leaves(part)]
    if isinstance(value, str):
        return [lines(value).replace("\n", " ")] if value else []
    return [found for part in value for found in leaves(part)]


@given(st.lists(value, max_size=8))
def test_a_built_message_reads_back_as_its_values(values):
    message = wire.build([wire.header(**HEADER), wire.segment("ZZZ", values)])
    wire.verify_round_trip(message)
    assert [segment.name for segment in message] == ["MSH", "ZZZ"]
    assert message.raw.count(b"\r") == 2
    found = [
        each
        for number in range(1, len(message.segments[1]) + 1)
        for part in message.segments[1].repetitions(number)
        for subcomponents in part.components
        for each in subcomponents
        if each
    ]
    assert found == [each for given in values for each in leaves(given)]


@given(words_with_delimiters)
def test_no_value_can_make_a_segment(text):
    message = wire.build([wire.header(**HEADER), wire.segment("NTE", ["1", "", wire.Text(text)])])
    assert len(message.segments) == 2
    assert message.segments[1].text(3) == lines(text)


@given(words, st.sampled_from(CONTROL))
def test_a_control_character_never_reaches_the_wire(text, control):
    with pytest.raises(wire.NotEncodable):
        wire.escape(text + control)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_are_refused_with_a_reason(raw):
    try:
        read = wire.parse(raw)
    except wire.Unparseable as refusal:
        read = refusal
    assert (read.raw == raw) if isinstance(read, wire.Message) else read.reason_code


@given(st.text(st.sampled_from("MSHPIDOBX|^~\\&\r\n\x00\x1b ab1F.br"), max_size=200))
def test_any_body_after_a_good_header_is_read_or_refused(body):
    raw = b"MSH|^~\\&|A|B|C|D|20261122||ORU^R01|7|T|2.4\r" + body.encode()
    try:
        message = wire.parse(raw)
    except wire.Unparseable:
        return
    for segment in message:
        for number in range(1, len(segment) + 1):
            assert "\x00" not in segment.text(number)
            assert segment.get(number) in segment.text(number) or segment.name == "MSH"
