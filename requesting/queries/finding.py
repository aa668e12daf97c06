"""What can be chosen: what was typed, what this person usually asks for, and the sets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.policies import Acting
from accounts.queries import entitlements_of
from catalogue import queries as catalogue
from catalogue.models import Offering, Service
from catalogue.reach import offered_to, soonest_first
from catalogue.search import SIMILAR, Hit
from patients.models import Patient
from requesting.models import PreviousResult, RequestItem
from requesting.policies import may_request

from .composing import context_of
from .examining import age_in_years, group_of
from .reference import Shelf, shelf

USUAL_WITHIN = timedelta(days=90)
USUAL_AMONG = 300  # of the latest: so the page costs the same after years of asking
MOST_USUAL = 8
# For a person without a history: what general practice asks for most.
STARTERS = ("chest-xray", "fbc", "ue", "hba1c", "lft", "tft", "us-abdomen", "knee-xray")


@dataclass(frozen=True)
class Suggestion:
    """A row of the list under the box. `refusal` is why this person has to ask a GP."""

    code: str
    name: str
    where: str
    last: str
    refusal: str
    kind: str  # why it was found: name, symptom, similar

    @property
    def is_guess(self) -> bool:
        """Nothing is called so; this only looks like it."""
        return self.kind == SIMILAR


@dataclass(frozen=True)
class Usual:
    """A button of "Your usual requests"."""

    code: str
    name: str
    short_name: str


def suggestions(text: str, acting: Acting, patient: Patient, *, limit: int = 8) -> list[Suggestion]:
    """What is meant by `text`, best first, with what each last showed; at most six queries."""
    age = age_in_years(patient.birth_date, timezone.localdate())
    hits = catalogue.search(text, acting=acting, age_years=age, limit=limit)
    known = shelf().services if hits else {}
    services = {hit.code: known[hit.code] for hit in hits if hit.code in known}
    last = _last(patient, services) if services else {}
    refusals = _refusals(services, acting) if services else {}
    return [_suggestion(hit, last.get(hit.code, ""), refusals.get(hit.code, "")) for hit in hits]


def _suggestion(hit: Hit, last: str, refusal: str) -> Suggestion:
    return Suggestion(hit.code, hit.name, hit.where, last, refusal, hit.kind)


def _last(patient: Patient, services: dict[str, Service]) -> dict[str, str]:
    rows = PreviousResult.objects.filter(patient=patient).select_related("service")
    newest: dict[str, PreviousResult] = {}
    for row in rows.order_by("-observed_at")[:200]:
        newest.setdefault(group_of(row.service), row)
    found = {}
    for code, service in services.items():
        last = newest.get(group_of(service))
        context = context_of((last,), "") if last else None
        if context:
            found[code] = " ".join(context.words.split())
    return found


def _refusals(services: dict[str, Service], acting: Acting) -> dict[str, str]:
    if acting.user is None or acting.organisation is None:
        return {}
    offered = offered_to(acting.organisation, timezone.localdate()).filter(
        service__in=services.values()
    )
    departments: dict[int, Offering] = {}
    for row in offered.select_related("department__parent").order_by(
        soonest_first(), "department__ods_code", "pk"
    ):
        departments.setdefault(row.service_id, row)
    cards = () if acting.role == "gp" else tuple(entitlements_of(acting.user))
    found = {}
    for code, service in services.items():
        if offering := departments.get(service.pk):
            decision = may_request(acting, service, offering.department, cards=cards)
            found[code] = "" if decision.allowed else f"{decision.heading} {decision.body}."
    return found


def usual_services(acting: Acting, *, of: Shelf | None = None) -> list[Usual]:
    """This person's most used of late; filled up with what everybody asks for.

    `of` is the reference data that the caller has at hand already.
    """
    mine = RequestItem.objects.filter(
        requester=acting.user, requested_at__gte=timezone.now() - USUAL_WITHIN
    ).order_by("-requested_at", "-id")
    asked = Counter(mine.values_list("service__code", flat=True)[:USUAL_AMONG])
    codes = [code for code, _ in asked.most_common(MOST_USUAL)]
    known = (of or shelf()).services
    wanted = [code for code in dict.fromkeys([*codes, *STARTERS]) if code in known]
    return [Usual(code, known[code].name, known[code].short_name) for code in wanted[:MOST_USUAL]]


def order_sets(acting: Acting, *, of: Shelf | None = None) -> list[catalogue.UsualSet]:
    """The sets of which this place can ask something, each with what it can ask."""
    if acting.organisation is None:
        return []
    offered = offered_to(acting.organisation, timezone.localdate())
    can_ask = set(offered.values_list("service__code", flat=True))
    sets = [
        catalogue.UsualSet(code, name, tuple(each for each in codes if each in can_ask))
        for code, name, codes in (of or shelf()).sets
    ]
    return [one for one in sets if one.services]


def order_set_codes(code: str, *, acting: Acting) -> tuple[str, ...]:
    """The tests of one set. Raises catalogue.errors.UnknownOrderSet."""
    return catalogue.order_set(code, organisation=acting.organisation).services


def allowance(acting: Acting) -> tuple[int, int]:
    """How many tests this person may ask for, of how many (the chip "14 of 212 tests")."""
    services = {row.code: row for row in catalogue.orderable(organisation=acting.organisation)}
    refusals = _refusals(services, acting)
    return sum(not words for words in refusals.values()), len(services)
