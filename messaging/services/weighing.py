"""Each message that needs a person is weighed once: how urgent it is for its patient."""

from typing import Any

from django.db import transaction

from messaging.models import InboundMessage, OutboundMessage
from messaging.states import InState, OutState
from messaging.urgency import urgency_of

_AT_ONCE = 20  # they are read whole, and may be large


def weigh_waiting(most: int = 500) -> int:
    """Weigh what has come to the operators' lists since; how many. For a sweep."""
    weighed = 0
    for rows in (
        InboundMessage.objects.filter(state=InState.PARKED, urgency=""),
        OutboundMessage.objects.filter(state=OutState.DEAD, urgency=""),
    ):
        while weighed < most and (taken := _weigh(rows)):
            weighed += taken
    return weighed


@transaction.atomic
def _weigh(rows: Any) -> int:
    batch = rows.select_related("partner").select_for_update(of=("self",), skip_locked=True)
    messages = list(batch.order_by("id")[:_AT_ONCE])
    for message in messages:
        charset = message.partner.character_set if message.partner else "8859/1"
        urgency = urgency_of(bytes(message.raw), default_charset=charset)
        type(message).objects.filter(pk=message.pk).update(urgency=urgency)
    return len(messages)
