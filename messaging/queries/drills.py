"""Drills as people see them: planned, running, over; who takes part; what can be chosen."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.models import Organisation, OrganisationKind
from accounts.policies import Acting
from messaging.drill_states import DRILL_OVER, DrillState
from messaging.link_states import NOT_WORKING
from messaging.models import Drill, Partner
from messaging.policies import may_declare_downtime

ROWS = 50


def running_drills() -> QuerySet[Drill]:
    """Those of which people are told now.

    None past its planned end, and none of a link that does not work or is paused: what is real is
    never hidden, though no sweep has looked yet.
    """
    rows = Drill.objects.filter(state=DrillState.RUNNING, ends_at__gt=Now())
    real = Q(partner__link__state__in=NOT_WORKING) | Q(partner__is_paused=True)
    return rows.exclude(real).order_by("started_at", "pk")


def is_running(drill: Drill) -> bool:
    return running_drills().filter(pk=drill.pk).exists()


def visible_drills(acting: Acting) -> QuerySet[Drill]:
    """The central team's are all; a department's those of its link; a practice's its own."""
    place = acting.organisation
    rows = Drill.objects.select_related("partner").prefetch_related("partner__departments")
    if place is None:
        return rows.none()
    if may_declare_downtime(acting):
        return rows
    mine = Q(places=place) | Q(partner__departments=place)
    return rows.filter(mine).exclude(state=DrillState.CALLED_OFF).distinct()


@dataclass(frozen=True)
class DrillLists:
    """The page of drills."""

    running: list[Drill]
    planned: list[Drill]
    over: list[Drill]


def drill_lists(acting: Acting) -> DrillLists:
    """Running and planned ones, the next first; the last ones that are over."""
    rows = visible_drills(acting)
    over = [state.value for state in DRILL_OVER]
    return DrillLists(
        list(rows.filter(state=DrillState.RUNNING).order_by("ends_at", "pk")),
        list(rows.filter(state=DrillState.PLANNED).order_by("starts_at", "pk")),
        list(rows.filter(state__in=over).order_by("-over_at", "-pk")[:ROWS]),
    )


def drill_for(acting: Acting, pk: int) -> Drill | None:
    """One that this person may see; None for absent and forbidden."""
    return visible_drills(acting).filter(pk=pk).first()


def takes_part(acting: Acting, drill: Drill) -> bool:
    """Whether it is this person's place that practises to ask."""
    place = acting.organisation
    return place is not None and drill.places.filter(pk=place.pk).exists()


def name_of(drill: Drill) -> str:
    """The destination as people know it."""
    names = sorted(each.name for each in drill.partner.departments.all())
    return " and ".join(names) or drill.partner.name


def together_with(drill: Drill) -> list[Drill]:
    """The others of the same exercise."""
    rows = Drill.objects.filter(exercise=drill.exercise).exclude(pk=drill.pk).order_by("pk")
    return list(rows.select_related("partner").prefetch_related("partner__departments"))


# --- What can be chosen --------------------------------------------------------------------------


def destinations_for_drills() -> list[tuple[str, str]]:
    """(value, words): "partner-<pk>", and "trust-<ODS code>" for a trust with several links."""
    partners = Partner.objects.prefetch_related("departments__parent").order_by("name")
    ones: list[tuple[str, str]] = []
    trusts: dict[Organisation, set[int]] = {}
    for partner in partners:
        departments = sorted(partner.departments.all(), key=lambda each: each.name)
        if not departments:
            continue
        ones.append((f"partner-{partner.pk}", " and ".join(each.name for each in departments)))
        for trust in {each.parent for each in departments if each.parent}:
            trusts.setdefault(trust, set()).add(partner.pk)
    whole = [
        (f"trust-{trust.ods_code}", f"All of {trust.name}")
        for trust, links in trusts.items()
        if len(links) > 1
    ]
    return [*sorted(ones, key=lambda each: each[1]), *sorted(whole, key=lambda each: each[1])]


def partners_of_choice(value: str) -> list[Partner]:
    """What a value of `destinations_for_drills` stands for; nothing for any other."""
    if value not in dict(destinations_for_drills()):
        return []
    kind, _, key = value.partition("-")
    wanted = {"pk": key} if kind == "partner" else {"departments__parent__ods_code": key}
    return list(Partner.objects.filter(**wanted).distinct().order_by("pk"))


def places_for_drills() -> list[Organisation]:
    """Who may take part: every place that may request."""
    rows = Organisation.objects.filter(may_request=True)
    return list(rows.exclude(kind=OrganisationKind.CENTRAL).order_by("name"))
