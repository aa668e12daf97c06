"""What the operators' screens and commands show of messages and partners."""

from .models import OutboundMessage, Partner
from .states import OutState


def partners_with_work() -> list[int]:
    """Partners for whom something is to be sent, paused ones left out."""
    waiting = OutboundMessage.objects.filter(state__in=(OutState.WAITING, OutState.SENDING))
    ready = Partner.objects.filter(is_paused=False, pk__in=waiting.values("partner_id"))
    return list(ready.values_list("pk", flat=True))
