"""The catalogue in the demo hospitals: our release, and who does what at which site."""

from collections.abc import Iterator

from accounts.models import Discipline, Organisation, OrganisationKind, Site
from accounts.policies import SYSTEM
from catalogue import queries, services
from catalogue.importers import OUR_RELEASE, read_release
from catalogue.models import Attendance, Service
from catalogue.services import Offer

WALK_IN_FROM = 17  # years; younger patients are booked with the children's radiographers
AT_EVERY_SITE = {"XR", "US"}  # the scanners stand at the main site, the first by its code


def seed_catalogue() -> None:
    """Import our release and offer it at every seeded department. Safe to repeat."""
    services.import_release(read_release(OUR_RELEASE), by=SYSTEM)
    can_ask = list(queries.orderable())
    departments = Organisation.objects.filter(kind=OrganisationKind.DEPARTMENT)
    for department in departments.order_by("ods_code"):
        theirs = [one for one in can_ask if one.discipline == department.discipline]
        services.set_offerings(department, _offers(department, theirs), by=SYSTEM)


def _offers(department: Organisation, theirs: list[Service]) -> Iterator[Offer]:
    sites = list(department.sites.order_by("ods_code"))
    for service in theirs:
        if department.discipline == Discipline.PATHOLOGY:
            yield from _sample(service, sites)
        else:
            yield from _examination(service, sites)


def _sample(service: Service, sites: list[Site]) -> Iterator[Offer]:
    """Most samples are taken at the practice; a timed test needs the hospital's clinic."""
    if service.usual_attendance == Attendance.PRACTICE:
        yield Offer(service.code, Attendance.PRACTICE)
    elif sites:
        yield Offer(service.code, Attendance.BOOKED, sites[0])


def _examination(service: Service, sites: list[Site]) -> Iterator[Offer]:
    """Plain X-rays are walk-in for adults; everything else, and every child, is booked."""
    places = sites if service.modality in AT_EVERY_SITE else sites[:1]
    for site in places:
        if service.usual_attendance == Attendance.WALK_IN:
            yield Offer(service.code, Attendance.WALK_IN, site, WALK_IN_FROM)
        yield Offer(service.code, Attendance.BOOKED, site)
