"""Into the inbox: store, commit, acknowledge. What a message means is decided later, elsewhere."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from django.db import connection, transaction
from django.utils import timezone
from psycopg2 import Binary
from psycopg2.extras import execute_values

from messaging import tls, wire
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
from messaging.models import Feed, InboundMessage, Partner
from messaging.ordering import barrier_keys, ordering_key
from messaging.policies import may_process
from messaging.states import InState

from .inbox import routes

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """The line that a frame came by, and how far it says who is at the other end."""

    address: str = ""
    certificate: bytes = b""  # the client's, as DER; b"": clear text
    partner_id: int | None = None  # we opened the line ourselves, to this partner


class Directory:
    """The open feeds by what they call themselves, remembered for a few seconds."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._proven: dict[bytes, frozenset[int]] = {}
        self._until = -1.0

    def find(self, application: str, facility: str) -> Feed | None:
        self._look()
        return self._feeds.get((application, facility))

    def proven_by(self, certificate: bytes) -> frozenset[int]:
        """The feeds whose certificate this is."""
        self._look()
        if certificate not in self._proven:
            self._proven[certificate] = frozenset(
                feed.pk for feed in self._feeds.values() if proof_of(feed).accepts(certificate)
            )
        return self._proven[certificate]

    def feeds(self) -> list[Feed]:
        self._look()
        return list(self._feeds.values())

    def _look(self) -> None:
        if time.monotonic() > self._until:
            feeds = Feed.objects.filter(is_open=True).select_related("partner")
            self._feeds = {(feed.application, feed.facility): feed for feed in feeds}
            self._proven = {}
            self._until = time.monotonic() + self._seconds


def proof_of(feed: Feed) -> tls.Proof:
    """How the feed proves who it is, on a line with TLS; nobody does for a row that is spoilt."""
    try:
        return tls.proof(feed.client_certificates, feed.client_subject, feed.partner.trust_anchors)
    except tls.BadCertificate:
        log.error("certificate_not_read", feed=feed.pk)  # noqa: TRY400
        return tls.proof("", "", "")


@dataclass(frozen=True)
class Arrival:
    """A frame and what we make of it at the door."""

    raw: bytes
    origin: Origin
    sha256: str
    envelope: Envelope
    verdict: Verdict
    state: InState
    feed: Feed | None = None
    ordering_key: str = ""
    barrier_keys: list[str] | None = None
    repeat_of: int | None = None

    @property
    def partner_id(self) -> int | None:
        return self.feed.partner_id if self.feed else None

    @property
    def key(self) -> tuple[int | None, str, str, str]:
        """By this a sender's message is the same message."""
        of = self.envelope
        return self.partner_id, of.sending_application, of.sending_facility, of.control_id

    def answered(self, at: datetime) -> bytes:
        """The acknowledgement; the same for the same bytes."""
        original = self.feed is not None and self.feed.answers == Feed.Answers.ORIGINAL
        return acknowledge(self.raw, self.verdict, at=at, original=original)


def accept(raw: bytes, *, peer: str = "", partner_id: int | None = None) -> bytes:
    """Store one frame and commit; then the acknowledgement to send. See `accept_all`.

    `partner_id`: it came on a line that we opened ourselves.
    """
    origin = Origin(peer, partner_id=partner_id)
    return accept_all([(raw, origin)], Directory(seconds=0))[0]


def accept_all(
    frames: Sequence[tuple[bytes, Origin]],
    directory: Directory,
    *,
    notice: Callable[[int, Feed], None] = lambda place, feed: None,
) -> list[bytes]:
    """Store frames (with the line each came by), commit, and give their acknowledgements.

    One acknowledgement a frame, in order; each is stored whatever it is. A message that we took
    before is answered the same and has no effect. The same control id with other content is
    taken and parked: never lose a result because a sender's ids are bad. Raises only what the
    database raises; then nothing may be acknowledged. `notice` hears whose each frame proved to be.
    """
    arrivals = [examine(raw, origin, directory) for raw, origin in frames]
    _store(arrivals)
    for place, arrival in enumerate(arrivals):
        if arrival.feed is not None:
            notice(place, arrival.feed)
    at = timezone.now()
    return [arrival.answered(at) for arrival in arrivals]


# --- At the door ---------------------------------------------------------------------------------


def examine(raw: bytes, origin: Origin, directory: Directory) -> Arrival:
    """What becomes of a frame at the door; nothing is stored."""
    of = envelope(raw)
    arrival = Arrival(raw, origin, hashlib.sha256(raw).hexdigest(), of, ACCEPT, InState.RECEIVED)
    try:
        header = wire.header_of(raw)
        feed = directory.find(header.get(3), header.get(4))
        if feed is not None and (doubt := _doubt(feed, origin, directory)):
            return replace(arrival, verdict=doubt, state=InState.PARKED)
        message = wire.parse(raw, default_charset=feed.character_set if feed else "ASCII")
    except Unparseable as refusal:
        return _unreadable(arrival, refusal, directory)
    arrival = replace(arrival, feed=feed)
    if verdict := _refusal(message, of, feed, len(raw)):
        return replace(arrival, verdict=verdict, state=InState.REFUSED)
    return replace(
        arrival,
        ordering_key=ordering_key(message) or arrival.sha256,
        barrier_keys=barrier_keys(message),
    )


def _doubt(feed: Feed, origin: Origin, directory: Directory) -> Verdict | None:
    """Why whoever sent this is not who it says: kept as evidence, and never processed."""
    if origin.partner_id is not None:
        if origin.partner_id == feed.partner_id:
            return None
        words = "It came on our line to another partner than MSH-3 and MSH-4 say."
        return Verdict(REJECTED, "not_proven", words)
    if origin.certificate:
        if feed.pk in directory.proven_by(origin.certificate):
            return None
        words = "The certificate of the connection is not that of MSH-3 and MSH-4."
        return Verdict(REJECTED, "not_proven", words)
    if feed.cleartext_until is None or feed.cleartext_until <= timezone.now():
        return Verdict(REJECTED, "cleartext", "This sender may not speak to us without TLS.")
    return None


def _unreadable(arrival: Arrival, refusal: Unparseable, directory: Directory) -> Arrival:
    """Told to the sender, and parked: it may be a message of ours that somebody broke."""
    of = arrival.envelope
    feed = directory.find(of.sending_application.split("^")[0], of.sending_facility.split("^")[0])
    if feed is not None and _doubt(feed, arrival.origin, directory):
        feed = None
    code = REJECTED if refusal.reason_code in ("header", "delimiters") else ERROR
    verdict = Verdict(code, refusal.reason_code, refusal.sentence)
    return replace(arrival, verdict=verdict, state=InState.PARKED, feed=feed)


def _refusal(message: wire.Message, of: Envelope, feed: Feed | None, size: int) -> Verdict | None:
    """Why it is not for us; the sender keeps it. ADR 005 says why these and no others."""
    if feed is None:
        return Verdict(REJECTED, "unknown_sender", "MSH-3 and MSH-4 are not a sender we know.")
    if size > feed.largest_bytes:
        words = f"The message is larger than the {feed.largest_bytes} bytes agreed."
        return Verdict(REJECTED, "too_large", words)
    if not of.control_id:
        return Verdict(REJECTED, "control_id", "MSH-10 is missing, too long or not printable.")
    if message.header.get(11) != feed.processing_id or not may_process(feed.processing_id):
        words = f"MSH-11 is not {feed.processing_id}, which is agreed with this sender."
        return Verdict(REJECTED, "processing_id", words)
    if not _is_taken(message, feed):
        return Verdict(REJECTED, "unsupported_type", "Messages of this type are not taken here.")
    return None


def _is_taken(message: wire.Message, feed: Feed) -> bool:
    """A type that somebody here handles, and that was agreed; or what they say of our orders."""
    if message.code == "ACK":
        return feed.partner.acknowledgement_mode == Partner.Acknowledgement.ENHANCED
    agreed = feed.message_types.split()
    return (message.code, message.trigger) in routes() and (not agreed or message.type in agreed)


# --- Into the table ------------------------------------------------------------------------------

_COLUMNS = (
    "partner_id, feed_id, peer, sending_application, sending_facility, control_id, message_type, "
    "raw, sha256, state, acknowledgement, reason_code, reason, ordering_key, barrier_keys, "
    "repeat_of_id, attempts, handled_by, handled_how, received_at"
)
_VALUES = f"({', '.join(['%s'] * 16)}, 0, '', '', statement_timestamp())"
# Plain SQL, because this is the hot path: one statement, which is one commit, for many frames.
_INSERT = (
    f"INSERT INTO messaging_inboundmessage ({_COLUMNS}) VALUES %s ON CONFLICT DO NOTHING "  # noqa: S608
    "RETURNING partner_id, sending_application, sending_facility, control_id"
)


def _store(arrivals: list[Arrival]) -> None:
    """Store all; what is new goes in by one statement, the rest one by one at one commit."""
    fresh: dict[tuple, Arrival] = {}
    others: list[Arrival] = []
    for arrival in arrivals:
        if arrival.state is InState.RECEIVED and arrival.key not in fresh:
            fresh[arrival.key] = arrival
        else:
            others.append(arrival)
    stored = _insert(fresh.values())
    known = [arrival for key, arrival in fresh.items() if key not in stored]
    if rest := [*known, *others]:
        with transaction.atomic():  # one commit: who is refused must not slow who is taken
            for arrival in rest:
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
        *(arrival.partner_id, arrival.feed.pk if arrival.feed else None, arrival.origin.address),
        *(of.sending_application, of.sending_facility),
        *(of.control_id, kind, Binary(arrival.raw), arrival.sha256, arrival.state.value),
        *(verdict.code, verdict.reason_code, verdict.sentence),
        *(arrival.ordering_key, arrival.barrier_keys, arrival.repeat_of),
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
