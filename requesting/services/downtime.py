"""A downtime form in the place of a queued message: chosen by a person, one at a time.

Choosing holds the message in the same transaction, under the message's own lock: either a worker
has sent it, and no form is needed, or it is held, and no worker will (hazard H51). Locks are taken
in one order everywhere: request, message, items, form.
"""

from __future__ import annotations

from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation
from accounts.policies import SYSTEM, Acting
from messaging.errors import NoSuchMove, NotSendable
from messaging.mail_states import MailPurpose
from messaging.models import Mailbox
from messaging.queries.links import is_down
from messaging.services import mail
from messaging.services.holding import Held, hold, let_go, may_have_arrived
from requesting import policies
from requesting.errors import FormMoved, NoForm, Refused
from requesting.form_states import KEY_IN_WITHIN, OUT, FormEvent, FormStatus
from requesting.models import DowntimeForm, OrderMessage, Request, RequestItem
from requesting.paper import pdf_of
from requesting.queries.forms import addresses_of
from requesting.queries.sheets import sheet_of
from requesting.states import ON_THE_WIRE, Event, Status

from .form_moving import locked_form, move_form
from .moving import locked, move
from .releasing import release_now

SUBJECT = "requesting.DowntimeForm"
EMAIL, PRINT, DESK = "email", "print", "desk"
WHY_NOT = {
    Held.GONE: ("sent", "It has been sent after all. No form is needed."),
    Held.BUSY: ("busy", "It is being sent at this moment. Look again in half a minute."),
    Held.OTHERWISE: ("over", "A person is looking after its message already. Ring the department."),
}


def choose_form(
    request: Request, *, department: Organisation, how: str, by: Acting
) -> DowntimeForm:
    """Use the form for what this request asks of one department. `how` is EMAIL, or PRINT.

    A request that could still be undone is undone no more. Again for a form that is out: the other
    way as well. Raises Refused; NoForm when its link works, or it has been sent, or is being sent.
    """
    with transaction.atomic():
        row = Request.objects.select_for_update().get(pk=request.pk)
        if not policies.may_use_form(by, row):
            raise Refused("You cannot use the downtime form for this request.", rule="form")
        _send_on_if_held(row, by)
        order = order_for(row, department)
        if order is None or not is_down(order.partner_id):
            raise NoForm("down", "The link works: the request is sent by itself.")
        return _out(order, how, by)


def take_at_desk(order: OrderMessage, *, by: Acting) -> DowntimeForm:
    """The patient is at the desk and the message is still in the queue: the department itself
    takes the form, to key it in (hazard H50). Raises Refused, NoForm."""
    with transaction.atomic():
        if not policies.may_key_in(by, order.department):
            raise Refused("Only the department takes its own forms.", rule="form")
        return _out(order, DESK, by)


def _send_on_if_held(row: Request, by: Acting) -> None:
    """Who chooses the form has made up their mind: what could be undone goes on its way now."""
    if row.undone_at:
        raise NoForm("over", "The request was undone. Nothing was asked.")
    if row.released_at:
        return
    if not policies.may_undo(by, row):
        raise NoForm("held", "Its requester can still undo it. Look again in half a minute.")
    release_now(row, by=SYSTEM)


def order_for(request: Request, department: Organisation) -> OrderMessage | None:
    """The newest order of the request to that department."""
    orders = request.order_messages.filter(
        department=department, control=OrderMessage.Control.NEW, withdrawn_at__isnull=True
    )
    return orders.select_related("partner", "department__parent").order_by("-pk").first()


def _out(order: OrderMessage, how: str, by: Acting) -> DowntimeForm:
    came = hold(order.control_id, reason="A downtime form went in its place.", by=by)
    if came is not Held.HELD:
        raise NoForm(*WHY_NOT[came])
    items = [row for row in locked(order.items.values_list("pk", flat=True)) if _waits(row)]
    if not items:
        raise NoForm("over", "Nothing of this request waits for the link any more.")
    form = locked_form(_form_of(order, by))
    if how != EMAIL:
        _print(form, how, by)
    elif form.status == FormStatus.QUEUED or form.mail_state not in ("waiting", "sent"):
        words = post_form(form, by)
        move_form(form, FormEvent.EMAILED, by=by, words=words, mail_state="waiting",
                  mail_words=words[:300])  # fmt: skip
    _tell_items(items, form, by)
    return form


def _waits(item: RequestItem) -> bool:
    return item.status in ON_THE_WIRE


def _form_of(order: OrderMessage, by: Acting) -> DowntimeForm:
    """The order's one form; its row is made where there is none yet."""
    request, now = order.request, timezone.now()
    form, _ = DowntimeForm.objects.get_or_create(
        order=order,
        defaults={
            "reference": request.reference, "department": order.department, "request": request,
            "organisation": request.organisation, "requester": request.requester,
            "patient": request.patient, "priority": request.priority, "made_at": now,
            "status_at": now, "made_by": by.label[:150],
            "may_have_arrived": may_have_arrived(order.control_id),
        },
    )  # fmt: skip
    return form


def _print(form: DowntimeForm, how: str, by: Acting) -> None:
    if form.status == FormStatus.PRINTED:
        return
    if how == DESK and form.status == FormStatus.EMAILED:
        return
    words = "Taken at the department's desk" if how == DESK else "To be printed and handed over"
    desk = {"handed_over_at": timezone.now(), "handed_over_how": words} if how == DESK else {}
    move_form(form, FormEvent.PRINTED, by=by, words=words, **desk)


def _tell_items(items: list[RequestItem], form: DowntimeForm, by: Acting) -> None:
    if form.clock_at is None:
        raise FormMoved(form.status)
    words = form.mail_words if form.status == FormStatus.EMAILED else "On paper"
    for item in items:
        if item.status == Status.SENT:
            move(item, Event.LINK_FAILED, by=by)
        move(item, Event.FORM_SENT, by=by, reason=words, downtime_how=form.status,
             downtime_due_at=form.clock_at + KEY_IN_WITHIN)  # fmt: skip


# --- By e-mail -----------------------------------------------------------------------------------


def post_form(form: DowntimeForm, by: Acting) -> str:
    """One mail to each mailbox that its tests belong to; where to, in words. Raises NoForm."""
    addresses = addresses_of(form)
    if not addresses or any(each.mailbox is None for each in addresses):
        missing = ", ".join(each.what for each in addresses if each.mailbox is None)
        words = f"The directory has no checked address for {missing or 'this department'}."
        raise NoForm("address", f"{words} Print the form instead.")
    for mailbox in {each.mailbox.pk: each.mailbox for each in addresses if each.mailbox}.values():
        _post_to(form, mailbox, by)
    return "; ".join(sorted({each.words for each in addresses}))


def _post_to(form: DowntimeForm, mailbox: Mailbox, by: Acting) -> None:
    urgent = "Urgent: " if form.priority != "routine" else ""
    sheet = sheet_of(form)
    try:
        mail.post(
            purpose=MailPurpose.DOWNTIME, to=mailbox, by=by, reference=form.reference,
            subject=f"{urgent}downtime request {form.reference}",
            text=f"{sheet.cover}\n\n{sheet.as_text()}",
            attachments=[mail.Attachment(f"{form.reference}.pdf", "application/pdf",
                                         pdf_of(sheet))],
            subject_type=SUBJECT, subject_id=form.pk, never=sheet.never,
        )  # fmt: skip
    except NotSendable as refusal:
        raise NoForm("address", f"{refusal.sentence} Print the form instead.") from refusal


def record_form_mail(subject_id: str, outcome: str, words: str) -> None:
    """What came of a form's mail, told by messaging: "sent", "refused" or "bounced".

    "Sent" closes nothing. A mail that did not arrive needs its requester at once; safe to repeat.
    """
    with transaction.atomic():
        form = DowntimeForm.objects.get(pk=UUID(subject_id))
        items = items_of_form(form)
        form = locked_form(form)
        state = "sent" if outcome == "sent" else "failed"
        if form.status not in OUT or form.mail_state in ("", state, "failed"):
            return
        event = FormEvent.MAIL_SENT if state == "sent" else FormEvent.MAIL_FAILED
        move_form(form, event, by=SYSTEM, words=words, mail_state=state, mail_words=words[:300])
        for item in items if not form.handed_over_at else ():
            if state == "failed" and item.status == Status.QUEUED:
                move(item, Event.FORM_RETURNED, by=SYSTEM, reason=words, downtime_how="failed",
                     downtime_due_at=timezone.now())  # fmt: skip


def items_of_form(form: DowntimeForm) -> list[RequestItem]:
    if form.order is None:
        return []
    return locked(form.order.items.values_list("pk", flat=True))


# --- On paper ------------------------------------------------------------------------------------


def hand_over(form: DowntimeForm, *, how: str, by: Acting) -> DowntimeForm:
    """The person has printed it and says how it gets there: by hand, fax, telephone; to whom."""
    words = how.strip()[:200]
    if not words:
        raise Refused("Say how it gets to the department, and to whom.", rule="hand_over")
    with transaction.atomic():
        row = locked_form(form)
        if not policies.may_mend_form(by, row):
            raise Refused("Only the place that asked hands its form over.", rule="form")
        return move_form(row, FormEvent.HANDED_OVER, by=by, words=words,
                         handed_over_at=timezone.now(), handed_over_how=words)  # fmt: skip


def take_back(form: DowntimeForm, *, by: Acting) -> DowntimeForm:
    """It was printed and never left the practice: the message goes by itself again.

    Raises Refused once it was handed over, or e-mailed; FormMoved when it was dealt with.
    """
    with transaction.atomic():
        if not policies.may_mend_form(by, form):
            raise Refused("Only the place that asked takes its form back.", rule="form")
        if form.order is None:
            return _unused(form, by)
        release_message(form, "The form was not used.", by)
        items = items_of_form(form)
        row = locked_form(form)
        if row.handed_over_at or row.mail_state:
            raise Refused("It has left: only the department can say what became of it.")
        back_in_the_queue(items, by, "The form was not used")
        return move_form(row, FormEvent.TAKEN_BACK, by=by)


def _unused(form: DowntimeForm, by: Acting) -> DowntimeForm:
    """Under a ticket there is no message: a form that nobody used is at its end."""
    row = locked_form(form)
    if row.handed_over_at or row.mail_state:
        raise Refused("It has left: only the department can say what became of it.")
    return move_form(row, FormEvent.CANCELLED, by=by, words="Not used")


def release_message(form: DowntimeForm, words: str, by: Acting) -> None:
    """The form's message may go; its lock is held from here on. Raises FormMoved."""
    try:
        if form.order is not None:
            let_go(form.order.control_id, reason=words, by=by)
    except NoSuchMove:
        raise FormMoved(form.status) from None
    mail.withdraw(subject_type=SUBJECT, subject_id=form.pk, by=by)


def back_in_the_queue(items: list[RequestItem], by: Acting, words: str) -> None:
    for item in items:
        if item.status == Status.QUEUED:
            move(item, Event.FORM_LET_GO, by=by, reason=words, downtime_how="",
                 downtime_due_at=None)  # fmt: skip
