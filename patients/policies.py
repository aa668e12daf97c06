"""Who may see which patient: legitimate relationship. Other rooms may enter."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from accounts.models import OrganisationKind
from accounts.policies import Acting
from accounts.roles import Permission

from .models import Merge, Patient, Relationship


def reach(acting: Acting | None) -> Q:
    """The patients within reach, as a condition on Patient. Nobody acting, or no place: none.

    A practice: those registered there. A community service: those of the practices it serves.
    Every place, and a department only so: those with whom it has a relationship, because it
    asked for a test or was asked for one. A central team: none.
    """
    place = acting.organisation if acting else None
    if place is None or place.kind == OrganisationKind.CENTRAL:
        return Q(pk__in=[])
    related = Relationship.objects.filter(organisation=place, patient=OuterRef("pk"))
    condition = Q(Exists(related))
    if place.kind == OrganisationKind.PRACTICE:
        condition |= Q(practice=place)
    if place.kind == OrganisationKind.COMMUNITY:
        condition |= Q(practice__in=list(place.serves.values_list("pk", flat=True)))
    return condition


def may_view(acting: Acting | None, patient: Patient) -> bool:
    """Whether this patient is within reach. One truth with the lists: both ask `reach`."""
    return Patient.objects.filter(reach(acting), pk=patient.pk).exists()


def may_find(acting: Acting | None) -> bool:
    """Whether the role looks patients up."""
    return acting is not None and acting.may(Permission.FIND_PATIENTS)


def may_merge(acting: Acting | None) -> bool:
    """Whether the role decides on merges: the list, and the records that wait on it."""
    return acting is not None and acting.may(Permission.MERGE_PATIENTS)


def merges_in_reach(acting: Acting | None) -> Q:
    """The merges that this person may decide, as a condition on Merge: the central team all of
    them, a laboratory those of patients for whom it was asked for a test."""
    place = acting.organisation if acting else None
    if acting is None or place is None or not may_merge(acting):
        return Q(pk__in=[])
    if place.kind == OrganisationKind.CENTRAL:
        return Q()
    theirs = Relationship.objects.filter(organisation=place).filter(
        Q(patient=OuterRef("survivor")) | Q(patient=OuterRef("retired"))
    )
    return Q(Exists(theirs))


def may_decide(acting: Acting, merge: Merge) -> bool:
    """Merge after all, refuse, or undo; a person does, never a message."""
    if acting.user is None:
        return False
    return Merge.objects.filter(merges_in_reach(acting), pk=merge.pk).exists()
