"""What the strip of every page says of downtime forms: late ones, and the offer of one."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import Count, F, Min, Q
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import OrganisationKind
from accounts.policies import Acting
from accounts.roles import Permission
from nhsuk.formats import how_many
from requesting.form_states import ALARMS, ESCALATES_AT
from requesting.models import DowntimeForm

from .forms import queued_here

# Sentence, since, what becomes of it, an address, the words that lead there.
Line = tuple[str, datetime | None, str, str, str]


def downtime_forms(acting: Acting | None) -> list[Line]:
    """Forms past an alarm, for the department at 24 hours, for the centre and the place that asked
    at 48; and what waits for a link, for who could use a form. Read once in five seconds."""
    if acting is None or acting.organisation is None:
        return []
    late = cache.get_or_set("late_downtime_forms", lambda: list(_late()), 5) or []
    lines = [line for row in late if (line := _line(acting, row))]
    return [*lines, *_waiting(acting)]


def _waiting(acting: Acting) -> list[Line]:
    """The offer of the form, to who may use it."""
    place = acting.organisation
    if place is None or not acting.may(Permission.REQUEST_TESTS):
        return []
    key = f"waiting_for_a_link_{place.pk}"
    number = cache.get_or_set(key, lambda: queued_here(acting).count(), 5)
    if not number:
        return []
    words = f"{how_many(number, 'request')} of {place.name} not sent yet."
    then = "If one cannot wait:"
    return [(words, None, then, reverse("requesting:downtime"), "use the downtime form")]


def _late() -> Iterable[dict[str, Any]]:
    out = DowntimeForm.objects.filter(clock_at__lte=Now() - timedelta(hours=ALARMS[0]))
    rows = out.values("department", "organisation").annotate(
        forms=Count("pk"), since=Min("clock_at"),
        escalated=Count("pk", filter=Q(clock_at__lte=Now() - timedelta(hours=ESCALATES_AT))),
    )  # fmt: skip
    return [dict(row) for row in rows.order_by(F("since"))]


def _line(acting: Acting, row: dict[str, Any]) -> Line | None:
    place, since = acting.organisation, row["since"]
    if place is None:
        return None
    keys_in, theirs = acting.may(Permission.KEY_IN_FORMS), row["department"] == place.pk
    if keys_in and theirs:
        words = f"{how_many(row['forms'], 'downtime form')} not keyed in yet."
        return words, since, "", reverse("requesting:keying"), "Open the list"
    if not row["escalated"]:
        return None
    words = (
        f"{how_many(row['escalated'], 'downtime form')} not keyed in after {ESCALATES_AT} hours."
    )
    if keys_in and place.kind == OrganisationKind.CENTRAL:
        return words, since, "", reverse("requesting:keying"), "Open the list"
    if acting.may(Permission.REQUEST_TESTS) and row["organisation"] == place.pk:
        return words, since, "", reverse("requesting:downtime"), "Whom to ring"
    return None
