"""What can be chosen: what was typed, what this person usually asks for, and the sets."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from accounts.policies import Acting
from accounts.queries import EntitlementCard, entitlements_of
from catalogue import queries as catalogue
from catalogue.models import Service
from catalogue.search import SIMILAR, Hit
from patients.models import Patient
from requesting.models import PreviousResult
from requesting.policies import may_request

from .at_hand import MOST_USUAL, Desk, desk, offerings_of
from .composing import context_of
from .examining import age_in_years, group_of
from .reference import shelf

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


def _refusals(
    services: dict[str, Service], acting: Acting, of: Desk | None = None
) -> dict[str, str]:
    if acting.user is None or acting.organisation is None:
        return {}
    today = timezone.localdate()
    offered = of.offerings if of else offerings_of(acting.organisation, today, services.values())
    cards: tuple[EntitlementCard, ...] = ()
    if acting.role != "gp":
        cards = of.cards if of else tuple(entitlements_of(acting.user))
    found = {}
    for code, service in services.items():
        if here := offered.get(service.pk):
            decision = may_request(acting, service, here[0].department, cards=cards)
            found[code] = "" if decision.allowed else f"{decision.heading} {decision.body}."
    return found


def usual_services(acting: Acting, *, of: Desk | None = None) -> list[Usual]:
    """This person's most used of late; filled up with what everybody asks for.

    `of` is what the caller has at hand already.
    """
    now = of or desk(acting)
    known = now.shelf.services
    wanted = [code for code in dict.fromkeys([*now.usual, *STARTERS]) if code in known]
    return [Usual(code, known[code].name, known[code].short_name) for code in wanted[:MOST_USUAL]]


def order_sets(acting: Acting, *, of: Desk | None = None) -> list[catalogue.UsualSet]:
    """The sets of which this place can ask something, each with what it can ask."""
    now = of or desk(acting)
    can_ask = {code for code, row in now.shelf.services.items() if row.pk in now.offerings}
    sets = [
        catalogue.UsualSet(code, name, tuple(each for each in codes if each in can_ask))
        for code, name, codes in now.shelf.sets
    ]
    return [one for one in sets if one.services]


def order_set_codes(code: str, *, acting: Acting) -> tuple[str, ...]:
    """The tests of one set. Raises catalogue.errors.UnknownOrderSet."""
    return catalogue.order_set(code, organisation=acting.organisation).services


def allowance(acting: Acting, *, of: Desk | None = None) -> tuple[int, int]:
    """How many tests this person may ask for, of how many (the chip "14 of 212 tests")."""
    now = of or desk(acting)
    services = {code: row for code, row in now.shelf.services.items() if row.pk in now.offerings}
    refusals = _refusals(services, acting, now)
    return sum(not words for words in refusals.values()), len(services)
