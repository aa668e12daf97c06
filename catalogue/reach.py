"""Which departments reach which organisation's patients. Read through `catalogue.queries`."""

from datetime import date

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from accounts.models import Organisation, OrganisationKind

from .models import Attendance, Offering

# What needs no appointment comes first.
_SOONEST = (Attendance.WALK_IN, Attendance.PRACTICE, Attendance.BOOKED)


def departments_serving(organisation: Organisation) -> QuerySet[Organisation]:
    """Departments that serve it themselves, or whose trust does."""
    theirs = Q(serves=organisation) | Q(parent__serves=organisation)
    return Organisation.objects.filter(theirs, kind=OrganisationKind.DEPARTMENT)


def offered_to(organisation: Organisation, day: date) -> QuerySet[Offering]:
    """Everything that is done for its patients on that day."""
    departments = departments_serving(organisation).order_by().values("pk")
    return Offering.objects.on(day).filter(department__in=departments)


def open_to(age_years: int | None) -> Q:
    """Offerings open to this age; all of them when no age is given."""
    if age_years is None:
        return Q()
    return Q(min_age__isnull=True) | Q(min_age__lte=age_years)


def soonest_first() -> Case:
    """The order of attendances, for `order_by`."""
    whens = [When(attendance=one, then=Value(place)) for place, one in enumerate(_SOONEST)]
    return Case(*whens, output_field=IntegerField())
