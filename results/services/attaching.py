"""A result that matched no request is put to one by a person: never by guess (H21, H22).

What agrees is filed at once, as if it had named that request. Where anything of the identity
conflicts a second person has to agree; nobody can agree with themselves.
"""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting, partner_acting
from messaging import services as messaging
from messaging.errors import NoSuchMove, Park, Unparseable
from messaging.models import InboundMessage
from messaging.policies import may_operate_message
from messaging.states import InState
from patients.queries import match
from requesting.errors import MoveRefused, NotUnderstood
from requesting.models import RequestItem
from requesting.states import Status
from results.hl7 import IncomingReport
from results.models import Attachment
from results.queries.unmatched import reports_for, requests_named
from results.unmatched import CAUSES, CannotAttach, State

from .filing import file_report, note_progress

WITH = ("patient", "service", "department__parent", "organisation", "request__results_to")
FUTURE = timedelta(days=1)  # as a message that comes by itself: results.inbound


@transaction.atomic
def attach(message: InboundMessage, item: RequestItem, *, reason: str, by: Acting) -> Attachment:
    """Put the result to that request; or, where the identity conflicts, propose it.

    Raises CannotAttach, NoSuchMove (somebody has dealt with it).
    """
    if by.user is None or not reason.strip():
        raise CannotAttach("Say how you made sure that it is this request.")
    row, item = _locked(message, by), _locked_item(item)
    if row.attachments.filter(state=State.PROPOSED).exists():
        raise CannotAttach("Somebody has proposed a request for it already.")
    reports = _reports(row, item)
    conflicts = "; ".join(match(item.patient, reports[0].patient).conflicts)
    attachment = Attachment.objects.create(
        message=row, item=item, state=State.PROPOSED, conflicts=conflicts,
        reason=reason.strip()[:300], proposed_by=by.user, proposed_at=timezone.now(),
    )  # fmt: skip
    _audited(attachment, "propose_attachment", by)
    if not conflicts:
        _file(attachment, row, item, reports, by)
    return attachment


@transaction.atomic
def approve_attachment(attachment: Attachment, *, by: Acting) -> Attachment:
    """The second person agrees, and it is filed. Raises PermissionDenied for the first."""
    row = _locked(attachment.message, by)
    locked = _open(attachment)
    if by.user is None or by.user.pk == locked.proposed_by_id:
        raise PermissionDenied
    item = _locked_item(locked.item)
    reports = _reports(row, item)
    now_said = "; ".join(match(item.patient, reports[0].patient).conflicts)
    if now_said != locked.conflicts:
        raise CannotAttach("The patient’s details changed since. Decline it, and look again.")
    _file(locked, row, item, reports, by)
    return locked


@transaction.atomic
def decline_attachment(attachment: Attachment, *, by: Acting) -> Attachment:
    """It stays unmatched. Also by the person who proposed it."""
    _locked(attachment.message, by)
    locked = _open(attachment)
    _decide(locked, State.DECLINED, by)
    _audited(locked, "decline_attachment", by)
    return locked


def _locked(message: InboundMessage, by: Acting) -> InboundMessage:
    rows = InboundMessage.objects.select_for_update(of=("self",)).select_related("partner")
    row = rows.get(pk=message.pk)
    if not may_operate_message(by, row):
        raise PermissionDenied
    if row.state != InState.PARKED or row.reason_code not in CAUSES:
        raise NoSuchMove("be attached", row.state)
    return row


def _locked_item(item: RequestItem) -> RequestItem:
    """Locked, and only then read with what it points at: PostgreSQL leaves a joined row out when it
    was waited for and is another patient's, or another examination's, since."""
    RequestItem.objects.select_for_update().only("pk").get(pk=item.pk)
    locked = RequestItem.objects.select_related(*WITH).get(pk=item.pk)
    locked.is_locked = True  # type: ignore[attr-defined]
    return locked


def _open(attachment: Attachment) -> Attachment:
    locked = Attachment.objects.select_for_update().get(pk=attachment.pk)
    if locked.state != State.PROPOSED:
        raise NoSuchMove("be decided twice", locked.state)
    return locked


def _reports(row: InboundMessage, item: RequestItem) -> tuple[IncomingReport, ...]:
    """Its reports as if it had named the request. What nobody may override is refused here."""
    partner = row.partner
    if partner is None or not partner.departments.filter(pk=item.department_id).exists():
        raise CannotAttach("The request went to another department than the one that sent this.")
    if item.status == Status.HELD:
        raise CannotAttach("The request has not been sent yet.")
    try:
        if len(requests_named(row)) > 1:
            raise CannotAttach("It is about several requests. Correct it as a message instead.")
        reports = reports_for(row, item.placer_number)
    except (Park, Unparseable) as refusal:
        raise CannotAttach(f"It cannot be filed: {refusal}") from None
    if any(each.issued_at > row.received_at + FUTURE for each in reports):
        raise CannotAttach("Its time of issue is in the future. Ask the sender to send it again.")
    return reports


def _file(
    attachment: Attachment,
    row: InboundMessage,
    item: RequestItem,
    reports: tuple[IncomingReport, ...],
    by: Acting,
) -> None:
    sender = partner_acting(row.partner.name if row.partner else row.sending_application)
    try:
        for each in reports:
            if each.is_status_only:
                note_progress(each, item=item, by=sender)
            else:
                file_report(each, item=item, message=row, by=sender)
    except (MoveRefused, NotUnderstood) as refusal:
        raise CannotAttach(f"The request cannot take it: {refusal}") from None
    words = f"Put to {item.request.reference}: {attachment.reason}"[:300]
    messaging.handle_inbound(row, reason=words, by=by)
    _decide(attachment, State.ATTACHED, by)
    _audited(attachment, "attach_result", by)


def _decide(attachment: Attachment, state: State, by: Acting) -> None:
    attachment.state, attachment.decided_by = state, by.user
    attachment.decided_at = timezone.now()
    attachment.save(update_fields=["state", "decided_by", "decided_at"])


def _audited(attachment: Attachment, action: str, by: Acting) -> None:
    audit.record(
        acting=by, action=action, object_type="results.Attachment", object_id=attachment.pk,
        patient_id=attachment.item.patient_id,
    )  # fmt: skip
