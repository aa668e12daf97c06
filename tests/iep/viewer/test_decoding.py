"""Compressions that hospitals send: the same pixels as another reader finds in them."""

import subprocess
from io import BytesIO
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import (
    HTJ2KLossless,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
)

from iep.dicom import decoding, rendering
from iep.sandbox.errands import Errands
from tests import found

from .frames import colour, grey, shown, whole

pytestmark = pytest.mark.filterwarnings("ignore")
OURS = decoding.JPEG | decoding.HIGH_THROUGHPUT
RAMP = np.linspace(0, 4095, 64 * 48).astype(np.uint16).reshape(48, 64)
STRIPES = np.zeros((16, 16, 3), np.uint8)
STRIPES[:4, :, 0], STRIPES[4:8, :, 1], STRIPES[8:12, :, 2] = 255, 255, 255


def _lossless(pixels: np.ndarray, bits: int) -> bytes:
    space = "RGB" if pixels.ndim == 3 else None
    return imagecodecs.jpeg8_encode(
        pixels, lossless=True, bitspersample=bits, colorspace=space, outcolorspace=space
    )


def _nameless(data: bytes) -> bytes:
    """Without what says that its components are red, green and blue, as modalities send it."""
    data = data.replace(data[data.index(b"\xff\xee") :][:16], b"", 1)
    for between in (b"\x11\x00", b"\x00"):
        named = between.join([b"R", b"G", b"B"]) + between
        data = data.replace(named, between.join([b"\1", b"\2", b"\3"]) + between, 1)
    return data


def _pixels(path: Path) -> np.ndarray:
    """Every frame of the file, as our decoders give it."""
    decoding.load()
    read = dcmread(path, force=True)
    decoder = get_decoder(read.file_meta.TransferSyntaxUID)
    return decoder.as_array(read, raw=True, decoding_plugin="ours")[0]


def _dcmtk(path: Path, into: Path) -> np.ndarray:
    out = into / "plain.dcm"
    subprocess.run(["dcmdjpeg", "--conv-never", path, out], check=True, capture_output=True)
    return dcmread(out).pixel_array


# --- Images of ours -------------------------------------------------------------------------------

WAYS = {
    JPEGLosslessSV1: ["+e1"],
    **{f"{JPEGLossless}/{number}": ["+el", "+sv", str(number)] for number in range(2, 8)},
    JPEGExtended12Bit: ["+ee", "+q", "100"],
}


@pytest.mark.needs_dcmtk
@pytest.mark.parametrize("way", list(WAYS))
def test_what_dcmtk_compresses_comes_back_as_it_was(way, tmp_path):
    source, packed = tmp_path / "a.dcm", tmp_path / "b.dcm"
    read = dcmread(BytesIO(grey(RAMP)))
    read.BitsStored, read.HighBit = 12, 11
    read.save_as(source)
    subprocess.run(["dcmcjpeg", *WAYS[way], source, packed], check=True, capture_output=True)
    raw = packed.read_bytes()
    assert dcmread(packed).file_meta.TransferSyntaxUID == way.partition("/")[0]
    assert (_pixels(packed) == _dcmtk(packed, tmp_path)).all()
    assert np.abs(_pixels(packed).astype(int) - RAMP).max() <= (6 if "+ee" in WAYS[way] else 0)
    seen = shown(raw, window="full").astype(int)
    assert np.abs(seen - shown(source.read_bytes(), window="full")).max() <= 1


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL"])
def test_colours_of_a_lossless_jpeg_are_the_headers(kind):
    stored = STRIPES if kind == "RGB" else np.asarray(Image.fromarray(STRIPES).convert("YCbCr"))
    data = _nameless(_lossless(np.ascontiguousarray(stored), 8))
    said = {"Rows": 16, "Columns": 16, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7,
            "PixelRepresentation": 0, "SamplesPerPixel": 3, "PlanarConfiguration": 0,
            "PhotometricInterpretation": kind}  # fmt: skip
    seen = shown(whole(data, syntax=JPEGLosslessSV1, **said))
    assert (seen == shown(colour(stored, kind=kind))).all()


@pytest.mark.parametrize("lowest", [-2048, -32768])
def test_numbers_below_nothing_stay_below_nothing(lowest):
    """Two's complement of as many bits as are stored, which is how JPEG carries a CT."""
    bits = 12 if lowest == -2048 else 16
    values = np.linspace(lowest, -lowest - 1, 64 * 48).astype(np.int16).reshape(48, 64)
    data = _lossless(values.astype(np.uint16) & (2**bits - 1), bits)
    said = {"Rows": 48, "Columns": 64, "BitsAllocated": 16, "BitsStored": bits, "HighBit": bits - 1,
            "PixelRepresentation": 1, "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2"}  # fmt: skip
    seen = shown(whole(data, syntax=JPEGLosslessSV1, **said), window="soft")
    assert (seen == shown(grey(values), window="soft")).all()


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_jpeg_2000_of_high_throughput_comes_back_as_it_was(bits):
    values = (RAMP >> 4).astype(np.uint8) if bits == 8 else RAMP << (bits - 12)
    data = imagecodecs.htj2k_encode(values, reversible=True)
    said = {"Rows": 48, "Columns": 64, "BitsAllocated": 8 if bits == 8 else 16, "BitsStored": bits,
            "HighBit": bits - 1, "PixelRepresentation": 0, "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2"}  # fmt: skip
    raw = whole(data, syntax=HTJ2KLossless, **said)
    assert (shown(raw, window="full") == shown(grey(values), window="full")).all()


def test_a_jpeg_that_breaks_off_is_refused_with_words():
    data = _lossless(RAMP, 16)
    said = {"Rows": 48, "Columns": 64, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
            "PixelRepresentation": 0, "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2"}  # fmt: skip
    for spoilt in (data[:10], data[2:], b"\xff\xd8\xff\xd9"):
        with pytest.raises(rendering.NotShown):
            shown(whole(spoilt, syntax=JPEGLosslessSV1, **said))
    with pytest.raises(rendering.NotShown) as caught:
        shown(whole(data, syntax=JPEGLosslessSV1, **(said | {"Rows": 64, "Columns": 48})))
    assert caught.value.sentence == rendering.DIFFERENT_SIZE


# --- The images of others -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_others() -> list[Path]:
    paths = []
    for path in sorted(found.CORPORA.joinpath("dicom").rglob("*")):
        if path.is_file() and path.read_bytes()[128:132] == b"DICM" and _is_ours(path):
            paths.append(path)
    if not paths:
        pytest.skip(found.ABSENT)
    assert len(paths) >= 13
    return paths


def _is_ours(path: Path) -> bool:
    read = dcmread(path, specific_tags=["Rows"], stop_before_pixels=True, force=True)
    return read.file_meta.get("TransferSyntaxUID") in OURS and "Rows" in read


@pytest.mark.needs_dcmtk
def test_every_such_image_of_others_has_the_pixels_that_another_reader_finds(of_others, tmp_path):
    """DCMTK's for JPEG; OpenJPH's, of another house than OpenJPEG, for high throughput."""
    for path in of_others:
        ours = _pixels(path).astype(int)
        read = dcmread(path, force=True)
        if read.file_meta.TransferSyntaxUID in decoding.JPEG:
            assert (ours == _dcmtk(path, tmp_path)).all(), path
            continue
        theirs = imagecodecs.htj2k_decode(next(generate_frames(read.PixelData)))
        is_exact = read.file_meta.TransferSyntaxUID == HTJ2KLossless
        apart = (ours - theirs + 128) % 256 - 128  # OpenJPH lets 256 become 0 where OpenJPEG clips
        assert np.abs(apart).max() <= (0 if is_exact else 1), path


def test_the_child_shows_every_such_image_within_its_limits(of_others):
    with Errands() as errands:
        for path in of_others:
            request = {"do": "render", "frame": 0, "window": "auto", "edge": 2048}
            assert errands.do(path, request=request).data.startswith(b"\x89PNG"), path


@pytest.mark.parametrize("edge", [1024, 4096])
def test_the_child_shows_a_large_lossless_image_within_its_limits(edge, tmp_path):
    """An X-ray of 4,096 pixels each way has 32 MiB; what it decodes to is a hospital's largest."""
    values = np.tile(np.arange(edge, dtype=np.uint16), (edge, 1))
    data = _lossless(values, 16)
    said = {"Rows": edge, "Columns": edge, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15,
            "PixelRepresentation": 0, "SamplesPerPixel": 1,
            "PhotometricInterpretation": "MONOCHROME2"}  # fmt: skip
    path = tmp_path / "large.dcm"
    path.write_bytes(whole(data, syntax=JPEGLosslessSV1, **said))
    with Errands() as errands:
        request = {"do": "render", "frame": 0, "window": "auto", "edge": 2048}
        assert errands.do(path, request=request).found["width"] == min(edge, 2048)
