"""What a department does with a form that came on paper or by e-mail (ux.md V3), and its clock.

The held message ends with the form, once: keyed in, matched, rejected or cancelled, it never goes;
not found, it goes. The message's row is locked first, so two people, or one person's double click,
have one winner.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.policies import SYSTEM, Acting
from messaging.errors import NoSuchMove
from messaging.services import mail
from messaging.services.holding import Held, hold, may_have_arrived, withdraw
from requesting import policies, reasons
from requesting.errors import FormMoved, Refused
from requesting.form_states import ALARMS, FormEvent
from requesting.models import DowntimeForm, OrderMessage, RequestItem
from requesting.states import ON_THE_WIRE, Attention, Event, Status

from .downtime import SUBJECT, back_in_the_queue, items_of_form, release_message
from .form_moving import locked_form, move_form
from .hearing import still_to_be_seen
from .moving import move

Control = OrderMessage.Control
NUMBER_LENGTH = 40
SAME = "Somebody has dealt with this form already."


def key_in(form: DowntimeForm, *, numbers: Mapping[str, str], by: Acting) -> DowntimeForm:
    """It is in the department's system. `numbers`: its accession number of each test, by the
    item's id ("" for a form under a ticket). Raises Refused, FormMoved."""
    return _entered(form, numbers, FormEvent.KEYED_IN, by)


def match(form: DowntimeForm, *, numbers: Mapping[str, str], by: Acting) -> DowntimeForm:
    """It was in the department's system before anybody keyed it in, under these numbers."""
    return _entered(form, numbers, FormEvent.MATCHED, by)


def _entered(
    form: DowntimeForm, numbers: Mapping[str, str], event: FormEvent, by: Acting
) -> DowntimeForm:
    with transaction.atomic():
        items, row = _end_message(form, "In the department's system", event, by)
        live = [item for item in items if item.status not in (Status.CANCELLED, Status.REJECTED)]
        given = _numbers(live, numbers)
        for item in live:
            _has_number(item, given[str(item.pk)], event, by)
        listed = ", ".join(dict.fromkeys(given.values()))
        return move_form(row, event, by=by, words=listed, accession=listed[:200])


def _numbers(items: list[RequestItem], typed: Mapping[str, str]) -> dict[str, str]:
    keys = [str(item.pk) for item in items] or [""]
    given = {key: " ".join(typed.get(key, "").split()) for key in keys}
    if any(not value for value in given.values()):
        raise Refused("Enter the accession number of each test.", rule="number")
    if any(len(value) > NUMBER_LENGTH for value in given.values()):
        raise Refused(f"A number has {NUMBER_LENGTH} characters or fewer.", rule="number")
    return given


def _has_number(item: RequestItem, number: str, event: FormEvent, by: Acting) -> None:
    if not item.filler_number:
        item.filler_number = number
        item.save(update_fields=["filler_number"])
    if item.status in ON_THE_WIRE:
        words = "Keyed in" if event is FormEvent.KEYED_IN else "It was there already"
        change = item.change_sent_at if event is FormEvent.MATCHED else None
        move(item, Event.KEYED_IN, by=by, reason=f"{words}: {number}", change_sent_at=change)


def let_form_go(form: DowntimeForm, *, by: Acting) -> DowntimeForm:
    """It is not in the department's system and nobody keys it in: the message goes now."""
    with transaction.atomic():
        _check(form, by)
        if form.order is None:
            raise Refused("This form has no message to send. Key it in.", rule="let_go")
        release_message(form, "Not found: let go by the department", by)
        items = items_of_form(form)
        row = locked_form(form)
        back_in_the_queue(items, by, "Not found there: it sends by itself")
        return move_form(row, FormEvent.LET_GO, by=by)


def cancel_form(form: DowntimeForm, *, reason: str, by: Acting) -> DowntimeForm:
    """A duplicate, or no longer wanted: it is not keyed in and the message never goes."""
    words = reason.strip()[:250]
    if not words:
        raise Refused("Say why it is cancelled.", rule="cancel")
    with transaction.atomic():
        items, row = _end_message(form, words, FormEvent.CANCELLED, by)
        for item in items:
            asked = item.cancel_requested_at is not None
            if item.status in ON_THE_WIRE:
                attention = still_to_be_seen(item) if asked else Attention.CANCELLED
                move(item, Event.CANCELLED, by=by, reason=words, attention=attention,
                     cancel_requested_at=None, change_sent_at=None)  # fmt: skip
        return move_form(row, FormEvent.CANCELLED, by=by, words=words)


def reject_form(form: DowntimeForm, *, reason: str, words: str = "", by: Acting) -> DowntimeForm:
    """Refuse it, as a vetter does: the requester has the same item to put right (H10)."""
    rejection, said = reasons.REJECTIONS.get(reason), words.strip()
    if rejection is None:
        raise Refused("Choose a reason.", rule="reject")
    if rejection.needs_words and not said:
        raise Refused("Say which, or why.", rule="reject")
    full = f"{rejection.words}: {said}" if said else rejection.words
    with transaction.atomic():
        items, row = _end_message(form, "Rejected by the department", FormEvent.REJECTED, by)
        for item in items:
            if item.status in ON_THE_WIRE:
                move(item, Event.REJECTED, by=by, reason_code=rejection.wire_code,
                     kept_code=reason, reason=full, cancel_requested_at=None,
                     change_sent_at=None)  # fmt: skip
        return move_form(row, FormEvent.REJECTED, by=by, words=full)


def _check(form: DowntimeForm, by: Acting) -> None:
    if not policies.may_key_in(by, form.department):
        raise Refused("Only the department that was asked deals with its forms.", rule="form")


def _end_message(
    form: DowntimeForm, words: str, event: FormEvent, by: Acting
) -> tuple[list[RequestItem], DowntimeForm]:
    """The form's items and the form, locked, its message ended, and what stands behind it that
    would mean nothing without it. Raises Refused, FormMoved."""
    _check(form, by)
    if form.order is not None:
        try:
            withdraw(form.order.control_id, reason=words, by=by)
        except NoSuchMove:
            raise FormMoved(form.status) from None
        for order in _without_meaning(form, form.order, event):
            _end_order(order, words, by)
    mail.withdraw(subject_type=SUBJECT, subject_id=form.pk, by=by)
    return items_of_form(form), locked_form(form)


def _without_meaning(
    form: DowntimeForm, order: OrderMessage, event: FormEvent
) -> list[OrderMessage]:
    """Messages about the form's tests that wait behind its order, and must not go alone.

    What was keyed in from the form has every change in it. What had arrived before may lack them,
    so they go. Of what is off nothing is told; only what may have arrived is cancelled there.
    """
    if event is FormEvent.MATCHED:
        return []
    behind = OrderMessage.objects.filter(
        request=order.request_id, pk__gt=order.pk, items__in=order.items.all(),
        withdrawn_at__isnull=True,
    )  # fmt: skip
    if event is FormEvent.KEYED_IN:
        behind = behind.filter(control=Control.CHANGE)
    elif form.may_have_arrived or may_have_arrived(order.control_id):
        behind = behind.exclude(control=Control.CANCEL)
    return list(behind.distinct().order_by("pk"))


def _end_order(order: OrderMessage, words: str, by: Acting) -> None:
    if hold(order.control_id, reason=words, by=by) is Held.HELD:
        withdraw(order.control_id, reason=words, by=by)
        order.withdrawn_at = timezone.now()
        order.save(update_fields=["withdrawn_at"])


# --- The clock -----------------------------------------------------------------------------------


def sound_alarms(*, limit: int = 200) -> int:
    """Record each alarm of each form once: at 24, 48 and 72 hours by the database's clock."""
    sounded = 0
    while sounded < limit and _sound_one():
        sounded += 1
    return sounded


def _sound_one() -> bool:
    with transaction.atomic():
        form = _due().select_for_update(skip_locked=True, of=("self",)).first()
        if form is None:
            return False
        hours = next(hour for hour in ALARMS if hour > form.alarmed_hours)
        words = f"Not keyed in after {hours} hours"
        move_form(form, FormEvent.ALARMED, by=SYSTEM, words=words, alarmed_hours=hours)
        return True


def _due() -> QuerySet[DowntimeForm]:
    over = Q(pk__isnull=True)
    for before, hours in zip((0, *ALARMS), ALARMS, strict=False):
        over |= Q(alarmed_hours=before, clock_at__lte=Now() - timedelta(hours=hours))
    return DowntimeForm.objects.filter(over, clock_at__isnull=False).order_by("clock_at")
