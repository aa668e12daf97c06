"""What came and waits for a person: studies by state, refused files; and one study's page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from accounts.roles import Permission as P
from iep import policies
from iep.dicom.header import day
from iep.models import ReceivedFile, Study, StudyEventRow
from iep.queries.exchange.transactions import sees_everywhere
from iep.states.studies import WAITS, FileState, Origin, StudyEvent, StudyState
from nhsuk.formats import cdate_text, nhsno_text

S = StudyState
PAGE = 50  # rows of each list
ITEMS = (
    ("name", "Name"),
    ("birth_date", "Date of birth"),
    ("sex", "Sex"),
    ("patient_id", "Patient ID"),
    ("issuer", "Given by"),
    ("nhs_number", "NHS number"),
)
COMPARED = frozenset({"name", "birth_date", "sex", "patient_id", "nhs_number"})
ORIGINS = {
    Origin.DICOM: "Sent by their machine",
    Origin.GATEWAY: "By the gateway",
    Origin.DISC: "From a disc",
    Origin.PACS: "From our PACS",
}
EVENTS = {
    StudyEvent.STARTED: "Images come",
    StudyEvent.ARRIVED: "All images are here",
    StudyEvent.DIFFERED: "Stopped: identities differ",
    StudyEvent.RELEASED: "Released",
    StudyEvent.MATCHED: "Matched",
    StudyEvent.UNMATCHED: "Match taken back",
    StudyEvent.FILED: "In PACS and RIS",
    StudyEvent.TAKEN_OUT: "Taken out of PACS",
    StudyEvent.SENT_AGAIN: "Sent to PACS again",
    StudyEvent.REOPENED: "No longer in the RIS",
    StudyEvent.DISCARDED: "Discarded",
    StudyEvent.NOTED: "Note",
}
# What the page shows, in its order; a FILED study is its transaction's and its ticket's.
LISTS = (S.STOPPED, S.TAKEN_OUT, S.FAILED_VERIFICATION, S.ARRIVING, S.MATCHED, S.OUTGOING)


def studies_for(acting: Acting) -> QuerySet[Study]:
    """Those of the person's own trust; all of them for who runs the service everywhere."""
    if not acting.may(P.VIEW_EXCHANGE):
        return Study.objects.none()
    if sees_everywhere(acting):
        return Study.objects.all()
    return Study.objects.filter(organisation=policies.trust_of(acting))


def files_for(acting: Acting) -> QuerySet[ReceivedFile]:
    """As studies; a file that is nobody's is everybody's who works on arrivals."""
    rows = ReceivedFile.objects.all()
    if not acting.may(P.VIEW_EXCHANGE):
        return rows.none()
    if sees_everywhere(acting):
        return rows
    return rows.filter(organisation=policies.trust_of(acting)) | rows.filter(organisation=None)


@dataclass(frozen=True)
class Row:
    """A study of the list. `days_left`: of the two weeks; `is_late`: its time is over."""

    study: Study
    count: str  # "12 of 300", or "12"
    origin: str
    refused: int
    days_left: int | None
    is_late: bool


@dataclass(frozen=True)
class Group:
    """A state, how many studies are in it, and the first of them."""

    state: str
    total: int
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Lists:
    groups: tuple[Group, ...]
    refused: tuple[ReceivedFile, ...]
    refused_total: int
    reasons: tuple[tuple[str, int], ...]  # of the refused, the commonest first
    waiting: int  # files in quarantine that nobody has looked into
    held_up: tuple[tuple[str, int], ...]  # why some of those wait: the virus scanner's
    now: datetime


def lists_for(acting: Acting) -> Lists:
    """Everything that came and is not at its end."""
    studies = studies_for(acting)
    totals = dict(studies.order_by().values_list("state").annotate(Count("pk")))
    refused = files_for(acting).filter(state=FileState.REFUSED.value)
    reasons = Counter(dict(refused.order_by().values_list("why").annotate(Count("pk"))))
    first = refused.select_related("node__institution", "disc__ticket").order_by("due_at", "pk")
    waiting = files_for(acting).filter(state=FileState.QUARANTINED.value)
    held_up = waiting.exclude(why="").order_by("why").values_list("why").annotate(Count("pk"))
    return Lists(
        groups=tuple(_group(studies, state, totals.get(state.value, 0)) for state in LISTS),
        refused=tuple(first[:PAGE]),
        refused_total=sum(reasons.values()),
        reasons=tuple(reasons.most_common()),
        waiting=waiting.count(),
        held_up=tuple(held_up),
        now=timezone.now(),
    )


def _group(studies: QuerySet[Study], state: StudyState, total: int) -> Group:
    rows = studies.filter(state=state.value).order_by("due_at", "pk") if total else studies.none()
    found = list(rows.select_related("node__institution", "ticket", "disc", "transaction")[:PAGE])
    refused = _refused_by_study(found)
    return Group(state.value, total, tuple(_row(each, refused[each.pk]) for each in found))


def _refused_by_study(studies: Iterable[Study]) -> Counter[UUID]:
    """How many files each lacks because they were refused (hazard H40)."""
    found: Counter[UUID] = Counter()
    by_uid: dict[tuple[int | None, str], list[Study]] = {}
    for study in studies:
        by_uid.setdefault((study.organisation_id, study.study_uid), []).append(study)
    rows = ReceivedFile.objects.filter(
        state=FileState.REFUSED.value, study_uid__in={uid for _, uid in by_uid}
    )
    counted = rows.order_by().values_list("organisation_id", "study_uid").annotate(Count("pk"))
    for organisation_id, uid, count in counted:
        for study in by_uid.get((organisation_id, uid), ()):
            found[study.pk] += count
    return found


def _row(study: Study, refused: int) -> Row:
    now = timezone.now()
    left = _days_left(study, now)
    return Row(
        study=study,
        count=f"{study.received} of {study.expected}" if study.expected else str(study.received),
        origin=ORIGINS[Origin(study.origin)],
        refused=refused,
        days_left=left,
        is_late=study.due_at is not None and study.due_at < now,
    )


def _days_left(study: Study, now: datetime) -> int | None:
    """Of the two weeks that a person has; a study that is stopped has them too."""
    if study.state not in (S.STOPPED, S.FAILED_VERIFICATION):
        return None
    end = study.state_since + WAITS[S.FAILED_VERIFICATION].limit
    return max(0, (end - now).days)


# --- One study -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Series:
    number: int | None
    description: str
    modality: str
    count: int


@dataclass(frozen=True)
class Identity:
    """Whose so many of its images say they are; `differs`: names of items that are not alike."""

    values: tuple[tuple[str, str, bool], ...]  # label, value, whether it differs
    count: int


@dataclass(frozen=True)
class Page:
    study: Study
    row: Row
    series: tuple[Series, ...]
    identities: tuple[Identity, ...]  # more than one: what differs, side by side
    refused: tuple[ReceivedFile, ...]
    history: tuple[tuple[str, StudyEventRow], ...]
    may_work: bool
    may_release: bool
    may_discard: bool
    may_take: bool
    may_match: bool


def study_for(
    acting: Acting,
    study_id: UUID,
    *,
    action: str = "view_study",
    request: HttpRequest | None = None,
) -> Study:
    """The study; looking at it is written down. Raises Http404 for another trust's."""
    rows = studies_for(acting).select_related(
        "node__institution", "ticket", "transaction", "disc", "organisation", "patient__practice"
    )
    study = rows.filter(pk=study_id).first()
    if study is None:
        raise Http404
    audit.record(
        acting=acting, action=action, object_type="iep.Study", object_id=study.pk,
        patient_id=study.patient_id or "", request=request,
    )  # fmt: skip
    return study


def file_for(acting: Acting, file_id: UUID) -> ReceivedFile:
    file = files_for(acting).filter(pk=file_id).first()
    if file is None:
        raise Http404
    return file


def page_of(study: Study, acting: Acting) -> Page:
    kept = study.files.filter(state=FileState.KEPT.value).order_by()
    refused = ReceivedFile.objects.filter(
        state=FileState.REFUSED.value, study_uid=study.study_uid, organisation=study.organisation_id
    ).order_by("received_at")
    events = StudyEventRow.objects.filter(study=study).order_by("-pk")
    works = policies.may_work(acting, study.organisation_id)
    return Page(
        study=study,
        row=_row(study, refused.count()),
        series=tuple(_series(kept)),
        identities=tuple(identities_of(kept)),
        refused=tuple(refused[:PAGE]),
        history=tuple((EVENTS[StudyEvent(each.event)], each) for each in events),
        may_work=works,
        may_release=works and study.state == S.STOPPED and study.origin != Origin.PACS,
        may_discard=works and study.state in (S.ARRIVING, S.STOPPED, S.FAILED_VERIFICATION),
        may_take=works and study.state == S.ARRIVING and not study.disc_id and study.received > 0,
        may_match=works and study.state == S.FAILED_VERIFICATION,
    )


def _series(kept: QuerySet[ReceivedFile]) -> Iterable[Series]:
    names = ("series_number", "series_uid", "series_description", "modality")
    counted = kept.values(*names).annotate(count=Count("pk"))
    for each in counted.order_by("series_number", "series_uid"):
        yield Series(
            each["series_number"], each["series_description"], each["modality"], each["count"]
        )


def identities_of(kept: QuerySet[ReceivedFile]) -> Iterable[Identity]:
    """Every identity that its images have, the commonest first, with what is not alike."""
    counted = kept.order_by().values_list("header").annotate(count=Count("pk"))
    found: list[tuple[dict[str, Any], int]] = sorted(counted, key=lambda pair: -pair[1])
    unlike = {
        name for name, _ in ITEMS if len({header.get(name, "") for header, _ in found}) > 1
    } & COMPARED
    for header, count in found:
        values = tuple(
            (words, _readable(name, header.get(name, "")), name in unlike) for name, words in ITEMS
        )
        yield Identity(values, count)


def _readable(name: str, said: str) -> str:
    """As our screens write it; what is written otherwise than DICOM has it stays as it came."""
    if name == "birth_date" and (born := day(said)):
        return cdate_text(born)
    return nhsno_text(said) if name == "nhs_number" and said else said
