"""The demo's world of images: institutions, their machines, and what the archives hold.

All invented: institutions of cities that do not exist, with names alike enough to be mistaken for
each other, as real ones are. Patients are the demo's own; other hospitals know them by numbers of
theirs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation, User
from demo.pacs.agreed import (
    Agreed,
    Held,
    Hospital,
    Peer,
    Series,
    read_agreed,
    uid_of,
    write_agreed,
)
from demo.people import EASTMARSH, KINGSMERE, radiology_of
from iep.models import Alias, Institution, Node
from patients.models import Patient
from results.models import Report

OUR_PACS = "HOSPITALPACS"
# Who ask for images, and so have mailboxes of their own: at their trust's domain.
ASKERS = {"mbp": "kingsmere", "mbp-lead": "kingsmere", "on-call": "kingsmere",
          "ward": "kingsmere", "radiographer": "kingsmere", "radiologist": "eastmarsh"}  # fmt: skip
TRAUMA_PACS, WESTHAVEN_PACS, BRACKEN_PACS = "NORTHMOORPACS", "WESTHAVENPACS", "BRACKENPACS"


@dataclass(frozen=True)
class Somewhere:
    """An institution before it is in the database."""

    code: str
    name: str
    city: str
    phone: str
    aliases: tuple[str, ...] = ()
    kind: str = "institution"
    email: str = ""
    usual_hours: int | None = None
    is_trauma_centre: bool = False
    organisation: str = ""


INSTITUTIONS = (
    Somewhere("RZ1", "Kingsmere University Hospitals", "Kingsmere", "01632 960100",
              ("KUH", "Kingsmere Hospital"), organisation=KINGSMERE),
    Somewhere("RZ2", "Eastmarsh NHS Foundation Trust", "Eastmarsh", "01632 960200",
              ("Eastmarsh General",), organisation=EASTMARSH),
    Somewhere("RY701", "Northmoor Trauma Centre", "Northmoor", "01632 960500",
              ("NTC", "Northmoor Major Trauma"), email="imaging@northmoor.nhs.example",
              usual_hours=1, is_trauma_centre=True),
    Somewhere("RY702", "Northmoor City Hospital", "Northmoor", "01632 960510",
              ("NCH",), usual_hours=8),
    Somewhere("RY703", "Northmoor Eye Hospital", "Northmoor", "01632 960520"),
    Somewhere("RY801", "Westhaven General Hospital", "Westhaven", "01632 960600",
              ("WGH", "Westhaven"), email="image.exchange@westhaven.nhs.example", usual_hours=4),
    Somewhere("RY901", "Brackenford Infirmary", "Brackenford", "01632 960700",
              ("BFI",), usual_hours=24),
    Somewhere("RY802", "St Aldhelm’s Hospital", "Westhaven", "01632 960610", ("Aldhelm",)),
    Somewhere("RY902", "St Aldhelm’s Hospital", "Brackenford", "01632 960710", ("Aldhelm",)),
    Somewhere("NV101", "Hollowell Clinic Westhaven", "Westhaven", "01632 960620", ("Hollowell",)),
    Somewhere("NV102", "Hollowell Clinic Brackenford", "Brackenford", "01632 960720",
              ("Hollowell",)),
    Somewhere("NV201", "Lumenread Teleradiology", "Westhaven", "01632 960630", kind="company",
              usual_hours=12),
    Somewhere("NV301", "Dr Marta Eklund, independent expert", "Brackenford", "01632 960730",
              kind="individual"),
)  # fmt: skip

# code → name, AE title, whether it may call us, whether it gives by C-MOVE
NODES = {
    "RZ1": ("KUHPACS01", OUR_PACS, True, False),
    "RY701": ("NTCPACS01", TRAUMA_PACS, True, False),
    "RY801": ("WGHPACS01", WESTHAVEN_PACS, True, False),
    "RY901": ("BFIPACS01", BRACKEN_PACS, True, True),
}


def seed_exchange() -> None:
    """After the people: institutions and machines, put in or back to what this page says."""
    for user in User.objects.filter(username__in=ASKERS, email=""):
        at = f"{ASKERS[user.username]}.nhs.example"
        user.email = f"{user.first_name}.{user.last_name}@{at}".lower()
        user.save(update_fields=["email"])
    port = int(os.environ.get("HOSPITAL_DICOM_PORT", "11113"))
    with transaction.atomic():
        for somewhere in INSTITUTIONS:
            institution = _institution(somewhere)
            if somewhere.code in NODES:
                _node(institution, port)


def _institution(somewhere: Somewhere) -> Institution:
    trust = Organisation.objects.filter(ods_code=somewhere.organisation).first()
    facts = {
        "kind": somewhere.kind, "name": somewhere.name, "city": somewhere.city,
        "phone": somewhere.phone, "email": somewhere.email, "usual_hours": somewhere.usual_hours,
        "is_trauma_centre": somewhere.is_trauma_centre, "organisation": trust,
        "entered_by": "The demo",
    }  # fmt: skip
    made, _ = Institution.objects.update_or_create(code=somewhere.code, defaults=facts)
    for alias in somewhere.aliases:
        Alias.objects.get_or_create(institution=made, name=alias)
    return made


def _node(institution: Institution, port: int) -> None:
    name, ae_title, may_call, by_move = NODES[institution.code]
    facts = {
        "institution": institution, "kind": "dimse", "is_default": True,
        "is_our_pacs": ae_title == OUR_PACS, "ae_title": ae_title, "host": "127.0.0.1",
        "port": port, "may_call": may_call, "fetches_by_move": by_move,
    }  # fmt: skip
    Node.objects.update_or_create(name=name, defaults=facts)


# --- What the archives hold -----------------------------------------------------------------------


@dataclass(frozen=True)
class Story:
    """A study of a patient: which of the demo's patients, where, what, and when."""

    patient: int  # place in the list of Kingsmere's patients
    ae_title: str
    modality: str
    description: str
    code: str
    body_part: str
    ago: timedelta
    series: tuple[Series, ...]


def _hours(number: float) -> timedelta:
    return timedelta(hours=number)


def _days(number: int) -> timedelta:
    return timedelta(days=number)


STORIES = (
    # The trauma patient: came to ED in the evening, and an old film besides. The CT of the head has
    # been reported (demo.tonight) and is here under its accession number.
    Story(0, OUR_PACS, "CT", "CT chest abdomen pelvis", "CCHAPC", "CHEST", _hours(1.5),
          (Series("Axial", 24),)),
    Story(0, OUR_PACS, "CT", "CT cervical spine", "CSPIC", "CSPINE", _hours(1.4),
          (Series("Axial", 16), Series("Sagittal", 8))),
    Story(0, OUR_PACS, "CR", "XR knee left", "XKNEL", "KNEE", _days(700),
          (Series("AP and lateral", 2, 320, 256),)),
    Story(1, OUR_PACS, "MR", "MRI lumbar spine", "MLUMB", "LSPINE", _days(40),
          (Series("T1 sagittal", 10), Series("T2 sagittal", 10))),
    Story(2, OUR_PACS, "CR", "XR wrist right", "XWRIR", "WRIST", _days(12),
          (Series("AP and lateral", 2, 256, 200),)),
    Story(3, OUR_PACS, "CT", "CT chest abdomen pelvis", "CCHAPC", "CHEST", _days(3),
          (Series("Axial", 40),)),
    # Of the same people, elsewhere
    Story(0, WESTHAVEN_PACS, "MR", "MRI brain", "MSKUH", "BRAIN", _days(95),
          (Series("T2 axial", 12), Series("FLAIR", 12))),
    Story(1, WESTHAVEN_PACS, "CT", "CT abdomen", "CABDO", "ABDOMEN", _days(200),
          (Series("Axial", 20),)),
    Story(3, WESTHAVEN_PACS, "CR", "XR chest", "XCHES", "CHEST", _days(60),
          (Series("PA", 1, 400, 320),)),
    Story(4, WESTHAVEN_PACS, "CT", "CT thorax", "CCHES", "CHEST", _days(9),
          (Series("Axial", 30),)),
    Story(2, BRACKEN_PACS, "MR", "MRI knee right", "MKNER", "KNEE", _days(33),
          (Series("PD sagittal", 14),)),
    Story(5, BRACKEN_PACS, "CT", "CT head", "CSKUH", "HEAD", _days(2), (Series("Axial", 18),)),
    Story(6, TRAUMA_PACS, "CT", "CT trauma series", "CTRAU", "WHOLEBODY", _days(6),
          (Series("Axial", 36),)),
)  # fmt: skip
LOCAL = {WESTHAVEN_PACS: "W", BRACKEN_PACS: "B", TRAUMA_PACS: "N"}  # their numbers begin so


def agree_with_archive(folder: Path) -> None:
    """Tell the archive whom it serves and what it holds. What it was told before stays held."""
    port = int(os.environ.get("HOSPITAL_DICOM_PORT", "11113"))
    before = {held.study_uid: held for held in read_agreed(folder).studies}
    made = (*_studies(timezone.localtime()), *_reported())
    held = {one.study_uid: one for one in made}
    write_agreed(
        folder,
        Agreed(
            hospitals=tuple(_hospitals()),
            peers=(
                Peer(settings.DICOM_AET, "127.0.0.1", settings.DICOM_PORT),
                *(Peer(one.ae_title, "127.0.0.1", port) for one in _hospitals()),
            ),
            studies=tuple((held | before).values()),
        ),
    )


def _hospitals() -> Iterator[Hospital]:
    names = {somewhere.code: somewhere.name for somewhere in INSTITUTIONS}
    for code, (_, ae_title, _, _) in NODES.items():
        yield Hospital(ae_title, names[code])


def agreed_studies(folder: Path) -> tuple[Held, ...]:
    """What the archive was told that it holds."""
    return read_agreed(folder).studies


def people_with_images() -> list[Patient]:
    """Kingsmere's first patients, in the order of their numbers: the trauma patient first."""
    found = Patient.objects.filter(
        identifiers__issuer=KINGSMERE, nhs_number__startswith="999", is_deceased=False,
        merged_into__isnull=True,
    )  # fmt: skip
    return list(found.order_by("nhs_number")[:7])


def _studies(now: datetime) -> Iterator[Held]:
    people = people_with_images()
    for number, story in enumerate(STORIES):
        if story.patient < len(people):
            yield _held(story, people[story.patient], number, now)


# Modality of the catalogue → as the images say it.
_DICOM = {"XR": "CR", "CT": "CT", "MR": "MR"}


def _reported() -> Iterator[Held]:
    """The images of examinations that our RIS has reported, under its accession numbers."""
    people = {each.pk: each for each in people_with_images()}
    found = Report.objects.filter(
        patient__in=people, department__ods_code=radiology_of(KINGSMERE), current__isnull=False,
        item__service__modality__in=_DICOM,
    ).exclude(item__filler_number="")  # fmt: skip
    for report in found.select_related("item__service", "current").order_by("issued_at", "pk"):
        taken = timezone.localtime(report.current.observed_at if report.current else None)
        story = Story(
            0, OUR_PACS, _DICOM[report.item.service.modality], report.item.service_name,
            report.item.code, "", timezone.localtime() - taken,
            (Series("All views", 2 if report.item.service.modality == "XR" else 12),),
        )  # fmt: skip
        number = int(report.item.placer_number[-6:])
        yield replace(
            _held(story, people[report.patient_id], number, taken + story.ago),
            accession=report.item.filler_number[:16], acquired_on=f"{taken:%Y%m%d}",
            acquired_time=f"{taken:%H%M%S}",
            study_uid=uid_of("demo", OUR_PACS, report.item.placer_number),
        )  # fmt: skip


def _held(story: Story, patient: Patient, number: int, now: datetime) -> Held:
    """What was taken today is another study tomorrow; what is older stays one."""
    taken = now - story.ago
    if story.ago >= _days(1):
        taken = taken.replace(hour=10, minute=5 + number % 50, second=0)
    fresh: tuple[Any, ...] = (taken.date(),) if story.ago < _days(1) else ()
    own = next(one.value for one in patient.identifiers.all() if one.issuer == KINGSMERE)
    is_ours = story.ae_title == OUR_PACS
    place = next(code for code, (_, title, _, _) in NODES.items() if title == story.ae_title)
    somewhere = next(one for one in INSTITUTIONS if one.code == place)
    letter = LOCAL.get(story.ae_title, "")
    return Held(
        ae_title=story.ae_title,
        study_uid=uid_of("demo", story.ae_title, number, patient.nhs_number, *fresh),
        patient_id=own if is_ours else f"{letter}{int(own[1:]) % 100_000 + 400_000}",
        issuer=place,
        nhs_number=patient.nhs_number or "",
        family_name=patient.family_name,
        given_names=patient.given_names,
        birth_date=f"{patient.birth_date:%Y%m%d}",
        sex=patient.gender if patient.gender in "MFO" else "",
        accession=_accession(is_ours, letter, number, taken.date()),
        acquired_on=f"{taken:%Y%m%d}",
        acquired_time=f"{taken:%H%M%S}",
        modality=story.modality,
        description=story.description,
        body_part=story.body_part,
        institution=somewhere.name,
        code=story.code,
        series=story.series,
    )


def _accession(is_ours: bool, letter: str, number: int, taken: date) -> str:
    return f"{'KM' if is_ours else letter + 'X'}{taken:%y%m%d}{number:03d}"
