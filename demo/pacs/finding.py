"""C-FIND: rows of patients, studies, series and images, and which of them match (PS3.4 C.2.2.2)."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from .shelf import Image, Shelf

LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")
KEYS = {
    "PATIENT": "PatientID",
    "STUDY": "StudyInstanceUID",
    "SERIES": "SeriesInstanceUID",
    "IMAGE": "SOPInstanceUID",
}
Row = dict[str, str | list[str]]
NOT_MATCHED = {"QueryRetrieveLevel", "SpecificCharacterSet", "TimezoneOffsetFromUTC"}


def answers(shelf: Shelf, query: Dataset) -> Iterator[Dataset]:
    """An answer for each match, with the keys that were asked for."""
    level = str(query.get("QueryRetrieveLevel", ""))
    if level not in LEVELS:
        return
    for images in _grouped(shelf.all(), KEYS[level]):
        row = _row(images, level)
        if all(_matches(element.keyword, element.value, row) for element in query):
            yield _answer(query, row, images[0], level)


def chosen(shelf: Shelf, query: Dataset) -> list[Image]:
    """The images that a C-GET or C-MOVE names."""
    return [
        image
        for image in shelf.all()
        if all(
            _matches(name, query[name].value, dict(image.facts))
            for name in KEYS.values()
            if name in query
        )
    ]


def _grouped(images: list[Image], key: str) -> list[list[Image]]:
    found: dict[str, list[Image]] = {}
    for image in images:
        found.setdefault(image.facts[key], []).append(image)
    return list(found.values())


def _row(images: list[Image], level: str) -> Row:
    first = images[0]
    row: Row = dict(first.facts)
    row["PatientID"] = [first.facts["PatientID"], first.nhs_number]
    row["OtherPatientIDs"] = first.nhs_number
    row["ModalitiesInStudy"] = sorted({one.facts["Modality"] for one in images})
    if level in ("STUDY", "PATIENT"):
        row["NumberOfStudyRelatedInstances"] = str(len(images))
        series = {one.facts["SeriesInstanceUID"] for one in images}
        row["NumberOfStudyRelatedSeries"] = str(len(series))
    if level == "SERIES":
        row["NumberOfSeriesRelatedInstances"] = str(len(images))
    return row


def _answer(query: Dataset, row: Row, first: Image, level: str) -> Dataset:
    answer = Dataset()
    answer.SpecificCharacterSet = "ISO_IR 192"
    answer.QueryRetrieveLevel = level
    for element in query:
        name = element.keyword
        if name == "OtherPatientIDsSequence":
            answer.OtherPatientIDsSequence = [_nhs(first)] if first.nhs_number else []
        elif name in row and name not in NOT_MATCHED:
            setattr(answer, name, first.facts["PatientID"] if name == "PatientID" else row[name])
        elif name not in answer and element.VR != "SQ":
            answer.add_new(element.tag, element.VR, None)
    return answer


def _nhs(image: Image) -> Dataset:
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID = image.nhs_number, "NHS"
    return other


def _matches(keyword: str, wanted: object, row: Row) -> bool:
    if keyword in NOT_MATCHED:
        return True
    if keyword == "OtherPatientIDsSequence":
        asked = str(wanted[0].get("PatientID", "") or "") if wanted else ""  # type: ignore[index]
        return not asked or asked == row["OtherPatientIDs"]
    if wanted in (None, "") or keyword not in row:
        return True
    there = row[keyword]
    values = there if isinstance(there, list) else [there]
    asked_for = [str(one) for one in wanted] if isinstance(wanted, MultiValue) else [str(wanted)]
    return any(_is(keyword, one, value) for one in asked_for for value in values)


def _is(keyword: str, wanted: str, value: str) -> bool:
    """Single value, wild card, or range of dates and times."""
    if keyword.endswith(("Date", "Time")) and "-" in wanted:
        low, _, high = wanted.partition("-")
        return bool(value) and low <= value and (not high or value <= high or value[:8] == high)
    if keyword == "PatientName":
        wanted, value = wanted.casefold(), value.casefold()
        return fnmatch.fnmatchcase(value, wanted) or value.rstrip("^") == wanted.rstrip("^")
    if "*" in wanted or "?" in wanted:
        return fnmatch.fnmatchcase(value, wanted)
    return wanted == value
