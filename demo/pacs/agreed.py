"""What the archive is told at the start: whose AE titles it answers, whom it knows, what it holds.

Written by the seeding into `<data>/pacs/agreed.json`, as a real archive is configured once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

AGREED = "agreed.json"
UUIDS = "2.25."  # as UIDs: PS3.5 B.2


def uid_of(*words: object) -> str:
    """The same words, the same UID."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()[:16]
    return f"{UUIDS}{int.from_bytes(digest, 'big')}"


@dataclass(frozen=True)
class Hospital:
    """One hospital's archive."""

    ae_title: str
    name: str


@dataclass(frozen=True)
class Peer:
    """Who may be sent to, by AE title (C-MOVE, commitment, direct routing)."""

    ae_title: str
    host: str
    port: int


@dataclass(frozen=True)
class Series:
    """So many images of one kind."""

    description: str
    images: int
    rows: int = 256
    columns: int = 256


@dataclass(frozen=True)
class Held:
    """One invented study that an archive holds. Dates as DICOM has them."""

    ae_title: str
    study_uid: str
    patient_id: str
    issuer: str
    nhs_number: str
    family_name: str
    given_names: str
    birth_date: str  # DA
    sex: str
    accession: str
    acquired_on: str  # DA
    acquired_time: str  # TM
    modality: str
    description: str
    body_part: str
    institution: str
    code: str = ""  # the hospital's examination code
    series: tuple[Series, ...] = field(default=())


@dataclass(frozen=True)
class Agreed:
    """All of it."""

    hospitals: tuple[Hospital, ...] = ()
    peers: tuple[Peer, ...] = ()
    studies: tuple[Held, ...] = ()


def write_agreed(folder: Path, agreed: Agreed) -> None:
    """Whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f"{AGREED}.part"
    aside.write_text(json.dumps(asdict(agreed), ensure_ascii=False, indent=1), encoding="utf-8")
    aside.replace(folder / AGREED)


def read_agreed(folder: Path) -> Agreed:
    """Nothing where nothing was written: an archive without a hospital answers nobody."""
    try:
        found = json.loads((folder / AGREED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Agreed()
    return Agreed(
        hospitals=tuple(Hospital(**one) for one in found["hospitals"]),
        peers=tuple(Peer(**one) for one in found["peers"]),
        studies=tuple(_held(one) for one in found["studies"]),
    )


def _held(one: dict[str, object]) -> Held:
    series = tuple(Series(**each) for each in one.pop("series"))  # type: ignore[attr-defined]
    return Held(**one, series=series)  # type: ignore[arg-type]
