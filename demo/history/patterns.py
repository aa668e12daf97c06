"""Which requests of the past may be copied, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import connection

from accounts.models import Membership, Organisation, OrganisationKind, User
from demo.patients import CAST, nhs_numbers
from requesting.models import Request, RequestItem
from requesting.states import TERMINAL, Status

ONE_SEX = {"psa", "us-testes", "us-pelvis", "us-pelvis-tv", "mri-prostate", "ca125"}
# Open requests of which no message is still to come or to go.
AT_REST = {
    Status.RECEIVED, Status.VETTING, Status.INFO, Status.REJECTED, Status.WALKIN, Status.BOOKED,
    Status.DNA, Status.PROGRESS, Status.REPORTED,
}  # fmt: skip


@dataclass(frozen=True)
class Pattern:
    """A request that may be copied. `gender` is its patient's where its tests are of one sex."""

    request_id: str
    reports: int
    gender: str
    ended: datetime
    organisation: Organisation
    requester: User

    @property
    def label(self) -> str:
        return label(self.requester)


@dataclass(frozen=True)
class Target:
    """Somebody to copy to, and the place and the people that would have asked."""

    patient_id: str
    gender: str
    organisation: Organisation
    requesters: tuple[User, ...]


def label(user: User) -> str:
    """As `accounts.policies.Acting.label` has it."""
    return ", ".join(part for part in (user.display_name, user.profession) if part)


def patterns(*, is_open: bool) -> list[Pattern]:
    """Finished requests, or (`is_open`) those that rest with somebody; always in the same order."""
    requests = Request.objects.filter(replaces__isnull=True).prefetch_related(
        "items__service", "items__reports"
    )
    found = []
    for request in requests.select_related("organisation", "requester", "patient"):
        items = list(request.items.all())
        if items and all(_fits(item, is_open=is_open) for item in items):
            found.append(_pattern(request, items))
    return sorted(found, key=lambda pattern: pattern.request_id)


def _fits(item: RequestItem, *, is_open: bool) -> bool:
    if item.replaced_by.exists():
        return False
    if is_open:
        return item.status in AT_REST
    return item.status in TERMINAL and not item.attention


def _pattern(request: Request, items: list[RequestItem]) -> Pattern:
    sexed = any(item.service.code in ONE_SEX for item in items)
    return Pattern(
        request_id=str(request.pk),
        reports=sum(len(item.reports.all()) for item in items),
        gender=request.patient.gender if sexed else "",
        ended=max(item.status_at for item in items),
        organisation=request.organisation,
        requester=request.requester,
    )


def mixture(found: list[Pattern], *, reports: float) -> list[Pattern]:
    """The patterns, each as often as makes `reports` reports a request on average, about."""
    poor = [one for one in found if one.reports <= reports]
    rich = [one for one in found if one.reports > reports]
    if not poor or not rich:
        return found
    low = sum(one.reports for one in poor) / len(poor)
    high = sum(one.reports for one in rich) / len(rich)
    share = (reports - low) / (high - low)
    times_rich = round(1000 * share / len(rich))
    times_poor = round(1000 * (1 - share) / len(poor))
    return [*poor * times_poor, *rich * times_rich]


def targets() -> list[Target]:
    """Every living grown-up of the demo whose practice has somebody who asks.

    Not those whom `demo.patients` names: what they have had is told in the stories.
    """
    people = _requesters()
    named = list(islice(nhs_numbers(), len(CAST)))
    places = {place.pk: place for place in Organisation.objects.filter(pk__in=people)}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, gender, practice_id FROM patients_patient "
            "WHERE NOT is_deceased AND merged_into_id IS NULL AND nhs_number LIKE '999%%' "
            "AND birth_date < now() - interval '21 years' AND practice_id = ANY(%s) "
            "AND nhs_number <> ALL(%s) ORDER BY nhs_number",
            [list(people), named],
        )
        rows = cursor.fetchall()
    return [
        Target(str(patient), gender, places[practice], people[practice])
        for patient, gender, practice in rows
    ]


def _requesters() -> dict[int, tuple[User, ...]]:
    found: dict[int, list[User]] = {}
    held = Membership.objects.filter(
        organisation__kind=OrganisationKind.PRACTICE, role="gp", ended_at__isnull=True
    )
    for membership in held.select_related("user").order_by("user__username"):
        found.setdefault(membership.organisation_id, []).append(membership.user)
    return {place: tuple(users) for place, users in found.items()}
