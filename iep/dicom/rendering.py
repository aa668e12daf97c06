"""One frame of an instance as a PNG, for checking which images these are; never for diagnosis.

Everything is measured before anything is decoded, and each frame alone: a file says how large it
is, and its compressed frame says so again. What no installed decoder can read is refused with
words. Runs in the sandbox (iep/sandbox/errand.py). PS3.3 C.7.6.3, C.8.11.3, C.11.2; PS3.5 8.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from pydicom import config, encaps
from pydicom.dataset import Dataset
from pydicom.filereader import _read_file_meta_info, dcmread, read_preamble
from pydicom.pixels import apply_color_lut, convert_color_space, get_decoder
from pydicom.pixels.utils import _array_common
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from . import decoding, greys, overlays
from .greys import AUTO

MOST_EDGE = 16_384  # pixels, of rows or columns
MOST_FRAME = 96 * 1024 * 1024  # bytes, of one frame as it is decoded
MOST_INFLATED = 192 * 1024 * 1024  # bytes, of a deflated dataset
MOST_SHOWN = 2_048  # pixels: the longer edge of what is shown
_TAGS = [
    0x00080005, 0x00080016, 0x00080020, 0x00280002, 0x00280004, 0x00280006, 0x00280008, 0x00280010,
    0x00280011, 0x00280034, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00281101, 0x00281102,
    0x00281103, 0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223, 0x20500020,
    0x7FE00001, 0x7FE00002, *greys.TAGS, *overlays.TAGS,
]  # fmt: skip
_COLOURS = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}
_GREYS = {"MONOCHROME1", "MONOCHROME2"}
_PALETTE = "PALETTE COLOR"
_YOUNGER = {"1.2.840.10008.1.2.8.1": "Deflated Image Frame Compression"}  # PS3.6 A

config.settings.reading_validation_mode = config.IGNORE


class NotShown(Exception):
    """This instance cannot be shown here; the sentence says why."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


NO_PIXELS = "There is no picture in it: a report, a plan or a measurement."
NO_DECODER = "It is compressed in a way that cannot be shown here ({name})."
TOO_LARGE = "The picture is too large to be shown here."
DIFFERENT_SIZE = "The compressed picture is not of the size that its header says."
BROKEN = "The picture in it cannot be read."
UNKNOWN_KIND = "Its pixels are of a kind that cannot be shown here."


@dataclass(frozen=True)
class Picture:
    """A PNG, and how it was made: a window (centre and width), the file's table, or colours."""

    png: bytes
    width: int  # pixels, as shown
    height: int
    window: tuple[float, float] | None
    is_table: bool = False
    overlays: int = 0  # that lie over this frame, drawn if they were wanted
    left_out: int = 0  # that cannot be drawn
    study_date: str = ""  # as this file has it


def render(
    source: BinaryIO, *, frame: int = 0, window: str = AUTO, edge: int = MOST_SHOWN,
    drawn: bool = True,
) -> Picture:  # fmt: skip
    """Frame number `frame` (from 0) with a window of greys.WINDOWS, "full" or "auto" (the file's).

    `drawn`: with the overlays that lie over it.

    The longer edge is at most `edge` pixels. Raises NotShown; MemoryError where the sandbox ends.
    """
    try:
        return _rendered(source, frame, window, min(edge, MOST_SHOWN), drawn)
    except (NotShown, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - a header may say anything; it is the file's doing
        raise NotShown(BROKEN) from None


def _rendered(source: BinaryIO, frame: int, window: str, edge: int, drawn: bool) -> Picture:
    file = _plain(source)
    try:
        header, options = _array_common(file, list(_TAGS))
    except (AttributeError, AssertionError, KeyError):
        raise NotShown(NO_PIXELS) from None
    _measure(header, frame)
    pixels = _decoded(file, header, options, UID(options["transfer_syntax_uid"]), frame)
    picture, made = _as_image(pixels, header, frame, window)
    above = overlays.overlays_of(header, frame, picture.height, picture.width)
    picture = _scaled(overlays.draw(picture, above) if drawn else picture, header, edge)
    out = BytesIO()
    picture.save(out, "PNG", compress_level=3)
    return Picture(
        out.getvalue(), picture.width, picture.height, made.window, made.is_table, above.count,
        above.left_out, str(header.get("StudyDate") or ""),
    )  # fmt: skip


# --- Before decoding ------------------------------------------------------------------------------


def _plain(source: BinaryIO) -> BinaryIO:
    """The file, inflated within bounds where its dataset is deflated (PS3.5 A.5)."""
    read_preamble(source, force=True)
    meta = _read_file_meta_info(source)
    syntax = meta.get("TransferSyntaxUID")
    if syntax == DeflatedExplicitVRLittleEndian:
        return _inflated(source, meta)
    if not syntax:
        raise NotShown(BROKEN)
    if not UID(syntax).is_transfer_syntax:  # a maker's own, or younger than the library
        raise NotShown(NO_DECODER.format(name=_YOUNGER.get(syntax, syntax)))
    source.seek(0)
    return source


def _inflated(source: BinaryIO, meta: Dataset) -> BinaryIO:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    data = stream.decompress(source.read(MOST_INFLATED), MOST_INFLATED)
    if stream.unconsumed_tail or (not stream.eof and source.read(1)):
        raise NotShown(TOO_LARGE)
    uid = ExplicitVRLittleEndian.encode().ljust(20, b"\0")
    return BytesIO(b"\0" * 128 + b"DICM\x02\x00\x10\x00UI\x14\x00" + uid + data)


def _measure(header: Dataset, frame: int) -> None:
    rows, columns = _number(header, "Rows"), _number(header, "Columns")
    samples, bits = _number(header, "SamplesPerPixel", 1), _number(header, "BitsAllocated")
    if not (rows and columns and bits and samples in (1, 3)):
        raise NotShown(UNKNOWN_KIND if rows and columns else NO_PIXELS)
    if max(rows, columns) > MOST_EDGE or rows * columns * samples * -(-bits // 8) > MOST_FRAME:
        raise NotShown(TOO_LARGE)
    if not 0 <= frame < max(_number(header, "NumberOfFrames", 1), 1):
        raise NotShown("There is no frame of that number.")


def _number(header: Dataset, name: str, default: int = 0) -> int:
    value = header.get(name)
    try:
        return int(value) if value not in (None, "") else default
    except (TypeError, ValueError):
        return default


def _decoded(
    file: BinaryIO, header: Dataset, options: dict[str, Any], syntax: UID, frame: int
) -> np.ndarray:
    decoding.load()
    try:
        decoder = get_decoder(syntax)
        is_encapsulated = syntax.is_encapsulated
    except (NotImplementedError, ValueError):
        raise NotShown(NO_DECODER.format(name=syntax.name)) from None
    if not decoder.is_available:
        raise NotShown(NO_DECODER.format(name=syntax.name))
    try:
        if is_encapsulated:
            _compare_sizes(file, header, options, frame)
        pixels, said = decoder.as_array(file, index=frame, raw=True, validate=True, **options)
    except (NotShown, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a decoder of others does
        is_able = "support" not in str(error) and "1 bits allocated" not in str(error)
        raise NotShown(BROKEN if is_able else NO_DECODER.format(name=syntax.name)) from None
    header.PhotometricInterpretation = said.get(
        "photometric_interpretation", header.get("PhotometricInterpretation", "")
    )
    return pixels


def _compare_sizes(file: BinaryIO, header: Dataset, options: dict[str, Any], frame: int) -> None:
    """What the compressed frame says of its own size, against what was measured."""
    start = file.tell()
    offsets = options.get("extended_offsets")
    frames = options.get("number_of_frames", 1)
    data = encaps.get_frame(file, frame, extended_offsets=offsets, number_of_frames=frames)
    file.seek(start)
    found = _size_of(data)
    if found and found != (_number(header, "Rows"), _number(header, "Columns")):
        raise NotShown(DIFFERENT_SIZE)


def _size_of(data: bytes) -> tuple[int, int] | None:
    """(rows, columns) of a JPEG, JPEG-LS or JPEG 2000 codestream; None where it does not say."""
    at = data.find(b"\xff\x4f\xff\x51", 0, 4096)  # SOC, SIZ
    if at >= 0 and len(data) >= at + 24:
        across, down, left, top = (
            int.from_bytes(data[at + 8 + 4 * place : at + 12 + 4 * place], "big")
            for place in range(4)
        )
        return down - top, across - left
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), 0xF7):  # SOF
            return int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(
                data[at + 7 : at + 9], "big"
            )
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


# --- From numbers to a picture --------------------------------------------------------------------

COLOURS = greys.Shades(np.zeros((0, 0), np.uint8), None)


def _as_image(
    pixels: np.ndarray, header: Dataset, frame: int, window: str
) -> tuple[Image.Image, greys.Shades]:
    kind = str(header.get("PhotometricInterpretation") or "MONOCHROME2").upper()
    if pixels.ndim == 3 and kind in _COLOURS:
        return _colours(pixels, kind), COLOURS
    if pixels.ndim == 2 and kind == _PALETTE:
        return _palette(pixels, header), COLOURS
    if pixels.ndim != 2 or kind not in _GREYS:
        raise NotShown(UNKNOWN_KIND)
    made = greys.shades(pixels, header, frame, window, is_inverse=_is_inverse(kind, header))
    return Image.fromarray(made.grey, "L"), made


def _is_inverse(kind: str, header: Dataset) -> bool:
    return kind == "MONOCHROME1" or str(header.get("PresentationLUTShape") or "") == "INVERSE"


def _colours(pixels: np.ndarray, kind: str) -> Image.Image:
    if pixels.dtype != np.uint8 and pixels.max() > 255:  # some keep 8 bits in 16
        pixels = pixels >> (8 * (pixels.dtype.itemsize - 1))
    pixels = pixels.astype(np.uint8, copy=False)
    if kind.startswith("YBR_FULL"):
        pixels = convert_color_space(pixels, "YBR_FULL", "RGB")
    return Image.fromarray(np.ascontiguousarray(pixels), "RGB")


def _palette(pixels: np.ndarray, header: Dataset) -> Image.Image:
    """PS3.3 C.7.9; segmented tables too."""
    try:
        colours = apply_color_lut(pixels, header)
    except (AttributeError, KeyError, ValueError, NotImplementedError, struct.error):
        raise NotShown(UNKNOWN_KIND) from None
    return _colours(colours[..., :3], "RGB")


# --- To a PNG -------------------------------------------------------------------------------------


def _scaled(picture: Image.Image, header: Dataset, edge: int) -> Image.Image:
    wide, high = _shown_as(header, picture.width, picture.height)
    share = min(1.0, edge / max(wide, high))
    size = max(1, round(wide * share)), max(1, round(high * share))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BILINEAR)


def _shown_as(header: Dataset, wide: int, high: int) -> tuple[float, float]:
    """Pixels that are not square are stretched (PS3.3 C.7.6.3.1.7: vertical over horizontal)."""
    try:
        down, across = (float(each) for each in header.PixelAspectRatio)
    except (AttributeError, TypeError, ValueError):
        return wide, high
    if not (down > 0 and across > 0 and 0.1 <= down / across <= 10):
        return wide, high
    return (wide, high * down / across) if down > across else (wide * across / down, high)


def warm_up() -> None:
    """Load what decoding and writing load when they are first used: later no file opens."""
    decoding.load()
    Image.init()
    out = BytesIO()
    Image.new("L", (8, 8)).save(out, "PNG")
    for kind in ("JPEG", "JPEG2000"):
        out = BytesIO()
        Image.new("L", (8, 8)).save(out, kind)
        Image.open(BytesIO(out.getvalue())).load()
    for module in ("jpeg_ls", "pydicom.pixels.decoders.rle"):
        try:
            __import__(module)
        except ImportError:
            continue
    dcmread(BytesIO(b"\0" * 128 + b"DICM"), force=True)
