"""Patients as people may see them, and as messages name them. Other rooms may enter.

Whatever shows a patient to a person passes through `patient_for` or `find`; both ask
`policies.reach` and both write to the audit trail. `by_nhs_number` and `by_identifier` are for
machines, and for checks that show nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from operator import or_
from uuid import UUID

from django.contrib.postgres.search import TrigramSimilarity
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Cast, Greatest
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import AccessEvent, Organisation, OrganisationKind
from accounts.policies import Acting
from patients import search_terms
from patients.errors import MergedInto, NotFound
from patients.matching import Demographics, HospitalNumber, Match, compare
from patients.models import Identifier, Patient, PatientChange
from patients.policies import reach
from patients.search_terms import NotSearchable, Term

from . import merged

MOST_SHOWN = 50
MOST_SIMILAR = 10
BY_NAME = ("family_key", "given_key", "birth_date", "pk")
VIEWED = "view_patient"
SIMILAR_WITHIN = timedelta(minutes=30)


# --- One patient ---------------------------------------------------------------------------------


def patient_for(
    acting: Acting | None, patient_id: UUID | str, *, request: HttpRequest | None = None
) -> Patient:
    """The patient, with practice and hospital numbers, and the view on record: the one door.

    Raises NotFound for the absent and the forbidden alike; both refusals are on record too. Raises
    MergedInto, which is one, where another record stands for it now.
    """
    key = _uuid(patient_id)
    found = _whole(visible_to(acting)).filter(pk=key).first() if key else None
    audit.record(
        acting=acting, action=VIEWED, object_type="patients.Patient", object_id=key or "",
        patient_id=key or "", outcome="ok" if found else "denied", request=request,
    )  # fmt: skip
    if found is None:
        _check_merged(acting, key)
        raise NotFound
    return found


def _check_merged(acting: Acting | None, key: UUID | None) -> None:
    """Raises MergedInto for a merged record whose survivor this person may see."""
    retired = Patient.objects.filter(pk=key, merged_into__isnull=False).first() if key else None
    if retired is not None:
        survivor = merged.survivor_of(retired)
        if visible_to(acting).filter(pk=survivor.pk).exists():
            raise MergedInto(survivor.pk, retired.pk)


def visible_to(acting: Acting | None) -> QuerySet[Patient]:
    """Every patient within reach; a record that was merged into another is not one."""
    return Patient.objects.filter(reach(acting), merged_into__isnull=True)


def by_nhs_number(number: str) -> Patient | None:
    """Whose number it is; ten digits without spaces. Of a merged record: who stands for it."""
    return _one(merged.with_nhs_number(number)) if number else None


def by_identifier(issuer: str, value: str) -> Patient | None:
    """Whose hospital number it is: the issuer's code and the number, both as they are stored."""
    number = HospitalNumber(issuer, value)
    return _one(merged.holders(Demographics(hospital_numbers=(number,))))


def _one(holders: Iterable[Patient]) -> Patient | None:
    """The one record that stands for them all; None where there is none, or more than one."""
    standing = {each.pk: each for each in map(merged.survivor_of, holders)}
    return next(iter(standing.values())) if len(standing) == 1 else None


def practice_by_code(code: str) -> Organisation | None:
    """The GP practice of this ODS code, if it works with us."""
    practices = Organisation.objects.filter(kind=OrganisationKind.PRACTICE)
    return practices.filter(ods_code=code).first() if code else None


def demographics(patient: Patient) -> Demographics:
    """Our side of `matching.compare`."""
    return Demographics(
        nhs_number=patient.nhs_number or "",
        family_name=patient.family_name,
        given_names=patient.given_names,
        birth_date=patient.birth_date,
        hospital_numbers=tuple(
            HospitalNumber(each.issuer, each.value) for each in patient.identifiers.all()
        ),
    )


def identities(patient: Patient) -> tuple[Demographics, ...]:
    """Whom this record has been known as: itself first, then each record that is read through it.

    A result agrees with the patient when it agrees **wholly** with one of them (hazard H21): the
    numbers of one are never mixed with the name of another.
    """
    return tuple(demographics(each) for each in (patient, *merged.retired_records(patient)))


def match(patient: Patient, theirs: Demographics) -> Match:
    """Whether what a message says is this patient; of one who was known as another before a merge,
    whether it is wholly that one. Otherwise the conflicts with the record that stands."""
    ours = compare(demographics(patient), theirs)
    if ours.agrees:
        return ours
    before = (compare(each, theirs) for each in identities(patient)[1:])
    return next((each for each in before if each.agrees), ours)


def history(patient: Patient) -> QuerySet[PatientChange]:
    """What changed on the record, newest first."""
    return PatientChange.objects.filter(patient=patient).order_by("-id")


def similar_name_opened(acting: Acting, patient: Patient) -> bool:
    """Whether this person opened somebody of a similar name in the last half hour (ux.md 2.1.1).

    Similar: the same family name, or its first three letters and the same year of birth.
    """
    if acting.user is None:
        return False
    opened = AccessEvent.objects.filter(
        patient_id=Cast(OuterRef("pk"), CharField()), user_id=acting.user.pk,
        at__gte=timezone.now() - SIMILAR_WITHIN, action=VIEWED, outcome="ok",
    )  # fmt: skip
    key = patient.family_key
    alike = Q(family_key=key) | Q(
        family_key__startswith=key[:3], birth_date__year=patient.birth_date.year
    )
    return _living().filter(Exists(opened), alike).exclude(pk=patient.pk).exists()


def _living() -> QuerySet[Patient]:
    return Patient.objects.filter(merged_into__isnull=True)


def _whole(patients: QuerySet[Patient]) -> QuerySet[Patient]:
    return patients.select_related("practice").prefetch_related("identifiers")


def _uuid(value: UUID | str) -> UUID | None:
    try:
        return value if isinstance(value, UUID) else UUID(value)
    except ValueError:
        return None


# --- Finding (C3) --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """What a search found.

    `exact`: the one patient whose NHS number was typed. `similar`: nobody has the name, these are
    like it. `more`: there are more than are shown. `problem`: why nothing could be found, in words.
    `merged`: of those found by a number of a record that was merged into theirs, that record.
    """

    patients: tuple[Patient, ...] = ()
    exact: Patient | None = None
    similar: bool = False
    more: bool = False
    problem: str = ""
    merged: Mapping[UUID, UUID] = field(default_factory=dict)


def find(text: str, *, acting: Acting | None, request: HttpRequest | None = None) -> Found:
    """Search the patients within reach; at most MOST_SHOWN of them, by name then birth date."""
    try:
        term = search_terms.read(text, today=timezone.localdate())
    except NotSearchable as error:
        return Found(problem=str(error))
    found = _search(term, visible_to(acting))
    audit.record(
        acting=acting, action="find_patients", object_type="patients.Patient",
        reason=f"by {term.kind}: {len(found.patients)} shown", request=request,
    )  # fmt: skip
    return found


def _search(term: Term, reachable: QuerySet[Patient]) -> Found:
    if term.nhs_number:
        exact = reachable.filter(nhs_number=term.nhs_number).first()
        if exact:
            return Found(patients=(exact,), exact=exact)
    was = _merged(term)
    rows = list(reachable.filter(_condition(term, was)).order_by(*BY_NAME)[: MOST_SHOWN + 1])
    if rows:
        exact = rows[0] if term.nhs_number and len(rows) == 1 and rows[0].pk in was else None
        more = len(rows) > MOST_SHOWN
        return Found(patients=tuple(rows[:MOST_SHOWN]), exact=exact, more=more, merged=was)
    alike = tuple(_alike(term, reachable)) if term.names else ()
    return Found(patients=alike, similar=bool(alike), problem="" if alike else term.problem)


def _merged(term: Term) -> dict[UUID, UUID]:
    """Who stands now for the records that have the number and were merged, to that record."""
    gone = Patient.objects.filter(merged_into__isnull=False)
    retired = list(gone.filter(nhs_number=term.nhs_number)) if term.nhs_number else []
    if term.hospital_numbers:
        retired += gone.filter(identifiers__value__in=term.hospital_numbers)
    return {merged.survivor_of(each).pk: each.pk for each in retired}


def _condition(term: Term, was: Mapping[UUID, UUID]) -> Q:
    """The number, also of a record that was merged; or the name and the birth date together."""
    numbered = Identifier.objects.filter(value__in=term.hospital_numbers).values("patient")
    condition = Q(pk__in=numbered) if term.hospital_numbers else Q(pk__in=[])
    condition |= Q(pk__in=list(was))
    person = Q(birth_date__in=term.birth_dates) if term.birth_dates else Q()
    if term.names:
        person &= _either(
            Q(family_key__startswith=family, given_key__startswith=given)
            for family, given in term.names
        )
    return condition | person if person else condition


def _alike(term: Term, reachable: QuerySet[Patient]) -> QuerySet[Patient]:
    """Family names that share most of their letters' triples, for a slip of the finger; of those,
    the closest in both names."""
    alike = reachable.filter(
        _either(Q(family_key__trigram_similar=family) for family, _ in term.names)
    )
    if term.birth_dates:
        alike = alike.filter(birth_date__in=term.birth_dates)
    closeness = [_closeness(family, given) for family, given in term.names]
    closest = Greatest(*closeness) if len(closeness) > 1 else closeness[0]
    return alike.order_by(closest.desc(), *BY_NAME)[:MOST_SIMILAR]


def _closeness(family: str, given: str) -> CombinedExpression:
    """From 0 to 2: how alike the family name is, and the given name, or the family name again."""
    return TrigramSimilarity("family_key", family) + (
        TrigramSimilarity("given_key", given) if given else TrigramSimilarity("family_key", family)
    )


def _either(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions)
