"""A person read a report and says what they did. It never closes by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.policies import Acting
from requesting import services as requesting
from requesting.models import RequestItem
from requesting.states import Status
from results.errors import (
    AlreadyReviewed,
    ChangedSince,
    NotAllowed,
    NotAnAnswer,
    NotFiledTogether,
)
from results.models import Copy, Report, ReportVersion, Review
from results.policies import may_review, may_review_together
from results.states import (
    LEAST_WORDS,
    NEEDS_WORDS,
    OUTCOME_WORDS,
    RANKS,
    Event,
    Filing,
    Outcome,
    Rank,
    may_be,
)

from .moving import LONGEST_WORDS, move

REVIEWED = "review_result"


def review(
    report: Report,
    *,
    version: int,
    outcome: str,
    words: str = "",
    by: Acting,
    request: HttpRequest | None = None,
) -> Report:
    """File what `by` did about the version (its id) that they read.

    Raises NotAllowed, AlreadyReviewed, ChangedSince, or NotAnAnswer; then nothing has changed.
    """
    with transaction.atomic():
        _lock_items([report.pk])
        locked = _locked(report.pk)
        if not may_review(by, locked):
            raise NotAllowed
        _check_unread(locked, version)
        answer = _answer(locked, outcome, words.strip())
        _file(locked, answer, words.strip(), at=timezone.now(), by=by, request=request)
        return locked


def review_together(
    ticked: Mapping[UUID, int], *, by: Acting, request: HttpRequest | None = None
) -> list[Report]:
    """File normal laboratory reports, each ticked with the version that was shown.

    All or nothing. Raises NotFiledTogether with those that are not normal, not a laboratory's, not
    this person's to review, already reviewed, or changed since they were shown (H32).
    """
    with transaction.atomic():
        _lock_items(ticked)
        whole = _whole().filter(pk__in=ticked).order_by("pk")
        reports = {report.pk: report for report in whole}
        refused = [key for key, version in ticked.items() if not _fits(reports, key, version, by)]
        if refused:
            raise NotFiledTogether(refused)
        now = timezone.now()
        for report in reports.values():
            _file(report, Outcome.NORMAL, "", at=now, by=by, request=request, together=True)
        return list(reports.values())


def note_copy_seen(report: Report, *, by: Acting, request: HttpRequest | None = None) -> bool:
    """Somebody who was to be told has seen it; whether there was anything to see."""
    with transaction.atomic():
        mine = Copy.objects.filter(report=report, user=by.user, seen_at__isnull=True)
        seen = mine.update(seen_at=timezone.now()) > 0
        if seen:
            audit.record(
                acting=by, action="see_copy", object_type="results.Report", object_id=report.pk,
                patient_id=report.patient_id, request=request,
            )  # fmt: skip
        return seen


def _lock_items(reports: Iterable[UUID]) -> None:
    """The item before its reports, as filing does: so the two never wait for each other."""
    items = RequestItem.objects.filter(reports__in=list(reports)).order_by("pk")
    list(items.select_for_update(of=("self",)).values_list("pk", flat=True))


def _whole() -> QuerySet[Report]:
    return Report.objects.select_for_update(of=("self",)).select_related(
        "item", "review", "current"
    )


def _locked(report_id: UUID) -> Report:
    return _whole().get(pk=report_id)


def _fits(reports: Mapping[UUID, Report], key: UUID, version: int, by: Acting) -> bool:
    report = reports.get(key)
    return report is not None and report.current_id == version and may_review_together(by, report)


def _check_unread(report: Report, version: int) -> None:
    if report.state == Filing.REVIEWED and report.review is not None:
        raise AlreadyReviewed(report.review.by_name, report.review.at)
    if report.current_id != version:
        raise ChangedSince


def _answer(report: Report, outcome: str, words: str) -> Outcome:
    if outcome not in {each.value for each in Outcome}:
        raise NotAnAnswer("outcome", "Choose what you will do")
    answer = Outcome(outcome)
    if not may_be(answer, report.significance):
        raise NotAnAnswer(
            "outcome", f"Choose what you will do: this result is {report.significance}"
        )
    if answer in NEEDS_WORDS and len(words) < LEAST_WORDS:
        raise NotAnAnswer("words", f"Say what you will do, in {LEAST_WORDS} characters or more")
    if len(words) > LONGEST_WORDS:
        raise NotAnAnswer("words", f"Your words must be {LONGEST_WORDS} characters or fewer")
    return answer


def _file(
    report: Report,
    outcome: Outcome,
    words: str,
    *,
    at: datetime,
    by: Acting,
    request: HttpRequest | None,
    together: bool = False,
) -> None:
    report.review = Review.objects.create(
        version=cast("ReportVersion", report.current),
        by_user=cast("User", by.user),  # a policy has said yes, so it is a person
        by_name=by.label,
        organisation_code=by.organisation.ods_code if by.organisation else "",
        at=at,
        outcome=outcome,
        words=words,
        together=together,
    )
    report.escalates_at = None
    said = OUTCOME_WORDS[outcome] + (f": {words}" if words else "")
    move(report, Event.REVIEWED, at=at, by=by, version=report.current, words=said)
    report.save()
    audit.record(
        acting=by, action=REVIEWED, object_type="results.Report", object_id=report.pk,
        patient_id=report.patient_id, request=request,
    )  # fmt: skip
    _close_item(report, by)


def _close_item(report: Report, by: Acting) -> None:
    """The request is done when every report of it is read and none is still to be finished.
    One that the department cancelled is over already."""
    if report.item.status == Status.CANCELLED:
        return
    others = Report.objects.filter(item=report.item)
    unread = others.filter(state=Filing.UNREAD).exists()
    unfinished = [code for code, rank in RANKS.items() if rank is Rank.PRELIMINARY]
    if not unread and not others.filter(result_status__in=unfinished).exists():
        requesting.mark_reviewed(report.item, by=by)
