"""What may be done to the catalogue: import a release, retire a test, say who does what where.

Each verb is one transaction. The demo and the management command enter here; nobody else writes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, Site
from accounts.policies import Acting

from .applies import concerns
from .errors import NotTheirs, ReleaseNotDue, ReleaseTooOld, UnknownService
from .models import (
    Attendance,
    Container,
    Offering,
    OrderSet,
    Question,
    Reason,
    Release,
    SearchTerm,
    Service,
    ServiceCode,
    ServiceVersion,
    SpecimenNeed,
)
from .rows import QuestionRow, ReleaseFile, ServiceRow
from .succession import Counts, Facts, Succession
from .terms import terms_of

_ONE_IMPORT_AT_A_TIME = 20_261_122  # a key of our own for pg_advisory_xact_lock


@dataclass(frozen=True)
class Offer:
    """A department does a service. `site` None: wherever the sample is taken."""

    service: str  # its code
    attendance: Attendance
    site: Site | None = None
    min_age: int | None = None


# --- A release ----------------------------------------------------------------------------------


@transaction.atomic
def import_release(release: ReleaseFile, *, by: Acting) -> Counts:
    """Make the catalogue what the release says; what it lacks is retired. Safe to repeat.

    The first release holds from its own date. A later one holds from today, because until now
    people saw the one before it. Raises ReleaseNotDue and ReleaseTooOld.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_IMPORT_AT_A_TIME])
    today = timezone.localdate()
    loaded = Release.objects.order_by("valid_from", "pk").last()
    if release.valid_from > today:
        raise ReleaseNotDue(release.version, release.valid_from)
    if loaded and release.valid_from < loaded.valid_from:
        raise ReleaseTooOld(release.version, loaded.version)
    counts = _Import(release, since=today if loaded else release.valid_from).run()
    _note(release, by=by)
    return counts


def _note(release: ReleaseFile, *, by: Acting) -> None:
    """Keep that it was imported, once per content."""
    facts = {"valid_from": release.valid_from, "imported_by": by.label}
    row, is_new = Release.objects.get_or_create(
        version=release.version, digest=release.digest, defaults=facts
    )
    if is_new:
        audit.record(acting=by, action="import-catalogue", object_type="release", object_id=row.pk)


class _Import:
    """One import: its rows, the day they hold from, and what became of them."""

    def __init__(self, release: ReleaseFile, *, since: date) -> None:
        self.release = release
        self.rows = release.services
        self.since = since
        self.counts = Counts()

    def run(self) -> Counts:
        self.services = self._services()
        containers = self._containers()
        self._codes()
        self._reasons()
        self._specimens(containers)
        self._questions()
        self._order_sets()
        self._terms()
        return self.counts

    def _become(self, model: type, key: Any, wanted: Mapping[Any, Facts]) -> dict[Any, Any]:
        succession = Succession(model, key, self.since)
        rows = succession.become(wanted)
        self.counts.add(succession.counts)
        return rows

    def _services(self) -> dict[str, Service]:
        """The services themselves stay; what they said goes to their versions."""
        known = {service.code: service for service in Service.objects.all()}
        services = {
            code: self._service(known.pop(code, None), self.rows[code]) for code in self.rows
        }
        for left_out in known.values():
            _end(left_out, on=self.since)
        wanted = {
            service.pk: {"service_id": service.pk, "facts": _service_facts(self.rows[code])}
            for code, service in services.items()
        }
        self._become(ServiceVersion, lambda version: version.service_id, wanted)
        return services

    def _service(self, service: Service | None, row: ServiceRow) -> Service:
        facts: dict[str, Any] = {**_service_facts(row), "valid_to": None}
        if service is None:
            return Service.objects.create(code=row.code, valid_from=self.since, **facts)
        if service.valid_to is not None:
            service.valid_from = self.since
        if any(getattr(service, name) != value for name, value in facts.items()):
            for name, value in facts.items():
                setattr(service, name, value)
            service.save()
        return service

    def _containers(self) -> dict[str, Container]:
        wanted = {row.code: asdict(row) for row in self.release.containers}
        return self._become(Container, lambda container: container.code, wanted)

    def _codes(self) -> None:
        wanted = {
            (service.pk, code.system, code.side): {"service_id": service.pk, **asdict(code)}
            for service, row in self._both()
            for code in row.codes
        }
        self._become(ServiceCode, lambda code: (code.service_id, code.system, code.side), wanted)

    def _reasons(self) -> None:
        wanted = {
            (service.pk, reason.code): {
                "service_id": service.pk,
                "position": position,
                **asdict(reason),
            }
            for service, row in self._both()
            for position, reason in enumerate(row.reasons)
        }
        self._become(Reason, lambda reason: (reason.service_id, reason.code), wanted)

    def _specimens(self, containers: dict[str, Container]) -> None:
        wanted = {
            (service.pk, need.specimen): {
                "service_id": service.pk,
                **asdict(need),
                "container": containers[need.container],
            }
            for service, row in self._both()
            for need in row.specimens
        }
        self._become(SpecimenNeed, lambda need: (need.service_id, need.specimen), wanted)

    def _questions(self) -> None:
        wanted = {
            row.code: _question_facts(row, position)
            for position, row in enumerate(self.release.questions)
        }
        for question in self._become(Question, lambda question: question.code, wanted).values():
            question.services.set(
                service
                for service in self.services.values()
                if concerns(question.applies_when, service)
            )

    def _order_sets(self) -> None:
        wanted = {
            row.code: {
                "code": row.code,
                "name": row.name,
                "service_codes": row.services,
                "position": position,
            }
            for position, row in enumerate(self.release.order_sets)
        }
        for order_set in self._become(OrderSet, lambda one: one.code, wanted).values():
            order_set.services.set(self.services[code] for code in order_set.service_codes)

    def _terms(self) -> None:
        """The search index: rebuilt where it differs."""
        wanted = {(service.pk, *term) for service, row in self._both() for term in terms_of(row)}
        present = {
            (term.service_id, term.text, term.kind, term.rank): term.pk
            for term in SearchTerm.objects.all()
        }
        gone = [pk for term, pk in present.items() if term not in wanted]
        SearchTerm.objects.filter(pk__in=gone).delete()
        SearchTerm.objects.bulk_create(
            SearchTerm(service_id=service, text=text, kind=kind, rank=rank)
            for service, text, kind, rank in sorted(wanted - present.keys())
        )

    def _both(self) -> Iterable[tuple[Service, ServiceRow]]:
        return ((self.services[code], row) for code, row in self.rows.items())


def _service_facts(row: ServiceRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "short_name": row.short_name,
        "discipline": row.discipline,
        "modality": row.modality,
        "body_region": row.body_region,
        "region_both": row.region_both,
        "sides": row.sides,
        "is_ionising": row.is_ionising,
        "irradiates_uterus_region": row.irradiates_uterus_region,
        "uses_contrast": row.uses_contrast,
        "takes_blood": any("blood" in need.specimen for need in row.specimens),
        "min_age": row.min_age,
        "duplicate_group": row.duplicate_group,
        "usual_days": row.usual_days,
        "usual_attendance": row.attendance,
    }


def _question_facts(row: QuestionRow, position: int) -> dict[str, Any]:
    """The row with the setting's ages in it: what was asked of whom is kept as it was asked."""
    age_from, age_to = settings.PREGNANCY_AGES
    conditions = dict(row.applies_when)
    if conditions.pop("ages", None):
        conditions |= {"age_from": age_from, "age_to": age_to}
    hint = row.hint.format(age_from=age_from, age_to=age_to)
    return {**asdict(row), "hint": hint, "applies_when": conditions, "position": position}


# --- One test, and who does it ------------------------------------------------------------------


@transaction.atomic
def retire(service: Service, *, by: Acting, on: date | None = None) -> Service:
    """From `on` (today, unless said) it can no longer be asked for. Old requests keep it.

    What is retired already stays as it was. A release that has the service brings it back.
    """
    day = on or timezone.localdate()
    _end(service, on=day)
    for model in (ServiceVersion, ServiceCode, Reason, SpecimenNeed):
        _end_all(model._default_manager.filter(service=service), on=day)
    audit.record(acting=by, action="retire-service", object_type="service", object_id=service.pk)
    return service


def _end(service: Service, *, on: date) -> None:
    """Close the service and who does it; an import sees to the rest of what hangs on it."""
    if service.valid_to is None:
        service.valid_to = max(on, service.valid_from)
        service.save(update_fields=["valid_to"])
    _end_all(Offering.objects.filter(service=service), on=on)


def _end_all(rows: QuerySet[Any], *, on: date) -> None:
    rows.filter(valid_to__isnull=True).update(valid_to=Greatest(Value(on), F("valid_from")))


@transaction.atomic
def set_offerings(department: Organisation, offers: Iterable[Offer], *, by: Acting) -> Counts:
    """Make these all that the department does, from today. Safe to repeat.

    Raises UnknownService, and NotTheirs for a site or a discipline that is not the department's.
    """
    codes = {service.code: service for service in Service.objects.filter(valid_to__isnull=True)}
    wanted: dict[tuple[int, int | None, str], Facts] = {}
    for offer in offers:
        if offer.service not in codes:
            raise UnknownService(offer.service)
        facts = _offering_facts(codes[offer.service], department, offer)
        wanted[facts["service"].pk, facts["site_id"], facts["attendance"]] = facts
    succession = Succession(
        Offering,
        lambda row: (row.service_id, row.site_id, row.attendance),
        timezone.localdate(),
        among=Q(department=department),
    )
    succession.become(wanted)
    if succession.counts.is_change:
        audit.record(
            acting=by, action="set-offerings", object_type="organisation", object_id=department.pk
        )
    return succession.counts


def _offering_facts(service: Service, department: Organisation, offer: Offer) -> dict[str, Any]:
    if service.discipline != department.discipline:
        raise NotTheirs(department.ods_code, service.code)
    if offer.site and offer.site.department_id != department.pk:
        raise NotTheirs(department.ods_code, offer.site.ods_code)
    return {
        "service": service,
        "department": department,
        "site_id": offer.site.pk if offer.site else None,
        "attendance": offer.attendance.value,
        "min_age": offer.min_age,
    }
