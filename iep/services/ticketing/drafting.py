"""Requests for images that somebody began and did not send: kept for who comes back, not for long.

A session ends after minutes and a draft outlives it by days (ux.md 2.7 wants 20 hours): who was
called away signs in again and goes on. It holds what was typed of a patient, and so it is not kept
for ever.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.db.transaction import atomic

from accounts.policies import Acting
from iep.models import TicketDraft

KEPT_FOR: Final = timedelta(days=3)  # since it was last typed at: over a weekend
MOST: Final = 5  # of one person at one place


def keep(key: UUID, content: dict[str, Any], *, by: Acting) -> None:
    """The whole form, as it is now. Of more than five the oldest goes."""
    with atomic():
        TicketDraft.objects.update_or_create(
            key=key, user=by.user, organisation=by.organisation, defaults={"content": content}
        )
        mine = TicketDraft.objects.filter(user=by.user, organisation=by.organisation)
        kept = mine.order_by("-saved_at", "-pk").values("pk")[:MOST]
        mine.exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()


def drafts_of(by: Acting) -> QuerySet[TicketDraft]:
    """Those that the person began at the place where they act now, newest first."""
    rows = TicketDraft.objects.filter(user=by.user, organisation=by.organisation)
    return rows.filter(saved_at__gte=Now() - KEPT_FOR).order_by("-saved_at", "-pk")


def forget(key: UUID, *, by: Acting) -> None:
    """Sent, or thrown away."""
    TicketDraft.objects.filter(key=key, user=by.user, organisation=by.organisation).delete()


def sweep() -> int:
    """Those to which nobody came back; how many."""
    deleted, _ = TicketDraft.objects.filter(saved_at__lt=Now() - KEPT_FOR).delete()
    return deleted
