"""Bytes to a message: segments, fields, repetitions, components, subcomponents."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from messaging.errors import Unparseable

from .leaves import CHARSETS, escape, unescape

MAX_SEGMENTS = 10_000
_LONGEST_HEADER = 4096
_ENCODING_CHARACTERS = ("^~\\&", "^~\\&#")  # with the truncation character of version 2.7
NAME = re.compile(r"[A-Z][A-Z0-9]{2}\Z")


@dataclass(frozen=True, slots=True, repr=False)
class Repetition:
    """One repetition of a field: components of subcomponents."""

    source: str
    charset: str

    def get(self, component: int = 1, subcomponent: int = 1) -> str:
        """A leaf, counted from one as HL7 does."""
        part = _nth(self.source, "^", component)
        return unescape(_nth(part, "&", subcomponent), self.charset)

    @property
    def components(self) -> list[list[str]]:
        """Every leaf: a list of subcomponents for each component."""
        return [
            [unescape(leaf, self.charset) for leaf in part.split("&")]
            for part in self.source.split("^")
        ]

    @property
    def text(self) -> str:
        """The whole as text: delimiters that the sender forgot to escape stay as they are."""
        return unescape(self.source, self.charset)

    def __repr__(self) -> str:
        return "<Repetition>"


def _nth(source: str, delimiter: str, position: int) -> str:
    if delimiter not in source:
        return source if position == 1 else ""
    parts = source.split(delimiter)
    return parts[position - 1] if position <= len(parts) else ""


class Segment:
    """A segment: a name and its fields, as they are on the wire and as they read."""

    __slots__ = ("_parts", "charset", "name", "source")

    def __init__(self, source: str, charset: str) -> None:
        self.source = source
        self.charset = charset
        self.name = source[:3]
        self._parts: list[str] | None = None

    def _fields(self) -> list[str]:
        if self._parts is None:
            self._parts = self.source.split("|")
            if self.name == "MSH":  # MSH-1 is the delimiter itself
                self._parts.insert(1, "|")
        return self._parts

    def __len__(self) -> int:
        """The number of the last field."""
        return len(self._fields()) - 1

    def raw(self, field: int) -> str:
        """A field as it is on the wire, escapes and all."""
        fields = self._fields()
        return fields[field] if field < len(fields) else ""

    def repetitions(self, field: int) -> list[Repetition]:
        """The repetitions of a field; none when it is empty."""
        raw = self.raw(field)
        if self.name == "MSH" and field <= 2:
            return [Repetition(escape(raw), self.charset)]
        return [Repetition(part, self.charset) for part in raw.split("~")] if raw else []

    def get(
        self, field: int, component: int = 1, subcomponent: int = 1, repetition: int = 1
    ) -> str:
        """One leaf, every position counted from one; "" where there is nothing."""
        all_of_them = self.repetitions(field)
        if repetition > len(all_of_them):
            return ""
        return all_of_them[repetition - 1].get(component, subcomponent)

    def text(self, field: int) -> str:
        """The whole field for a reader: every repetition, a line each."""
        return "\n".join(part.text for part in self.repetitions(field))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segment) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"<Segment {self.name}, {len(self)} fields>"


class Message:
    """A message: its bytes as they came, and its segments in order."""

    __slots__ = ("charset", "raw", "segments")

    def __init__(self, raw: bytes, segments: tuple[Segment, ...], charset: str) -> None:
        self.raw = raw
        self.segments = segments
        self.charset = charset

    @property
    def header(self) -> Segment:
        return self.segments[0]

    @property
    def code(self) -> str:
        """MSH-9.1: `ORU`."""
        return self.header.get(9)

    @property
    def trigger(self) -> str:
        """MSH-9.2: `R01`."""
        return self.header.get(9, 2)

    @property
    def type(self) -> str:
        """`ORU^R01`."""
        return f"{self.code}^{self.trigger}" if self.trigger else self.code

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.header.get(10)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self.segments)

    def first(self, name: str) -> Segment | None:
        return next((segment for segment in self.segments if segment.name == name), None)

    def all(self, name: str) -> list[Segment]:
        return [segment for segment in self.segments if segment.name == name]

    def get(
        self, name: str, field: int, component: int = 1, subcomponent: int = 1, repetition: int = 1
    ) -> str:
        """One leaf of the first segment of that name; "" where there is nothing."""
        segment = self.first(name)
        return segment.get(field, component, subcomponent, repetition) if segment else ""

    def groups(self, *names: str) -> list[list[Segment]]:
        """The segments in groups that begin with one of `names`; see the function `groups`."""
        return groups(self.segments, *names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and self.segments == other.segments

    def __hash__(self) -> int:
        return hash(self.segments)

    def __repr__(self) -> str:
        return f"<Message of {len(self.segments)} segments>"


def groups(segments: Iterable[Segment], *names: str) -> list[list[Segment]]:
    """Cut a run of segments into groups; what stands before the first is left out.

    With `"ORC", "OBR"` a group begins at an ORC, or at an OBR that no ORC introduces. Use it again
    on a group for what is nested in it.
    """
    found: list[list[Segment]] = []
    last = len(names)
    for segment in segments:
        position = names.index(segment.name) if segment.name in names else -1
        if position >= 0 and (not found or position <= last):
            found.append([])
        if position >= 0:
            last = position
        if found:
            found[-1].append(segment)
    return found


def parse(raw: bytes, *, default_charset: str = "ASCII") -> Message:
    """Read a message. Segments end with CR (CR LF, or LF alone, is understood).

    `default_charset` (a name of HL7 table 0211) is what the partner uses where MSH-18 is empty.
    Raises Unparseable with the reason_code `header`, `delimiters`, `framing`, `charset`,
    `segment`, `second_header` or `too_many_segments`.
    """
    charset = charset_of(raw) or default_charset
    text = _decode(raw, charset)
    sources = _split(text)
    for source in sources:
        if not NAME.match(source[:3]) or source[3:4] not in ("", "|"):
            raise Unparseable("segment", "A line of the message is not a segment.")
    segments = tuple(Segment(source, charset) for source in sources)
    if any(segment.name == "MSH" for segment in segments[1:]):
        raise Unparseable("second_header", "There are two messages in one frame.")
    return Message(raw, segments, charset)


def charset_of(raw: bytes) -> str:
    """The first repetition of MSH-18, as sent; "" when it is empty. Checks MSH-1 and MSH-2."""
    return header_of(raw).get(18)


def header_of(raw: bytes) -> Segment:
    """The MSH segment alone, whatever follows it. Raises Unparseable `header` or `delimiters`."""
    if not raw.startswith(b"MSH"):
        raise Unparseable("header", "The message does not begin with MSH.")
    line = first_line(raw)
    if len(line) == _LONGEST_HEADER:
        raise Unparseable("header", "The MSH segment does not end.")
    if line[3:4] != "|" or line[4:].split("|", 1)[0] not in _ENCODING_CHARACTERS:
        raise Unparseable("delimiters", r"The delimiters in MSH-1 and MSH-2 are not |^~\&.")
    return Segment(line, "8859/1")


def first_line(raw: bytes) -> str:
    """What stands before the first segment end, byte for character, so far as it is read at all."""
    end = b"\r" if b"\r" in raw else b"\n"
    return raw[:_LONGEST_HEADER].split(end, 1)[0].decode("latin-1")


def _decode(raw: bytes, charset: str) -> str:
    if b"\x0b" in raw or b"\x1c" in raw:
        # A frame that was cut and begun again would put one patient's lines under another's name.
        raise Unparseable("framing", "There is a frame delimiter inside the message.")
    if charset not in CHARSETS:
        raise Unparseable("charset", "MSH-18 names a character set that we do not read.")
    try:
        return raw.decode(CHARSETS[charset])
    except UnicodeDecodeError:
        words = f"The message is not in the character set that it names ({charset})."
        raise Unparseable("charset", words) from None


def _split(text: str) -> list[str]:
    sources = text.replace("\r\n", "\r").split("\r") if "\r" in text else text.split("\n")
    sources = [source for source in sources if source.strip("\n")]
    if len(sources) > MAX_SEGMENTS:
        raise Unparseable("too_many_segments", f"There are more than {MAX_SEGMENTS} segments.")
    return sources
