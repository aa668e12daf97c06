"""Invented images as files, and what is in a file after its file meta information."""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from tests import found

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
CORPUS = found.CORPORA / "dicom"
NAME, NUMBER = "ZZTOP^Secretia", "999 000 0026"  # of nobody


@dataclass(frozen=True)
class Image:
    """A file, and what an association has to know of it."""

    path: Path
    sop_uid: str
    sop_class: str = CT
    transfer_syntax: str = EXPLICIT

    @property
    def kind(self) -> tuple[str, str]:
        return self.sop_class, self.transfer_syntax

    @property
    def digest(self) -> str:
        return digest(self.path)


def make(
    folder: Path,
    *,
    study: str = "",
    series: str = "",
    sop_class: str = CT,
    size: int = 2048,
    preamble: bytes = bytes(128),
) -> Image:
    """One image with `size` bytes of pixels, of an invented person."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID = sop_class
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid()
    image.StudyInstanceUID = study or generate_uid()
    image.SeriesInstanceUID = series or generate_uid()
    image.PatientName, image.PatientID = NAME, NUMBER.replace(" ", "")
    image.PatientBirthDate, image.PatientSex = "19500101", "O"
    image.StudyDate, image.StudyTime, image.Modality = "20260102", "0304", "CT"
    image.AccessionNumber, image.StudyID, image.SeriesNumber = "A1", "1", 1
    image.InstanceNumber = 1
    image.PixelData = os.urandom(size)
    image["PixelData"].VR = "OW"
    image.preamble = preamble
    path = folder / f"{image.SOPInstanceUID}.dcm"
    folder.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)
    return Image(path, str(image.SOPInstanceUID), sop_class)


def data_set(path: Path) -> bytes:
    """What follows the file meta information, as pydicom finds it."""
    with path.open("rb") as file:
        read_preamble(file, force=False)
        _read_file_meta_info(file)
        return file.read()


def digest(path: Path) -> str:
    return hashlib.sha256(data_set(path)).hexdigest()


def in_corpus() -> list[Image]:
    """Every file of the corpus that says what it is: what any sender needs to know."""
    images = []
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file() and (image := _described(path)):
            images.append(image)
    return images


def _described(path: Path) -> Image | None:
    data = path.read_bytes()
    if data[128:132] != b"DICM":
        return None
    file = io.BytesIO(data)
    read_preamble(file, force=False)
    try:
        meta = _read_file_meta_info(file)
    except Exception:  # noqa: BLE001 - broken on purpose: nobody could send it
        return None
    words = [
        str(meta.get(name) or "")
        for name in ("MediaStorageSOPInstanceUID", "MediaStorageSOPClassUID", "TransferSyntaxUID")
    ]
    return Image(path, *words) if all(words) else None
