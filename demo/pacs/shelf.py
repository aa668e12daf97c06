"""One hospital's images on disk, and a list of them that is read at the start."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

LIST = "shelf.jsonl"
# What is remembered of each image, by DICOM keyword.
KEPT = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "PatientID",
    "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "AccessionNumber", "StudyID", "StudyDescription", "SeriesDescription", "SeriesNumber",
    "InstanceNumber", "Modality", "BodyPartExamined", "InstitutionName",
)  # fmt: skip


@dataclass(frozen=True)
class Image:
    """One image: where it lies, and what its header says."""

    path: str
    size: int  # bytes
    facts: dict[str, str]
    nhs_number: str = ""

    @property
    def uid(self) -> str:
        return self.facts["SOPInstanceUID"]


class Shelf:
    """Shared by threads. A second image of the same UID takes the place of the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.images: dict[str, Image] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._list = folder / LIST
        if self._list.exists():
            self._read()

    def _read(self) -> None:
        for line in self._list.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):  # the last line of a crash
                image = Image(**json.loads(line))
                self.images[image.uid] = image

    def keep(self, raw: bytes) -> Image:
        """The bytes of one file, as they came; on disk before this returns. Raises on no DICOM."""
        header = dcmread(BytesIO(raw), stop_before_pixels=True)
        facts = {name: str(header.get(name, "") or "") for name in KEPT}
        name = f"{facts['SOPInstanceUID']}.dcm".replace("/", "_")
        folder = self.folder / facts["StudyInstanceUID"].replace("/", "_")
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.part").write_bytes(raw)
        (folder / f"{name}.part").replace(folder / name)
        image = Image(f"{folder.name}/{name}", len(raw), facts, _nhs_number(header))
        with self.lock:
            with self._list.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(asdict(image), ensure_ascii=False) + "\n")
            self.images[image.uid] = image
        return image

    def of_study(self, study_uid: str) -> list[Image]:
        with self.lock:
            found = [one for one in self.images.values() if _study(one) == study_uid]
        return sorted(found, key=_place)

    def studies(self) -> dict[str, list[Image]]:
        """By study, newest first."""
        found: dict[str, list[Image]] = {}
        for image in self.all():
            found.setdefault(_study(image), []).append(image)
        by_date = sorted(found.items(), key=lambda each: _when(each[1][0]), reverse=True)
        return dict(by_date)

    def all(self) -> list[Image]:
        with self.lock:
            return list(self.images.values())

    def read(self, image: Image) -> Dataset:
        return dcmread(self.folder / image.path)


def _study(image: Image) -> str:
    return image.facts["StudyInstanceUID"]


def _when(image: Image) -> str:
    return image.facts["StudyDate"] + image.facts["StudyTime"]


def _place(image: Image) -> tuple[int, int]:
    return _number(image.facts["SeriesNumber"]), _number(image.facts["InstanceNumber"])


def _number(text: str) -> int:
    return int(text) if text.lstrip("-").isdigit() else 0


def _nhs_number(header: Dataset) -> str:
    """Of the other numbers, the one that the NHS gave."""
    for other in _others(header):
        if str(other.get("IssuerOfPatientID", "")).upper() in ("NHS", "NHSNMBR"):
            return str(other.get("PatientID", ""))
    return ""


def _others(header: Dataset) -> Iterator[Any]:
    yield from header.get("OtherPatientIDsSequence") or ()
