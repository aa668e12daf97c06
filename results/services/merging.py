"""What follows a patient whose record is merged into another: reports and their values.

Called by `patients.services` through settings.MERGE_FOLLOWERS. A report is of its request's
patient, so it goes wherever its request goes.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import pgtrigger

from patients.following import Follower, Held, keys_in
from patients.models import Patient
from results.models import Observation, Report, ReportVersion


class Reports(Follower):
    """Has no kinds of its own: everything here hangs on a request."""

    def move(self, held: Held, *, to: Patient) -> None:
        """Whose they are, and nothing else: what was reported is not touched."""
        requests = keys_in(held, "requests")
        reports = Report.objects.filter(item__request__in=requests)
        reports.update(patient=to)
        values = Observation.objects.filter(version__report__item__request__in=requests)
        with pgtrigger.ignore("results.Observation:append_only"):
            values.update(patient=to)

    def answered_since(self, requests: Collection[str], at: datetime) -> frozenset[str]:
        came = ReportVersion.objects.filter(
            report__item__request__in=[UUID(key) for key in requests], received_at__gt=at
        ).values_list("report__item__request", flat=True)
        return frozenset(str(key) for key in came)


FOLLOWER = Reports()
