"""Who has read a report: they are told when what they read is taken back or amended (H24)."""

from __future__ import annotations

from accounts.models import AccessEvent
from accounts.queries import colleagues
from accounts.roles import Permission
from results.models import Report, Review

# The looks of the audit trail that showed the words of a report.
LOOKS = ("view_result", "print_result", "download_result", "download_document", "view_original")


def readers_of(report: Report) -> set[int]:
    """People of the place that asked who opened or reviewed it; not its owner, whose it is anyway.

    Who works there no more cannot open it, and is not told.
    """
    looks = AccessEvent.objects.filter(
        object_type="results.Report", object_id=str(report.pk), action__in=LOOKS, outcome="ok"
    )
    seen = {user for user in looks.values_list("user_id", flat=True) if user is not None}
    seen |= set(Review.objects.filter(version__report=report).values_list("by_user", flat=True))
    seen.discard(report.owner_id)
    if not seen:
        return set()
    here = colleagues(report.organisation, Permission.VIEW_RESULTS).filter(pk__in=seen)
    return set(here.values_list("pk", flat=True))
