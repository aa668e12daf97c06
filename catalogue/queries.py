"""What the catalogue says: the room's reading door for requesting, results and the demo.

Every look-up is for a day (`on`, today in London unless given) and sees only rows that hold then.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from accounts.models import Organisation, Site

from .applies import question_applies
from .errors import NotOffered, SideNotChosen, UnknownCode, UnknownOrderSet, UnknownService
from .models import (
    Offering,
    OrderSet,
    Question,
    Reason,
    Service,
    ServiceCode,
    ServiceVersion,
    SpecimenNeed,
)
from .reach import departments_serving, offered_to, open_to, soonest_first
from .search import SIMILAR, Hit, search

__all__ = [
    "SIMILAR",
    "Hit",
    "UsualSet",
    "by_code",
    "code_for",
    "departments_serving",
    "examination_words",
    "facts_on",
    "name_with_side",
    "offered_to",
    "offering_for",
    "offerings",
    "open_to",
    "order_set",
    "order_sets",
    "orderable",
    "questions_for",
    "search",
    "service",
    "services_by_code",
    "soonest_first",
]

SYSTEMS = ("NICIP", "SNOMED", "LOCAL")  # the first that a service has is the one it is ordered by
_EXAMINATIONS = {
    "XR": "X-ray",
    "US": "Ultrasound",
    "CT": "CT",
    "MR": "MRI",
    "DX": "DEXA",
    "RF": "Contrast study",
    "NM": "Nuclear medicine scan",
    "MG": "Mammogram",
}
_SIDES = {"L": "left", "R": "right"}


@dataclass(frozen=True)
class UsualSet:
    """A usual set of tests: those of it that can be asked for, in its order."""

    code: str
    name: str
    services: tuple[str, ...]


def _day(on: date | None) -> date:
    return on or timezone.localdate()


# --- Services -----------------------------------------------------------------------------------


def orderable(
    on: date | None = None, *, organisation: Organisation | None = None
) -> QuerySet[Service]:
    """What can be asked for; by an organisation: what some department does for it."""
    day = _day(on)
    services = Service.objects.on(day)
    if organisation is None:
        return services
    return services.filter(pk__in=offered_to(organisation, day).values("service"))


def service(code: str, *, on: date | None = None) -> Service:
    """One service with its codes, reasons, questions and specimens. Raises UnknownService."""
    return services_by_code([code], on=on)[code]


def services_by_code(codes: Iterable[str], *, on: date | None = None) -> dict[str, Service]:
    """Services by code, in the order asked, in five queries however many there are.

    Each comes with `codes`, `reasons`, `questions` and `specimens` (with `container`) that hold:
    read them with `.all()`. Raises UnknownService for the first code that does not hold.
    """
    day, wanted = _day(on), list(dict.fromkeys(codes))
    found = {
        row.code: row
        for row in Service.objects.on(day).filter(code__in=wanted).prefetch_related(*_parts(day))
    }
    for code in wanted:
        if code not in found:
            raise UnknownService(code)
    return {code: found[code] for code in wanted}


def _parts(day: date) -> list[Prefetch]:
    needs = SpecimenNeed.objects.on(day).select_related("container")
    return [
        Prefetch("codes", ServiceCode.objects.on(day).order_by("system", "side")),
        Prefetch("reasons", Reason.objects.on(day)),
        Prefetch("questions", Question.objects.on(day)),
        Prefetch("specimens", needs.order_by("container__draw_order", "specimen")),
    ]


def facts_on(code: str, day: date) -> dict[str, Any]:
    """What a service said on a day, by field of `Service`; for looking back at an old request."""
    version = ServiceVersion.objects.on(day).filter(service__code=code).first()
    if version is None:
        raise UnknownService(code)
    return version.facts


# --- Codes and sides ----------------------------------------------------------------------------


def code_for(service: Service, *, side: str = "", on: date | None = None) -> ServiceCode:
    """The code to order it by. Raises SideNotChosen if it needs another side than this."""
    if side not in (list(service.sides) or [""]):
        raise SideNotChosen(service.code, side, service.sides)
    day = _day(on)
    found = {
        code.system: code
        for code in service.codes.all()
        if code.side == side and code.holds_on(day)
    }
    for system in SYSTEMS:
        if system in found:
            return found[system]
    raise UnknownCode("/".join(SYSTEMS), f"{service.code} {side}".strip())


def by_code(system: str, code: str, *, on: date | None = None) -> ServiceCode:
    """Which service and side a code of somebody's system means. Raises UnknownCode."""
    day = _day(on)
    rows = ServiceCode.objects.on(day).filter(system=system, code=code)
    found = rows.select_related("service").first()
    if found is None or not found.service.holds_on(day):
        raise UnknownCode(system, code)
    return found


def examination_words(modality: str) -> str:
    """`X-ray`, `MRI`: what people call a modality of the table; the code where it has none."""
    return _EXAMINATIONS.get(modality, modality)


def name_with_side(service: Service, side: str = "") -> str:
    """`X-ray of left knee`, `MRI of both shoulders`; without a side the name: `Knee X-ray`."""
    if not side:
        return service.name
    if side not in list(service.sides):
        raise SideNotChosen(service.code, side, service.sides)
    examination = _EXAMINATIONS[service.modality]
    if side == "B":
        return f"{examination} of both {service.region_both}"
    return f"{examination} of {_SIDES[side]} {service.body_region}"


# --- Questions and sets -------------------------------------------------------------------------


def questions_for(
    service: Service, age_years: int | None, *, on: date | None = None
) -> list[Question]:
    """What must be asked about a patient of this age, in order. None: age not known."""
    day = _day(on)
    return [
        question
        for question in sorted(service.questions.all(), key=lambda one: one.position)
        if question.holds_on(day) and question_applies(question, age_years, service)
    ]


def order_sets(
    *, on: date | None = None, organisation: Organisation | None = None
) -> list[UsualSet]:
    """The usual sets, each with the services of it that can be asked for; none empty."""
    open_codes = set(orderable(on, organisation=organisation).values_list("code", flat=True))
    sets = [
        UsualSet(
            row.code, row.name, tuple(code for code in row.service_codes if code in open_codes)
        )
        for row in OrderSet.objects.on(_day(on))
    ]
    return [one for one in sets if one.services]


def order_set(
    code: str, *, on: date | None = None, organisation: Organisation | None = None
) -> UsualSet:
    """One usual set. Raises UnknownOrderSet, also when nothing of it can be asked for."""
    for one in order_sets(on=on, organisation=organisation):
        if one.code == code:
            return one
    raise UnknownOrderSet(code)


# --- Who does it, and where ---------------------------------------------------------------------


def offerings(
    service: Service,
    *,
    organisation: Organisation,
    age_years: int | None = None,
    on: date | None = None,
) -> QuerySet[Offering]:
    """Who does it for this organisation's patients: walk-in first, then by place.

    With an age, only what is open to that age; without one, all of it.
    """
    rows = offered_to(organisation, _day(on)).filter(open_to(age_years), service=service)
    return rows.select_related("department__parent", "site").order_by(
        soonest_first(), "department__ods_code", "site__ods_code", "pk"
    )


def offering_for(
    service: Service,
    *,
    organisation: Organisation,
    site: Site | None = None,
    age_years: int | None = None,
    on: date | None = None,
) -> Offering:
    """The offering at the chosen site, or the first of all. Raises NotOffered."""
    rows = offerings(service, organisation=organisation, age_years=age_years, on=on)
    first = (rows.filter(site=site) if site else rows).first()
    if first is None:
        raise NotOffered(service.code, organisation.ods_code)
    return first
