"""A message as text that a person edits, and what an edit changes. Plain Python.

Which fields one person may change alone is one table, ONE_PERSON. Everything else is of the
patient's identity or clinical, or may be, and needs a second person (reliability.md 6.6).
"""

from dataclasses import dataclass
from difflib import SequenceMatcher

from . import wire
from .errors import NotSendable, Unparseable
from .wire.leaves import CHARSETS, CONTROL

# Times of sending, who may be asked, how it travels: nothing of the patient and nothing of the
# test. Two people for the rest: PID, OBR-4, OBX-5, ORC-1, every Z segment, a segment more or less.
ONE_PERSON: dict[str, frozenset[int]] = {
    "MSH": frozenset({7, 8, 10, 14, 15, 16, 17, 19, 20}),
    "ORC": frozenset({14, 18}),  # call back telephone number, entering device
    "OBR": frozenset({17}),  # order callback telephone number
}
# What no edit may change: by these an answer finds what it answers, and a sender is known.
FIXED_OUT = frozenset({"MSH-3", "MSH-4", "ORC-2", "OBR-2"})
FIXED_IN = frozenset({"MSH-3", "MSH-4", "MSH-10", "MSH-11"})

LONGEST_TEXT = 256 * 1024  # characters of a message that can be edited in a page
_PICTURES = {code: 0x2400 + code for code in range(0x20) if code not in (9, 10)}
_DRAWN = {chr(picture) for picture in _PICTURES.values()}


@dataclass(frozen=True)
class Change:
    """One place that the edit changes: `PID-5`, or `OBX` for a segment that came or went."""

    place: str
    before: str
    after: str
    needs_second: bool


def text_of(raw: bytes, *, default_charset: str) -> str:
    """The message a segment a line, as it is on the wire; control characters drawn as pictures.

    Bytes that are not in their character set are shown one character a byte.
    """
    try:
        text = wire.parse(raw, default_charset=default_charset).raw.decode(
            CHARSETS[_charset(raw, default_charset)]
        )
    except Unparseable:
        text = raw.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    return text.translate(_PICTURES) if CONTROL.search(text) else text


def raw_of(text: str, *, default_charset: str) -> bytes:
    """The bytes of an edited text. Raises Unparseable where it is no message, with the reason."""
    if len(text) > LONGEST_TEXT:
        raise Unparseable("too_long", "The message is too long to be edited here.")
    if _DRAWN & set(text):
        words = "There is still a control character in it (drawn as a small picture): take it out."
        raise Unparseable("control_character", words)
    lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
    joined = "".join(f"{line}\r" for line in lines)
    charset = _charset(joined.encode("latin-1", "replace"), default_charset)
    try:
        raw = joined.encode(CHARSETS[charset])
    except UnicodeEncodeError:
        words = f"It has a character that the character set of the message ({charset}) lacks."
        raise Unparseable("charset", words) from None
    wire.parse(raw, default_charset=default_charset)
    return raw


def _charset(raw: bytes, default_charset: str) -> str:
    charset = wire.charset_of(raw) or default_charset
    if charset not in CHARSETS:
        raise Unparseable("charset", "MSH-18 names a character set that we do not read.")
    return charset


def with_control_id(text: str, control_id: str) -> str:
    """The text with a new MSH-10."""
    header, _, rest = text.partition("\n")
    fields = header.rstrip("\r").split("|")
    if fields[0] != "MSH" or len(fields) < 11:
        raise Unparseable("header", "The message does not begin with a whole MSH segment.")
    fields[9] = control_id
    return f"{'|'.join(fields)}\n{rest}"


def changes_of(before: str, after: str) -> list[Change]:
    """What differs between two texts, field by field; a segment more or less as a whole."""
    old, new = _lines(before), _lines(after)
    matcher = SequenceMatcher(None, [line[:3] for line in old], [line[:3] for line in new], False)
    changes: list[Change] = []
    for kind, first, last, start, end in matcher.get_opcodes():
        if kind == "equal":
            for left, right in zip(old[first:last], new[start:end], strict=True):
                changes += _fields_changed(left, right)
            continue
        changes += [Change(line[:3], line, "", True) for line in old[first:last]]
        changes += [Change(line[:3], "", line, True) for line in new[start:end]]
    return changes


def _lines(text: str) -> list[str]:
    return [line for line in text.replace("\r", "\n").split("\n") if line.strip()]


def _fields_changed(left: str, right: str) -> list[Change]:
    if left == right:
        return []
    name = left[:3]
    old, new = wire.Segment(left, "8859/1"), wire.Segment(right, "8859/1")
    alone = ONE_PERSON.get(name, frozenset())
    return [
        Change(f"{name}-{number}", old.raw(number), new.raw(number), number not in alone)
        for number in range(1, max(len(old), len(new)) + 1)
        if old.raw(number) != new.raw(number)
    ]


def refuse_fixed(changes: list[Change], fixed: frozenset[str]) -> None:
    """Raise NotSendable where an edit changes what must stay."""
    found = sorted({change.place for change in changes} & fixed)
    if found:
        words = f"{', '.join(found)} must stay as it is: by it messages find each other."
        raise NotSendable("fixed_field", words)
