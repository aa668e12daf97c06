"""One report as a person reads it (R9): as issued, what changed in it, what was before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts import audit
from accounts.policies import Acting
from nhsuk.formats import in_london
from results.differences import Difference, difference, said
from results.errors import NotFound
from results.hl7 import MEDIA_TYPES, Kind
from results.models import Copy, Document, Observation, Report, ReportEvent, ReportVersion
from results.policies import may_review, may_see_original, reach_of_reports
from results.states import (
    EVENT_WORDS,
    IMAGING,
    OTHER_PATIENT,
    OUTCOME_WORDS,
    RANK_WORDS,
    RANKS,
    Event,
    Filing,
    Outcome,
    standing,
)

from .values import Run, Value, address_of, hidden_in, runs_of, shown, values_of

VIEWED = "view_result"
MOST_PREVIOUS = 5


def report_for(
    acting: Acting | None,
    report_id: UUID | str,
    *,
    action: str = VIEWED,
    request: HttpRequest | None = None,
) -> Report:
    """The report with all that its page needs, and the look on record: the one door.

    Raises NotFound for the absent and the forbidden alike; both refusals are on record too.
    """
    found = _readable(acting).filter(pk=report_id).first()
    audit.record(
        acting=acting, action=action, object_type="results.Report", object_id=report_id,
        patient_id=found.patient_id if found else "", outcome="ok" if found else "denied",
        request=request,
    )  # fmt: skip
    if found is None:
        raise NotFound
    return found


def _readable(acting: Acting | None) -> QuerySet[Report]:
    return (
        Report.objects.filter(reach_of_reports(acting))
        .select_related(
            "patient__practice", "item__service", "item__request", "department__parent",
            "organisation", "owner", "current", "review",
        )
        .prefetch_related("patient__identifiers")
    )  # fmt: skip


@dataclass(frozen=True)
class VersionLine:
    """A version in the list of versions, the one that people read first."""

    number: int
    words: str
    issued_at: datetime
    received_at: datetime
    text: str
    values: tuple[str, ...]
    is_current: bool
    has_message: bool  # that can be shown as it was sent
    is_hidden: bool  # it was another patient's: its words and values are not here


@dataclass(frozen=True)
class Happened:
    """A line of the report's history."""

    what: str
    who: str
    at: datetime
    words: str


@dataclass(frozen=True)
class Linked:
    """A report that this one follows from, or that follows from it (OBR-29)."""

    id: UUID
    name: str
    issued_at: datetime


@dataclass(frozen=True)
class Earlier:
    """A report of the same test before this one."""

    id: UUID
    issued_at: datetime
    significance: str
    text: str
    value: str


@dataclass(frozen=True)
class ReportPage:
    """R9, ready to be drawn."""

    report: Report
    version: ReportVersion
    status: str
    is_imaging: bool
    values: tuple[Value, ...]
    text: tuple[Run, ...]
    versions: tuple[VersionLine, ...]
    is_hidden: bool  # another patient's: nothing of it is shown
    has_unopened: bool  # a document that somebody has to ask for
    follows: tuple[Linked, ...]  # the report that it follows from, where it came here
    followed_by: tuple[Linked, ...]
    changed: Difference
    changed_since: VersionLine | None
    was_reviewed_before: bool
    previous: tuple[Earlier, ...]
    history: tuple[Happened, ...]
    may_review: bool
    may_see_original: bool
    is_copy: bool
    is_reader: bool  # told because they read what was changed since
    outcome: str  # of the review, in words; "" while it is unread


def page_of(report: Report, acting: Acting) -> ReportPage:
    """The page of a report that came from `report_for`."""
    versions = list(report.versions.select_related("message").prefetch_related("observations"))
    versions.sort(key=standing, reverse=True)
    current = next(each for each in versions if each.pk == report.current_id)
    events = list(report.events.order_by("-at", "-pk"))
    veil = _Veil(current, is_imaging=report.discipline == IMAGING)
    reference = None if veil.whole else _reference(versions, current, events)
    values = _values(current, versions, veil)
    copy = _unseen_copy(report, acting)
    return ReportPage(
        report=report,
        version=current,
        status=RANK_WORDS[RANKS[current.result_status]],
        is_imaging=report.discipline == IMAGING,
        values=values,
        text=() if veil.whole else runs_of(current.text, current.marks),
        versions=tuple(_version_line(each, current, veil) for each in versions),
        is_hidden=veil.whole,
        has_unopened=any(each.document_problem for each in values),
        follows=_follows(report, current, acting),
        followed_by=_followed_by(report, acting),
        changed=_changed(reference, current, veil) if reference else Difference((), ()),
        changed_since=_version_line(reference, current, veil) if reference else None,
        was_reviewed_before=any(each.event == Event.REVIEWED for each in events),
        previous=_previous(report, acting),
        history=tuple(_happened(each) for each in events),
        may_review=report.state == Filing.UNREAD and may_review(acting, report),
        may_see_original=may_see_original(acting, report),
        is_copy=copy is not None,
        is_reader=copy is not None and copy.is_reader,
        outcome=OUTCOME_WORDS[Outcome(report.review.outcome)] if report.review else "",
    )


class _Veil:
    """What of a report's versions is not shown with this patient: it was another's (`W`)."""

    def __init__(self, current: ReportVersion, *, is_imaging: bool) -> None:
        self.whole = current.result_status == OTHER_PATIENT
        self.values = hidden_in(current)
        self.words = self.whole or (is_imaging and bool(self.values))

    def text_of(self, version: ReportVersion, current: ReportVersion) -> str:
        is_shown = not self.words or (version.pk == current.pk and not self.whole)
        return version.text if is_shown else ""

    def values_of(self, version: ReportVersion) -> list[Observation]:
        return [] if self.whole else shown(version, self.values)


def _values(
    current: ReportVersion, versions: Sequence[ReportVersion], veil: _Veil
) -> tuple[Value, ...]:
    others = [each for each in versions if each.pk != current.pk]
    earlier = [value for each in others for value in veil.values_of(each) if value.value]
    return values_of(current, veil.values_of(current), earlier)


def _reference(
    versions: Sequence[ReportVersion], current: ReportVersion, events: Sequence[ReportEvent]
) -> ReportVersion | None:
    """With which version the current one is compared: the last that somebody reviewed, else the
    one before it; of contradicting versions, the one that contradicts."""
    others = [each for each in versions if each.pk != current.pk]
    reviewed = [each.version_id for each in events if each.event == Event.REVIEWED]
    last_read = next((each for key in reviewed for each in others if each.pk == key), None)
    return last_read or next(iter(others), None)


def _changed(reference: ReportVersion, current: ReportVersion, veil: _Veil) -> Difference:
    return difference(
        "" if veil.words else reference.text,
        "" if veil.words else current.text,
        veil.values_of(reference),
        veil.values_of(current),
    )


def _version_line(version: ReportVersion, current: ReportVersion, veil: _Veil) -> VersionLine:
    return VersionLine(
        number=version.number,
        words=RANK_WORDS[RANKS[version.result_status]],
        issued_at=version.issued_at,
        received_at=version.received_at,
        text=veil.text_of(version, current),
        values=tuple(f"{each.name} {said(each)}" for each in veil.values_of(version)),
        is_current=version.pk == current.pk,
        has_message=version.message_id is not None,
        is_hidden=veil.whole,
    )


def _happened(event: ReportEvent) -> Happened:
    return Happened(EVENT_WORDS[Event(event.event)], event.by_name, event.at, event.words)


def _follows(report: Report, current: ReportVersion, acting: Acting) -> tuple[Linked, ...]:
    """By the sender's own number of the parent (OBR-29.2); one that came later is found as well."""
    if not current.parent_number:
        return ()
    return _linked(report, Q(key__startswith=f"{current.parent_number} "), acting)


def _followed_by(report: Report, acting: Acting) -> tuple[Linked, ...]:
    number = report.key.split(" ", 1)[0]
    return _linked(report, Q(current__parent_number=number), acting)


def _linked(report: Report, which: Q, acting: Acting) -> tuple[Linked, ...]:
    same = Report.objects.filter(which, patient=report.patient, department=report.department)
    found = same.filter(reach_of_reports(acting)).exclude(pk=report.pk).order_by("issued_at", "pk")
    return tuple(Linked(each.pk, each.name, each.issued_at) for each in found)


def _previous(report: Report, acting: Acting) -> tuple[Earlier, ...]:
    """Earlier reports of the same test, or of one that counts as the same examination."""
    service = report.item.service
    same = Report.objects.filter(item__service=service)
    if service.duplicate_group:
        same = Report.objects.filter(item__service__duplicate_group=service.duplicate_group)
    found = (
        same.filter(reach_of_reports(acting), patient=report.patient)
        .filter(issued_at__lte=report.issued_at)
        .exclude(pk=report.pk)
        .exclude(result_status=OTHER_PATIENT)
        .select_related("current", "leading")
        .order_by("-issued_at")[:MOST_PREVIOUS]
    )
    return tuple(
        Earlier(
            each.pk,
            each.issued_at,
            each.significance,
            each.current.text if each.current else "",
            f"{each.leading.name} {each.leading.value} {each.leading.units}".strip()
            if each.leading
            else "",
        )
        for each in found
    )


def _unseen_copy(report: Report, acting: Acting) -> Copy | None:
    if acting.user is None or report.owner_id == acting.user.pk:
        return None
    return Copy.objects.filter(report=report, user=acting.user, seen_at__isnull=True).first()


def document_of(report: Report, document_id: int) -> Document:
    """A document of any version of a report from `report_for`; of another patient's, none.

    Raises NotFound.
    """
    documents = Document.objects.filter(observation__version__report=report)
    found = documents.select_related("observation").filter(pk=document_id).first()
    if found is None or report.current is None:
        raise NotFound
    veil = _Veil(report.current, is_imaging=report.discipline == IMAGING)
    is_hidden = found.observation.status == OTHER_PATIENT
    if veil.whole or is_hidden or address_of(found.observation) in veil.values:
        raise NotFound
    return found


def document_name(report: Report, document: Document) -> str:
    """As `download_name`, with the ending that fits what is inside."""
    return f"{download_name(report)}-{document.number}.{document.kind}"


def media_type_of(document: Document) -> str:
    return MEDIA_TYPES[Kind(document.kind)]


def download_name(report: Report) -> str:
    """`chest-xray-2026-11-22`: the test and the day of issue, and nobody's name or number."""
    return f"{report.item.service.code}-{in_london(report.issued_at).date().isoformat()}"
