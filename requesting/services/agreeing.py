"""How soon a partner speaks of an order that it took: agreed with it, else as usual."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts import audit
from accounts.policies import Acting
from messaging.models import Partner
from messaging.policies import may_change_partners
from requesting.models import Expectation

LONGEST = 24 * 14  # hours


def agree_times(
    partner: Partner,
    *,
    hours: float,
    opens: int = 0,
    closes: int = 24,
    weekends: bool = True,
    by: Acting,
) -> Expectation:
    """Within so many hours, of those from `opens` to `closes` (hours of the day, in London).

    What was agreed before is replaced; both are in the audit. Raises ValueError in words,
    PermissionDenied.
    """
    if not may_change_partners(by):
        raise PermissionDenied("Only the central team agrees this.")
    if not 0 < hours <= LONGEST:
        raise ValueError("Say in how many hours: more than 0, and two weeks (336) at most.")
    if not 0 <= opens < closes <= 24:
        raise ValueError("The hours of the day go from 0 to 24, and it opens before it closes.")
    with transaction.atomic():
        agreed, _ = Expectation.objects.update_or_create(
            partner=partner,
            defaults={
                "status_hours": hours, "opens": opens, "closes": closes, "weekends": weekends,
            },
        )  # fmt: skip
        days = "all week" if weekends else "Monday to Friday"
        audit.record(
            acting=by, action="agree_times", object_type="messaging.Partner",
            object_id=partner.pk, reason=f"{hours:g} hours, {opens} to {closes}, {days}",
        )  # fmt: skip
    return agreed


def back_to_usual(partner: Partner, *, by: Acting) -> None:
    """Nothing of its own is agreed any more. Raises PermissionDenied."""
    if not may_change_partners(by):
        raise PermissionDenied("Only the central team agrees this.")
    with transaction.atomic():
        Expectation.objects.filter(partner=partner).delete()
        audit.record(
            acting=by, action="agree_times", object_type="messaging.Partner",
            object_id=partner.pk, reason="as usual",
        )  # fmt: skip
