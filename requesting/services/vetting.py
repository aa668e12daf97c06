"""Vetting, for departments that vet here and not in their own system (ux.md V2).

A decision may be taken back for ten seconds: until then nothing has left for the department's
own system. Name, role and time of who decided are on the event row (IR(ME)R 2017, reg. 11).
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import Discipline
from accounts.policies import Acting
from catalogue import queries as catalogue
from catalogue.errors import SideNotChosen
from catalogue.models import Attendance, Service
from nhsuk.formats import ctime_text
from requesting import policies
from requesting.clocks import LOCK_LASTS, undo_time
from requesting.errors import Refused, TooLateToUndo, VettingTaken
from requesting.models import RequestItem, RequestMessage
from requesting.reasons import REJECTIONS
from requesting.states import Attention, Event, Status

from .moving import locked_one, move

DECISIONS = (Status.ACCEPTED, Status.WALKIN, Status.REJECTED, Status.INFO)


def _row(item: RequestItem, by: Acting) -> RequestItem:
    row = locked_one(item)
    if not policies.may_vet(by, row):
        raise Refused("Only the department's own vetters decide this request.", rule="may_vet")
    return row


def _mine_to_decide(item: RequestItem, by: Acting) -> RequestItem:
    row = _row(item, by)
    _refuse_if_taken(row, by)
    return row


def _refuse_if_taken(row: RequestItem, by: Acting) -> None:
    holder, since = row.vetting_by, row.vetting_since
    is_fresh = since is not None and timezone.now() - since < LOCK_LASTS
    if holder and by.user and holder.pk != by.user.pk and is_fresh and since:
        raise VettingTaken(holder.display_name, ctime_text(since))


# --- Who is looking ------------------------------------------------------------------------------


def vet_open(item: RequestItem, *, by: Acting) -> RequestItem:
    """Show the others that this person is deciding. Raises VettingTaken."""
    with transaction.atomic():
        return _take(_mine_to_decide(item, by), by)


def vet_take_over(item: RequestItem, *, by: Acting) -> RequestItem:
    """Decide it in the place of whoever opened it."""
    with transaction.atomic():
        return _take(_row(item, by), by)


def _take(row: RequestItem, by: Acting) -> RequestItem:
    if row.status != Status.VETTING:
        return row
    row.vetting_by, row.vetting_since = by.user, timezone.now()
    row.save(update_fields=["vetting_by", "vetting_since"])
    return row


def vet_leave(item: RequestItem, *, by: Acting) -> RequestItem:
    """Give it back undecided."""
    with transaction.atomic():
        row = _row(item, by)
        if by.user and row.vetting_by_id == by.user.pk:
            row.vetting_by = row.vetting_since = None
            row.save(update_fields=["vetting_by", "vetting_since"])
        return row


# --- The decisions -------------------------------------------------------------------------------


def vet_accept(item: RequestItem, *, by: Acting) -> RequestItem:
    """Justified: it goes to the department's system when the undo time is over."""
    with transaction.atomic():
        return _accept(_mine_to_decide(item, by), by)


def _accept(row: RequestItem, by: Acting) -> RequestItem:
    walks_in = row.attendance == Attendance.WALK_IN
    event = Event.READY if walks_in else Event.ACCEPTED
    return move(row, event, by=by, order_due_at=timezone.now() + undo_time())


def vet_change_exam(
    item: RequestItem, *, service: Service, side: str = "", by: Acting
) -> RequestItem:
    """Accept as another examination; the requester is told."""
    with transaction.atomic():
        row = _mine_to_decide(item, by)
        if row.status != Status.VETTING:
            raise Refused("This request was decided already.", rule="vetting")
        change_exam(row, service, side, by=by)
        return _accept(row, by)


def change_exam(row: RequestItem, service: Service, side: str, *, by: Acting) -> RequestItem:
    """The item is for another examination of the same department. Raises Refused."""
    if service.discipline != Discipline.RADIOLOGY:
        raise Refused("Choose an examination of radiology.", rule="change_exam")
    try:
        code = catalogue.code_for(service, side=side)
    except SideNotChosen:
        words = f"Choose left or right for {service.name}."
        raise Refused(words, rule="change_exam") from None
    name = catalogue.name_with_side(service, side)
    return move(
        row, Event.EXAM_CHANGED, by=by, reason=f"{row.service_name} → {name}",
        service=service, side=side, service_name=name, code=code.code,
        code_system=code.system, code_display=code.display, attention=Attention.EXAM_CHANGED,
    )  # fmt: skip


def vet_ask(item: RequestItem, *, question: str, by: Acting) -> RequestItem:
    """Ask the requester; it comes back to the list with the answer."""
    words = question.strip()
    if not words or len(words) > 500:
        raise Refused("Enter a question of 500 characters or fewer.", rule="vet_ask")
    with transaction.atomic():
        row = _mine_to_decide(item, by)
        move(row, Event.ASKED, by=by, reason=words)
        RequestMessage.objects.create(
            item=row, from_department=True, text=words, by_name=by.label[:150]
        )
        return row


def vet_reject(item: RequestItem, *, reason: str, words: str = "", by: Acting) -> RequestItem:
    """Refuse it; `reason` is a key of `reasons.REJECTIONS`. It needs the requester at once."""
    rejection = REJECTIONS.get(reason)
    said = words.strip()
    if rejection is None:
        raise Refused("Choose a reason.", rule="vet_reject")
    if rejection.needs_words and not said:
        raise Refused("Say which, or why.", rule="vet_reject")
    with transaction.atomic():
        row = _mine_to_decide(item, by)
        full = f"{rejection.words}: {said}" if said else rejection.words
        code = rejection.wire_code
        return move(row, Event.REJECTED, by=by, reason_code=code, kept_code=reason, reason=full)


def vet_undo(item: RequestItem, *, by: Acting) -> RequestItem:
    """Take one's own decision back within ten seconds. Raises TooLateToUndo."""
    with transaction.atomic():
        row = _row(item, by)
        last = row.events.order_by("-id").first()
        is_own = last is not None and by.user is not None and last.by_user_id == by.user.pk
        in_time = row.status in DECISIONS and timezone.now() < row.status_at + undo_time()
        has_left = row.status in (Status.ACCEPTED, Status.WALKIN) and row.order_due_at is None
        if not (is_own and in_time) or has_left:
            raise TooLateToUndo(row.department.phone)
        return move(row, Event.VET_UNDONE, by=by, order_due_at=None)
