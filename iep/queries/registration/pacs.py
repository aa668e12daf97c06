"""What went to our PACS of a study, and whether an image of it may be there."""

from __future__ import annotations

from django.db.models import QuerySet

from iep.models import Study, Transfer
from iep.queries.lanes.state import may_have_left

PURPOSE = "to_pacs"


def transfers_to_pacs(study: Study) -> QuerySet[Transfer]:
    """Those that count: not what went before PACS took the images out again."""
    rows = Transfer.objects.filter(study=study, purpose=PURPOSE)
    return rows if study.taken_out_at is None else rows.filter(created_at__gt=study.taken_out_at)


def has_left(study: Study) -> bool:
    """Whether an image may be in PACS."""
    return any(may_have_left(each) for each in transfers_to_pacs(study))
