"""Into the inbox: store, commit, acknowledge. What a message means is decided later, elsewhere."""

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db import connection
from django.utils import timezone
from psycopg2 import Binary
from psycopg2.extras import execute_values

from messaging import wire
from messaging.acknowledgement import (
    ACCEPT,
    ACCEPTED,
    ERROR,
    REJECTED,
    Envelope,
    Verdict,
    acknowledge,
    envelope,
)
from messaging.errors import Unparseable
from messaging.models import InboundMessage, Partner
from messaging.states import InState

from .inbox import routes


class Directory:
    """The partners by what they call themselves, remembered for a few seconds."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[tuple[str, str], Partner] = {}
        self._until = -1.0

    def find(self, application: str, facility: str) -> Partner | None:
        if time.monotonic() > self._until:
            self._known = {
                (partner.their_application, partner.their_facility): partner
                for partner in Partner.objects.all()
            }
            self._until = time.monotonic() + self._seconds
        return self._known.get((application, facility))


@dataclass(frozen=True)
class Arrival:
    """A frame and what we make of it at the door."""

    raw: bytes
    peer: str
    sha256: str
    envelope: Envelope
    verdict: Verdict
    state: InState
    partner_id: int | None = None
    ordering_key: str = ""
    repeat_of: int | None = None

    @property
    def key(self) -> tuple[int | None, str, str, str]:
        """By this a sender's message is the same message."""
        of = self.envelope
        return self.partner_id, of.sending_application, of.sending_facility, of.control_id


def accept(raw: bytes, *, peer: str = "") -> bytes:
    """Store one frame and commit; then the acknowledgement to send. See `accept_all`."""
    return accept_all([(raw, peer)], Directory(seconds=0))[0]


def accept_all(frames: Sequence[tuple[bytes, str]], directory: Directory) -> list[bytes]:
    """Store frames (with the address each came from), commit, and give their acknowledgements.

    One acknowledgement a frame, in order; each is stored whatever it is. A message that we took
    before is answered the same and has no effect. The same control id with other content is
    taken and parked: never lose a result because a sender's ids are bad. Raises only what the
    database raises; then nothing may be acknowledged.
    """
    arrivals = [_examine(raw, peer, directory) for raw, peer in frames]
    _store(arrivals)
    at = timezone.now()
    return [acknowledge(each.raw, each.verdict, at=at) for each in arrivals]


# --- At the door ---------------------------------------------------------------------------------


def _examine(raw: bytes, peer: str, directory: Directory) -> Arrival:
    of = envelope(raw)
    arrival = Arrival(raw, peer, hashlib.sha256(raw).hexdigest(), of, ACCEPT, InState.RECEIVED)
    try:
        header = wire.header_of(raw)
        partner = directory.find(header.get(3), header.get(4))
        charset = partner.character_set if partner else "ASCII"
        message = wire.parse(raw, default_charset=charset)
    except Unparseable as refusal:
        return _unreadable(arrival, refusal, directory)
    arrival = replace(arrival, partner_id=partner.pk if partner else None)
    if verdict := _refusal(message, of, partner):
        return replace(arrival, verdict=verdict, state=InState.REFUSED)
    return replace(arrival, ordering_key=_ordering_key(message) or arrival.sha256)


def _unreadable(arrival: Arrival, refusal: Unparseable, directory: Directory) -> Arrival:
    """Told to the sender, and parked: it may be a message of ours that somebody broke."""
    of = arrival.envelope
    partner = directory.find(
        of.sending_application.split("^")[0], of.sending_facility.split("^")[0]
    )
    code = REJECTED if refusal.reason_code in ("header", "delimiters") else ERROR
    return replace(
        arrival,
        verdict=Verdict(code, refusal.reason_code, refusal.sentence),
        state=InState.PARKED,
        partner_id=partner.pk if partner else None,
    )


def _refusal(message: wire.Message, of: Envelope, partner: Partner | None) -> Verdict | None:
    """Why it is not for us; the sender keeps it. ADR 005 says why these and no others."""
    if partner is None:
        return Verdict(REJECTED, "unknown_sender", "MSH-3 and MSH-4 are not a sender we know.")
    if not of.control_id:
        return Verdict(REJECTED, "control_id", "MSH-10 is missing, too long or not printable.")
    if message.header.get(11) != partner.processing_id:
        words = f"MSH-11 is not {partner.processing_id}, which is agreed with this sender."
        return Verdict(REJECTED, "processing_id", words)
    if (message.code, message.trigger) not in routes():
        return Verdict(REJECTED, "unsupported_type", "Messages of this type are not taken here.")
    return None


def _ordering_key(message: wire.Message) -> str:
    """One key for one patient: a digest, so that no number stands in an index."""
    patient = message.first("PID")
    if patient is None:
        return ""
    numbers = patient.repetitions(3)
    nhs = [
        each.get(1)
        for each in numbers
        if "NHS" in (each.get(4), each.get(5)) or each.get(5) == "NH"
    ]
    others = [f"{each.get(1)}^{each.get(4)}" for each in numbers if each.get(1)]
    number = next(iter([*nhs, *others]), patient.get(2)).replace(" ", "")
    return hashlib.sha256(number.encode()).hexdigest()[:32] if number else ""


# --- Into the table ------------------------------------------------------------------------------

_COLUMNS = (
    "partner_id, peer, sending_application, sending_facility, control_id, message_type, raw, "
    "sha256, state, acknowledgement, reason_code, reason, ordering_key, repeat_of_id, attempts, "
    "handled_by, handled_how, received_at"
)
_VALUES = f"({', '.join(['%s'] * 14)}, 0, '', '', statement_timestamp())"
# Plain SQL, because this is the hot path: one statement, which is one commit, for many frames.
_INSERT = (
    f"INSERT INTO messaging_inboundmessage ({_COLUMNS}) VALUES %s ON CONFLICT DO NOTHING "  # noqa: S608
    "RETURNING partner_id, sending_application, sending_facility, control_id"
)


def _store(arrivals: list[Arrival]) -> None:
    """Store all; what is new goes in by one statement, the rest one by one."""
    fresh: dict[tuple, Arrival] = {}
    others: list[Arrival] = []
    for arrival in arrivals:
        if arrival.state is InState.RECEIVED and arrival.key not in fresh:
            fresh[arrival.key] = arrival
        else:
            others.append(arrival)
    stored = _insert(fresh.values())
    known = [arrival for key, arrival in fresh.items() if key not in stored]
    for arrival in [*known, *others]:
        _insert([_compared(arrival)])


def _insert(arrivals: Iterable[Arrival]) -> set[tuple]:
    rows = [_row(arrival) for arrival in arrivals]
    if not rows:
        return set()
    with connection.cursor() as cursor:
        return set(execute_values(cursor.cursor, _INSERT, rows, _VALUES, len(rows), fetch=True))


def _row(arrival: Arrival) -> tuple:
    of, verdict = arrival.envelope, arrival.verdict
    kind = f"{of.message_code}^{of.trigger}" if of.trigger else of.message_code
    return (
        *(arrival.partner_id, arrival.peer, of.sending_application, of.sending_facility),
        *(of.control_id, kind, Binary(arrival.raw), arrival.sha256, arrival.state.value),
        *(verdict.code, verdict.reason_code, verdict.sentence),
        *(arrival.ordering_key, arrival.repeat_of),
    )


def _compared(arrival: Arrival) -> Arrival:
    """The arrival as a repeat of a message that we have, or as another under the same id."""
    if arrival.state is InState.REFUSED:
        return arrival
    if arrival.state is InState.PARKED:
        same = InboundMessage.objects.filter(state=InState.PARKED, sha256=arrival.sha256)
        return _as_repeat(arrival, same.order_by("id").values_list("pk", flat=True).first())
    family = InboundMessage.objects.filter(
        partner_id=arrival.partner_id or 0,  # taken, so there is one
        sending_application=arrival.envelope.sending_application,
        sending_facility=arrival.envelope.sending_facility,
        control_id=arrival.envelope.control_id,
        acknowledgement=ACCEPTED,
    ).exclude(state=InState.REPEAT)
    known = dict(family.order_by("-id").values_list("sha256", "pk"))
    if arrival.sha256 in known:
        return _as_repeat(arrival, known[arrival.sha256])
    sentence = "This sender has used this control id before, for a message with other content."
    return replace(
        arrival,
        verdict=Verdict(ACCEPTED, "same_id_other_content", sentence),
        state=InState.PARKED,
        repeat_of=min(known.values()),
    )


def _as_repeat(arrival: Arrival, of: int | None) -> Arrival:
    return replace(arrival, state=InState.REPEAT, repeat_of=of) if of else arrival
