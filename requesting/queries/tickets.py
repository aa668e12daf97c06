"""Who cannot get in, the desks that help them, and the forms that were made meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import Borough, Organisation, OrganisationKind, ServiceDesk, User
from accounts.policies import Acting
from accounts.queries import colleagues
from accounts.roles import Permission
from catalogue.queries import examination_words
from nhsuk.formats import popening
from patients import nhs_number
from patients.models import Patient
from patients.queries import visible_to
from requesting.errors import NotFound
from requesting.models import AccessTicket, DowntimeForm, Priority

from .forms import FormRow, form_rows

Ticket = AccessTicket  # for screens, which name no model
PRIORITIES = tuple(Priority.choices)
MODALITIES = ("XR", "US", "CT", "MR", "RF")


def _mine(acting: Acting) -> QuerySet[AccessTicket]:
    place = acting.organisation
    if place is None or not acting.may(Permission.OPEN_TICKETS):
        return AccessTicket.objects.none()
    rows = AccessTicket.objects.select_related("user", "organisation", "desk", "opened_by")
    return rows if place.kind == OrganisationKind.CENTRAL else rows.filter(organisation=place)


def open_tickets(acting: Acting) -> list[AccessTicket]:
    """Of this person's place; for the central team, of every one. The oldest first."""
    rows = _mine(acting).filter(closed_at__isnull=True, valid_until__gt=timezone.now())
    return list(rows.order_by("opened_at")[:200])


def closed_tickets(acting: Acting, *, most: int = 20) -> list[AccessTicket]:
    """Closed, or past their time; the newest first."""
    keys = [ticket.pk for ticket in open_tickets(acting)]
    return list(_mine(acting).exclude(pk__in=keys).order_by("-opened_at")[:most])


def ticket_for(acting: Acting, ticket_id: int) -> AccessTicket:
    """Raises NotFound for absent and forbidden."""
    found = _mine(acting).filter(pk=ticket_id).first()
    audit.record(
        acting=acting, action="view_ticket", object_type="requesting.AccessTicket",
        object_id=ticket_id, outcome="ok" if found else "denied",
    )  # fmt: skip
    if found is None:
        raise NotFound
    return found


def is_open(ticket: AccessTicket) -> bool:
    return ticket.closed_at is None and timezone.now() < ticket.valid_until


def forms_of(ticket: AccessTicket) -> tuple[FormRow, ...]:
    """The newest first."""
    rows = DowntimeForm.objects.filter(ticket=ticket).select_related("department", "patient")
    return form_rows(rows.order_by("-made_at"))


# --- What can be chosen --------------------------------------------------------------------------


@dataclass(frozen=True)
class Colleague:
    """Somebody who could request at a place. `value` is "<user>-<place>"."""

    value: str
    words: str


def people(acting: Acting) -> tuple[Colleague, ...]:
    """Colleagues of this person's place who request there; for the central team, everybody's."""
    found = []
    for place in _places(acting):
        for user in colleagues(place, Permission.REQUEST_TESTS):
            if acting.user is None or user.pk != acting.user.pk:
                where = f", {place.name}" if place != acting.organisation else ""
                found.append(Colleague(f"{user.pk}-{place.pk}", f"{user.display_name}{where}"))
    return tuple(found)


def _places(acting: Acting) -> list[Organisation]:
    place = acting.organisation
    if place is None:
        return []
    if place.kind == OrganisationKind.CENTRAL:
        return list(Organisation.objects.filter(may_request=True))
    return [place] if place.may_request else []


def person(acting: Acting, value: str) -> tuple[User | None, Organisation | None]:
    """Who a value of `people` stands for; nobody for any other."""
    if value not in {each.value for each in people(acting)}:
        return None, None
    user, _, place = value.partition("-")
    return User.objects.get(pk=int(user)), Organisation.objects.get(pk=int(place))


def departments(ticket: AccessTicket) -> list[Organisation]:
    """Those that take requests from the ticket's place."""
    return list(ticket.organisation.served_by.filter(kind=OrganisationKind.DEPARTMENT))


def department(ticket: AccessTicket, value: str) -> Organisation | None:
    return next((each for each in departments(ticket) if str(each.pk) == value), None)


def modalities() -> tuple[tuple[str, str], ...]:
    return tuple((code, examination_words(code)) for code in MODALITIES)


def priority(value: str) -> str:
    return value if value in Priority.values else Priority.ROUTINE.value


def patient(acting: Acting, number: str, *, request: HttpRequest) -> Patient | None:
    """The patient of that NHS number, within reach; the look is on record."""
    wanted = nhs_number.parse(number) if nhs_number.is_valid(number) else ""
    found = visible_to(acting).filter(nhs_number=wanted).first() if wanted else None
    audit.record(
        acting=acting, action="find_patient", object_type="patients.Patient",
        object_id=found.pk if found else "", patient_id=found.pk if found else "",
        outcome="ok" if found else "denied", reason="downtime form", request=request,
    )  # fmt: skip
    return found


# --- The directory of desks ----------------------------------------------------------------------


@dataclass(frozen=True)
class Desk:
    """A service desk and whose it is."""

    desk: ServiceDesk
    boroughs: str
    hours: str


def desks() -> tuple[Desk, ...]:
    """Each desk with its boroughs, by name."""
    rows = ServiceDesk.objects.prefetch_related("boroughs")
    return tuple(
        Desk(row, ", ".join(each.name for each in row.boroughs.all()), popening(row.opening_hours))
        for row in rows
    )


def desk_of(acting: Acting) -> ServiceDesk | None:
    """The desk of this person's own place."""
    place = acting.organisation
    if place is None or place.borough_id is None:
        return None
    borough = Borough.objects.select_related("desk").filter(pk=place.borough_id).first()
    return borough.desk if borough else None
