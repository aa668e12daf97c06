"""Blue Light while the service desk is closed: one person of the list after the other is paged.

A page is a row that everybody sees with the person's telephone number, and a mail where one may
go. Nobody has to have been rung for the row to be there: who sees it, rings. Unacknowledged for
five minutes the next is paged, and after the last the first again (hazard H44).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Max, Q
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, User
from accounts.policies import SYSTEM, Acting
from accounts.roles import Permission
from iep import hours, policies
from iep.errors import NotAccepted
from iep.models import OnCallPage, OnCallPerson, Ticket, Transaction
from iep.queries import on_call
from iep.services.moving import locked, move
from iep.states.priorities import ON_CALL_PAGE
from iep.states.tickets import TicketEvent
from iep.states.transactions import TransactionEvent
from messaging.errors import NotSendable
from messaging.mail_states import MailPurpose
from messaging.queries.own_mailboxes import own_mailbox
from messaging.services import mail
from messaging.services.mail.posting import is_usable

NOBODY = "Nobody is on the on-call list"
Thing = TypeVar("Thing", Ticket, Transaction)


def page_due() -> int:
    """Page for whatever waits and has nobody, while the desk is closed; how many were paged."""
    if hours.is_open():
        return 0
    return sum(page_next(each) is not None for each in on_call.unanswered(timezone.now()))


def page_next(thing: Thing) -> OnCallPage | None:
    """Page the next person of the list for it, unless the last page is younger than five minutes,
    somebody has acknowledged, or there is no list."""
    with transaction.atomic():
        row, now = locked(thing), timezone.now()
        pages = list(row.pages.order_by("at", "pk"))
        if any(each.acknowledged_at for each in pages):
            return None
        if pages and pages[-1].at > now - ON_CALL_PAGE:
            return None
        person = _next(list(on_call.people(row.organisation)), pages)
        if person is None:
            return None
        mailed = _mail(row, person, len(pages) + 1)
        page = OnCallPage.objects.create(
            **_of(row), user=person.user, at=now, phone=person.phone, mailed=mailed
        )
        _note(row, f"Paged {person.user.display_name}, {person.phone}", SYSTEM)
    return page


def _of(row: Thing) -> dict[str, Any]:
    return {"ticket" if isinstance(row, Ticket) else "transaction": row}


def _note(row: Thing, words: str, by: Acting) -> None:
    noted = TicketEvent.NOTED if isinstance(row, Ticket) else TransactionEvent.NOTED
    move(row, noted, words=words, by=by)


def _next(people: Sequence[OnCallPerson], pages: Sequence[OnCallPage]) -> OnCallPerson | None:
    """Who comes after the one who was paged last; the first where nobody was, or they left."""
    if not people:
        return None
    ids = [each.user_id for each in people]
    if not pages or pages[-1].user_id not in ids:
        return people[0]
    return people[(ids.index(pages[-1].user_id) + 1) % len(people)]


def _mail(thing: Thing, person: OnCallPerson, number: int) -> bool:
    box, name = own_mailbox(thing.organisation, person.user.email), on_call.name_of(thing)
    if box is None or not is_usable(box):
        return False
    text = (
        f"A Blue Light request waits and the service desk is closed. You are on the on-call list "
        f"(page {number}). Sign in and acknowledge it within five minutes, or the next person is "
        f"paged.\n\n{'Call reference: ' if isinstance(thing, Ticket) else ''}{name}"
    )
    try:
        with transaction.atomic():
            mail.post(
                purpose=MailPurpose.IMAGES, to=box, text=text,
                subject=f"{name}: Blue Light, acknowledge now",
                subject_type="iep.OnCallPage", subject_id=thing.pk, reference=name,
                by=SYSTEM,
            )  # fmt: skip
    except NotSendable:
        return False
    return True


def acknowledge(thing: Thing, *, by: Acting) -> OnCallPage:
    """I have it. Whoever says so first has it, paged or not; nobody else is paged any more."""
    may = by.may(Permission.SEND_TRAUMA) or by.may(Permission.EXCHANGE_IMAGES)
    if by.user is None or not (may and policies.is_of_trust(by, thing.organisation_id)):
        raise PermissionDenied
    with transaction.atomic():
        row, now = locked(thing), timezone.now()
        if has := row.pages.filter(acknowledged_at__isnull=False).select_related("user").first():
            raise NotAccepted("taken", f"{has.user.display_name} has it already.")
        page = row.pages.filter(user=by.user).order_by("-at").first()
        if page is None:
            page = OnCallPage(**_of(row), user=by.user, at=now)
        page.acknowledged_at = now
        page.save()
        _note(row, f"{by.user.display_name} has it", by)
        transaction.on_commit(partial(on_call.look_again, row.organisation_id))
    return page


def record_page_mail(subject_id: str, outcome: str, words: str) -> None:
    """What came of a page's mail. One that did not go is said to be rung."""
    if outcome != "sent":
        its = Q(ticket_id=subject_id) | Q(transaction_id=subject_id)
        OnCallPage.objects.filter(its, mailed=True).update(mailed=False)


# --- The list ------------------------------------------------------------------------------------


def enter(user: User, phone: str, *, by: Acting) -> OnCallPerson:
    """Put somebody at the end of the trust's list. Raises NotAccepted: phone, not_on_call."""
    trust = _must_keep(by)
    said = " ".join(phone.split())[:60]
    if sum(each.isdigit() for each in said) < 4:
        raise NotAccepted("phone", "Enter the telephone number at which they are reached.")
    if user not in on_call.candidates(trust):
        raise NotAccepted("person", "Choose somebody who may send a trauma patient’s scan.")
    with transaction.atomic():
        last = OnCallPerson.objects.filter(organisation=trust).aggregate(last=Max("position"))
        row, _ = OnCallPerson.objects.update_or_create(
            organisation=trust, user=user,
            defaults={"phone": said, "position": (last["last"] or 0) + 1,
                      "entered_by": by.label[:150]},
        )  # fmt: skip
        _audit("on_call_entered", row, by)
    return row


def remove(person: OnCallPerson, *, by: Acting) -> None:
    """Take somebody off the list. Pages that were sent stay."""
    _must_keep(by, person.organisation_id)
    _audit("on_call_removed", person, by)
    person.delete()


def page_first(person: OnCallPerson, *, by: Acting) -> None:
    """Whose turn it is now: first, the others in their order."""
    _must_keep(by, person.organisation_id)
    with transaction.atomic():
        others = OnCallPerson.objects.filter(organisation_id=person.organisation_id)
        others.update(position=F("position") + 1)
        OnCallPerson.objects.filter(pk=person.pk).update(position=1)
        _audit("on_call_first", person, by)


def _must_keep(by: Acting, trust_id: int | None = None) -> Organisation:
    trust = policies.trust_of(by)
    if trust is None or not by.may(Permission.KEEP_INSTITUTIONS):
        raise PermissionDenied
    if trust_id is not None and trust.pk != trust_id:
        raise PermissionDenied
    return trust


def _audit(action: str, person: OnCallPerson, by: Acting) -> None:
    audit.record(acting=by, action=action, object_type="iep.OnCallPerson", object_id=person.pk)
