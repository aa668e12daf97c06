"""The directory of mailboxes: which one of a place receives what."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import Organisation
from messaging.models import Mailbox


def mailbox_for(organisation: Organisation, purpose: str, *, modality: str = "") -> Mailbox | None:
    """The mailbox of that place, or of the trust it belongs to, for that purpose; None: no mail.

    The one of the modality goes before the one for every modality. Only verified ones.
    """
    wanted = usable_mailboxes().filter(purpose=purpose, modality__in={modality, ""})
    for place in (organisation.pk, organisation.parent_id):
        found = wanted.filter(organisation_id=place).order_by("-modality", "pk").first()
        if found:
            return found
    return None


def usable_mailboxes() -> QuerySet[Mailbox]:
    """Valid today, and verified at least once."""
    today = timezone.localdate()
    still = Q(valid_to__isnull=True) | Q(valid_to__gt=today)
    rows = Mailbox.objects.select_related("organisation__parent")
    return rows.filter(still, valid_from__lte=today, verified_on__isnull=False)
