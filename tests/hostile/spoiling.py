"""How a good message is spoilt: one function for each kind, and what the door must say of it.

A kind takes a source of chance and the bytes of a good message (version 2.4, UTF-8, a sender we
know) and gives other bytes. It knows nothing of our reader: what is expected of it comes from
docs/hl7/transport.md, section 2.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence

Chance = random.Random
Kind = Callable[[Chance, bytes], bytes]

TAKEN = frozenset({"", "same_id_other_content"})
ANY: frozenset[str] = frozenset()  # nothing is promised but one answer, and that it is kept

RTL = "\u202eكلوريد الصوديوم\u202c שלום \u200f"
WORDS = (
    "\x07", "\x1b[31m", "\x7f", "\ufeff", RTL, "a\u0301" * 40, "🩺👩🏽‍⚕️", "é", "\u2028", "\ud7ff",
    "' OR 1=1 --", "<script>alert(1)</script>", "{{7*7}}", "%s%n", "../../etc/passwd", "\\", "\\\\",
)  # fmt: skip
# What would be another message if a value were believed: fields, segments, escapes that make them.
INJECTIONS = (
    "x\rPID|1||9990000018^^^NHS^NH", "x\rMSH|^~\\&|LIMS|RZ1|||20261122||ADT^A40|9|T|2.4",
    "x\rOBX|9|NM|K||9.9|mmol/L|||||F", "x|y|z", "x^y&z~w", "\\X0D\\OBX|9|NM|K||9.9",
    "\\.br\\\\.br\\",
    "x\nMRG|S1", "x\r\nORC|CA|1|2", "\\F\\\\S\\\\T\\\\R\\\\E\\", "\\X1C0D\\", "\\X0B\\MSH|", '""',
)  # fmt: skip
BROKEN_ESCAPES = (
    "\\", "\\F", "\\Q\\", "\\X\\", "\\X0\\", "\\XZZ\\", "\\.sp99999\\", "\\.br", "\\E\\F\\",
    "\\\\\\",
    "\\C2842\\", "\\M243942\\", "\\Zabc\\", "\\.in+99999999999\\", "\\H\\\\N\\\\H\\", "\\XFFFE\\",
)  # fmt: skip
VALUES = (
    "NaN", "1e999", "-0", "٣٤", "999999999999999999999999", "1/0", "20261399", "99999999999999",
    "00000000", "2026-11-22", "", '""', "F", "X", "D", "W", "^^^^", "~~~", "&&", "0x10", "1,5", "<",
    "9990000018^^^NHS^NH", "A" * 300, "\u00a0", "19000101", "20991231235959.9999+1400",
)  # fmt: skip


def _lines(raw: bytes) -> list[bytes]:
    return raw.rstrip(b"\r").split(b"\r")


def _whole(lines: Sequence[bytes]) -> bytes:
    return b"\r".join(lines) + b"\r"


def header_with(raw: bytes, field: int, value: bytes) -> bytes:
    """Another MSH field; MSH-3 is field 3."""
    first, rest = raw.split(b"\r", 1)
    fields = first.split(b"|")
    fields += [b""] * (field - len(fields))
    fields[field - 1] = value
    return b"|".join(fields) + b"\r" + rest


def _in_a_field(chance: Chance, raw: bytes, value: bytes, *, also_header: bool = False) -> bytes:
    """The value in the place of any field, of any segment but MSH."""
    lines = _lines(raw)
    at = chance.randrange(0 if also_header else 1, len(lines))
    fields = lines[at].split(b"|")
    fields[chance.randrange(min(2 if at == 0 else 1, len(fields) - 1), len(fields))] = value
    lines[at] = b"|".join(fields)
    return _whole(lines)


# --- The kinds -----------------------------------------------------------------------------------


def good(chance: Chance, raw: bytes) -> bytes:
    return raw


def odd_delimiters(chance: Chance, raw: bytes) -> bytes:
    return raw.replace(b"|", chance.choice((b"#", b"!", b"\xa7", b"M", b"\t", b"\x01")))


def wrong_msh_2(chance: Chance, raw: bytes) -> bytes:
    choices = (b"", b"^", b"^~", b"~^\\&", b"^~\\&!", b"^^^^", b"\\\\\\\\", b"^~\\&#%", b"&~\\^")
    return header_with(raw, 2, chance.choice(choices))


def broken_escapes(chance: Chance, raw: bytes) -> bytes:
    for _ in range(chance.randint(1, 5)):
        pieces = chance.choices(BROKEN_ESCAPES, k=chance.randint(1, 4))
        raw = _in_a_field(chance, raw, "a".join(pieces).encode())
    return raw


def unknown_charset(chance: Chance, raw: bytes) -> bytes:
    choices = (b"EBCDIC", b"ISO IR87", b"UNICODE UTF-16", b"utf8", b"8859/99", b"UTF-7", b"idna")
    return header_with(raw, 18, chance.choice(choices))


def not_in_its_charset(chance: Chance, raw: bytes) -> bytes:
    bad = (b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf", b"Ren\xe9 ")
    return _in_a_field(chance, raw, b"a" + chance.choice(bad) + b"b")


def control_bytes(chance: Chance, raw: bytes) -> bytes:
    some = bytes(chance.choices([*range(1, 9), 12, *range(14, 28), 29, 30, 31, 127], k=5))
    return _in_a_field(chance, raw, b"a" + some, also_header=chance.random() < 0.3)


def nul(chance: Chance, raw: bytes) -> bytes:
    return _in_a_field(chance, raw, b"\x00" * chance.randint(1, 9), also_header=True)


def huge_field(chance: Chance, raw: bytes) -> bytes:
    size = chance.choice((5_000, 5_000, 5_000, 66_000, 66_000, 400_000))
    return _in_a_field(chance, raw, chance.choice((b"A", b"\\E\\", b"\xc3\xa9")) * size)


def many_segments(chance: Chance, raw: bytes) -> bytes:
    most = chance.choice((10_000, 10_000, 2_000))
    lines = _lines(raw)
    return _whole(lines + [b"NTE|1||x"] * (most - len(lines)))


def too_many_segments(chance: Chance, raw: bytes) -> bytes:
    return raw + b"NTE\r" * (10_001 + chance.randrange(3))


def deep_repetition(chance: Chance, raw: bytes) -> bytes:
    size = chance.choice((200, 2_000, 20_000))
    piece = chance.choice((b"~", b"a~", b"^", b"&", b"a^b&c~", b"\\R\\~"))
    return _in_a_field(chance, raw, piece * size)


def parts_of_msh_missing(chance: Chance, raw: bytes) -> bytes:
    for _ in range(chance.randint(1, 5)):
        raw = header_with(raw, chance.randint(3, 14), b"")
    return raw


def msh_cut(chance: Chance, raw: bytes) -> bytes:
    first, rest = raw.split(b"\r", 1)
    fields = first.split(b"|")
    return b"|".join(fields[: chance.randint(1, len(fields))]) + b"\r" + rest


def no_msh(chance: Chance, raw: bytes) -> bytes:
    choices = (raw.split(b"\r", 1)[1], b" " + raw, b"\r" + raw, b"\xef\xbb\xbf" + raw, raw.lower())
    return chance.choice(choices)


def truncated(chance: Chance, raw: bytes) -> bytes:
    return raw[: chance.randrange(len(raw))]


def two_headers(chance: Chance, raw: bytes) -> bytes:
    lines = _lines(raw)
    lines.insert(chance.randrange(1, len(lines) + 1), lines[0])
    return _whole(lines)


def batch(chance: Chance, raw: bytes) -> bytes:
    names = chance.choice(((b"FHS", b"BHS", b"BTS|1", b"FTS|1"), (b"BHS", b"", b"BTS|1", b"")))
    heads = [name + b"|^~\\&|LIMS|RZ1" for name in names[:2] if name]
    return _whole([*heads, *_lines(raw), *(name for name in names[2:] if name)])


def utf_16(chance: Chance, raw: bytes) -> bytes:
    text = raw.decode("utf-8", "replace")
    return text.encode(chance.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32")))


def strange_words(chance: Chance, raw: bytes) -> bytes:
    for _ in range(chance.randint(1, 4)):
        raw = _in_a_field(chance, raw, chance.choice(WORDS).encode())
    return raw


def injection(chance: Chance, raw: bytes) -> bytes:
    return _in_a_field(chance, raw, chance.choice(INJECTIONS).encode(), also_header=True)


def strange_values(chance: Chance, raw: bytes) -> bytes:
    for _ in range(chance.randint(1, 6)):
        raw = _in_a_field(chance, raw, chance.choice(VALUES).encode())
    return raw


def long_control_id(chance: Chance, raw: bytes) -> bytes:
    return header_with(raw, 10, b"9" * chance.choice((200, 4_000)))


def other_environment(chance: Chance, raw: bytes) -> bytes:
    return header_with(raw, 11, chance.choice((b"P", b"D", b"", b"t", b"TT", b"X")))


def stranger(chance: Chance, raw: bytes) -> bytes:
    return header_with(raw, 3, chance.choice((b"EVIL", b"lims", b"", b"LIMS " * 50, b"LIM\\S\\S")))


def unknown_type(chance: Chance, raw: bytes) -> bytes:
    choices = (b"ZZZ^Z99", b"", b"ORU", b"ORU^R99", b"^R01", b"ACK", b"MDM^T02", b"SIU^S12")
    return header_with(raw, 9, chance.choice(choices))


def segments_shuffled(chance: Chance, raw: bytes) -> bytes:
    head, *rest = _lines(raw)
    rest = chance.choices(rest, k=chance.randint(0, 2 * len(rest)))
    return _whole([head, *rest])


def names_spoilt(chance: Chance, raw: bytes) -> bytes:
    lines = _lines(raw)
    at = chance.randrange(1, len(lines))
    lines[at] = (
        chance.choice((b"obx", b"9BX", b"O", b" OBX", b"OBXX", b"\xc3\x93BX")) + lines[at][3:]
    )
    return _whole(lines)


def other_line_ends(chance: Chance, raw: bytes) -> bytes:
    return raw.replace(b"\r", chance.choice((b"\n", b"\r\n", b"\r\r", b"\r\n\r\n")))


def bytes_changed(chance: Chance, raw: bytes) -> bytes:
    data = bytearray(raw)
    for _ in range(chance.randint(1, 24)):
        at = chance.randrange(len(data) or 1)
        data[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
    return bytes(data)


def bytes_moved(chance: Chance, raw: bytes) -> bytes:
    a, b, c = sorted(chance.randrange(len(raw) + 1) for _ in range(3))
    return raw[:a] + raw[b:c] + raw[a:b] + raw[c:]


def noise(chance: Chance, raw: bytes) -> bytes:
    letters = (string.printable + "|^~\\&\r").encode()
    if chance.random() < 0.5:
        return chance.randbytes(chance.randrange(400))
    return b"MSH|^~\\&|" + bytes(chance.choices(letters, k=chance.randrange(400)))


def nothing(chance: Chance, raw: bytes) -> bytes:
    return b""


def one_byte(chance: Chance, raw: bytes) -> bytes:
    return chance.randbytes(1)


def asks_for_more(chance: Chance, raw: bytes) -> bytes:
    """Enhanced mode, in any combination; and what is no such word."""
    words = (b"AL", b"NE", b"ER", b"SU", b"", b"XX")
    return header_with(header_with(raw, 15, chance.choice(words)), 16, chance.choice(words))


# What is tried how often, and the door's reasons of which one must be given.
KINDS: dict[str, tuple[Kind, float, frozenset[str]]] = {
    "good": (good, 14, TAKEN),
    "odd_delimiters": (odd_delimiters, 2, frozenset({"header", "delimiters"})),
    "wrong_msh_2": (wrong_msh_2, 2, frozenset({"delimiters"})),
    "broken_escapes": (broken_escapes, 6, TAKEN),
    "unknown_charset": (unknown_charset, 2, frozenset({"charset"})),
    "not_in_its_charset": (not_in_its_charset, 2, frozenset({"charset"})),
    "control_bytes": (control_bytes, 3, ANY),
    "nul": (nul, 3, ANY),
    "huge_field": (huge_field, 0.2, TAKEN),
    "many_segments": (many_segments, 0.05, TAKEN),
    "too_many_segments": (too_many_segments, 0.1, frozenset({"too_many_segments"})),
    "deep_repetition": (deep_repetition, 0.5, TAKEN),
    "parts_of_msh_missing": (parts_of_msh_missing, 4, ANY),
    "msh_cut": (msh_cut, 2, ANY),
    "no_msh": (no_msh, 3, frozenset({"header"})),
    "truncated": (truncated, 6, ANY),
    "two_headers": (two_headers, 2, frozenset({"second_header"})),
    "batch": (batch, 2, frozenset({"header"})),
    "utf_16": (utf_16, 2, frozenset({"header"})),
    "strange_words": (strange_words, 6, TAKEN),
    "injection": (injection, 8, ANY),
    "strange_values": (strange_values, 10, TAKEN),
    "long_control_id": (long_control_id, 1, frozenset({"control_id", "header"})),
    "other_environment": (other_environment, 2, frozenset({"processing_id"})),
    "stranger": (stranger, 2, frozenset({"unknown_sender"})),
    "unknown_type": (unknown_type, 2, frozenset({"unsupported_type"})),
    "segments_shuffled": (segments_shuffled, 6, TAKEN),
    "names_spoilt": (names_spoilt, 2, frozenset({"segment"})),
    "other_line_ends": (other_line_ends, 3, TAKEN),
    "bytes_changed": (bytes_changed, 12, ANY),
    "bytes_moved": (bytes_moved, 6, ANY),
    "noise": (noise, 5, ANY),
    "nothing": (nothing, 1, frozenset({"header"})),
    "one_byte": (one_byte, 1, frozenset({"header"})),
    "asks_for_more": (asks_for_more, 2, TAKEN),
}
NAMES = tuple(KINDS)
WEIGHTS = tuple(weight for _, weight, _ in KINDS.values())
