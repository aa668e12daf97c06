"""What pydicom has no free decoder for: JPEG Lossless, 12-bit JPEG, High-Throughput JPEG 2000.

JPEG of every process (PS3.5 8.2.1) is read by libjpeg-turbo, of imagecodecs; HTJ2K (8.2.14) by
OpenJPEG, of pylibjpeg-openjpeg. Both are given to pydicom as plugins, which keeps the checks of
lengths and signs in one place. Runs in the sandbox, where no file opens later: `load` comes first.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from pydicom.pixels import get_decoder
from pydicom.pixels.decoders.base import DecodeRunner
from pydicom.uid import (
    HTJ2K,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
)

JPEG = frozenset({JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1})
HIGH_THROUGHPUT = frozenset({HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL})
_LABEL = "ours"
# What pydicom's plugins must have: which packages each needs.
DECODER_DEPENDENCIES = {
    **dict.fromkeys(JPEG, ("imagecodecs",)),
    **dict.fromkeys(HIGH_THROUGHPUT, ("pylibjpeg-openjpeg",)),
}


def is_available(uid: str) -> bool:
    """Whether what reads this syntax is installed; loads that one codec and no other."""
    try:
        _codec(UID(uid))
    except (ImportError, AttributeError):
        return False
    return True


def load() -> None:
    """Give both to pydicom; again is once."""
    for uid in sorted(JPEG | HIGH_THROUGHPUT):
        decoder = get_decoder(uid)
        if _LABEL not in decoder.available_plugins:
            name = "decode_jpeg" if uid in JPEG else "decode_high_throughput"
            decoder.add_plugin(_LABEL, (__name__, name))


def _codec(uid: UID) -> Any:
    """imagecodecs brings a hundred codecs and loads the one that is named."""
    if uid in HIGH_THROUGHPUT:
        return import_module("openjpeg").decode_pixel_data
    return import_module("imagecodecs").jpeg8_decode


def decode_jpeg(data: bytes, runner: DecodeRunner) -> bytes:
    """One frame as it was put in: what its three samples mean is the header's to say."""
    space = "RGB" if runner.samples_per_pixel == 3 else "GRAYSCALE"
    found = _codec(runner.transfer_syntax)(data, colorspace=space, outcolorspace=space)
    runner.set_option("bits_allocated", 8 * found.dtype.itemsize)
    if runner.samples_per_pixel == 3:
        runner.set_option("planar_configuration", 0)
    return bytes(found.tobytes())


def decode_high_throughput(data: bytes, runner: DecodeRunner) -> bytearray:
    """One frame; its reversible and irreversible colours come as RGB (PS3.5 8.2.14)."""
    found = _codec(runner.transfer_syntax)(data, version=2)
    bits = runner.get_option("j2k_precision", runner.bits_stored)
    runner.set_option("bits_allocated", 8 if bits <= 8 else 16 if bits <= 16 else 32)
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    if runner.samples_per_pixel == 3:
        runner.set_option("planar_configuration", 0)
    return bytearray(found)
