"""What a draft comes to, test by test: its facts, its boxes, and what is missing.

`compose` shows it, `services.submit` holds to it: one examination for the screen and the send. Its
cost does not grow with the number of tests.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from uuid import UUID

from django.utils import timezone

from accounts.models import Discipline, Organisation
from accounts.policies import Acting
from accounts.queries import EntitlementCard, entitlements_of
from catalogue import queries as catalogue
from catalogue.errors import SideNotChosen, UnknownCode
from catalogue.models import Attendance, Offering, Question, Service, ServiceCode
from patients.models import Patient
from requesting.drafts import Content, Line
from requesting.models import AlertOutcome, PreviousResult, RequestItem
from requesting.policies import may_request
from requesting.rules import (
    FATIGUING,
    Alert,
    Box,
    Decision,
    Facts,
    Given,
    OpenItem,
    Previous,
    Subject,
    evaluate,
)
from requesting.rules import Rule as LiveRule
from requesting.states import DUPLICATED_WHILE

from .at_hand import Desk, offerings_of
from .reference import shelf

NOT_ASKED_AGAIN = timedelta(hours=24)
MOST_PREVIOUS = 200


@dataclass(frozen=True)
class Known:
    """Everything that was looked up for a patient and some services, once for all of them."""

    patient: Patient
    acting: Acting
    today: date
    services: Mapping[str, Service]
    offerings: Mapping[int, list[Offering]]
    previous: Mapping[str, list[PreviousResult]]
    open_items: Mapping[str, list[RequestItem]]
    rules: tuple[LiveRule, ...]
    cards: tuple[EntitlementCard, ...]

    @cached_property
    def age(self) -> int:
        return age_in_years(self.patient.birth_date, self.today)

    @cached_property
    def earlier(self) -> Mapping[str, Mapping[str, Given]]:
        """What this person answered for this patient within a day, by test and rule."""
        rows = AlertOutcome.objects.filter(
            item__patient=self.patient, item__requester=self.acting.user,
            item__service__code__in=self.services, at__gte=timezone.now() - NOT_ASKED_AGAIN,
        ).exclude(reason_code="").order_by("at")  # fmt: skip
        found: dict[str, dict[str, Given]] = defaultdict(dict)
        for row in rows.select_related("item__service"):
            given = Given(row.reason_code, row.reason_words)
            found[row.item.service.code][row.rule_key] = given
        return found


@dataclass(frozen=True)
class Examined:
    """One chosen test with all that is known of it."""

    line: Line
    service: Service
    offering: Offering | None
    code: ServiceCode | None
    questions: tuple[Question, ...]
    previous: tuple[PreviousResult, ...]
    alerts: tuple[Alert, ...]
    decision: Decision

    @property
    def box(self) -> Box:
        return Box.of(self.alerts)

    @property
    def name(self) -> str:
        side = self.line.side
        is_one = side in self.service.sides
        return catalogue.name_with_side(self.service, side) if is_one else self.service.name

    @property
    def is_imaging(self) -> bool:
        return self.service.discipline == Discipline.RADIOLOGY


def group_of(service: Service) -> str:
    """Services of one group are one examination; one without a group stands for itself."""
    return service.duplicate_group or service.code


def age_in_years(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


# --- Looking up ----------------------------------------------------------------------------------


def look_up(
    codes: Iterable[str],
    patient: Patient,
    acting: Acting,
    *,
    not_counting: UUID | None = None,
    of: Desk | None = None,
) -> Known:
    """Once for all tests. `not_counting` is the id of an item that is to be replaced; `of` what
    the screen has at hand already: without it, as for Send, who does what is read anew."""
    today = timezone.localdate()
    now = of.shelf if of else shelf()
    services = {code: now.services[code] for code in codes if code in now.services}
    return Known(
        patient=patient,
        acting=acting,
        today=today,
        services=services,
        offerings=of.offerings if of else _offerings(services.values(), acting.organisation, today),
        previous=_previous(services.values(), patient),
        open_items=_open_items(services.values(), patient, not_counting),
        rules=now.rules,
        cards=_cards(services.values(), acting, today, of),
    )


def _offerings(
    services: Iterable[Service], organisation: Organisation | None, today: date
) -> dict[int, list[Offering]]:
    return offerings_of(organisation, today, services) if organisation else {}


def _previous(services: Iterable[Service], patient: Patient) -> dict[str, list[PreviousResult]]:
    """By group, the newest first."""
    groups = {group_of(service) for service in services}
    rows = PreviousResult.objects.filter(patient=patient).select_related("service", "item")
    found: dict[str, list[PreviousResult]] = defaultdict(list)
    for row in rows.order_by("-observed_at")[:MOST_PREVIOUS] if groups else ():
        if group_of(row.service) in groups:
            found[group_of(row.service)].append(row)
    return found


def _open_items(
    services: Iterable[Service], patient: Patient, not_counting: UUID | None
) -> dict[str, list[RequestItem]]:
    groups = {group_of(service) for service in services}
    rows = RequestItem.objects.filter(patient=patient, status__in=DUPLICATED_WHILE)
    rows = rows.select_related("service", "requester").order_by("requested_at")
    if not_counting:
        rows = rows.exclude(pk=not_counting)
    found: dict[str, list[RequestItem]] = defaultdict(list)
    for row in rows if groups else ():
        if group_of(row.service) in groups:
            found[group_of(row.service)].append(row)
    return found


def _cards(
    services: Iterable[Service], acting: Acting, today: date, of: Desk | None
) -> tuple[EntitlementCard, ...]:
    """Only a non-medical referrer who asks for imaging has cards to look at."""
    asks_for_imaging = any(each.discipline == Discipline.RADIOLOGY for each in services)
    if acting.user is None or acting.role == "gp" or not asks_for_imaging:
        return ()
    return of.cards if of else tuple(entitlements_of(acting.user, on=today))


# --- Examining -----------------------------------------------------------------------------------


def examine(content: Content, known: Known) -> tuple[Examined, ...]:
    """Each line of the draft that can still be asked for."""
    lines = [line for line in content.lines if line.service in known.services]
    return tuple(_examined(line, content, known) for line in lines)


def _examined(line: Line, content: Content, known: Known) -> Examined:
    service = known.services[line.service]
    offered = offered_by(content.hospital, known.offerings.get(service.pk, []))
    open_to = [each for each in offered if each.min_age is None or known.age >= each.min_age]
    offering = next(iter(open_to), None)
    decision = decide(service, offered, known)
    previous = tuple(known.previous.get(group_of(service), ()))
    facts = _facts(line, content, service, offered, decision, previous, known)
    return Examined(
        line=line,
        service=service,
        offering=offering,
        code=_code(service, line.side, known.today),
        questions=tuple(catalogue.questions_for(service, known.age, on=known.today)),
        previous=previous,
        alerts=_alerts(facts, known),
        decision=decision,
    )


def _alerts(facts: Facts, known: Known) -> tuple[Alert, ...]:
    """The boxes; what was answered lately is looked up only where a box would ask for it again."""
    found = evaluate(known.rules, facts)
    if any(alert.level in FATIGUING and not alert.answered for alert in found):
        earlier = known.earlier.get(facts.test.code, {})
        found = evaluate(known.rules, replace(facts, earlier=earlier))
    return tuple(found)


def offered_by(hospital: str, offerings: list[Offering]) -> list[Offering]:
    """The chosen hospital's offerings; where it does not do the test, everybody's."""
    return [each for each in offerings if trust_code(each) == hospital] or offerings


def trust_code(offering: Offering) -> str:
    return (offering.department.parent or offering.department).ods_code


def decide(service: Service, offered: list[Offering], known: Known) -> Decision:
    """May this person ask for it here? Without a department that does it, nobody may."""
    if not offered:
        return Decision(
            False, "not_offered", f"No department does {service.name} for you.",
            "Ring your service desk",
        )  # fmt: skip
    return may_request(
        known.acting, service, offered[0].department, on=known.today, cards=known.cards
    )


def _code(service: Service, side: str, today: date) -> ServiceCode | None:
    try:
        return catalogue.code_for(service, side=side, on=today)
    except (SideNotChosen, UnknownCode):
        return None


def _facts(
    line: Line,
    content: Content,
    service: Service,
    offered: list[Offering],
    decision: Decision,
    previous: tuple[PreviousResult, ...],
    known: Known,
) -> Facts:
    return Facts(
        today=known.today,
        age=known.age,
        test=_subject(line, service, offered),
        is_deceased=known.patient.is_deceased,
        died_on=known.patient.died_on,
        open_items=tuple(map(_open_item, known.open_items.get(group_of(service), ()))),
        previous=tuple(map(as_previous, previous)),
        decision=decision,
        reasons=frozenset(line.reasons),
        details=line.details,
        answers=line.answers,
        take_from=line.take_from,
        also_chosen=frozenset(content.codes),
        phone=offered[0].department.phone if offered else "",
        given=line.alerts,
    )


def _subject(line: Line, service: Service, offered: list[Offering]) -> Subject:
    limits = [each.min_age for each in offered]
    everywhere = min(limit or 0 for limit in limits) if limits else 0
    return Subject(
        code=service.code,
        name=service.name if service.discipline == Discipline.RADIOLOGY else service.short_name,
        group=group_of(service),
        side=line.side,
        is_imaging=service.discipline == Discipline.RADIOLOGY,
        is_ionising=service.is_ionising,
        min_age=max(service.min_age or 0, everywhere) or None,
    )


def _open_item(item: RequestItem) -> OpenItem:
    is_imaging = item.service.discipline == Discipline.RADIOLOGY
    return OpenItem(
        item_id=str(item.pk),
        name=item.service_name if is_imaging else item.service.short_name,
        side=item.side,
        requested_by=item.requester.display_name,
        requested_on=timezone.localdate(item.requested_at),
        status_words=open_words(item),
    )


def open_words(item: RequestItem) -> str:
    """How far an open item is, inside a sentence."""
    if item.attendance == Attendance.PRACTICE and item.status not in ("collected", "progress"):
        return "sample not taken yet"
    return OPEN_WORDS[item.status]


OPEN_WORDS = {
    "held": "being sent", "queued": "waiting to be sent", "sent": "sent",
    "received": "with the department", "vetting": "awaiting vetting",
    "info": "waiting for an answer", "accepted": "being booked",
    "walkin": "patient can walk in", "booked": "booked", "dna": "not attended",
    "collected": "sample taken", "progress": "being done",
}  # fmt: skip


def as_previous(row: PreviousResult) -> Previous:
    return Previous(
        side=row.item.side if row.item else "",
        observed_on=timezone.localdate(row.observed_at),
        place=row.place,
        value=f"{row.value} {row.units}".strip(),
        headline=row.headline,
        significance=row.significance,
        report_id=str(row.report_id),
        item_id=str(row.item_id or ""),
    )
