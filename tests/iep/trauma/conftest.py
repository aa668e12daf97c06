"""Kingsmere by night and by day, its PACS, the trauma centre, and a patient who came to ED."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.policies import Acting
from demo.pacs.agreed import Agreed, Held, Hospital, Series, uid_of
from demo.pacs.archive import Archive
from iep import hours
from iep.models import Institution, Node
from nhsuk.formats import LONDON
from patients.models import Patient
from tests.world import World

OURS = "HOSPITALPACS"


@dataclass
class Night:
    """The cast of the room."""

    world: World
    archive: Archive
    patient: Patient
    centre: Institution
    now: datetime
    held: list[Held] = field(default_factory=list)

    @property
    def by(self) -> Acting:
        return self.world.acting("on-call")

    def study(self, *, ago: timedelta, accession: str = "KM1", **facts: object) -> Held:
        """A study of the patient in our PACS, of so long ago."""
        taken = timezone.localtime() - ago
        number = len(self.held)
        said = {
            "ae_title": OURS, "study_uid": uid_of("night", number), "patient_id": "S1234567",
            "issuer": "RZ1", "nhs_number": self.patient.nhs_number or "",
            "family_name": self.patient.family_name, "given_names": self.patient.given_names,
            "birth_date": f"{self.patient.birth_date:%Y%m%d}", "sex": "F", "accession": accession,
            "acquired_on": f"{taken:%Y%m%d}", "acquired_time": f"{taken:%H%M%S}",
            "modality": "CT", "description": "CT head", "body_part": "HEAD",
            "institution": "Kingsmere University Hospitals",
            "series": (Series("Axial", 3, 32, 32),),
        } | facts  # fmt: skip
        made = Held(**said)  # type: ignore[arg-type]
        self.held.append(made)
        self.archive._agreed = Agreed(studies=(made,))
        self.archive.invent()
        return made


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "pacs", Agreed(hospitals=(Hospital(OURS, "Kingsmere"),))) as made:
        yield made


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, settings: object) -> Callable[[bool], None]:
    """Open or close the service desk, whatever the hour of this run, by its settings."""

    def say(is_open: bool) -> None:
        week = dict.fromkeys(hours.DAYS, ("00:00", "23:59:59.999999") if is_open else ())
        settings.IMAGE_DESK_HOURS = week if is_open else {}  # type: ignore[attr-defined]
        settings.IMAGE_DESK_HOLIDAYS = ""  # type: ignore[attr-defined]

    return say


@pytest.fixture
def night(world: World, archive: Archive, desk: Callable[[bool], None]) -> Night:
    """Out of hours."""
    desk(False)
    trust = world.place("RZ1")
    ours = Institution.objects.create(
        code="RZ1", name="Kingsmere University Hospitals", city="Kingsmere", organisation=trust
    )
    centre = Institution.objects.create(
        code="RY701", name="Northmoor Trauma Centre", city="Northmoor", phone="01632 960500",
        email="imaging@northmoor.nhs.example", is_trauma_centre=True,
    )  # fmt: skip
    line = {"kind": "dimse", "host": "127.0.0.1", "port": archive.port, "is_default": True}
    Node.objects.create(institution=ours, name="KUHPACS01", ae_title=OURS, is_our_pacs=True, **line)
    Node.objects.create(institution=centre, name="NTCPACS01", ae_title="NORTHMOORPACS", **line)
    User.objects.filter(username="on-call").update(email="l.brandt@kingsmere.nhs.example")
    patient = world.patient(s_number="S1234567")
    return Night(world, archive, patient, centre, timezone.now())


def london(*words: int) -> datetime:
    return datetime(*words, tzinfo=LONDON)  # type: ignore[arg-type, misc]


def day(text: str) -> date:
    return date.fromisoformat(text)
