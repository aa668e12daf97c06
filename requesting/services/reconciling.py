"""Partners' lists beside ours: differences come, are worked at by people, and go.

Nothing of a request or a report is changed here by what a list says: a list is no message. What
can be done is done by a person: ask by telephone, send again, or say why it is so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation
from accounts.policies import SYSTEM, Acting
from messaging.models import OutboundMessage, Partner
from messaging.policies import may_operate_partner
from messaging.states import OutState
from requesting.errors import NoCodeFor, Refused
from requesting.models import Difference, DifferenceNote, ReceivedList, RequestItem
from requesting.partner_lists import PartnerList
from requesting.policies import may_resend
from requesting.queries.reconciling import overdue_here, sent_to
from requesting.reconciling import (
    BY_LIST,
    ROUTINE_LIMIT,
    URGENT_LIMIT,
    Event,
    Found,
    Kind,
    State,
    after,
    compare_orders,
)

from .moving import locked_one
from .orders import NotWritable, write_order

LONGEST_WORDS = 300


@dataclass(frozen=True)
class Compared:
    """What came of one list."""

    rows: int
    found: int  # differences that the list shows
    new: int
    gone: int


@transaction.atomic
def reconcile_orders(theirs: PartnerList, partner: Partner, *, raw: bytes, by: Acting) -> Compared:
    """Their list of orders beside what we sent them. Every difference is on the list afterwards.

    Raises Refused for a list that is older than one that was compared.
    """
    return note_list(theirs, partner, compare_orders(theirs, sent_to(partner)), raw=raw, by=by)


@transaction.atomic
def note_list(
    theirs: PartnerList, partner: Partner, found: Collection[Found], *, raw: bytes, by: Acting
) -> Compared:
    """Keep what a list showed: new differences come, what it shows no more goes."""
    _locked_partner(partner, by)
    _refuse_older(theirs, partner)
    new, gone = note_differences(
        partner, found, kinds=BY_LIST[theirs.kind], by=by, since=theirs.since
    )
    ReceivedList.objects.create(
        partner=partner, kind=theirs.kind, as_of=theirs.as_of, since=theirs.since,
        rows=len(theirs.rows), found=len(found), sha256=hashlib.sha256(raw).hexdigest(),
        by_name=by.label[:150],
    )  # fmt: skip
    audit.record(
        acting=by, action="reconcile", object_type="messaging.Partner", object_id=partner.pk,
        reason=f"{theirs.kind} {len(theirs.rows)}",
    )  # fmt: skip
    return Compared(len(theirs.rows), len(found), new, gone)


def _locked_partner(partner: Partner, by: Acting) -> None:
    """One list of a partner at a time; by whoever looks after it, or by the timer."""
    locked = Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)
    if not (by.is_system or may_operate_partner(by, locked)):
        raise PermissionDenied


def _refuse_older(theirs: PartnerList, partner: Partner) -> None:
    later = ReceivedList.objects.filter(partner=partner, kind=theirs.kind, as_of__gt=theirs.as_of)
    if later.exists():
        raise Refused("A later list of theirs was compared already. Nothing was changed.")


# --- Differences come and go ---------------------------------------------------------------------


def note_differences(
    partner: Partner,
    found: Collection[Found],
    *,
    kinds: Collection[Kind],
    by: Acting = SYSTEM,
    since: datetime | None = None,
    practices: dict[str, Organisation] | None = None,
) -> tuple[int, int]:
    """Bring the differences of these kinds to what was found; how many are new, how many went.

    `since`: a difference about what is older than the list covers stays as it is. `practices`: by
    key, where the difference is of a whole practice. In the caller's transaction.
    """
    now = timezone.now()
    rows = Difference.objects.select_for_update(of=("self",)).filter(
        partner=partner, kind__in=list(kinds)
    )
    known = {(each.kind, each.key): each for each in rows}
    items = _items(each.placer for each in found)
    new = 0
    for each in found:
        old = known.pop((each.kind, each.key), None)
        if old is None:
            place = (practices or {}).get(each.key)
            _come(partner, each, items.get(each.placer), place, now, by)
            new += 1
        else:
            new += _again(old, each, now, by)
    over = [each for each in known.values() if each.state != State.RESOLVED]
    went = [_go(each, now, by) for each in over if _is_covered(each, since)]
    return new, len(went)


def _items(placers: Iterable[str]) -> dict[str, RequestItem]:
    wanted = {placer for placer in placers if placer}
    return {
        item.placer_number: item for item in RequestItem.objects.filter(placer_number__in=wanted)
    }


def _is_covered(difference: Difference, since: datetime | None) -> bool:
    return since is None or difference.item is None or difference.item.requested_at >= since


def _come(
    partner: Partner,
    each: Found,
    item: RequestItem | None,
    practice: Organisation | None,
    now: datetime,
    by: Acting,
) -> None:
    urgent = item is not None and item.priority != "routine"
    difference = Difference.objects.create(
        partner=partner, kind=each.kind, key=each.key, item=item, practice=practice,
        accession=each.accession, placer=each.placer, ours=each.ours, theirs=each.theirs,
        is_urgent=urgent, found_at=now, seen_at=now, moved_at=now,
        due_at=now + (URGENT_LIMIT if urgent else ROUTINE_LIMIT),
    )  # fmt: skip
    _note(difference, "found", "", now, by)


def _again(old: Difference, each: Found, now: datetime, by: Acting) -> int:
    """Found once more: explained stays explained while it differs in the same way."""
    same = (old.ours, old.theirs, old.accession) == (each.ours, each.theirs, each.accession)
    old.seen_at = now
    if same and old.state != State.RESOLVED:
        old.save(update_fields=["seen_at"])
        return 0
    was_open = old.state == State.OPEN
    old.ours, old.theirs, old.accession = each.ours, each.theirs, each.accession
    old.state, old.moved_at = after(old.state, Event.CHANGE), now
    if not was_open:
        old.found_at, old.resent = now, None
        old.due_at = now + (URGENT_LIMIT if old.is_urgent else ROUTINE_LIMIT)
    old.save()
    _note(old, Event.CHANGE, "", now, by)
    return 0 if was_open else 1


def _go(difference: Difference, now: datetime, by: Acting) -> Difference:
    difference.state = after(difference.state, Event.GO)
    difference.moved_at = now
    difference.save(update_fields=["state", "moved_at"])
    _note(difference, Event.GO, "", now, by)
    return difference


def _note(
    difference: Difference, event: str, words: str, at: datetime, by: Acting, **more: Any
) -> None:
    DifferenceNote.objects.create(
        difference=difference, event=event, words=words[:LONGEST_WORDS], at=at,
        by_user=by.user, by_name=by.label[:150], **more,
    )  # fmt: skip


# --- What a person does --------------------------------------------------------------------------


@transaction.atomic
def explain(difference: Difference, *, reason: str, by: Acting) -> Difference:
    """It is so, and this is why. It comes back when it differs in another way.

    Raises Refused, reconciling.NoSuchMove.
    """
    locked = _mine(difference, by)
    words = _words(reason, "Say why it is so")
    now = timezone.now()
    locked.state, locked.moved_at = after(locked.state, Event.EXPLAIN), now
    locked.save(update_fields=["state", "moved_at"])
    _note(locked, Event.EXPLAIN, words, now, by)
    _audited(locked, "explain_difference", by)
    return locked


@transaction.atomic
def note_call(difference: Difference, *, reason: str, spoken_to: str, by: Acting) -> Difference:
    """They were asked: with whom, and what they said. It stays open."""
    locked = _mine(difference, by)
    words = _words(reason, "Say what they answered")
    whom = _words(spoken_to, "Say with whom you spoke")[:120]
    _note(locked, "asked", words, timezone.now(), by, spoken_to=whom)
    _audited(locked, "ask_about_difference", by)
    return locked


@transaction.atomic
def resend(difference: Difference, *, by: Acting) -> Difference:
    """Its order once more, as a new message under its old order number.

    The new message is linked to the difference and stands behind the first one in the stream of its
    request. Raises Refused when it would be wrong now, and says why.
    """
    item = locked_one(difference.item_id) if difference.item_id else None
    locked = _mine(difference, by)
    if item is None or not may_resend(by, locked, item):
        raise Refused("This order cannot be sent again from here.")
    if locked.resent and _is_on_its_way(locked):
        raise Refused("It was sent again already, and is on its way.")
    try:
        locked.resent = write_order(item.request, [item])
    except (NotWritable, NoCodeFor) as refusal:
        raise Refused(str(refusal)) from None
    locked.save(update_fields=["resent"])
    _note(locked, "resent", f"As message {locked.resent.control_id}", timezone.now(), by)
    _audited(locked, "resend_order", by)
    return locked


def _is_on_its_way(difference: Difference) -> bool:
    control_id = difference.resent.control_id if difference.resent else ""
    over = (OutState.ACKNOWLEDGED, OutState.HANDLED, OutState.REPLACED)
    rows = OutboundMessage.objects.filter(control_id=control_id)
    return rows.exclude(state__in=over).exists()


def _mine(difference: Difference, by: Acting) -> Difference:
    """The row, locked, and open."""
    rows = Difference.objects.select_for_update(of=("self",)).select_related("partner", "resent")
    locked = rows.get(pk=difference.pk)
    if by.user is None or not may_operate_partner(by, locked.partner):
        raise PermissionDenied
    if locked.state != State.OPEN:
        raise Refused("Somebody has dealt with it already, or it is over.")
    return locked


def _words(text: str, otherwise: str) -> str:
    if not text.strip():
        raise Refused(otherwise)
    return text.strip()


def _audited(difference: Difference, action: str, by: Acting) -> None:
    audit.record(
        acting=by, action=action, object_type="requesting.Difference", object_id=difference.pk,
        patient_id=difference.item.patient_id if difference.item else None,
    )  # fmt: skip


# --- Our own clocks ------------------------------------------------------------------------------


def list_overdue(now: datetime | None = None) -> int:
    """What was taken and is silent, and what has no result by its time, onto the list; how many.

    For a sweep. What was heard of since goes from the list by itself.
    """
    now, new = now or timezone.now(), 0
    for partner in Partner.objects.filter(departments__isnull=False).distinct().order_by("pk"):
        with transaction.atomic():
            found = overdue_here(partner, now)
            came, _ = note_differences(
                partner, found, kinds=(Kind.NO_STATUS, Kind.NO_RESULT), by=SYSTEM
            )
            new += came
    return new
