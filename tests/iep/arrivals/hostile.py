"""Files that mean harm, made from a seed: every shape of reliability.md F19, and mutations."""

import struct
import zlib
from collections.abc import Callable
from random import Random

from .bytes import DEFLATED, IMPLICIT, ROOT, dataset, element, image, item, part10, uid

Shape = Callable[[Random], bytes]


def truncated(random: Random) -> bytes:
    content = image()
    return content[: random.randrange(len(content))]


def lies_about_a_length(random: Random) -> bytes:
    tag, vr = random.choice([(0x00100010, "PN"), (0x00080005, "CS"), (0x00081030, "LO")])
    long = struct.pack("<HL", 0, random.choice([0xFFFFFFFE, 0x7FFFFFFF, 2**31]))
    head = struct.pack("<HH", 0x0008, 0x0001) + random.choice([b"UN", b"OB", b"UT"]) + long
    return part10(random.choice([
        head + dataset(),
        dataset() + element(0x7FE10010, "OW", b"xx", length=random.randrange(3, 2**32 - 2)),
        element(tag, vr, b"abc", length=random.randrange(100, 65535)) + dataset(),
    ]))  # fmt: skip


def nests(random: Random) -> bytes:
    """Sequences in sequences, with and without lengths."""
    deep = random.choice([33, 60, 500, 20_000])
    if random.random() < 0.5:
        head = struct.pack("<HH", 0x0040, 0xA730) + b"SQ" + struct.pack("<HL", 0, 0xFFFFFFFF)
        return part10(dataset() + (head + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)) * deep)
    inner = b""
    for _ in range(min(deep, 500)):
        inner = element(0x0040A730, "SQ", item(inner))
    return part10(dataset(extra=inner))


def deflate_bomb(random: Random) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(dataset())
    for _ in range(random.choice([80, 200])):
        packed += packer.compress(bytes(1024 * 1024))
    return part10(packed + packer.flush(), syntax=DEFLATED)


def broken_deflate(random: Random) -> bytes:
    return part10(random.randbytes(random.randrange(2000)), syntax=DEFLATED)


def wrong_group_length(random: Random) -> bytes:
    said = random.choice([0, 1, 2**31, 2**32 - 1, random.randrange(2**32)])
    sop = uid()
    return part10(dataset(sop_uid=sop), sop_uid=sop, group_length=said)


def bad_charset(random: Random) -> bytes:
    charset = random.choice(["ISO_IR 999", "utf-16", "../../etc", "\\" * 200, "ISO 2022 IR 87", ""])
    name = random.choice([b"\x1b$B\xff\xff", b"\xff\xfe\x00", bytes(range(1, 256)), b"\x1b" * 60])
    return part10(dataset(charset=charset, name=name))


def many_values(random: Random) -> bytes:
    values = b"1\\" * random.choice([100, 2040, 30_000])
    long = struct.pack("<HH", 0x0018, 0x9999) + b"UC" + struct.pack("<HL", 0, 1_000_000)
    return part10(random.choice([
        dataset(patient_id=values[:60_000]), dataset(name=values[:60_000]),
        dataset(extra=long + b"1\\" * 500_000),
    ]))  # fmt: skip


def private_sequence(random: Random) -> bytes:
    inner = item(element(0x00091010, "UN", random.randbytes(random.randrange(400))))
    unknown = struct.pack("<HH", 0x0009, 0x1011) + b"UN" + struct.pack("<HL", 0, 0xFFFFFFFF)
    return part10(dataset(extra=b"") + element(0x00091010, "SQ", inner) + unknown + inner)


def unknown_transfer_syntax(random: Random) -> bytes:
    syntax = random.choice(["1.2.840.113619.5.2", "1.2.3", "../../x", "\0" * 8, "9" * 64, ""])
    return part10(dataset(), syntax=syntax)


def wicked_uid(random: Random) -> bytes:
    wicked = random.choice([b"../../../../etc/passwd", b"1.2\x00/../x", b"1.2.3\n", b"9" * 66, b"",
                            "１.２.３".encode(), b"1.2.%2e%2e", b"C:\\x", b"1.2 3"])  # fmt: skip
    return part10(dataset(**{random.choice(["sop_uid", "study_uid", "series_uid"]): wicked}))


def implicit_noise(random: Random) -> bytes:
    noise = b"".join(
        struct.pack("<HHL", random.choice([8, 0x10, 0x40, 0xFFFE]), random.randrange(65536),
                    random.choice([0, 2, 0xFFFFFFFF, random.randrange(70_000)]))
        + random.randbytes(random.randrange(8))
        for _ in range(random.randrange(1, 200))
    )  # fmt: skip
    return part10(noise, syntax=IMPLICIT)


def huge_pixels(random: Random) -> bytes:
    return part10(dataset(rows=65535, columns=65535, frames=str(random.choice([1, 2**31 - 1]))))


def many_elements(random: Random) -> bytes:
    return part10(dataset(extra=element(0x7FE10011, "US", 1) * random.choice([1000, 200_000])))


def said_twice(random: Random) -> bytes:
    return part10(dataset(extra=element(0x00100020, "LO", f"Z{random.randrange(99)}")))


def mutated(random: Random) -> bytes:
    """Bytes of a proper file changed, taken out and doubled."""
    content = bytearray(image())
    for _ in range(random.randrange(1, 12)):
        at = random.randrange(132, len(content))
        random.choice([
            lambda at=at: content.__setitem__(at, random.randrange(256)),
            lambda at=at: content.__delitem__(slice(at, at + random.randrange(1, 9))),
            lambda at=at: content.__setitem__(slice(at, at), content[at : at + 8]),
        ])()  # fmt: skip
    return bytes(content)


def rubbish(random: Random) -> bytes:
    return bytes(128) + b"DICM" + random.randbytes(random.randrange(3000))


SHAPES: dict[str, Shape] = {
    each.__name__: each
    for each in (
        truncated, lies_about_a_length, nests, deflate_bomb, broken_deflate, wrong_group_length,
        bad_charset, many_values, private_sequence, unknown_transfer_syntax, wicked_uid,
        implicit_noise, huge_pixels, many_elements, said_twice, mutated, rubbish,
    )
}  # fmt: skip
COSTLY = frozenset({"deflate_bomb", "many_elements", "many_values", "nests"})
PREAMBLES = {
    "PE": b"MZ\x90\x00\x03\x00\x00\x00" + b"\x0e\x1f\xba" * 40,
    "ELF": b"\x7fELF\x02\x01\x01" + b"\x90" * 120,
    "Mach-O": b"\xcf\xfa\xed\xfe\x07\x00\x00\x01" + b"\x01" * 120,
    "ZIP": b"PK\x03\x04" + b"\x14" * 120,
    "PDF": b"%PDF-1.7\n" + b"%" * 110,
}
STUDY = ROOT
