"""Who may read a result, and who may say what was done about it. Other rooms may enter."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from accounts.policies import Acting
from accounts.roles import Permission
from patients.models import Patient
from patients.policies import reach

from .ladder import LADDER, Rung
from .models import Report
from .states import Filing, may_be_filed_together


def reach_of_reports(acting: Acting | None) -> Q:
    """The reports that this person may read, as a condition on Report.

    Those that their place asked for or was asked for, and those of patients within its reach.
    """
    place = acting.organisation if acting else None
    if acting is None or place is None or not acting.may(Permission.VIEW_RESULTS):
        return Q(pk__in=[])
    within_reach = Patient.objects.filter(reach(acting), pk=OuterRef("patient"))
    return Q(organisation=place) | Q(department=place) | Q(Exists(within_reach))


def may_view(acting: Acting | None, report: Report) -> bool:
    return Report.objects.filter(reach_of_reports(acting), pk=report.pk).exists()


def may_open_list(acting: Acting | None) -> bool:
    """The list is of the place that asks, not of the departments that answer."""
    return (
        acting is not None
        and acting.may(Permission.VIEW_RESULTS)
        and acting.may(Permission.TRACK_REQUESTS)
    )


def may_review(acting: Acting | None, report: Report) -> bool:
    """A clinician of the place that asked; colleagues stand in for each other. Admin never."""
    if acting is None or acting.user is None or acting.organisation is None:
        return False
    here = report.organisation_id == acting.organisation.pk
    return here and acting.may(Permission.REVIEW_RESULTS)


def may_see_original(acting: Acting | None, report: Report) -> bool:
    """The message as it was sent is for those who answer for what was made of it."""
    return may_review(acting, report)


def may_review_together(acting: Acting | None, report: Report) -> bool:
    unread = report.state == Filing.UNREAD
    listed = may_be_filed_together(report.list_group, report.discipline)
    return unread and listed and may_review(acting, report)


def escalated_to(acting: Acting) -> list[Rung]:
    """The rungs of the ladder on which this person sees what is not their own."""
    return [
        rung for rung, step in LADDER.items() if rung != Rung.OWNER and acting.may(step.seen_by)
    ]


def may_hold(acting: Acting | None) -> bool:
    """Hold and release the news of routine results: the central team."""
    return acting is not None and acting.may(Permission.OPERATE_MAIL)
