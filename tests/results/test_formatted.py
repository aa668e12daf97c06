import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import wire
from results.hl7 import CENTRE, STRONG
from results.hl7.formatted import WIDEST, Formatted, joined, read
from results.queries.values import runs_of


def text(source):
    return read(source, "UNICODE UTF-8").text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (r"one\.br\two", "one\ntwo"),
        (r"one\.sp\two", "one\ntwo"),
        (r"one\.sp3\two", "one\n\n\ntwo"),
        (r"\.in+4\one\.br\two", "    one\n    two"),
        (r"\.in+4\one\.br\\.in-2\two", "    one\ntwo"),
        (r"\.ti+2\one\.br\two", "  one\ntwo"),
        (r"\.in+4\\.ti-4\one\.br\two", "one\n    two"),
        (r"one\.sk3\two", "one   two"),
        (r"\.fi\one\.nf\two", "onetwo"),
        (r"one\.ce\two\.br\three", "one\ntwo\nthree"),
        (r"\H\high\N\ low", "high low"),
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"\X41\ and \XC3A9\ ", "A and é "),
        (r"\Zxyz\ \.xx\ \.in\ 100\%", "\\Zxyz\\ \\.xx\\  100\\%"),
        (r"half an escape \.br", r"half an escape \.br"),
    ],
)
def test_each_formatting_command_is_obeyed_or_stays_visible(source, said):
    assert text(source) == said


def test_an_indentation_as_wide_as_the_sender_likes_is_not_as_wide_as_a_book():
    assert text(r"\.in+99\a") == " " * WIDEST + "a"


def test_what_is_highlighted_and_what_is_centred_is_marked_and_not_changed():
    found = read(r"a \H\bold\N\ b\.ce\title\.br\rest", "UNICODE UTF-8")
    assert found == Formatted("a bold b\ntitle\nrest", ((STRONG, 2, 6), (CENTRE, 9, 14)))
    assert [(run.text, run.kind) for run in runs_of(found.text, found.marks)] == [
        ("a ", ""), ("bold", STRONG), (" b\n", ""), ("title", CENTRE), ("\nrest", ""),
    ]  # fmt: skip


def test_highlighting_that_never_ends_ends_with_the_text():
    assert read(r"a\H\b", "ASCII").marks == ((STRONG, 1, 2),)


def test_marks_of_joined_texts_are_where_their_text_is():
    parts = [read(r"one", "ASCII"), read(r"\H\two\N\ ", "ASCII")]
    assert joined(parts) == Formatted("one\ntwo ", ((STRONG, 4, 7),))


@pytest.mark.hazard("H25")
@given(st.text())
def test_the_runs_of_any_text_are_the_whole_text(words):
    source = wire.escape(words.translate(dict.fromkeys(range(32), " ") | {0x7F: " "}), lines=True)
    found = read(f"\\H\\{source}\\N\\", "UNICODE UTF-8")
    assert found.text == wire.unescape(source)
    assert "".join(run.text for run in runs_of(found.text, found.marks)) == found.text


@given(st.text(alphabet="ab \\.HNinticespbrsk+-0123456789\n|~^&"))
def test_no_sequence_of_commands_breaks_it(source):
    found = read(source, "ASCII")
    assert all(0 <= start < end <= len(found.text) for _, start, end in found.marks)
