"""Edit and send as a new message: the original keeps its bytes, the copy takes its place.

A change of anything clinical or of the identity waits for a second person (reliability.md 6.6).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.policies import Acting
from messaging import correcting, doorbell, wire
from messaging.acknowledgement import REJECTED, envelope
from messaging.errors import NoSuchMove, NothingChanged, NotSendable, Unparseable
from messaging.models import Correction, Feed, InboundMessage, OutboundMessage
from messaging.ordering import barrier_keys, ordering_key
from messaging.policies import may_approve_correction, may_process
from messaging.states import (
    CorrectionEvent,
    InEvent,
    InState,
    OutEvent,
    after_correction,
    after_in,
    after_out,
)

from .inbox import routes
from .operators import close, locked_inbound, locked_outbound, record, words_of
from .outbox import next_control_id, refuse_unsendable, ring_for

Message = InboundMessage | OutboundMessage


@dataclass(frozen=True)
class Draft:
    """An edited copy that could be taken: what it changes, and its bytes."""

    raw: bytes
    control_id: str
    changes: list[correcting.Change]

    @property
    def needs_second(self) -> bool:
        return any(change.needs_second for change in self.changes)


@transaction.atomic
def check_correction(message: Message, *, text: str, by: Acting) -> Draft:
    """What an edit would change, after every check; nothing is kept. Raises as `correct_inbound`,
    but for the reason."""
    if isinstance(message, InboundMessage):
        return _draft_in(locked_inbound(message, by), text)
    return _draft_out(locked_outbound(message, by), text)


@transaction.atomic
def correct_inbound(message: InboundMessage, *, text: str, reason: str, by: Acting) -> Correction:
    """Propose an edited copy of a parked message; process it at once where one person may.

    Raises Unparseable, NotSendable or NotEncodable where the copy cannot be taken, NothingChanged,
    NoSuchMove, ReasonMissing.
    """
    locked = locked_inbound(message, by)
    return _propose(locked, _draft_in(locked, text), reason, by)


@transaction.atomic
def correct_outbound(message: OutboundMessage, *, text: str, reason: str, by: Acting) -> Correction:
    """Propose an edited copy of a dead letter under a new MSH-10; as `correct_inbound`."""
    locked = locked_outbound(message, by)
    return _propose(locked, _draft_out(locked, text), reason, by)


def _draft_in(locked: InboundMessage, text: str) -> Draft:
    after_in(locked.state, InEvent.REPLACE)
    charset = charset_of(locked)
    changes = _changes(locked, text, charset)
    raw = correcting.raw_of(text, default_charset=charset)
    _door(locked, raw, changes)
    return Draft(raw, envelope(raw).control_id, changes)


def _draft_out(locked: OutboundMessage, text: str) -> Draft:
    after_out(locked.state, OutEvent.REPLACE)
    charset = charset_of(locked)
    changes = _changes(locked, text, charset)
    correcting.refuse_fixed(changes, correcting.FIXED_OUT)
    control_id = next_control_id()
    numbered = correcting.with_control_id(text, control_id)
    raw = correcting.raw_of(numbered, default_charset=charset)
    refuse_unsendable(raw, locked.partner, control_id)
    return Draft(raw, control_id, changes)


def charset_of(message: Message) -> str:
    """What the partner uses where MSH-18 is empty."""
    return message.partner.character_set if message.partner else "8859/1"


def _changes(message: Message, text: str, charset: str) -> list[correcting.Change]:
    """What the text changes. The control id of what we send is changed by us, never by a person."""
    before = correcting.text_of(bytes(message.raw), default_charset=charset)
    changes = correcting.changes_of(before, text)
    if isinstance(message, OutboundMessage):
        changes = [change for change in changes if change.place != "MSH-10"]
    if not changes:
        raise NothingChanged
    return changes


def _door(message: InboundMessage, raw: bytes, changes: list[correcting.Change]) -> Feed | None:
    """What the listener would ask of the copy: a sender we know, a type that is taken, MSH-11."""
    if _is_unproven(message):
        words = "Nobody proved that it came from who it names. That sender has to send it again."
        raise NotSendable("not_proven", words)
    parsed = wire.parse(raw, default_charset=charset_of(message))
    if message.partner is not None and _is_readable(message):
        correcting.refuse_fixed(changes, correcting.FIXED_IN)
    if (parsed.code, parsed.trigger) not in routes():
        raise NotSendable("unsupported_type", "Messages of this type (MSH-9) are not taken here.")
    feed = Feed.objects.filter(
        application=parsed.header.get(3), facility=parsed.header.get(4), is_open=True
    ).first()
    if message.partner is None and feed is None:
        raise NotSendable("unknown_sender", "MSH-3 and MSH-4 are not a sender we know.")
    if message.partner is not None and feed and feed.partner_id != message.partner_id:
        raise NotSendable("unknown_sender", "MSH-3 and MSH-4 are another partner’s.")
    agreed = feed.processing_id if feed else parsed.header.get(11)
    if parsed.header.get(11) != agreed or not may_process(agreed):
        raise NotSendable("processing_id", f"MSH-11 is not {agreed}, which is agreed there.")
    return feed


def _is_unproven(message: InboundMessage) -> bool:
    """Refused at the door though its header could be read: another than it names may have sent it,
    and a copy of it would be taken for theirs (reliability.md 4.5)."""
    if message.partner is not None or message.acknowledgement != REJECTED:
        return False
    try:
        wire.header_of(bytes(message.raw))
    except Unparseable:
        return False
    return True


def _is_readable(message: InboundMessage) -> bool:
    try:
        wire.parse(bytes(message.raw), default_charset=charset_of(message))
    except Unparseable:
        return False
    return True


def _propose(message: Message, draft: Draft, reason: str, by: Acting) -> Correction:
    if by.user is None:
        raise PermissionDenied
    correction = Correction(
        raw=draft.raw,
        control_id=draft.control_id,
        reason=words_of(reason),
        needs_second=draft.needs_second,
        proposed_by=by.user,
        proposed_label=by.label[:150],
    )
    if isinstance(message, InboundMessage):
        correction.inbound = message
    else:
        correction.outbound = message
    _save(correction, message)
    record(by, "propose_correction", correction)
    if not draft.needs_second:
        _apply(correction, message, by)
    return correction


def _save(correction: Correction, message: Message) -> None:
    try:
        with transaction.atomic():
            correction.save()
    except IntegrityError:  # somebody else's waits already
        raise NoSuchMove("be corrected twice at once", message.state) from None


# --- The second person ---------------------------------------------------------------------------


@transaction.atomic
def approve_correction(correction: Correction, *, by: Acting) -> Correction:
    """Send, or process, the copy. Never by the person who proposed it (PermissionDenied)."""
    message = _locked_message(correction, by)
    locked = _locked(correction)
    if not may_approve_correction(by, locked):
        raise PermissionDenied
    _apply(locked, message, by)
    return locked


@transaction.atomic
def decline_correction(correction: Correction, *, reason: str, by: Acting) -> Correction:
    """Leave the message as it was. Also by the person who proposed it."""
    _locked_message(correction, by)
    locked = _locked(correction)
    locked.state = after_correction(locked.state, CorrectionEvent.DECLINE)
    _decide(locked, by, words_of(reason))
    record(by, "decline_correction", locked)
    return locked


def _locked(correction: Correction) -> Correction:
    return Correction.objects.select_for_update(of=("self",)).get(pk=correction.pk)


def _locked_message(correction: Correction, by: Acting) -> Message:
    if correction.inbound is not None:
        return locked_inbound(correction.inbound, by)
    assert correction.outbound is not None  # noqa: S101 - a constraint of the table
    return locked_outbound(correction.outbound, by)


def _decide(correction: Correction, by: Acting, how: str) -> None:
    correction.decided_by, correction.decided_label = by.user, by.label[:150]
    correction.decided_how = how
    fields = ["state", "decided_by", "decided_label", "decided_how"]
    correction.save(update_fields=fields)
    Correction.objects.filter(pk=correction.pk).update(decided_at=Now())


# --- The copy goes its way -----------------------------------------------------------------------


def _apply(correction: Correction, message: Message, by: Acting) -> None:
    """The message is replaced and the copy stands in its place, in one transaction."""
    correction.state = after_correction(correction.state, CorrectionEvent.APPLY)
    who = correction.proposed_label
    if by.label != who:
        who = f"{who}, agreed by {by.label}"
    if isinstance(message, InboundMessage):
        message.state = after_in(message.state, InEvent.REPLACE)
        close(message, correction.reason, who)
        _take_copy(message, bytes(correction.raw))
    else:
        message.state = after_out(message.state, OutEvent.REPLACE)
        close(message, correction.reason, who)
        _send_copy(message, bytes(correction.raw), correction.control_id)
    _decide(correction, by, "")
    record(by, "apply_correction", correction)


def _take_copy(original: InboundMessage, raw: bytes) -> None:
    """Nothing was answered for a copy, so it is none of the messages that a sender may repeat."""
    charset = charset_of(original)
    before = correcting.text_of(bytes(original.raw), default_charset=charset)
    after = correcting.text_of(raw, default_charset=charset)
    feed = _door(original, raw, correcting.changes_of(before, after))
    parsed, of = wire.parse(raw, default_charset=charset), envelope(raw)
    digest = hashlib.sha256(raw).hexdigest()
    partner = original.partner or (feed.partner if feed else None)
    InboundMessage.objects.create(
        partner=partner,
        feed=feed or original.feed,
        peer=original.peer,
        sending_application=of.sending_application,
        sending_facility=of.sending_facility,
        control_id=of.control_id,
        message_type=f"{of.message_code}^{of.trigger}",
        raw=raw,
        sha256=digest,
        state=InState.RECEIVED,
        ordering_key=ordering_key(parsed) or digest,
        barrier_keys=barrier_keys(parsed),
        corrects=original,
    )
    ring = doorbell.ring
    transaction.on_commit(lambda: ring("messaging.process_inbox", queue="hl7_in"))


def _send_copy(original: OutboundMessage, raw: bytes, control_id: str) -> None:
    """In the original's place in its stream: what waited behind it now waits behind the copy."""
    refuse_unsendable(raw, original.partner, control_id)
    parsed = wire.parse(raw, default_charset=original.partner.character_set)
    OutboundMessage.objects.create(
        partner=original.partner,
        kind=f"{parsed.code}^{parsed.trigger} {parsed.get('ORC', 1)}".strip()[:16],
        subject_type=original.subject_type,
        subject_id=original.subject_id,
        stream=original.stream,
        sequence=original.sequence,
        raw=raw,
        control_id=control_id,
        corrects=original,
    )
    partner_id = original.partner_id
    transaction.on_commit(lambda: ring_for(partner_id))
