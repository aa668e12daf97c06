"""The one mover of downtime forms: lock, look up, save, event row, audit row."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from requesting.errors import FormMoved
from requesting.form_states import OUT, OUTCOMES, FormEvent, FormStatus, after_form
from requesting.models import DowntimeForm, FormEventRow, OrderMessage


def locked_form(form: DowntimeForm) -> DowntimeForm:
    """The row, locked. Lock its message and its items before it, always in that order: a worker
    who delivers the message does the same."""
    rows = DowntimeForm.objects.select_for_update(of=("self",))
    return rows.select_related(
        "department__parent", "organisation", "requester", "order__partner", "request", "ticket"
    ).get(pk=form.pk)


def move_form(
    form: DowntimeForm, event: FormEvent, *, by: Acting, words: str = "", **changes: Any
) -> DowntimeForm:
    """The form after the event, as the table says. The form must come from `locked_form`.

    Raises FormMoved; then nothing was changed.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a move belongs in a transaction")
    before = FormStatus(form.status)
    after = after_form(before, event)
    if after is None:
        raise FormMoved(before)
    DowntimeForm.objects.filter(pk=form.pk).update(
        status=after.value, **_clock(before, after), **_ending(event, by), **changes
    )
    _write_event(form, event, before, after, by, words)
    form.refresh_from_db()
    return form


def _clock(before: FormStatus, after: FormStatus) -> dict[str, Any]:
    """72 hours from when it first went out, by the database's clock."""
    if after not in OUT:
        return {"status_at": timezone.now(), "clock_at": None, "alarmed_hours": 0}
    changes: dict[str, Any] = {} if before is after else {"status_at": timezone.now()}
    return changes if before in OUT else changes | {"clock_at": Now()}


def _ending(event: FormEvent, by: Acting) -> dict[str, Any]:
    outcome = OUTCOMES.get(event)
    if outcome is None:
        return {}
    return {"outcome": outcome.value, "ended_at": timezone.now(), "ended_by": by.label[:150]}


def _write_event(
    form: DowntimeForm,
    event: FormEvent,
    before: FormStatus,
    after: FormStatus,
    by: Acting,
    words: str,
) -> None:
    audit.record(
        acting=by, action=f"form.{event}", object_type="requesting.DowntimeForm",
        object_id=form.pk, patient_id=form.patient_id or "",
    )  # fmt: skip
    FormEventRow.objects.create(
        form=form, event=event, from_status=before, to_status=after, by_name=by.label[:150],
        by_role=by.role, words=words[:300],
        organisation_code=by.organisation.ods_code if by.organisation else "",
    )  # fmt: skip


def end_by_delivery(order: OrderMessage, outcome: str, by: Acting) -> None:
    """The message of a form that had gone back into the queue was delivered, or refused."""
    form = DowntimeForm.objects.filter(order=order, status=FormStatus.QUEUED).first()
    event = {"delivered": FormEvent.DELIVERED, "refused": FormEvent.REJECTED}.get(outcome)
    if form is not None and event is not None:
        row = locked_form(form)
        if row.status == FormStatus.QUEUED:
            move_form(row, event, by=by)
