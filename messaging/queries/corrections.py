"""Corrections: what waits for a second person, and what came of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest

from accounts import audit
from accounts.policies import Acting
from messaging import correcting
from messaging.models import Correction
from messaging.policies import (
    may_approve_correction,
    may_operate,
    may_operate_message,
    sees_all_partners,
)
from messaging.states import CorrectionState

SHOWN = 50


@dataclass(frozen=True)
class CorrectionPage:
    """A correction with what it changes, and what the person who looks may do about it."""

    correction: Correction
    direction: str
    message: Any
    changes: list[correcting.Change]
    may_approve: bool
    is_own: bool
    is_open: bool


def corrections_for(acting: Acting) -> tuple[list[Correction], list[Correction]]:
    """Those that wait, the oldest first; the last that were decided."""
    rows = _for_operator(acting)
    waiting = rows.filter(state=CorrectionState.PROPOSED).order_by("proposed_at")
    decided = rows.exclude(state=CorrectionState.PROPOSED).order_by("-proposed_at")
    return list(waiting[: 4 * SHOWN]), list(decided[:SHOWN])


def count_waiting(acting: Acting) -> int:
    return _for_operator(acting).filter(state=CorrectionState.PROPOSED).count()


def _for_operator(acting: Acting) -> QuerySet[Correction]:
    rows = Correction.objects.select_related("inbound__partner", "outbound__partner").defer(
        "raw", "inbound__raw", "outbound__raw"
    )
    if sees_all_partners(acting):
        return rows
    if not may_operate(acting) or acting.organisation is None:
        return rows.none()
    place = acting.organisation
    return rows.filter(
        Q(inbound__partner__departments=place) | Q(outbound__partner__departments=place)
    ).distinct()


def correction_for(acting: Acting, pk: int, *, request: HttpRequest) -> Correction:
    """One correction; the look at it is audited. Raises Http404 for absent and forbidden."""
    rows = Correction.objects.select_related("inbound__partner", "outbound__partner")
    found = rows.filter(pk=pk).first()
    if found is None or not may_operate_message(acting, _message_of(found)):
        raise Http404
    audit.record(
        acting=acting,
        action="view_correction",
        object_type="messaging.Correction",
        object_id=found.pk,
        request=request,
    )
    return found


def _message_of(correction: Correction) -> Any:
    return correction.inbound or correction.outbound


def page_of_correction(acting: Acting, correction: Correction) -> CorrectionPage:
    message = _message_of(correction)
    charset = message.partner.character_set if message.partner else "8859/1"
    before, after = (
        correcting.text_of(bytes(raw), default_charset=charset)
        for raw in (message.raw, correction.raw)
    )
    is_open = correction.state == CorrectionState.PROPOSED
    return CorrectionPage(
        correction=correction,
        direction="in" if correction.inbound_id else "out",
        message=message,
        changes=correcting.changes_of(before, after),
        may_approve=is_open and may_approve_correction(acting, correction),
        is_own=acting.user is not None and acting.user.pk == correction.proposed_by_id,
        is_open=is_open,
    )
