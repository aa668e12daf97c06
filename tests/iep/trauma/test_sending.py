"""I5: what goes to the trauma centre, when, and what stops it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse

from iep.dicom.errors import DicomFailure, Family, Phase
from iep.errors import NotAccepted
from iep.models import Attachment, OnCallPage, Ticket, Transaction, Transfer
from iep.services import trauma
from iep.states.priorities import Priority
from tests.iep.trauma.conftest import OURS, Night

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def page(night: Night) -> str:
    return reverse("iep:trauma-patient", args=[night.patient.pk])


def form(night: Night, *studies: str, **changes: str) -> dict[str, object]:
    people = vars(trauma.usual_people(night.centre, night.world.place("RZ1"), night.by))
    said = {"study": list(studies), "is_ed_trauma": "on", "centre": str(night.centre.pk),
            "do": "send", **people, **changes}  # fmt: skip
    return {name: value for name, value in said.items() if value != ""}


def test_one_press_makes_ticket_transaction_and_transfers_as_clinical_emergency(
    night: Night,
) -> None:
    study = night.study(ago=HOUR)
    client = night.world.client("on-call")
    answer = client.post(page(night), form(night, study.study_uid))
    thing = Transaction.objects.get()
    assert answer.status_code == 302, answer.content.decode()
    assert answer["Location"] == reverse("iep:ticket", args=[thing.ticket.reference])
    assert (thing.institution, thing.kind, thing.direction) == (night.centre, "transfer", "out")
    assert thing.priority == thing.ticket.priority == Priority.BLUE_LIGHT
    assert thing.ticket.patient == night.patient
    assert thing.ticket.department == "Emergency Department"
    (transfer,) = Transfer.objects.all()
    assert (transfer.study_uid, transfer.priority) == (study.study_uid, Priority.BLUE_LIGHT)
    assert (transfer.purpose, transfer.transaction) == ("from_pacs", thing)


def test_what_was_taken_in_the_last_24_hours_is_ticked_and_nothing_else(night: Night) -> None:
    night.study(ago=HOUR, description="CT head")
    night.study(ago=timedelta(hours=23), description="CT pelvis")
    night.study(ago=timedelta(hours=26), description="CT old")
    night.study(ago=timedelta(days=700), description="XR knee")
    rows = trauma.look(night.patient, night.world.place("RZ1"))
    assert [(row.title, row.is_recent) for row in rows] == [
        ("CT head", True), ("CT pelvis", True), ("CT old", False), ("XR knee", False),
    ]  # fmt: skip
    shown = night.world.client("on-call").get(page(night)).content.decode()
    assert shown.count('type="checkbox" value="2.25.') == 4
    assert shown.count("checked") == 2


def test_a_study_of_somebody_else_under_the_same_number_is_not_offered(night: Night) -> None:
    night.study(ago=HOUR, family_name="Otherperson")
    (row,) = trauma.look(night.patient, night.world.place("RZ1"))
    assert row.differs == ("name",)
    assert not row.is_recent
    shown = night.world.client("on-call").get(page(night)).content.decode()
    assert "Not to be sent" in shown
    with pytest.raises(NotAccepted) as refused:
        trauma.send(
            night.patient, night.centre, [night.held[0].study_uid], is_ed_trauma=True, has_read="",
            people=trauma.usual_people(night.centre, night.world.place("RZ1"), night.by),
            by=night.by,
        )  # fmt: skip
    assert refused.value.code == "other_patient"
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"is_ed_trauma": ""}, "Only for trauma patients in ED"),
        ({"study": ""}, "Tick at least one study"),
        ({"other_email": "nobody"}, "Enter an e-mail address like"),
        ({"consultant": ""}, "Name the consultant"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_made(
    night: Night, changes: dict[str, str], words: str
) -> None:
    study = night.study(ago=HOUR)
    answer = night.world.client("on-call").post(
        page(night), form(night, study.study_uid) | {k: v for k, v in changes.items() if v}
        if all(changes.values())
        else {k: v for k, v in form(night, study.study_uid).items() if k not in changes},
    )  # fmt: skip
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Ticket.objects.exists()
    assert not Transfer.objects.exists()


# --- Whose task it is ----------------------------------------------------------------------------


def test_in_office_hours_the_page_says_that_the_desk_does_it_and_gives_its_number(
    night: Night, desk: Callable[[bool], None]
) -> None:
    study = night.study(ago=HOUR)
    desk(True)
    client = night.world.client("on-call")
    shown = client.get(reverse("iep:trauma")).content.decode()
    assert "Office hours: the service desk sends it" in shown
    assert night.world.place("RZ1").help_phone in shown
    assert 'name="number"' not in shown
    answer = client.post(page(night), form(night, study.study_uid))
    assert answer.status_code == 422
    assert not Ticket.objects.exists()


def test_the_desk_sends_in_its_hours(night: Night, desk: Callable[[bool], None]) -> None:
    study = night.study(ago=HOUR)
    desk(True)
    client = night.world.client("mbp")
    answer = client.post(
        page(night), form(night, study.study_uid, requester_email="d@kingsmere.nhs.example")
    )
    assert answer.status_code == 302
    assert Transfer.objects.count() == 1
    assert not OnCallPage.objects.exists()


def test_who_sends_it_at_night_has_it(night: Night) -> None:
    study = night.study(ago=HOUR)
    night.world.client("on-call").post(page(night), form(night, study.study_uid))
    page_row = OnCallPage.objects.get()
    assert page_row.user == night.by.user
    assert page_row.acknowledged_at is not None


# --- Finding the patient -------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["S1234567", "s1234567", "nhs", "spaced"])
def test_a_patient_is_found_by_either_number_which_stands_in_no_address(
    night: Night, typed: str
) -> None:
    number = night.patient.nhs_number or ""
    said = {"nhs": number, "spaced": f"{number[:3]} {number[3:6]} {number[6:]}"}.get(typed, typed)
    answer = night.world.client("on-call").post(reverse("iep:trauma"), {"number": said})
    assert answer["Location"] == page(night)
    assert number not in answer["Location"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("S7654321", "No patient of this hospital has that number"),
        ("rubbish", "Enter an S number"),
        ("", "Enter an S number"),
    ],
)
def test_a_number_of_nobody_is_said(night: Night, typed: str, words: str) -> None:
    answer = night.world.client("on-call").post(reverse("iep:trauma"), {"number": typed})
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_patient_of_another_hospital_is_not_found(night: Night) -> None:
    other = night.world.patient()
    client = night.world.client("on-call")
    assert client.get(reverse("iep:trauma-patient", args=[other.pk])).status_code == 404
    answer = client.post(reverse("iep:trauma"), {"number": other.nhs_number})
    assert answer.status_code == 422


# --- The report ----------------------------------------------------------------------------------


REPORT = "No fracture. No intracranial haemorrhage."


@pytest.fixture
def reported(night: Night, monkeypatch: pytest.MonkeyPatch, settings: object) -> str:
    """The accession number of a study whose report the results' room has."""
    settings.IMAGE_REPORTS = "tests.iep.trauma.reports.reports_for"  # type: ignore[attr-defined]
    return "KM7"


def test_the_report_is_attached_after_it_was_read_and_not_before(
    night: Night, reported: str
) -> None:
    study = night.study(ago=HOUR, accession=reported)
    client = night.world.client("on-call")
    shown = client.get(page(night)).content.decode()
    assert REPORT in shown
    (row,) = trauma.look(night.patient, night.world.place("RZ1"))
    assert row.report is not None
    seen = trauma.seen_as([row.report])
    refused = client.post(page(night), form(night, study.study_uid, seen=seen))
    assert refused.status_code == 422
    assert "Read the report" in refused.content.decode()
    sent = client.post(page(night), form(night, study.study_uid, seen=seen, has_read="on"))
    assert sent.status_code == 302
    attached = Attachment.objects.get()
    assert REPORT in bytes(attached.content).decode()
    assert attached.study_uid == study.study_uid
    assert attached.confirmed_by == night.by.label


def test_a_report_that_changed_since_it_was_read_is_read_again(night: Night, reported: str) -> None:
    study = night.study(ago=HOUR, accession=reported)
    answer = night.world.client("on-call").post(
        page(night), form(night, study.study_uid, seen="0" * 64, has_read="on")
    )
    assert answer.status_code == 422
    assert "A report has changed" in answer.content.decode()
    assert not Ticket.objects.exists()


def test_the_report_of_a_study_that_is_not_sent_need_not_be_read(
    night: Night, reported: str
) -> None:
    night.study(ago=HOUR, accession=reported)
    other = night.study(ago=HOUR, accession="KM8", description="CT pelvis")
    answer = night.world.client("on-call").post(page(night), form(night, other.study_uid))
    assert answer.status_code == 302
    assert not Attachment.objects.exists()


# --- When PACS is away ---------------------------------------------------------------------------


def test_when_pacs_is_away_the_page_says_so_and_a_disc_has_its_ticket(night: Night) -> None:
    study = night.study(ago=HOUR)
    night.archive.behave(OURS, "away")
    client = night.world.client("on-call")
    shown = client.get(page(night)).content.decode()
    assert "PACS does not answer: send a disc" in shown
    answer = client.post(
        page(night), form(night, do="disc", what="CT head and neck", modality="CT")
    )
    ticket = Ticket.objects.get()
    assert answer["Location"] == reverse("iep:trauma-label", args=[ticket.pk])
    label = client.get(answer["Location"]).content.decode()
    assert ticket.reference in label
    assert night.patient.family_name not in label
    assert ticket.priority == Priority.BLUE_LIGHT
    assert [each.description for each in ticket.exams.all()] == ["CT head and neck"]
    assert "PACS does not answer" in ticket.instructions
    assert study.study_uid


def test_pacs_that_goes_away_before_the_button_loses_nothing(night: Night) -> None:
    study = night.study(ago=HOUR)
    night.archive.behave(OURS, "away")
    answer = night.world.client("on-call").post(page(night), form(night, study.study_uid))
    shown = answer.content.decode()
    assert "PACS does not answer: send a disc" in shown
    assert answer.status_code == 422
    assert "Nothing was sent: PACS does not answer. Send a disc, or ask PACS again." in shown
    assert not Ticket.objects.exists()


def test_a_send_that_pacs_did_not_answer_says_that_nothing_was_sent_and_keeps_the_ticks(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, other = night.study(ago=HOUR), night.study(ago=HOUR, description="CT pelvis")

    def gone(*args: object, **said: object) -> None:
        raise DicomFailure(Phase.FIND, Family.UNREACHABLE, "No answer.")

    monkeypatch.setattr(trauma, "send", gone)
    answer = night.world.client("on-call").post(page(night), form(night, study.study_uid))
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "Nothing was sent: PACS did not answer. Send again." in shown
    assert re.search(f'value="{study.study_uid}" checked', shown)
    assert not re.search(f'value="{other.study_uid}" checked', shown)


def test_when_pacs_has_nothing_of_the_patient_a_disc_is_offered_too(night: Night) -> None:
    client = night.world.client("on-call")
    shown = client.get(page(night)).content.decode()
    assert "PACS has nothing of this patient" in shown
    assert "Open the ticket and make the label" in shown
    client.post(page(night), form(night, do="disc", what="CT head", modality="CT", is_empty="1"))
    ticket = Ticket.objects.get()
    assert ticket.priority == Priority.BLUE_LIGHT
    assert "PACS had nothing of the patient yet" in ticket.instructions
    assert not Transfer.objects.exists()


def test_of_several_reports_on_the_page_those_of_the_chosen_studies_go(
    night: Night, settings: object
) -> None:
    settings.IMAGE_REPORTS = "tests.iep.trauma.reports.two_reports"  # type: ignore[attr-defined]
    study = night.study(ago=HOUR, accession="KM7")
    night.study(ago=timedelta(days=90), accession="KM8", description="CT pelvis")
    rows = trauma.look(night.patient, night.world.place("RZ1"))
    seen = trauma.seen_as([row.report for row in rows if row.report])
    sent = night.world.client("on-call").post(
        page(night), form(night, study.study_uid, seen=seen, has_read="on")
    )
    assert sent.status_code == 302
    assert Attachment.objects.get().study_uid == study.study_uid
