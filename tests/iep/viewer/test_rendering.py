"""One frame to grey and colour: windows, kinds of pixels, what is measured before it is decoded."""

import contextlib
import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from iep.dicom import greys, rendering
from iep.dicom.rendering import NotShown, render
from tests import found
from tests.iep.arrivals import bytes as files

from .frames import colour, grey, picture, shown, whole

# In the sandbox nobody hears what pydicom says of a bad file.
pytestmark = pytest.mark.filterwarnings("ignore")
RAMP = np.arange(-1024, 3072, 4, dtype=np.int16).reshape(32, 32)


def why_not(raw: bytes, **options) -> str:
    with pytest.raises(NotShown) as caught:
        render(BytesIO(raw), **options)
    return caught.value.sentence


# --- Windows --------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", ["lung", "bone", "soft"])
def test_a_window_puts_its_edges_at_black_and_white_as_ps3_3_has_it(window):
    centre, width = greys.WINDOWS[window]
    seen, values = shown(grey(RAMP), window=window).ravel(), RAMP.ravel()
    assert (seen[values <= centre - 0.5 - (width - 1) / 2] == 0).all()
    assert (seen[values > centre - 0.5 + (width - 1) / 2] == 255).all()
    middle = seen[np.abs(values - centre).argmin()]
    assert abs(int(middle) - 128) <= 2
    assert (np.diff(seen.astype(int)) >= 0).all()


def test_the_headers_window_is_used_and_its_first_where_there_are_several():
    raw = grey(RAMP, WindowCenter=[100, 5], WindowWidth=[200, 7])
    assert picture(raw).window == (100, 200)
    assert picture(raw, window="full").window != (100, 200)


def test_without_a_window_the_whole_range_is_shown():
    seen = shown(grey(RAMP))
    assert (seen.min(), seen.max()) == (0, 255)


def test_rescale_comes_before_the_window():
    stored = (RAMP.astype(int) + 1024).astype(np.uint16)
    same = shown(grey(stored, RescaleSlope=1, RescaleIntercept=-1024), window="soft")
    assert (same == shown(grey(RAMP), window="soft")).all()


def test_monochrome1_is_the_other_way_round():
    assert (shown(grey(RAMP, kind="MONOCHROME1")) == 255 - shown(grey(RAMP))).mean() > 0.95


@pytest.mark.parametrize(
    "window", [("WindowWidth", 0), ("WindowWidth", -5), ("WindowCenter", None)]
)
def test_a_window_that_is_none_is_not_used(window):
    said = {"WindowCenter": 40, "WindowWidth": 400} | dict([window])
    assert picture(grey(RAMP, **said)).window == picture(grey(RAMP), window="full").window


# --- Kinds of pixels ------------------------------------------------------------------------------

STRIPES = np.zeros((16, 16, 3), np.uint8)
STRIPES[:4, :, 0], STRIPES[4:8, :, 1], STRIPES[8:12, :, 2] = 255, 255, 255


@pytest.mark.parametrize("planar", [0, 1])
def test_colours_are_the_colours(planar):
    assert (shown(colour(STRIPES, planar=planar)) == STRIPES).all()


def test_ybr_is_made_rgb():
    ybr = np.asarray(Image.fromarray(STRIPES).convert("YCbCr"))
    assert np.abs(shown(colour(ybr, kind="YBR_FULL")).astype(int) - STRIPES).max() <= 3


def test_a_palette_gives_its_colours():
    table = [np.array(each, "<u2").tobytes() for each in ([0, 65535], [0, 0], [65535, 0])]
    said = {}
    for name, data in zip(("Red", "Green", "Blue"), table, strict=True):
        said[f"{name}PaletteColorLookupTableDescriptor"] = [2, 0, 16]
        said[f"{name}PaletteColorLookupTableData"] = data
    seen = shown(grey(np.array([[0, 1]], np.uint8), kind="PALETTE COLOR", **said))
    assert seen.tolist() == [[[0, 0, 255], [255, 0, 0]]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32])
def test_whole_numbers_of_every_size_are_shown(dtype):
    pixels = np.linspace(0, np.iinfo(dtype).max, 64).astype(dtype).reshape(8, 8)
    seen = shown(grey(pixels))
    assert (seen.min(), seen.max()) == (0, 255)


def test_each_frame_is_its_own():
    frames = np.stack([np.zeros((4, 4), np.uint8), np.full((4, 4), 200, np.uint8)])
    frames[:, 0, 0], frames[:, 0, 1] = 255, 0
    raw = grey(frames, NumberOfFrames=2)
    assert shown(raw, frame=0)[2, 2] < shown(raw, frame=1)[2, 2]
    assert "no frame" in why_not(raw, frame=2)
    assert "no frame" in why_not(raw, frame=-1)


def test_jpeg_baseline_and_jpeg_2000_and_rle_are_decoded():
    kept = BytesIO()
    Image.fromarray(STRIPES[..., 0]).save(kept, "JPEG", quality=95)
    said = {"Rows": 16, "Columns": 16, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
            "PixelRepresentation": 0, "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2"}  # fmt: skip
    seen = shown(whole(kept.getvalue(), syntax=JPEGBaseline8Bit, **said))
    assert np.abs(seen.astype(int) - STRIPES[..., 0]).max() < 40
    kept = BytesIO()
    Image.fromarray(STRIPES[..., 0]).save(kept, "JPEG2000", irreversible=False, no_jp2=True)
    assert (shown(whole(kept.getvalue(), syntax=JPEG2000Lossless, **said)) == STRIPES[..., 0]).all()
    read = dcmread(BytesIO(grey(STRIPES[..., 0])))
    read.compress(RLELossless)
    out = BytesIO()
    read.save_as(out)
    assert (shown(out.getvalue()) == STRIPES[..., 0]).all()


def test_a_deflated_image_is_shown_and_a_bomb_is_not(monkeypatch):
    read = dcmread(BytesIO(grey(STRIPES[..., 0])))
    read.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    out = BytesIO()
    read.save_as(out)
    assert (shown(out.getvalue()) == STRIPES[..., 0]).all()
    monkeypatch.setattr(rendering, "MOST_INFLATED", 100)
    assert why_not(out.getvalue()) == rendering.TOO_LARGE


def test_pixels_that_are_not_square_are_stretched_and_large_ones_made_smaller():
    assert shown(grey(RAMP, PixelAspectRatio=[2, 1])).shape == (64, 32)
    wide = picture(grey(np.zeros((100, 4000), np.uint8)))
    assert (wide.width, wide.height) == (2048, 51)
    assert picture(grey(RAMP), edge=16).width == 16


# --- What is not shown, and why -------------------------------------------------------------------


@pytest.mark.hazard("H48")
@pytest.mark.parametrize(("rows", "columns"), [(65535, 65535), (1, 65535), (16384, 16384)])
def test_what_says_that_it_is_huge_is_refused_before_it_is_decoded(rows, columns):
    read = dcmread(BytesIO(grey(RAMP)))
    read.Rows, read.Columns = rows, columns
    out = BytesIO()
    read.save_as(out)
    assert why_not(out.getvalue()) == rendering.TOO_LARGE


@pytest.mark.hazard("H48")
def test_a_compressed_frame_of_another_size_than_its_header_is_refused():
    kept = BytesIO()
    Image.new("L", (2000, 2000)).save(kept, "JPEG")
    said = {"Rows": 16, "Columns": 16, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
            "PixelRepresentation": 0, "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2"}  # fmt: skip
    raw = whole(kept.getvalue(), syntax=JPEGBaseline8Bit, **said)
    assert why_not(raw) == rendering.DIFFERENT_SIZE


def test_what_no_decoder_here_reads_says_so():
    said = {"Rows": 4, "Columns": 4, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
            "PixelRepresentation": 0, "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2"}  # fmt: skip
    raw = whole(b"\0\0\1\xb3", syntax=MPEG2MPML, **said)
    assert "cannot be shown here" in why_not(raw)
    assert "MPEG2" in why_not(raw)


def test_a_report_has_no_picture():
    assert why_not(files.image(rows=None, columns=None, pixels=None)) == rendering.NO_PIXELS


@pytest.mark.parametrize("content", [b"", b"\0" * 132, b"not a file", bytes(128) + b"DICM"])
def test_what_is_no_image_is_refused_with_words(content):
    assert why_not(content).endswith(".")


def test_half_of_the_pixels_is_no_picture():
    assert why_not(grey(RAMP)[:-200]) == rendering.BROKEN


# --- The images of others -------------------------------------------------------------------------

CORPUS = sorted(path for path in found.CORPORA.joinpath("dicom").rglob("*") if path.is_file())


@pytest.mark.skipif(not CORPUS, reason=found.ABSENT)
def test_every_image_of_others_is_shown_or_refused_with_words():
    counts = {True: 0, False: 0}
    for path in CORPUS:
        with path.open("rb") as file:
            if file.read(132)[128:] != b"DICM":
                continue
            file.seek(0)
            said = _said(file)
            assert said == "shown" or said.endswith("."), path
            counts[said == "shown"] += 1
    assert counts[True] >= 253, counts


def _said(file) -> str:
    try:
        return "shown" if render(file, edge=160).png.startswith(b"\x89PNG") else "no PNG"
    except NotShown as refusal:
        return refusal.sentence


@pytest.mark.hazard("H48")
@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_spoilt_ends_in_a_picture_or_in_words(seed):
    """Bytes changed at random places of a proper file; only these two ends are allowed."""
    chance = np.random.default_rng(seed)
    for raw in (grey(RAMP), colour(STRIPES), grey(RAMP, NumberOfFrames=1, WindowCenter=40)):
        for _ in range(40):
            spoilt = bytearray(raw)
            for place in chance.integers(132, len(spoilt), size=chance.integers(1, 12)):
                spoilt[place] = chance.integers(0, 256)
            _either(bytes(spoilt))
        _either(raw[: int(chance.integers(132, len(raw)))])
        _either(raw + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF))


def _either(raw: bytes) -> None:
    with contextlib.suppress(NotShown, MemoryError):
        assert picture(raw, edge=64).png
