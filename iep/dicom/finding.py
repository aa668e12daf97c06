"""C-FIND: what others have (PS3.4 C.4.1). Questions are asked of the study root."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Any

from pydicom.dataset import Dataset

from . import contexts
from .calling import associated
from .errors import DicomFailure, Family, Phase
from .line import Line
from .peers import FoundInstance, FoundStudy, Peer

MOST_STUDIES = 1000  # nobody reads more; a question so wide is a mistake
MOST_INSTANCES = 100_000
_PENDING = (0xFF00, 0xFF01)
_UNICODE = "ISO_IR 192"
_NHS = re.compile(r"NHS|2\.16\.840\.1\.113883\.2\.1\.4\.1")  # who issues NHS numbers
_NHS_NUMBER = re.compile(r"\d{10}")


def status_of(answer: Any, line: Line, peer: Peer, phase: Phase) -> int:
    """The status of an answer. Raises DicomFailure when there is none: they said nothing."""
    if answer is not None and "Status" in answer:
        return int(answer.Status)
    if line._sent_abort:
        words = f"{peer.ae_title} did not answer in time."
        raise DicomFailure(phase, Family.TIMEOUT, words)
    raise DicomFailure(phase, Family.ABORTED, f"{peer.ae_title} broke off before it answered.")


def find_studies(
    peer: Peer,
    *,
    patient_id: str = "",
    nhs_number: str = "",
    family_name: str = "",
    birth_date: date | None = None,
    study_uid: str = "",
    accession: str = "",
    acquired_from: date | None = None,
    acquired_to: date | None = None,
) -> list[FoundStudy]:
    """C-FIND on the level STUDY. Raises DicomFailure, and ValueError without any key.

    An NHS number is asked for as the patient's number, which it is in most archives of others;
    whether an answer is of the right person is for whoever reads it to see.
    """
    keys = _study_keys()
    keys.PatientID = _literal(patient_id or nhs_number)
    keys.PatientName = f"{_literal(family_name)}*" if _literal(family_name) else ""
    keys.PatientBirthDate = f"{birth_date:%Y%m%d}" if birth_date else ""
    keys.StudyInstanceUID, keys.AccessionNumber = study_uid, _literal(accession)
    keys.StudyDate = _range(acquired_from, acquired_to)
    said = (keys.PatientID, keys.PatientName, study_uid, keys.AccessionNumber)
    if not any(str(each) for each in said):
        raise ValueError("ask for a number, a name or a study")
    with _to_find(peer) as line:
        return [_study(each) for each in _answers(line, peer, keys, MOST_STUDIES)]


def find_instances(peer: Peer, study_uid: str) -> list[FoundInstance]:
    """C-FIND of all images of a study: its series, then each one's images (C.4.1.3.1.1).

    Raises DicomFailure; family not_found when they do not have the study.
    """
    with _to_find(peer) as line:
        return _listed(line, peer, study_uid)


def find_whole(peer: Peer, study_uid: str) -> tuple[list[FoundInstance], int | None]:
    """As find_instances, and how many images they say that the study has; None: they do not say.

    The number is optional (C.3.4, table C.6-5), and a node that does not want to be asked for it
    says nothing with it.
    """
    with _to_find(peer) as line:
        found = _listed(line, peer, study_uid)
        keys = _keys("STUDY", study_uid)
        del keys.SeriesInstanceUID
        keys.NumberOfStudyRelatedInstances = None
        try:
            answers = list(_answers(line, peer, keys, MOST_STUDIES))
        except DicomFailure as failure:
            if failure.family != Family.REFUSED:
                raise
            answers = []
    numbers = [
        _number(each, "NumberOfStudyRelatedInstances")
        for each in answers
        if _text(each, "StudyInstanceUID") == study_uid
    ]
    return found, max((each for each in numbers if each is not None), default=None)


def _to_find(peer: Peer) -> AbstractContextManager[Line]:
    return associated(peer, contexts.plain(contexts.STUDY_FIND), phase=Phase.FIND)


def _listed(line: Line, peer: Peer, study_uid: str) -> list[FoundInstance]:
    found: list[FoundInstance] = []
    for series in list(_answers(line, peer, _keys("SERIES", study_uid), MOST_INSTANCES)):
        series_uid = str(series.get("SeriesInstanceUID", ""))
        keys = _keys("IMAGE", study_uid, series_uid)
        found += [
            FoundInstance(
                str(each.get("SOPInstanceUID", "")),
                str(each.get("SOPClassUID", "")),
                series_uid,
            )
            for each in _answers(line, peer, keys, MOST_INSTANCES)
            if each.get("SOPInstanceUID")
        ]
    if not found:
        words = f"{peer.ae_title} does not have this study."
        raise DicomFailure(Phase.FIND, Family.NOT_FOUND, words, is_permanent=True)
    return found


def _answers(line: Line, peer: Peer, keys: Dataset, most: int) -> Iterator[Dataset]:
    answer: Any = None
    for number, (answer, found) in enumerate(line.send_c_find(keys, contexts.STUDY_FIND)):
        if "Status" in answer and answer.Status in _PENDING and found is not None:
            if number >= most:
                words = (
                    f"{peer.ae_title} has more than {most} of these. Ask for something narrower."
                )
                raise DicomFailure(Phase.FIND, Family.REFUSED, words, is_permanent=True)
            yield found
    status = status_of(answer, line, peer, Phase.FIND)
    if status == 0x0000:
        return
    family = Family.OUT_OF_RESOURCES if status >> 8 == 0xA7 else Family.REFUSED
    words = f"{peer.ae_title} answered the question with status {status:04X}."
    raise DicomFailure(Phase.FIND, family, words, status, family == Family.REFUSED)


# --- Questions -----------------------------------------------------------------------------------


def retrieve_keys(study_uid: str, series_uid: str = "", sop_uids: Sequence[str] = ()) -> Dataset:
    """The identifier of a C-GET or C-MOVE: unique keys alone (PS3.4 C.4.2.1.4)."""
    keys = Dataset()
    keys.QueryRetrieveLevel = "IMAGE" if sop_uids else "STUDY"
    keys.StudyInstanceUID = study_uid
    if sop_uids:
        keys.SeriesInstanceUID, keys.SOPInstanceUID = series_uid, list(sop_uids)
    return keys


def _keys(level: str, study_uid: str, series_uid: str = "") -> Dataset:
    keys = Dataset()
    keys.QueryRetrieveLevel, keys.StudyInstanceUID = level, study_uid
    keys.SeriesInstanceUID = series_uid
    if level == "IMAGE":
        keys.SOPInstanceUID = keys.SOPClassUID = ""
    return keys


def _study_keys() -> Dataset:
    keys = Dataset()
    keys.SpecificCharacterSet = _UNICODE
    keys.QueryRetrieveLevel = "STUDY"
    for name in (
        "StudyTime", "StudyDescription", "ModalitiesInStudy", "InstitutionName",
        "IssuerOfPatientID", "NumberOfStudyRelatedInstances",
    ):  # fmt: skip
        setattr(keys, name, None if name.startswith("Number") else "")
    return keys


def _literal(words: str) -> str:
    """Without what has a meaning in a question: wild cards, separators, control characters."""
    return re.sub(r"[*?\\^=\x00-\x1f\x7f]", "", words).strip()


def _range(first: date | None, last: date | None) -> str:
    """`20260101-20260131`; either end may be open (PS3.4 C.2.2.2.5)."""
    ends = [f"{day:%Y%m%d}" if day else "" for day in (first, last)]
    return "-".join(ends) if any(ends) else ""


# --- Answers -------------------------------------------------------------------------------------


def _study(found: Dataset) -> FoundStudy:
    modalities = found.get("ModalitiesInStudy") or ()
    return FoundStudy(
        study_uid=_text(found, "StudyInstanceUID"),
        patient_id=_text(found, "PatientID"),
        patient_name=_text(found, "PatientName"),
        birth_date=_day(found, "PatientBirthDate"),
        nhs_number=_nhs_number(found),
        accession=_text(found, "AccessionNumber"),
        description=_text(found, "StudyDescription"),
        modalities=(modalities,) if isinstance(modalities, str) else tuple(map(str, modalities)),
        acquired_on=_day(found, "StudyDate"),
        acquired_time=_text(found, "StudyTime"),
        institution_name=_text(found, "InstitutionName"),
        instances=_number(found, "NumberOfStudyRelatedInstances"),
    )


def _text(found: Dataset, name: str) -> str:
    return str(found.get(name) or "").strip()


def _day(found: Dataset, name: str) -> date | None:
    try:
        return datetime.strptime(_text(found, name), "%Y%m%d").date()
    except ValueError:
        return None


def _number(found: Dataset, name: str) -> int | None:
    try:
        return int(_text(found, name))
    except ValueError:
        return None


def _nhs_number(found: Dataset) -> str:
    """Only where they say that the number is one: by who issued it. Never by how it looks."""
    number = _text(found, "PatientID").replace(" ", "")
    is_theirs = _NHS.search(_text(found, "IssuerOfPatientID"))
    return number if is_theirs and _NHS_NUMBER.fullmatch(number) else ""
