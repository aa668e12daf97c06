"""Overlays: drawings of one bit each that lie over an image (PS3.3 C.9.2, C.9.3).

Those whose bits lie in the pixels themselves (retired in 2004) are counted and not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

GROUPS = range(0x6000, 0x6020, 2)
ROWS, COLUMNS, FRAMES, ORIGIN, FIRST_FRAME, BITS, DATA = (
    0x0010, 0x0011, 0x0015, 0x0050, 0x0051, 0x0100, 0x3000
)  # fmt: skip
TAGS = [
    group << 16 | each
    for group in GROUPS
    for each in (ROWS, COLUMNS, FRAMES, ORIGIN, FIRST_FRAME, BITS, DATA)
]
MOST_EDGE = 16_384  # pixels
INK = (255, 235, 59)


@dataclass(frozen=True)
class Overlays:
    """What lies over one frame: how many drawings, how many that cannot be drawn, and where."""

    count: int
    left_out: int
    where: np.ndarray | None  # of the image's size


class _NotDrawn(Exception):
    """This one's data lie elsewhere, or are not what they say."""


def overlays_of(header: Dataset, frame: int, rows: int, columns: int) -> Overlays:
    """Of frame number `frame` (from 0). Never fails: what cannot be drawn is counted."""
    where, count, left_out = np.zeros((rows, columns), bool), 0, 0
    for group in GROUPS:
        if (group << 16 | ROWS) not in header:
            continue
        try:
            drawn = _add(where, header, group << 16, frame)
        except (_NotDrawn, ValueError, TypeError, IndexError, KeyError, AttributeError):
            left_out += 1
        else:
            count += drawn
    return Overlays(count, left_out, where if count else None)


def draw(picture: Image.Image, overlays: Overlays) -> Image.Image:
    """In a colour that no grey image has."""
    if overlays.where is None:
        return picture
    pixels = np.array(picture.convert("RGB"))
    pixels[overlays.where] = INK
    return Image.fromarray(pixels, "RGB")


def _add(where: np.ndarray, header: Dataset, base: int, frame: int) -> bool:
    """False where it belongs to another frame. Raises _NotDrawn and what a bad header brings."""
    rows, columns = int(header[base | ROWS].value), int(header[base | COLUMNS].value)
    if not (0 < rows <= MOST_EDGE and 0 < columns <= MOST_EDGE):
        raise _NotDrawn
    if int(_value(header, base | BITS, 1)) != 1 or (base | DATA) not in header:
        raise _NotDrawn
    number = _frame_of(header, base, frame)
    if number is None:
        return False
    bits = _bits(header, base | DATA, number * rows * columns, rows * columns)
    _place(where, bits.reshape(rows, columns), header, base)
    return True


def _value(header: Dataset, tag: int, default: int) -> object:
    value = header[tag].value if tag in header else None
    return default if value in (None, "") else value


def _frame_of(header: Dataset, base: int, frame: int) -> int | None:
    """Which of its frames lies over that one; one without frames lies over all (C.9.3.1)."""
    if (base | FRAMES) not in header:
        return 0
    number = frame + 1 - int(_value(header, base | FIRST_FRAME, 1))
    return number if 0 <= number < int(_value(header, base | FRAMES, 1)) else None


def _bits(header: Dataset, tag: int, start: int, count: int) -> np.ndarray:
    """Packed without a gap, lowest bit first (PS3.5 8.1.2)."""
    data = np.frombuffer(header[tag].value, np.uint8)
    if header[tag].VR == "OW" and header.original_encoding[1] is False:
        data = data[: len(data) // 2 * 2].reshape(-1, 2)[:, ::-1].ravel()
    if (start + count + 7) // 8 > len(data):
        raise _NotDrawn
    piece = np.unpackbits(data[start // 8 : (start + count + 7) // 8], bitorder="little")
    return piece[start % 8 : start % 8 + count].astype(bool)


def _place(where: np.ndarray, bits: np.ndarray, header: Dataset, base: int) -> None:
    """At its origin, row and column counted from 1; what lies outside the image is cut."""
    down, across = (int(each) - 1 for each in _value(header, base | ORIGIN, 0) or (1, 1))  # type: ignore[attr-defined]
    bits = bits[max(0, -down) :, max(0, -across) :]
    seen = where[max(0, down) :, max(0, across) :]
    rows, columns = min(len(bits), len(seen)), min(bits.shape[1], seen.shape[1])
    seen[:rows, :columns] |= bits[:rows, :columns]
