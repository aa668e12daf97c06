"""The audit trail: one append-only row for each view of a patient and each move.

Audit is for investigation; who did what to a request, for showing to clinicians, is on the
request's own event rows.
"""

from django.http import HttpRequest

from .models import AccessEvent
from .policies import Acting


def record(
    *,
    acting: Acting | None,
    action: str,
    object_type: str = "",
    object_id: object = "",
    patient_id: object = "",
    outcome: str = "ok",
    reason: str = "",
    request: HttpRequest | None = None,
) -> AccessEvent:
    """Write the row, in the caller's transaction. Ids only: never a name or a number."""
    user = acting.user if acting else None
    place = acting.organisation if acting else None
    return AccessEvent.objects.create(
        user_id=user.pk if user else None,
        username=user.username if user else (acting.name if acting else ""),
        role=acting.role if acting else "",
        organisation_code=place.ods_code if place else "",
        action=action,
        object_type=object_type,
        object_id=str(object_id),
        patient_id=str(patient_id),
        outcome=outcome,
        reason=reason[:200],
        request_id=getattr(request, "request_id", ""),
    )
