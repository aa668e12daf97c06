"""Finding a test by what a clinician types: a name, an abbreviation, a symptom, a slip of a key.

Read through `catalogue.queries.search`. One query finds what was typed; a second, only when the
first finds nothing, finds what looks like it.
"""

from dataclasses import dataclass
from datetime import date
from operator import itemgetter
from typing import Any

from django.contrib.postgres.search import TrigramWordSimilarity
from django.db.models import (
    Case,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber
from django.utils import timezone

from accounts.policies import Acting

from .models import Attendance, Offering, SearchTerm, Service
from .reach import offered_to, open_to, soonest_first
from .wording import asked, slip_counter

SIMILAR = "similar"  # a hit's kind when nothing was spelt like that
MOST = 50
_ALIKE = 0.3  # share of trigrams: "chset" and "chest" have a third
_CANDIDATES = 200
_SHORTEST_SLIP = 4  # letters; fewer are like everything
_Kind = SearchTerm.Kind
_NAMES = (_Kind.NAME, _Kind.ABBREVIATION)
_SLIP_ORDER = [*_NAMES, _Kind.SYNONYM, _Kind.SYMPTOM]
_SERVICE = {
    name: F(f"service__{name}")
    for name in ("code", "name", "short_name", "discipline", "modality", "takes_blood")
}


@dataclass(frozen=True)
class Hit:
    """A test that was found, and why: `term` is the text that matched, `kind` what it is."""

    code: str
    name: str
    short_name: str
    discipline: str
    modality: str
    attendance: str  # of `Attendance`: the soonest way this patient can have it
    where: str  # "Walk-in", "Booked", "Practice bloods", "Practice sample"
    term: str
    kind: str  # of `SearchTerm.Kind`, or "similar"


def search(
    text: str,
    *,
    acting: Acting | None = None,
    age_years: int | None = None,
    limit: int = 8,
    on: date | None = None,
) -> list[Hit]:
    """The tests meant by `text`, best first, each once; at most two queries.

    Order: exact name or abbreviation, their beginning, exact synonym, words of the name, synonym,
    symptom, words of several; within each the more usual first. What merely looks like the text
    (`kind` "similar") comes only when nothing else does. With `acting`, only what some department
    does for that organisation, as it is attended by a patient of `age_years`.
    """
    words = asked(text).split()
    limit = max(0, min(limit, MOST))
    if not words or not limit:
        return []
    terms = _within_reach(acting, age_years, on or timezone.localdate())
    rows = list(_best_of_each(_spelt(terms, words))[:limit])
    if not rows and len("".join(words)) >= _SHORTEST_SLIP:
        rows = _misspelt(terms, words)[:limit]
    return [_hit(row) for row in rows]


def _within_reach(acting: Acting | None, age_years: int | None, day: date) -> QuerySet:
    """The terms of services that can be asked for, each with its attendance."""
    terms = SearchTerm.objects.filter(service__in=Service.objects.on(day))
    if acting is None or acting.organisation is None:
        return terms.annotate(attendance=F("service__usual_attendance"))
    theirs: QuerySet[Offering] = offered_to(acting.organisation, day).filter(
        open_to(age_years), service=OuterRef("service")
    )
    soonest = theirs.order_by(soonest_first()).values("attendance")[:1]
    return terms.filter(Exists(theirs)).annotate(attendance=Subquery(soonest))


def _spelt(terms: QuerySet, words: list[str]) -> QuerySet:
    """Terms in which every word begins a word. `tier` is how well, lower better."""
    typed = " ".join(words)
    begins, exact = Q(text__startswith=typed), Q(text=typed)
    every_word = Q()
    for word in words:
        every_word &= _word_begins(word)
    tiers = (
        exact & Q(kind__in=[*_NAMES, _Kind.CODE]),
        begins & Q(kind__in=_NAMES),
        exact & Q(kind=_Kind.SYNONYM),
        Q(kind__in=_NAMES),
        Q(kind__in=[_Kind.SYNONYM, _Kind.CODE]),
        Q(kind=_Kind.SYMPTOM),
    )
    whens = [When(condition, then=Value(tier)) for tier, condition in enumerate(tiers)]
    tier = Case(*whens, default=Value(len(tiers)), output_field=IntegerField())
    return terms.filter(every_word).annotate(tier=tier)


def _word_begins(letters: str) -> Q:
    """Some word of the term begins so. Normalised words follow one space and hold no wildcard."""
    return Q(text__startswith=letters) | Q(text__contains=f" {letters}")


def _misspelt(terms: QuerySet, words: list[str]) -> list[dict[str, Any]]:
    """The best term of each service that is a slip or two away; best services first.

    The database picks candidates by shared trigrams; counting slips puts "lumabr" before "lump".
    """
    near = Q()
    for word in words:
        # Few slips are of the first letter, and those swap it with the next.
        near &= _word_begins(word[0]) | _word_begins(word[1::-1])
    # A case, so that the cheap test is done first: a filter's order is the planner's own.
    alike = Case(
        When(near, then=TrigramWordSimilarity(" ".join(words), "text")), default=Value(0.0)
    )
    found = terms.filter(kind__in=_SLIP_ORDER).annotate(likeness=alike)
    rows = found.filter(likeness__gte=_ALIKE).order_by("-likeness")
    ranked, slips = [], slip_counter(words)
    for row in rows.values("text", "kind", "rank", "attendance", **_SERVICE)[:_CANDIDATES]:
        distance = slips(row["text"])
        if distance is not None:
            order = (distance, _SLIP_ORDER.index(row["kind"]), row["rank"], row["name"])
            ranked.append((order, row | {"kind": SIMILAR}))
    best: dict[str, dict[str, Any]] = {}
    for _, row in sorted(ranked, key=itemgetter(0)):
        best.setdefault(row["code"], row)
    return list(best.values())


def _best_of_each(terms: QuerySet) -> QuerySet[Any, dict[str, Any]]:
    """One row per service, its best term; best services first."""
    place = Window(
        RowNumber(),
        partition_by=F("service"),
        order_by=[F("tier").asc(), F("rank").asc(), F("text").asc()],
    )
    best = terms.annotate(place=place).filter(place=1)
    return best.order_by("tier", "rank", "service__name").values(
        "text", "kind", "attendance", **_SERVICE
    )


def _hit(row: dict[str, Any]) -> Hit:
    return Hit(
        code=row["code"],
        name=row["name"],
        short_name=row["short_name"],
        discipline=row["discipline"],
        modality=row["modality"],
        attendance=row["attendance"],
        where=where_words(row["attendance"], takes_blood=row["takes_blood"]),
        term=row["text"],
        kind=row["kind"],
    )


def where_words(attendance: str, *, takes_blood: bool) -> str:
    """How a patient attends, in words. A urine pot is not "Practice bloods"."""
    if attendance == Attendance.PRACTICE and not takes_blood:
        return "Practice sample"
    return str(Attendance(attendance).label)
