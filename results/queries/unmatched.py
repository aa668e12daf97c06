"""Results that matched no request, and the requests that they may belong to, side by side.

Nothing is guessed: what agrees and what differs is shown, and a person chooses (hazard H22).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Min, Q, QuerySet
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from messaging import wire
from messaging.errors import Unparseable
from messaging.models import InboundMessage
from messaging.policies import may_operate
from messaging.queries.lists import inbound_for_operator
from messaging.states import InState
from messaging.urgency import WORDS, Urgency
from patients.hl7 import demographics as demographics_of
from patients.matching import Demographics, name_key
from patients.models import Patient
from patients.queries import demographics, match
from requesting.models import RequestItem
from requesting.states import Status
from results.hl7 import IncomingReport, incoming_reports
from results.models import Attachment
from results.unmatched import CAUSES, State, due_at

MOST_CANDIDATES = 20


@dataclass(frozen=True)
class UnmatchedLine:
    """One result on the list."""

    pk: int
    cause: str
    partner: str
    received_at: datetime
    urgency: str
    due_at: datetime
    is_late: bool
    waits_for_second: bool


@dataclass(frozen=True)
class Part:
    """One thing that both sides say. `agrees` is None where one of them says nothing."""

    label: str
    ours: str
    theirs: str
    agrees: bool | None

    @property
    def words(self) -> str:
        return {True: "Agrees", False: "Differs", None: "Not said by both"}[self.agrees]


@dataclass(frozen=True)
class Candidate:
    """A request that it may belong to: by what it was found, and what agrees."""

    item: Any
    found_by: tuple[str, ...]
    parts: tuple[Part, ...]
    conflicts: tuple[str, ...]


@dataclass(frozen=True)
class Said:
    """What the message says of itself, as far as it can be read."""

    placer: str
    accession: str
    code: str
    test: str
    patient: Demographics


@dataclass(frozen=True)
class UnmatchedPage:
    line: UnmatchedLine
    sentence: str
    said: Said | None
    candidates: tuple[Candidate, ...]
    proposal: Any  # an Attachment that waits for a second person
    may_approve: bool


# --- The list ------------------------------------------------------------------------------------


def unmatched_rows(acting: Acting) -> QuerySet[InboundMessage]:
    """Those that this person looks after: of their department's partners, or all."""
    rows = inbound_for_operator(acting)
    return rows.filter(state=InState.PARKED, reason_code__in=CAUSES, message_type="ORU^R01")


def unmatched(acting: Acting) -> list[UnmatchedLine]:
    """What is late first, then by when it is due."""
    waiting = set(
        Attachment.objects.filter(state=State.PROPOSED).values_list("message_id", flat=True)
    )
    lines = [_line(row, row.pk in waiting) for row in unmatched_rows(acting)[:500]]
    return sorted(lines, key=lambda line: (line.due_at, line.pk))


def attached_lately(acting: Acting) -> list[Attachment]:
    """The last that were put to a request, or were not."""
    rows = Attachment.objects.exclude(state=State.PROPOSED).filter(
        message__in=inbound_for_operator(acting)
    )
    return list(rows.select_related("item", "proposed_by", "decided_by").order_by("-pk")[:20])


def _line(row: InboundMessage, waits_for_second: bool) -> UnmatchedLine:
    due = due_at(row.urgency, row.received_at)
    return UnmatchedLine(
        pk=row.pk,
        cause=CAUSES[row.reason_code],
        partner=row.partner.name if row.partner else row.sending_application,
        received_at=row.received_at,
        urgency=WORDS[Urgency(row.urgency)] if row.urgency else "",
        due_at=due,
        is_late=due <= timezone.now(),
        waits_for_second=waits_for_second,
    )


def unmatched_late(
    acting: Acting | None,
) -> list[tuple[str, datetime | None, str, str, str]]:
    """For the strip of those who look after them (settings.STATUS_SOURCES): how many results
    belong to no request, and how many of them are past their time."""
    if acting is None or acting.organisation is None or not may_operate(acting):
        return []
    key = f"unmatched-{acting.organisation.pk}"
    found = cache.get(key)
    if found is None:
        rows = unmatched_rows(acting).values_list("urgency", "received_at")
        late = sum(due_at(*row) <= timezone.now() for row in rows)
        oldest = unmatched_rows(acting).aggregate(at=Min("received_at"))["at"]
        found = (len(rows), late, oldest)
        cache.set(key, found, 15)
    count, late, oldest = found
    if not count:
        return []
    words = f"{count} result{'s' if count > 1 else ''} matched no request"
    words += f", {late} overdue." if late else "."
    return [(words, oldest, "", reverse("results:unmatched"), "Unmatched results")]


# --- One result ----------------------------------------------------------------------------------


def unmatched_row(acting: Acting, pk: int) -> InboundMessage:
    """Raises Http404 for absent, forbidden, and dealt with."""
    found = unmatched_rows(acting).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def page_of_unmatched(
    acting: Acting, pk: int, *, request: HttpRequest | None = None
) -> UnmatchedPage:
    row = unmatched_row(acting, pk)
    said = said_of(row)
    proposal = proposal_of(row)
    candidates = _candidates(row, said) if said else ()
    for each in {one.item.patient_id for one in candidates} or {None}:
        audit.record(
            acting=acting, action="view_unmatched", object_type="messaging.InboundMessage",
            object_id=row.pk, patient_id=each, request=request,
        )  # fmt: skip
    is_other = proposal is not None and acting.user != proposal.proposed_by
    return UnmatchedPage(
        line=_line(row, proposal is not None),
        sentence=row.reason,
        said=said,
        candidates=candidates,
        proposal=proposal,
        may_approve=is_other,
    )


def proposal_of(row: InboundMessage) -> Attachment | None:
    """What waits for a second person."""
    open_ones = row.attachments.filter(state=State.PROPOSED)
    return open_ones.select_related("message", "item__request", "proposed_by").first()


def candidate(acting: Acting, pk: int, item_id: UUID) -> Candidate:
    """One of the requests that the page shows. Raises Http404 for any other."""
    row = unmatched_row(acting, pk)
    said = said_of(row)
    found = _candidates(row, said) if said else ()
    chosen = next((each for each in found if each.item.pk == item_id), None)
    if chosen is None:
        raise Http404
    return chosen


def said_of(row: InboundMessage) -> Said | None:
    """What its first report says; None where the bytes are no message."""
    charset = row.partner.character_set if row.partner else "8859/1"
    try:
        message = wire.parse(bytes(row.raw), default_charset=charset)
    except Unparseable:
        return None
    report = next((each for each in message.segments if each.name == "OBR"), None)
    order = next((each for each in message.segments if each.name == "ORC"), None)
    person = next((each for each in message.segments if each.name == "PID"), None)
    if report is None:
        return None
    numbers = [
        next((each.get(field) for each in (report, order) if each and each.get(field)), "")
        for field in (2, 3)
    ]
    who = demographics_of(person) if person else Demographics()
    return Said(numbers[0], numbers[1], report.get(4), report.get(4, 2), who)


def _candidates(row: InboundMessage, said: Said) -> tuple[Candidate, ...]:
    """Requests of the sender's departments by each thing that could lead there."""
    found: dict[UUID, list[str]] = {}
    items: dict[UUID, RequestItem] = {}
    sent = RequestItem.objects.exclude(status=Status.HELD).filter(
        department__partners=row.partner_id or 0
    )
    whole = sent.select_related("patient", "request", "department", "service")
    for words, condition in _ways(said):
        newest = whole.filter(condition).prefetch_related("patient__identifiers")
        for item in newest.order_by("-requested_at")[:MOST_CANDIDATES]:
            items[item.pk] = item
            found.setdefault(item.pk, []).append(words)
    ranked = sorted(found, key=lambda key: -len(found[key]))[:MOST_CANDIDATES]
    return tuple(_candidate(items[key], tuple(found[key]), said) for key in ranked)


def _ways(said: Said) -> Iterable[tuple[str, Q]]:
    who = said.patient
    if said.placer:
        yield "Order number", Q(placer_number=said.placer)
    if said.accession:
        yield "Accession number", Q(filler_number=said.accession)
    if who.nhs_number:
        yield "NHS number", Q(patient__nhs_number=who.nhs_number)
    if who.family_name and who.birth_date:
        people = Patient.objects.filter(
            family_key=name_key(who.family_name), birth_date=who.birth_date
        )
        yield "Name and birth date", Q(patient__in=people)


def _candidate(item: RequestItem, found_by: tuple[str, ...], said: Said) -> Candidate:
    ours, theirs = demographics(item.patient), said.patient
    parts = (
        _part("Order number", item.placer_number, said.placer),
        _part("Accession number", item.filler_number, said.accession),
        _part("Family name", ours.family_name, theirs.family_name, name_key),
        _part("Given names", ours.given_names, theirs.given_names, name_key),
        _part("Birth date", _day(ours), _day(theirs)),
        _part("NHS number", ours.nhs_number, theirs.nhs_number),
        _part("Test code", item.code, said.code),
    )
    return Candidate(item, found_by, parts, match(item.patient, theirs).conflicts)


def _part(label: str, ours: str, theirs: str, key: Any = str) -> Part:
    agrees = key(ours) == key(theirs) if ours and theirs else None
    return Part(label, ours, theirs, agrees)


def _day(who: Demographics) -> str:
    return f"{who.birth_date:%d-%b-%Y}" if who.birth_date else ""


# --- For the service -----------------------------------------------------------------------------


def reports_for(row: InboundMessage, placer: str) -> tuple[IncomingReport, ...]:
    """The message's reports as if it had named that request. Raises Park, Unparseable."""
    charset = row.partner.character_set if row.partner else "8859/1"
    named = _with_placer(bytes(row.raw), placer)
    return incoming_reports(wire.parse(named, default_charset=charset))


def requests_named(row: InboundMessage) -> set[str]:
    """The order numbers that its reports give, one for each report."""
    charset = row.partner.character_set if row.partner else "8859/1"
    message = wire.parse(bytes(row.raw), default_charset=charset)
    return {each.get(2) for each in message.segments if each.name == "OBR"} - {""}


def _with_placer(raw: bytes, placer: str) -> bytes:
    """The same bytes with another number in ORC-2 and OBR-2."""
    separator = raw[3:4]
    lines = raw.split(b"\r")
    for place, line in enumerate(lines):
        if line[:3] in (b"ORC", b"OBR"):
            fields = line.split(separator)
            fields += [b""] * (3 - len(fields))
            fields[2] = placer.encode("ascii")
            lines[place] = separator.join(fields)
    return b"\r".join(lines)
