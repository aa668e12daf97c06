"""Whatever a person types and ticks is what the other side reads (hazards H07 and H08)."""

import string
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from messaging import wire
from requesting.hl7 import Answered, Line, Person, Reason, Sample, as_asked, asked, render
from requesting.hl7.words import LONGEST_INFORMATION, clinical_information
from tests.requesting.test_hl7 import order

# Everything that the form lets through: no control characters but line breaks, no half characters.
WORDS = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), max_size=120
).map(lambda text: text.strip())
PLAIN = WORDS.map(lambda text: " ".join(text.split())).filter(bool)
CODES = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=12)

choices = st.builds(
    lambda code, question, value, label: Answered(code, question, "choice", value, label),
    CODES, PLAIN, CODES, PLAIN,
)  # fmt: skip
texts = st.builds(
    lambda code, question, text: Answered(code, question, "text", text, text),
    CODES, PLAIN, WORDS.filter(bool),
)  # fmt: skip
dates = st.builds(
    lambda code, question, on: Answered(code, question, "date", on.isoformat(), str(on)),
    CODES, PLAIN, st.dates(date(1900, 1, 1), date(2100, 1, 1)),
)  # fmt: skip
lines = st.builds(
    Line,
    placer=CODES,
    code=CODES,
    name=PLAIN,
    system=st.sampled_from(["NICIP", "SNOMED", "LOCAL"]),
    priority=st.sampled_from(["routine", "urgent", "2ww"]),
    modality=st.sampled_from(["", "XR", "CT", "US", "MR"]),
    reasons=st.lists(st.builds(Reason, CODES, PLAIN, WORDS), max_size=4).map(tuple),
    details=WORDS,
    answers=st.lists(st.one_of(choices, texts, dates), max_size=6).map(tuple),
    samples=st.lists(st.builds(Sample, CODES, PLAIN, CODES, PLAIN), max_size=2).map(tuple),
    take_from=st.none() | st.dates(date(2026, 1, 1), date(2030, 1, 1)),
)


def _fitting(line, kind, version):
    """OBR-15 has place for one specimen; two are refused (test_dialects)."""
    has_spm = kind.startswith("OML") and version >= "2.4"
    return line if has_spm else replace(line, samples=line.samples[:1])


orders = st.builds(
    lambda lines, kind, version, copies: order(
        *(_fitting(line, kind, version) for line in lines),
        kind=kind,
        version=version,
        copies=tuple(Person(n, "GMC", "Name") for n in copies),
    ),
    st.lists(lines, min_size=1, max_size=4),
    st.sampled_from(["OMG^O19", "OML^O21", "OML^O33", "ORM^O01"]),
    st.sampled_from(["2.3", "2.3.1", "2.4", "2.5", "2.5.1"]),
    st.lists(CODES, max_size=5),
)


@pytest.mark.hazard("H07")
@settings(max_examples=150, deadline=None)
@given(orders)
def test_the_answers_of_the_message_are_the_answers_of_the_order(asking):
    said = asked(wire.parse(render(asking)))
    meant = {line.placer: as_asked(asking, line) for line in asking.lines}
    assert len(said) == len(asking.lines)
    for each in said:
        if [line.placer for line in asking.lines].count(each.placer) == 1:
            assert each == meant[each.placer]


@pytest.mark.hazard("H08")
@settings(max_examples=150, deadline=None)
@given(WORDS)
def test_no_word_of_the_details_is_lost_or_changed(details):
    asking = order(replace(order().lines[0], details=details))
    message = wire.parse(render(asking))
    information = message.first("OBR").get(13)
    assert " ".join(details.split()) in information
    whole = message.first("NTE").get(3) if message.first("NTE") else details
    assert whole == details
    if "\n" in details or len(clinical_information(asking.lines[0])) > LONGEST_INFORMATION:
        assert message.first("NTE") is not None


@pytest.mark.hazard("H08")
@settings(max_examples=100, deadline=None)
@given(orders)
def test_no_control_byte_is_on_the_wire(asking):
    assert not set(render(asking)) & (set(range(0x20)) - {0x0D})
