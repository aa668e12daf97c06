"""Lists to a message. Delimiters come from here and from nowhere else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from messaging.errors import NotEncodable

from .leaves import CHARSETS, UTF_8, escape
from .reading import NAME, Message, Segment, parse
from .times import timestamp


class Text(str):
    """Words of a person (HL7 FT or TX): their new lines are kept."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Repeat:
    """The repetitions of one field."""

    parts: Sequence["Composite"]


Leaf = str | None
Component = Leaf | Sequence[Leaf]  # a list is its subcomponents
Composite = Leaf | Sequence[Component]  # a list is its components
Value = Composite | Repeat


def segment(name: str, values: Sequence[Value] | Mapping[int, Value]) -> Segment:
    """A segment from lists, or from field numbers to values: `{2: placer, 4: [code, name]}`.

    A value is text, a list of components (each text or a list of subcomponents), or a Repeat of
    those. Plain text is ST: its new lines become spaces; `Text` keeps them.
    Raises NotEncodable.
    """
    if not NAME.match(name) or name == "MSH":
        raise NotEncodable("segment", "A segment's name is three capitals; MSH is `header`.")
    return Segment("|".join([name, *_field_texts(values)]), UTF_8)


def _field_texts(values: Sequence[Value] | Mapping[int, Value]) -> list[str]:
    if isinstance(values, Mapping):
        last = max(values, default=0)
        values = [values.get(number) for number in range(1, last + 1)]
    texts = [_field(value) for value in values]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _field(value: Value) -> str:
    if isinstance(value, Repeat):
        return "~".join(_composite(part) for part in value.parts)
    return _composite(value)


def _composite(value: Composite) -> str:
    if value is None or isinstance(value, str):
        return _leaf(value)
    return "^".join(_component(part) for part in value).rstrip("^")


def _component(value: Component) -> str:
    if value is None or isinstance(value, str):
        return _leaf(value)
    return "&".join(_leaf(part) for part in value).rstrip("&")


def _leaf(value: Leaf) -> str:
    return escape(value or "", lines=isinstance(value, Text))


def header(
    *,
    sender: tuple[Value, Value],
    receiver: tuple[Value, Value],
    at: datetime,
    message_type: tuple[str, ...],
    control_id: str,
    processing_id: str = "T",
    version: str = "2.4",
    charset: str = UTF_8,
    asks: tuple[str, str] = ("", ""),
) -> Segment:
    """The MSH segment. `sender` and `receiver` are (application, facility).

    `asks`: MSH-15 and MSH-16. Both empty: original acknowledgement mode.
    """
    fields: dict[int, Value] = {
        3: sender[0], 4: sender[1], 5: receiver[0], 6: receiver[1], 7: timestamp(at),
        9: list(message_type), 10: control_id, 11: processing_id, 12: version,
        15: asks[0], 16: asks[1], 17: "GBR", 18: charset,
    }  # fmt: skip
    texts = _field_texts(fields)[2:]  # MSH-1 and MSH-2 are the delimiters
    return Segment("|".join(["MSH", "^~\\&", *texts]), charset or "ASCII")


def build(segments: Sequence[Segment]) -> Message:
    """The message of these segments, encoded as its MSH-18 says, checked by reading it back.

    Raises NotEncodable for a character that the character set does not have.
    """
    charset = segments[0].get(18) or "ASCII"
    text = "".join(f"{each.source}\r" for each in segments)
    try:
        raw = text.encode(CHARSETS[charset])
    except UnicodeEncodeError:
        words = f"The text has a character that the partner's character set ({charset}) lacks."
        raise NotEncodable("charset", words) from None
    message = parse(raw)
    if [each.source for each in message] != [each.source for each in segments]:
        raise NotEncodable("round_trip", "The message does not read back as it was written.")
    return message


def verify_round_trip(message: Message) -> None:
    """Raise NotEncodable unless decode and encode again give the very bytes of the message.

    Holds for messages of `build`: it proves that every value of them is read as it was meant.
    """
    again = "".join(f"{_written_again(each)}\r" for each in message)
    if again.encode(CHARSETS[message.charset]) != message.raw:
        raise NotEncodable("round_trip", "The message does not read back as it was written.")


def _written_again(each: Segment) -> str:
    last = len(each)
    fields = [_field_written_again(each, number) for number in range(1, last + 1)]
    if each.name == "MSH":
        return "|".join(["MSH", each.raw(2), *fields[2:]])
    return "|".join([each.name, *fields])


def _field_written_again(each: Segment, number: int) -> str:
    return "~".join(
        "^".join("&".join(escape(leaf, lines=True) for leaf in part) for part in whole.components)
        for whole in each.repetitions(number)
    )
