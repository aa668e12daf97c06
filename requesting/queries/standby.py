"""What of requests goes into a place's downtime pack, and the blank forms that go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from accounts.models import Organisation
from accounts.queries import departments
from catalogue.queries import examination_words
from messaging.mail_states import MailPurpose
from messaging.queries.mail import usable_mailboxes
from nhsuk.formats import cdate_text, cdatetime_text, cname, nhsno_text
from nhsuk.tags import ORDER_STATUSES
from patients.models import Patient
from requesting.form_states import KEY_IN_WITHIN
from requesting.models import Priority, RequestItem
from requesting.sheets import Pair, Sheet
from requesting.states import TERMINAL

from .sheets import BOXES, BY_HAND
from .telling import next_sentence

CHUNK = 500  # rows that are read at a time, through a cursor of the server's


def patient_record(patient: Patient) -> dict[str, str]:
    """Who it is, as the pack shows and finds them. No address, no telephone."""
    return {
        "name": cname(patient), "nhs": nhsno_text(patient.nhs_number),
        "born": cdate_text(patient.birth_date), "gender": patient.get_gender_display(),
        "id": str(patient.pk),
    }  # fmt: skip


def open_requests(place: Organisation) -> Iterator[dict[str, Any]]:
    """Every test that the place asked for and that has not come to its end, the oldest first."""
    rows = (
        RequestItem.objects.filter(organisation=place)
        .exclude(status__in=[status.value for status in TERMINAL])
        .select_related("patient", "service", "department", "request", "requester", "site")
        .order_by("requested_at", "id")
    )
    for item in rows.iterator(chunk_size=CHUNK):
        yield _record(item)


def _record(item: RequestItem) -> dict[str, Any]:
    return {
        "kind": "request",
        "patient": patient_record(item.patient),
        "reference": item.request.reference,
        "number": item.placer_number,
        "test": item.service_name,
        "priority": Priority(item.priority).label,
        "urgent": item.priority != Priority.ROUTINE,
        "status": ORDER_STATUSES[item.status].label,
        "next": next_sentence(item),
        "asked": cdatetime_text(item.requested_at, relative=False),
        "by": item.requester.display_name,
        "department": item.department.name,
        "phone": item.department.phone,
        "details": item.clinical_details,
        "reasons": "; ".join(each["text"] for each in item.reasons),
    }


# --- Blank forms ---------------------------------------------------------------------------------

WHO_ASKS = (
    "Requested by: name, profession, registration number", "Practice, and its telephone",
    "Routine, urgent or 2WW", "Send results to",
)  # fmt: skip


def blank_forms() -> list[tuple[Organisation, Sheet]]:
    """A form to fill in by hand for each department, with the mailbox of each modality."""
    return [(department, blank_form(department)) for department in departments()]


def blank_form(department: Organisation) -> Sheet:
    """Of one department. It has no reference: the department gives it one when it keys it in."""
    hours = int(KEY_IN_WITHIN.total_seconds() // 3600)
    trust = f", {department.parent.name}" if department.parent else ""
    return Sheet(
        reference="",
        department=f"{department.name}{trust}",
        priority="Routine / Urgent / 2WW: write it below",
        is_urgent=False,
        state="Blank form, for when the service does not answer",
        to_do=(
            "Look for the patient and the test in your system first: it may have arrived before.",
            f"Key in within {hours} hours of receiving it.",
            "Once the service answers, say so on the list of downtime forms.",
            "Questions, rejections: ring the practice.",
        ),
        send_to=mailboxes_of(department),
        patient=(),
        requester=(),
        results=(),
        tests=(),
        boxes=BOXES,
        blanks=(*BY_HAND[:-1], *WHO_ASKS, BY_HAND[-1]),
    )  # fmt: skip


def mailboxes_of(department: Organisation) -> tuple[Pair, ...]:
    """Which mailbox takes what, by modality; where there is none, the telephone."""
    places = [department.pk, *([department.parent_id] if department.parent_id else [])]
    rows = usable_mailboxes().filter(purpose=MailPurpose.DOWNTIME, organisation_id__in=places)
    pairs = tuple(
        (_what(each.modality, department), f"{each.display_name}, {each.address}")
        for each in rows.order_by("modality", "pk")
        if each.organisation_id == department.pk or department.discipline == "radiology"
    )
    ring = department.phone or "the department"
    return pairs or (("no mailbox", f"The directory has none. Ring {ring}."),)


def _what(modality: str, department: Organisation) -> str:
    if modality:
        return examination_words(modality)
    return "Blood tests" if department.discipline == "pathology" else "Everything else"
