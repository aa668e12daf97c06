"""Invented images: shapes drawn by numbers, with the word DEMO in each. Nobody was ever scanned."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
)

from .agreed import Held, Series, uid_of

CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "CR": ComputedRadiographyImageStorage}
IMPLEMENTATION = "2.25.286339921203984737650313226351713412"
AIR, SOFT, BONE = -1000, 40, 700  # Hounsfield units


def images_of(study: Held) -> Iterator[FileDataset]:
    """Every image of the study, in order."""
    for number, series in enumerate(study.series, start=1):
        word = _word(series)
        for position in range(1, series.images + 1):
            yield _image(study, series, number, position, word)


def _image(
    study: Held, series: Series, number: int, position: int, word: np.ndarray
) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CLASSES[study.modality]
    meta.MediaStorageSOPInstanceUID = uid_of(study.study_uid, number, position)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    _whose(made, study)
    _which(made, study, series, number, position)
    _pixels(made, study, series, position, word)
    return made


def _whose(made: Dataset, study: Held) -> None:
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName = f"{study.family_name}^{study.given_names.replace(' ', '^', 1)}"
    made.PatientID = study.patient_id
    made.IssuerOfPatientID = study.issuer
    made.PatientBirthDate = study.birth_date
    made.PatientSex = study.sex
    if study.nhs_number:
        other = Dataset()
        other.PatientID = study.nhs_number
        other.IssuerOfPatientID = "NHS"
        other.TypeOfPatientID = "TEXT"
        made.OtherPatientIDsSequence = Sequence([other])


def _which(made: Dataset, study: Held, series: Series, number: int, position: int) -> None:
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID = study.study_uid
    made.SeriesInstanceUID = uid_of(study.study_uid, number)
    made.StudyDate = made.SeriesDate = made.AcquisitionDate = made.ContentDate = study.acquired_on
    made.StudyTime = made.SeriesTime = made.AcquisitionTime = made.ContentTime = study.acquired_time
    made.AccessionNumber = study.accession
    made.StudyID = study.accession[-16:]
    made.ReferringPhysicianName = ""
    made.InstitutionName = study.institution
    made.StudyDescription = study.description
    made.SeriesDescription = series.description
    made.SeriesNumber, made.InstanceNumber = number, position
    made.Modality = study.modality
    made.BodyPartExamined = study.body_part
    made.Manufacturer = "DEMO"
    if study.code:
        coded = Dataset()
        coded.CodeValue, coded.CodingSchemeDesignator = study.code, "L"
        coded.CodeMeaning = study.description
        made.ProcedureCodeSequence = Sequence([coded])


def _pixels(made: Dataset, study: Held, series: Series, position: int, word: np.ndarray) -> None:
    values = _drawn(series, position / (series.images + 1))
    values[word] = BONE * 2
    is_ct = study.modality == "CT"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows, made.Columns = values.shape
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.WindowCenter, made.WindowWidth = (40, 400) if is_ct else (1000, 2400)
    made.PixelSpacing, made.SliceThickness = [0.9, 0.9], 3
    made.ImagePositionPatient = [0, 0, 3 * position]
    made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    if is_ct:
        made.RescaleIntercept, made.RescaleSlope, made.RescaleType = -1024, 1, "HU"
    made.PixelData = np.clip(values + 1024, 0, 4095).astype("<u2").tobytes()


def _drawn(series: Series, depth: float) -> np.ndarray:
    """A ring of bone around soft tissue with two dark rooms in it, wider in the middle."""
    y, x = np.ogrid[-1 : 1 : series.rows * 1j, -1 : 1 : series.columns * 1j]
    radius = 0.35 + 0.4 * np.sin(np.pi * depth)
    distance = np.sqrt((x / 0.85) ** 2 + y**2)
    values = np.full(distance.shape, AIR, dtype=np.int32)
    values[distance < radius] = BONE
    inside = distance < radius - 0.06
    values[inside] = SOFT + (12 * np.sin(9 * (x + depth)) * np.cos(7 * y))[inside]
    for side in (-1, 1):
        room = (x - side * 0.16) ** 2 / 0.5 + (y + 0.05) ** 2 < (0.14 * radius) ** 2 * 4
        values[room & inside] = 5
    return values


def _word(series: Series) -> np.ndarray:
    """Where the letters are."""
    image = Image.new("1", (series.columns, series.rows))
    ImageDraw.Draw(image).text((6, 6), "DEMO", fill=1)
    ImageDraw.Draw(image).text((6, series.rows - 16), series.description[:24], fill=1)
    return np.asarray(image, dtype=bool)
