"""A person who cannot get in while the service works: the form, under an open desk ticket (O13)."""

from __future__ import annotations

import re
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, User
from accounts.policies import Acting
from accounts.queries import acting_at
from accounts.roles import Permission
from patients.models import Patient
from requesting import policies
from requesting.errors import Refused
from requesting.form_states import FormEvent
from requesting.models import AccessTicket, DowntimeForm, Priority

from .downtime import EMAIL, post_form
from .form_moving import locked_form, move_form
from .numbers import next_reference

VALID_FOR = timedelta(hours=48)


def open_ticket(
    *, user: User, organisation: Organisation, number: str, reason: str, by: Acting
) -> AccessTicket:
    """`number` as the borough's desk writes it. Good until it is closed, 48 hours at the most.

    Raises Refused: for the person themselves, who has got in; for a place that may not request;
    for somebody who could not request there; for a number that is not one of the desk's.
    """
    if not policies.may_open_ticket(by, organisation):
        raise Refused("You cannot use the downtime form for people of this place.", rule="ticket")
    if by.user is not None and by.user.pk == user.pk:
        raise Refused("You have got in: request as usual.", rule="user")
    _refuse_who_may_not_request(user, organisation)
    words = reason.strip()[:200]
    desk = organisation.borough.desk if organisation.borough else None
    if desk is None:
        raise Refused(f"The directory knows no service desk for {organisation.name}.", rule="desk")
    wanted = "".join(number.split()).upper()
    if not re.fullmatch(desk.ticket_pattern, wanted):
        example = f"{desk.name} writes ticket numbers like {desk.ticket_example}."
        raise Refused(f"Enter the number of the open ticket. {example}", rule="number")
    if not words:
        raise Refused("Say why they cannot get in.", rule="reason")
    return _opened(user, organisation, wanted, words, by)


def _refuse_who_may_not_request(user: User, organisation: Organisation) -> None:
    acting = acting_at(user, organisation.ods_code)
    if acting is None or not acting.may(Permission.REQUEST_TESTS) or not user.is_active:
        raise Refused(f"{user.display_name} cannot request at {organisation.name}.", rule="user")


def _opened(
    user: User, organisation: Organisation, number: str, words: str, by: Acting
) -> AccessTicket:
    now, borough = timezone.now(), organisation.borough
    if borough is None or by.user is None:
        raise Refused("A person of the place opens a ticket.", rule="ticket")
    try:
        with transaction.atomic():
            ticket = AccessTicket.objects.create(
                user=user, organisation=organisation, desk=borough.desk, number=number,
                reason=words, opened_by=by.user, opened_at=now, valid_until=now + VALID_FOR,
            )  # fmt: skip
            _record(by, "open_ticket", ticket)
            return ticket
    except IntegrityError:
        raise Refused(f"Ticket {number} is open already for this person.", rule="number") from None


def close_ticket(ticket: AccessTicket, *, by: Acting) -> AccessTicket:
    """They can get in again, or the desk has closed it. Closing twice is closing once."""
    if not policies.may_open_ticket(by, ticket.organisation):
        raise Refused("You cannot close this ticket.", rule="ticket")
    with transaction.atomic():
        row = AccessTicket.objects.select_for_update().get(pk=ticket.pk)
        if row.closed_at is None:
            row.closed_at, row.closed_by = timezone.now(), by.label[:150]
            row.save(update_fields=["closed_at", "closed_by"])
            _record(by, "close_ticket", row)
        return row


def form_under_ticket(
    ticket: AccessTicket,
    *,
    department: Organisation,
    how: str,
    patient: Patient | None = None,
    test: str = "",
    details: str = "",
    modality: str = "",
    priority: str = Priority.ROUTINE,
    by: Acting,
) -> DowntimeForm:
    """A form for the ticket's person: blank, or with what they said on the telephone.

    Raises Refused when the ticket is not open any more; NoForm when it cannot be e-mailed.
    """
    with transaction.atomic():
        row = AccessTicket.objects.select_for_update(of=("self",)).select_related(
            "organisation", "user", "desk"
        ).get(pk=ticket.pk)  # fmt: skip
        _refuse_closed(row, by)
        if how == EMAIL and not (patient and test.strip()):
            raise Refused("Only a form with a patient and a test can be e-mailed.", rule="test")
        form = DowntimeForm.objects.create(
            reference=next_reference(), department=department, organisation=row.organisation,
            requester=row.user, patient=patient, ticket=row, priority=Priority(priority).value,
            written={"test": test.strip()[:140], "details": details.strip()[:500],
                     "modality": modality},
            made_by=by.label[:150], made_at=timezone.now(), status_at=timezone.now(),
        )  # fmt: skip
        return _out(locked_form(form), how, by)


def _refuse_closed(ticket: AccessTicket, by: Acting) -> None:
    if not policies.may_open_ticket(by, ticket.organisation):
        raise Refused("You cannot use this ticket.", rule="ticket")
    if ticket.closed_at or timezone.now() >= ticket.valid_until:
        raise Refused("The ticket is not open any more. Ask the service desk.", rule="ticket")


def _out(form: DowntimeForm, how: str, by: Acting) -> DowntimeForm:
    if how != EMAIL:
        return move_form(form, FormEvent.PRINTED, by=by, words="To be printed and handed over")
    words = post_form(form, by)
    return move_form(form, FormEvent.EMAILED, by=by, words=words, mail_state="waiting",
                     mail_words=words[:300])  # fmt: skip


def _record(by: Acting, action: str, ticket: AccessTicket) -> None:
    audit.record(acting=by, action=action, object_type="requesting.AccessTicket",
                 object_id=ticket.pk, reason=ticket.number)  # fmt: skip
