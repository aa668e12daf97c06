"""Messages between the two institutions of a transaction, both ways, each read or unread."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from iep.errors import NotAccepted
from iep.models import Transaction, TransactionMessage
from iep.services.gateway.telling import tell
from iep.services.moving import locked, move
from iep.states.transactions import Direction, TransactionEvent, TransactionState

MOST_CHARACTERS = 2000


def say(thing: Transaction, text: str, by: Acting) -> TransactionMessage:
    """A message to the other institution. At a plain DICOM node nobody can read it there.

    Raises NotAccepted: no_words, too_long.
    """
    with transaction.atomic():
        row = locked(thing)
        message = _message(row, text, Direction.OUT, by.label, timezone.now(), uuid4())
        move(row, TransactionEvent.NOTED, by=by, words="Message to them")
        tell(row, "message", id=str(message.shared_id))
    return message


def heard(
    thing: Transaction, text: str, *, by_name: str, at: datetime, shared_id: UUID, by: Acting
) -> TransactionMessage:
    """A message that the other institution sent; told twice, it is kept once."""
    with transaction.atomic():
        row = locked(thing)
        known = TransactionMessage.objects.filter(shared_id=shared_id, transaction=row).first()
        if known is not None:
            return known
        message = _message(row, text, Direction.IN, by_name, at, shared_id)
        row = move(row, TransactionEvent.NOTED, by=by, words="Message from them")
        if row.state == TransactionState.AWAITING_DETAILS:
            answered(row, by=by)
    return message


def answered(row: Transaction, *, by: Acting) -> Transaction:
    """What was asked for is here, or what they say instead: a person decides, as before it was
    asked. Nobody has agreed by answering. The row is locked. Raises NoSuchMove."""
    asked = row.events.filter(event=TransactionEvent.ASKED_DETAILS.value).exclude(
        from_state=TransactionState.AWAITING_DETAILS.value
    )
    last = asked.order_by("pk").last()
    row = move(row, TransactionEvent.DETAILS_CAME, by=by)
    if last is not None and last.from_state == TransactionState.ACCEPTED:
        row = move(row, TransactionEvent.ACCEPTED, by=by, words="As before the details were asked")
    return row


def read_messages(thing: Transaction, *, by: Acting) -> int:
    """Somebody here has them before their eyes. Answers how many were new."""
    unread = TransactionMessage.objects.filter(
        transaction=thing, direction=Direction.IN.value, read_at__isnull=True
    )
    with transaction.atomic():
        count = unread.update(read_at=timezone.now(), read_by=by.label[:150])
        if count:
            audit.record(
                acting=by, action="transaction_messages_read", object_type="iep.Transaction",
                object_id=thing.pk, patient_id=thing.patient_id or "",
            )  # fmt: skip
    return count


def _message(
    thing: Transaction, text: str, direction: Direction, by_name: str, at: datetime, shared_id: UUID
) -> TransactionMessage:
    text = text.strip()
    if not text:
        raise NotAccepted("no_words", "Write the message.")
    if len(text) > MOST_CHARACTERS:
        raise NotAccepted("too_long", f"A message has up to {MOST_CHARACTERS} characters.")
    return TransactionMessage.objects.create(
        transaction=thing, direction=direction.value, text=text, by_name=by_name[:150], at=at,
        shared_id=shared_id,
    )  # fmt: skip
