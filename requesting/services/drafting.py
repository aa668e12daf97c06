"""A draft, kept: one a person, place and patient."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.policies import Acting
from accounts.roles import Permission
from patients.models import Patient
from requesting import drafts, queries
from requesting.errors import Refused, StaleDraft
from requesting.models import Draft

from .counting import count_not_helpful, count_shown


def _check(by: Acting) -> None:
    if by.user is None or by.organisation is None or not by.may(Permission.REQUEST_TESTS):
        raise Refused("You cannot request tests here.", rule="role")


def _locked(patient: Patient, by: Acting) -> Draft:
    """The draft's row, locked; a new one has version 0."""
    draft, _ = Draft.objects.select_for_update().get_or_create(
        user=by.user, organisation=by.organisation, patient=patient
    )
    draft.patient = patient  # the one that is in hand already
    return draft


def save_draft(
    patient: Patient, *, content: dict[str, Any], version: int | None = None, by: Acting
) -> Draft:
    """Keep what was chosen so far. `version` is the one that the page was drawn from.

    Raises Refused; StaleDraft, with the newer one, when another page has saved since, or when the
    draft that the page was drawn from is gone: it was sent, or thrown away. A page that saves by
    itself may be a moment late, and must not bring back what has left.
    """
    _check(by)
    queries.check_within_reach(patient, by)
    meant = drafts.read(content).as_json()
    with transaction.atomic():
        draft = _locked(patient, by)
        if draft.content == meant and draft.version:
            return draft
        if version is not None and version != draft.version:
            raise StaleDraft(draft)
        draft.content, draft.version = meant, draft.version + 1
        _count(draft, patient, by)
        draft.save()
        return draft


def _count(draft: Draft, patient: Patient, by: Acting) -> None:
    content = drafts.read(draft.content)
    known = queries.look_up(content.codes, patient, by, not_counting=draft.replaces_id)
    count_shown(draft, queries.examine(content, known))


def discard_draft(patient: Patient, *, by: Acting) -> None:
    """Forget what was chosen. A test whose box was shown counts as changed."""
    _check(by)
    with transaction.atomic():
        draft = _locked(patient, by)
        count_shown(draft, ())
        draft.delete()


def mark_not_helpful(patient: Patient, *, service_code: str, rule_key: str, by: Acting) -> None:
    """The person says that a box did not help."""
    _check(by)
    with transaction.atomic():
        draft = _locked(patient, by)
        if count_not_helpful(draft, service_code, rule_key):
            draft.save(update_fields=["shown"])
