"""Images whose pixels a test knows."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from iep.dicom.rendering import Picture, render
from tests.iep.arrivals import bytes as files


def grey(pixels: np.ndarray, *, kind: str = "MONOCHROME2", **said: Any) -> bytes:
    """A grey image; `said` are further elements by keyword."""
    dtype = pixels.dtype
    signed = int(dtype.kind == "i")
    return whole(
        pixels.astype(dtype.newbyteorder("<")).tobytes(), Rows=pixels.shape[-2],
        Columns=pixels.shape[-1], BitsAllocated=8 * dtype.itemsize, BitsStored=8 * dtype.itemsize,
        HighBit=8 * dtype.itemsize - 1, PixelRepresentation=signed, SamplesPerPixel=1,
        PhotometricInterpretation=kind, **said,
    )  # fmt: skip


def colour(pixels: np.ndarray, *, kind: str = "RGB", planar: int = 0, **said: Any) -> bytes:
    data = pixels if planar == 0 else np.moveaxis(pixels, -1, 0)
    return whole(
        np.ascontiguousarray(data).tobytes(), Rows=pixels.shape[0], Columns=pixels.shape[1],
        BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0, SamplesPerPixel=3,
        PlanarConfiguration=planar, PhotometricInterpretation=kind, **said,
    )  # fmt: skip


def whole(data: bytes, *, syntax: str = ExplicitVRLittleEndian, **said: Any) -> bytes:
    """A file with these pixels; a compressed frame is wrapped as PS3.5 A.4 has it."""
    read = dcmread(BytesIO(files.image(pixels=None)))
    for name, value in said.items():
        if name.endswith("LookupTableDescriptor"):
            read.add_new(tag_for_keyword(name), "US", value)
        else:
            setattr(read, name, value)
    read.file_meta.TransferSyntaxUID = syntax
    read.PixelData = data if syntax == ExplicitVRLittleEndian else encapsulate([data])
    read["PixelData"].VR = (
        "OB" if read.BitsAllocated == 8 or syntax != ExplicitVRLittleEndian else "OW"
    )
    if syntax != ExplicitVRLittleEndian:
        read["PixelData"].is_undefined_length = True
    out = BytesIO()
    read.save_as(out)
    return out.getvalue()


def shown(raw: bytes, **options: Any) -> np.ndarray:
    """The picture's pixels."""
    return np.asarray(Image.open(BytesIO(picture(raw, **options).png)))


def picture(raw: bytes, **options: Any) -> Picture:
    return render(BytesIO(raw), **options)
