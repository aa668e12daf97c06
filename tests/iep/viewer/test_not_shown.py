"""What the viewer cannot show it says in a person's words, and never with an error or nothing."""

import zlib
from io import BytesIO
from struct import pack

import numpy as np
import pytest
from pydicom import dcmread

from iep import storage
from iep.models import ReceivedFile, Study
from tests.iep.arrivals import bytes as files

from .frames import grey, whole
from .test_views import RAMP, page, text

pytestmark = pytest.mark.django_db
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
RLE = "1.2.840.10008.1.2.5"
JPEG_LS = "1.2.840.10008.1.2.4.80"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
ON = "It is kept as it came and can be sent on."


@pytest.fixture
def mbp(world):
    return world.client("mbp")


def seen(exchange, mbp, raw: bytes) -> str:
    """What the page says of the only image of a study that came."""
    exchange.came(raw)
    exchange.goes_quiet()
    assert ReceivedFile.objects.get().state == "kept"
    html = page(mbp, Study.objects.get())
    assert "<img class=" not in html  # no picture rather than an empty one
    return text(html)


def written(**said) -> bytes:
    read = dcmread(BytesIO(files.image(modality="PR", rows=None, columns=None, pixels=None)))
    for name, value in said.items():
        setattr(read, name, value)
    read.file_meta.MediaStorageSOPClassUID = read.SOPClassUID
    out = BytesIO()
    read.save_as(out)
    return out.getvalue()


def test_a_presentation_state_says_what_it_is(exchange, mbp):
    said = seen(exchange, mbp, written(SOPClassUID=GSPS, PresentationLUTShape="IDENTITY"))
    assert "Cannot be shown here. It is a presentation state" in said
    assert "The other images are shown here without it." in said
    assert ON in said


def one_bit_rle(edge: int = 32) -> bytes:
    """A segmentation's frame, one bit for a pixel, as one RLE segment (PS3.5 G.3, G.4)."""
    bits = np.packbits(np.eye(edge, dtype=np.uint8), bitorder="little").tobytes()
    runs = b"".join(bytes([len(part) - 1]) + part for part in (bits[:64], bits[64:]))
    return whole(
        pack("<16I", 1, 64, *[0] * 14) + runs + b"\0" * (len(runs) % 2), syntax=RLE, Rows=edge,
        Columns=edge, BitsAllocated=1, BitsStored=1, HighBit=0, PixelRepresentation=0,
        SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2",
    )  # fmt: skip


def deflated_frame() -> bytes:
    """PS3.5 8.2.16 and A.4.13: each frame deflated by itself."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = packer.compress(RAMP.tobytes()) + packer.flush()
    made = whole(
        data + b"\0" * (len(data) % 2), syntax=JPEG_LS, Rows=32, Columns=32,
        BitsAllocated=16, BitsStored=16, HighBit=15, PixelRepresentation=1, SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
    )  # fmt: skip
    assert made.count(JPEG_LS.encode()) == 1
    return made.replace(JPEG_LS.encode(), DEFLATED_FRAME.encode() + b"\0")  # as long as the other


@pytest.mark.parametrize(
    ("made", "name"),
    [(one_bit_rle, "RLE Lossless"), (deflated_frame, "Deflated Image Frame Compression")],
)
def test_a_compression_that_no_decoder_here_knows_is_said_with_its_name(exchange, mbp, made, name):
    said = seen(exchange, mbp, made())
    why = f"It is compressed in a way that cannot be shown here ({name})."
    assert f"Cannot be shown here. {why} {ON}" in said


def test_what_is_shown_does_not_say_that_it_cannot_be(exchange, mbp):
    exchange.came(grey(RAMP))
    exchange.goes_quiet()
    html = page(mbp, Study.objects.get())
    assert "<img class=" in html
    assert ON not in html


def test_what_is_not_here_any_more_is_not_said_to_be_kept(exchange, mbp):
    exchange.came(grey(RAMP))
    exchange.goes_quiet()
    storage.discard(ReceivedFile.objects.get().pk)
    said = text(page(mbp, Study.objects.get()))
    assert "The image is not here any more." in said
    assert ON not in said
