"""What the place that asked may still do: undo, cancel, answer, fix, rebook, close, collect."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.policies import Acting
from requesting import policies, reasons
from requesting.drafts import Content, Line, merged, read
from requesting.errors import NoCodeFor, Refused, TooLateToUndo
from requesting.models import Draft, OrderMessage, Request, RequestItem, RequestMessage
from requesting.states import Event, Status

from .moving import locked, locked_one, move
from .orders import NotWritable, write_order

UNDONE_WORDS = "Undone before it was sent"
MESSAGE_LENGTH = 500


def _check(may: Callable[[Acting, RequestItem], bool], by: Acting, item: RequestItem) -> None:
    if not may(by, item):
        raise Refused("You cannot do this with this request now.", rule=may.__name__)


# --- Before it has left --------------------------------------------------------------------------


def undo(request: Request, *, by: Acting) -> Draft:
    """Take the whole request back, while it is held; what was typed is a draft again.

    Raises Refused, TooLateToUndo: one row lock decides between undo and release (H09).
    """
    if not policies.may_undo(by, request):
        raise Refused("Only who sent it can undo it.", rule="may_undo")
    with transaction.atomic():
        row = Request.objects.select_for_update().get(pk=request.pk)
        if row.released_at or row.undone_at or timezone.now() >= row.release_at:
            raise TooLateToUndo(_phone(row))
        for item in locked(row.items.filter(status=Status.HELD).values_list("pk", flat=True)):
            move(item, Event.UNDONE, by=by, reason_code=reasons.UNDONE, reason=UNDONE_WORDS)
        row.undone_at = timezone.now()
        row.save(update_fields=["undone_at"])
        return _draft_again(row)


def _phone(request: Request) -> str:
    item = request.items.select_related("department").first()
    return item.department.phone if item else ""


def _draft_again(request: Request) -> Draft:
    content = read(request.composed)
    return put_in_draft(request, content, replaces=request.replaces)


def put_in_draft(
    request: Request, content: Content, *, replaces: RequestItem | None, by: Acting | None = None
) -> Draft:
    """Add to the person's draft for this patient; lines that are there already stay as they are."""
    user = by.user if by else request.requester
    organisation = by.organisation if by and by.organisation else request.organisation
    draft, is_new = Draft.objects.select_for_update().get_or_create(
        user=user, organisation=organisation, patient=request.patient,
        defaults={"content": content.as_json()},
    )  # fmt: skip
    if not is_new:
        draft.content = merged(read(draft.content), content).as_json()
    draft.replaces = replaces or draft.replaces
    draft.version += 1
    draft.save()
    return draft


# --- Cancelling ----------------------------------------------------------------------------------


def cancel(item: RequestItem, *, reason: str, by: Acting) -> RequestItem:
    """Cancel one test. Before it left: at once. With the department: a cancel message goes after
    it, and the item says "cancel asked" until they confirm, so the requester also rings.

    Raises Refused; MoveRefused when it has gone too far.
    """
    with transaction.atomic():
        request = Request.objects.select_for_update().get(pk=item.request_id)
        row = locked_one(item)
        _check(policies.may_cancel, by, row)
        words = reason.strip()[:300]
        if row.status == Status.HELD:
            return _cancel_held(request, row, words, by)
        if policies.is_cancelled_by_message(row):
            return _ask_to_cancel(row, words, by)
        return move(
            row, Event.CANCELLED, by=by, reason_code=reasons.BY_REQUESTER,
            reason=words or "No longer needed", order_due_at=None,
        )  # fmt: skip


def _cancel_held(request: Request, row: RequestItem, words: str, by: Acting) -> RequestItem:
    if request.released_at or timezone.now() >= request.release_at:
        raise TooLateToUndo(row.department.phone)
    words = words or UNDONE_WORDS
    move(row, Event.UNDONE, by=by, reason_code=reasons.UNDONE, reason=words)
    if not request.items.filter(status=Status.HELD).exists():
        request.undone_at = timezone.now()
        request.save(update_fields=["undone_at"])
    return row


def _ask_to_cancel(row: RequestItem, words: str, by: Acting) -> RequestItem:
    words = words or "No longer needed"
    move(row, Event.CANCEL_ASKED, by=by, reason_code=reasons.BY_REQUESTER, reason=words,
         cancel_requested_at=timezone.now())  # fmt: skip
    try:
        write_order(row.request, [row], control=OrderMessage.Control.CANCEL,
                    reason_code="CHNR", reason=words)  # fmt: skip
    except (NotWritable, NoCodeFor) as refusal:
        raise Refused(f"{refusal} Ring {row.department.phone}.", rule="cancel") from refusal
    return row


# --- What came back ------------------------------------------------------------------------------


def answer(item: RequestItem, *, text: str, by: Acting) -> RequestItem:
    """Answer the department's question; it goes back to their list."""
    words = text.strip()
    if not words:
        raise Refused("Enter an answer.", rule="answer")
    if len(words) > MESSAGE_LENGTH:
        raise Refused(f"Answer in {MESSAGE_LENGTH} characters or fewer.", rule="answer")
    with transaction.atomic():
        row = locked_one(item)
        _check(policies.may_answer, by, row)
        RequestMessage.objects.create(
            item=row, from_department=False, text=words, by_name=by.label[:150]
        )
        return move(row, Event.ANSWERED, by=by, reason=words)


def fix(item: RequestItem, *, by: Acting) -> Draft:
    """A new draft in a rejected test's place, with only the test and its side: what was wrong
    with the rest is for the person to say afresh (seed rule: nothing is copied)."""
    return _again(item, Status.REJECTED, by)


def rebook(item: RequestItem, *, by: Acting) -> Draft:
    """The same for a test that the patient missed: the hospital has closed its own booking."""
    return _again(item, Status.DNA, by)


def _again(item: RequestItem, status: Status, by: Acting) -> Draft:
    with transaction.atomic():
        row = locked_one(item)
        _check(policies.may_fix, by, row)
        if row.status != status:
            raise Refused("This request has moved on since.", rule="may_fix")
        line = Line(service=row.service.code, side=row.side, collection=row.collection)
        return put_in_draft(row.request, Content(lines=(line,)), replaces=row, by=by)


def close(item: RequestItem, *, by: Acting) -> RequestItem:
    """Leave a rejected or missed test as it is: nothing more is to be done."""
    with transaction.atomic():
        row = locked_one(item)
        _check(policies.may_close, by, row)
        words = f"Closed: {row.reason or row.status}"
        return move(row, Event.CLOSED, by=by, reason_code=reasons.CLOSED, reason=words)


def seen(item: RequestItem, *, by: Acting) -> RequestItem:
    """The requester has read what somebody else changed; it no longer needs them."""
    with transaction.atomic():
        row = locked_one(item)
        _check(policies.may_mark_seen, by, row)
        return move(row, Event.SEEN, by=by, attention="")


def collect(item: RequestItem, *, at: datetime | None = None, by: Acting) -> RequestItem:
    """The sample was taken here, which the laboratory cannot know before us: it is told (SC).

    What cannot be written to it stops nobody: the sample is taken, and its form travels with it.
    """
    with transaction.atomic():
        row = locked_one(item)
        _check(policies.may_collect, by, row)
        move(row, Event.COLLECTED, by=by, at=at)
        with suppress(NotWritable, NoCodeFor):
            write_order(row.request, [row], control=OrderMessage.Control.STATUS,
                        collected_at=at or row.status_at)  # fmt: skip
        return row
