"""From stored numbers to grey: modality LUT or rescale, then VOI LUT or window.

A file may bring a window, a table, or both as two ways to look at it; its window is taken first.
What is inverted is inverted last. PS3.3 C.11.1, C.11.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

# Centre and width in the units of the modality LUT: Hounsfield units of CT.
WINDOWS = {"lung": (-600.0, 1500.0), "bone": (300.0, 1500.0), "soft": (40.0, 400.0)}
AUTO, FULL = "auto", "full"
MODALITY_TABLE, VOI_TABLE = 0x00283000, 0x00283010
DESCRIPTOR, DATA = 0x00283002, 0x00283006
TAGS = [
    0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281056, MODALITY_TABLE, VOI_TABLE,
    0x52009229, 0x52009230,
]  # fmt: skip

Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Shades:
    """8-bit grey, and how it came about: centre and width, or the file's own table."""

    grey: np.ndarray
    window: tuple[float, float] | None
    is_table: bool = False


def shades(
    pixels: np.ndarray, header: Dataset, frame: int, wanted: str, *, is_inverse: bool
) -> Shades:
    """`wanted`: a window of WINDOWS, "full" or "auto". Raises ValueError: a table that is none."""
    real = _modality(header, frame)
    lowest, highest = _range(pixels, real)
    given = _given(header, frame)
    if wanted == AUTO and given is None and (table := _table(header, VOI_TABLE, lowest < 0)):
        return Shades(
            _grey(pixels, lambda values: table.share(real(values)), is_inverse), None, True
        )
    if wanted == AUTO and given is not None:
        (centre, width), shape = given, _shape(header, frame)
    else:
        (centre, width), shape = WINDOWS.get(wanted) or _full(lowest, highest), _linear
    grey = _grey(pixels, lambda values: shape(real(values), centre, width), is_inverse)
    return Shades(grey, (round(centre, 1), round(width, 1)))


def _grey(pixels: np.ndarray, share: Change, is_inverse: bool) -> np.ndarray:
    """Shares of white as bytes; by a table of all values where those are few."""

    def grey(values: np.ndarray) -> np.ndarray:
        found = np.nan_to_num(np.clip(share(values), 0, 1), nan=0.0)
        return ((1 - found if is_inverse else found) * 255 + 0.5).astype(np.uint8)

    if pixels.dtype.itemsize > 2 or pixels.dtype.kind == "f":
        return np.concatenate(
            [grey(rows) for rows in np.array_split(pixels, max(1, len(pixels) // 256))]
        )
    whole = np.iinfo(pixels.dtype)
    table = grey(np.arange(whole.min, whole.max + 1))
    return table[pixels.astype(np.int32) - whole.min]


def _range(pixels: np.ndarray, real: Change) -> tuple[float, float]:
    """The lowest and the highest number that it has, after the modality's change."""
    if pixels.dtype.kind == "f":
        pixels = pixels[np.isfinite(pixels)]
        if not pixels.size:
            return 0.0, 1.0
    lowest, highest = pixels.min(), pixels.max()
    few = pixels.dtype.itemsize <= 2
    every = np.arange(int(lowest), int(highest) + 1) if few else np.array([lowest, highest])
    found = real(every)
    return float(found.min()), float(found.max())


# --- The modality's change ------------------------------------------------------------------------


def _modality(header: Dataset, frame: int) -> Change:
    signed = header.get("PixelRepresentation") == 1
    if table := _table(header, MODALITY_TABLE, signed):
        return table.of
    slope = first(header, frame, "RescaleSlope", "PixelValueTransformationSequence") or 1.0
    add = first(header, frame, "RescaleIntercept", "PixelValueTransformationSequence") or 0.0
    return lambda values: values.astype(np.float32) * slope + add


# --- Windows --------------------------------------------------------------------------------------


def _given(header: Dataset, frame: int) -> tuple[float, float] | None:
    centre = first(header, frame, "WindowCenter", "FrameVOILUTSequence")
    width = first(header, frame, "WindowWidth", "FrameVOILUTSequence")
    usable = centre is not None and width is not None
    least = 1 if _shape(header, frame) is _linear else 1e-6
    return (centre, width) if usable and width >= least else None  # type: ignore[return-value,operator]


def _full(lowest: float, highest: float) -> tuple[float, float]:
    return (lowest + highest + 1) / 2, max(highest - lowest + 1, 2.0)


def _linear(values: np.ndarray, centre: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1."""
    return (values - (centre - 0.5 - (width - 1) / 2)) / max(width - 1, 1e-6)


def _exact(values: np.ndarray, centre: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.3.2."""
    return (values - (centre - width / 2)) / width


def _sigmoid(values: np.ndarray, centre: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.3.1."""
    return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -60, 60)))


_SHAPES = {"LINEAR_EXACT": _exact, "SIGMOID": _sigmoid}


def _shape(header: Dataset, frame: int) -> Callable[[np.ndarray, float, float], np.ndarray]:
    for place in _places(header, frame, "FrameVOILUTSequence"):
        if name := str(place.get("VOILUTFunction") or "").strip().upper():
            return _SHAPES.get(name, _linear)
    return _linear


def first(header: Dataset, frame: int, name: str, sequence: str) -> float | None:
    """Its first value: of the instance, or of the frame's or the shared functional groups."""
    for place in _places(header, frame, sequence):
        value = place.get(name)
        value = value[0] if isinstance(value, (list, tuple)) or hasattr(value, "insert") else value
        try:
            number = float(value)
        except (TypeError, ValueError, IndexError):
            continue
        if np.isfinite(number):
            return number
    return None


def _places(header: Dataset, frame: int, sequence: str) -> list[Dataset]:
    found = [header]
    groups: list[Callable[[], Any]] = [
        lambda: header.PerFrameFunctionalGroupsSequence[frame],
        lambda: header.SharedFunctionalGroupsSequence[0],
    ]
    for group in groups:
        try:
            found.append(group()[sequence].value[0])
        except (AttributeError, IndexError, KeyError, TypeError):
            continue
    return found


# --- Tables (PS3.3 C.11.1.1.1, C.11.2.1.1) --------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """`values[n]` is what becomes of `start + n`; what lies outside is the nearest that is in."""

    start: int
    values: np.ndarray  # float32
    top: float  # white

    def of(self, values: np.ndarray) -> np.ndarray:
        places = np.clip(np.rint(values) - self.start, 0, len(self.values) - 1)
        return self.values[np.nan_to_num(places).astype(np.int32)]

    def share(self, values: np.ndarray) -> np.ndarray:
        return self.of(values) / self.top


def _table(header: Dataset, tag: int, signed: bool) -> _Table | None:
    """The first of the sequence. Raises ValueError: it is there and is none."""
    items = header[tag].value if tag in header else None
    if not items:
        return None
    item, little = items[0], header.original_encoding[1] is not False
    try:
        count, start, bits = (int(each) for each in _numbers(item[DESCRIPTOR].value, little))
        values = _numbers(item[DATA].value, little, wide=bits > 8, count=count or 65536)
    except (KeyError, TypeError):
        raise ValueError("a table without its parts") from None
    if not 8 <= bits <= 16 or len(values) < (count or 65536):
        raise ValueError("a table that is too short, or of strange numbers")
    start -= 65536 if signed and start > 32767 else 0
    values = values[: count or 65536].astype(np.float32)
    return _Table(start, values, max(2.0**bits - 1, float(values.max())))


def _numbers(value: Any, little: bool, *, wide: bool = True, count: int = 3) -> np.ndarray:
    """US, SS or OW; where the parser left bytes, words of the file's order, or 8 bits each."""
    if not isinstance(value, bytes):
        return np.atleast_1d(np.array(value, dtype=np.int64))
    narrow = not wide and len(value) < 2 * count
    kind = "u1" if narrow else "<u2" if little else ">u2"
    return np.frombuffer(value[: len(value) // 2 * 2 if not narrow else None], kind)
