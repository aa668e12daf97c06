"""What waits before a message that is of several patients."""

from __future__ import annotations

from collections.abc import Iterable

from messaging.models import InboundMessage
from messaging.ordering import key_of
from messaging.states import InState


def waits_before(message: InboundMessage, numbers: Iterable[str]) -> bool:
    """Whether an earlier message under one of these numbers (NHS numbers, or `value^issuer`) has
    not been processed yet."""
    keys = {key_of(number) for number in numbers}
    earlier = InboundMessage.objects.filter(state=InState.RECEIVED, pk__lt=message.pk)
    return earlier.filter(ordering_key__in=keys).exists()
