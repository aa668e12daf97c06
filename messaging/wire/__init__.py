r"""HL7 v2 bytes to a message and back, losing nothing. Plain Python; any room may enter.

>>> raw = (b"MSH|^~\\&|LAB|RX1|ORDERCOMMS|OC1|20261122||ORU^R01|7|T|2.4\r"
...     b"OBX|1|FT|K^Salt||a\\.br\\b~c\r")
>>> message = parse(raw)
>>> message.type, message.control_id, message.get("OBX", 3), message.get("OBX", 3, component=2)
('ORU^R01', '7', 'K', 'Salt')
>>> [(obx.get(1), obx.text(5)) for obx in message.all("OBX")]  # every repetition, a line each
[('1', 'a\nb\nc')]
>>> [[s.name for s in group] for group in message.groups("ORC", "OBR")]
[]
>>> patient = segment("PID", {3: Repeat([["9990000018", "", "", "NHS", "NH"]]),
...     5: ["O'A & B", "Ada"]})
>>> at = read_timestamp("20261122090500")
>>> out = build([header(sender=("ORDERCOMMS", "OC1"), receiver=("LAB", "RX1"), at=at,
...     message_type=("OML", "O21"), control_id="OC10000000001"), patient,
...     segment("NTE", ["1", "", Text("first\nsecond")])])
>>> out.get("PID", 5), out.first("NTE").raw(3), verify_round_trip(out)
("O'A & B", 'first\\.br\\second', None)

What a leaf means when read: `\F\ \S\ \T\ \R\ \E\` are the delimiters, `\.br\`, `\.sp\` and `\.ce\`
a new line, `\Xdd\` bytes in the message's character set, `\H\` and `\N\` (highlighting) nothing.
Any other escape, a broken one, and control characters (as U+2400 pictures) stay visible.
Absent parts read as "". `""` (NULL) is HL7's "delete this". HL7 v2.4 chapter 2.
"""

from messaging.errors import NotATime, NotEncodable, Unparseable

from .leaves import CHARSETS, NULL, UTF_8, escape, unescape
from .reading import Message, Repetition, Segment, charset_of, first_line, groups, header_of, parse
from .times import LONDON, read_date, read_timestamp, timestamp
from .writing import Repeat, Text, Value, build, header, segment, verify_round_trip

__all__ = [
    "CHARSETS", "LONDON", "NULL", "UTF_8", "Message", "NotATime", "NotEncodable", "Repeat",
    "Repetition", "Segment", "Text", "Unparseable", "Value", "build", "charset_of", "escape",
    "first_line", "groups", "header", "header_of", "parse", "read_date", "read_timestamp",
    "segment", "timestamp", "unescape", "verify_round_trip",
]  # fmt: skip
