"""What of results goes into a place's downtime pack (H62): as filed, the worst first."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, Q

from accounts.models import Organisation
from nhsuk.formats import cdatetime_text
from requesting.queries.standby import patient_record
from results.hl7 import MEDIA_TYPES, Kind
from results.models import Document, Observation, Report, ReportVersion
from results.states import (
    GROUP_WORDS,
    OTHER_PATIENT,
    OUTCOME_WORDS,
    RANK_WORDS,
    RANKS,
    STRUCK,
    Filing,
    Group,
    Outcome,
    value_status_words,
)

from .overtime import mark_for
from .values import hidden_in, shown

DAYS = 30
CHUNK = 200  # reports that are read at a time, through a cursor of the server's
LARGEST_FILE = 1_000_000  # bytes; a larger document is named, and not carried


def recent_reports(place: Organisation, *, as_of: datetime) -> Iterator[dict[str, Any]]:
    """What the place asked for and that was issued or came in the last 30 days, and whatever
    nobody has reviewed, however old; critical ones first, in each group the newest."""
    since = as_of - timedelta(days=DAYS)
    wanted = Q(issued_at__gte=since) | Q(arrived_at__gte=since) | Q(state=Filing.UNREAD)
    rows = (
        Report.objects.filter(wanted, organisation=place, current__isnull=False)
        .select_related(
            "patient", "item__request", "item__requester", "department", "owner", "current",
            "review",
        )
        .prefetch_related(_values())
        .order_by("list_group", "state", "-issued_at", "pk")
    )  # fmt: skip
    for report in rows.iterator(chunk_size=CHUNK):
        if report.current is not None:
            yield _record(report, report.current)


def _values() -> Prefetch[str]:
    documents = Document.objects.defer("content")
    values = Observation.objects.order_by("position").prefetch_related(
        Prefetch("documents", queryset=documents)
    )
    return Prefetch("current__observations", queryset=values)


def _record(report: Report, current: ReportVersion) -> dict[str, Any]:
    is_hidden = current.result_status == OTHER_PATIENT
    return {
        "kind": "report",
        "patient": patient_record(report.patient),
        "reference": report.item.request.reference,
        "number": report.item.placer_number,
        "test": report.item.service_name,
        "name": report.name,
        "department": report.department.name,
        "phone": report.department.phone,
        "status": RANK_WORDS[RANKS[current.result_status]],
        "amended": report.is_amended or report.is_conflicting,
        "group": report.list_group,
        "matters": GROUP_WORDS[Group(report.list_group)],
        "unreviewed": report.state == Filing.UNREAD,
        "review": _review(report),
        "owner": report.owner.display_name,
        "issued": cdatetime_text(report.issued_at, relative=False),
        "taken": cdatetime_text(current.observed_at, relative=False),
        "by": report.item.requester.display_name,
        "authoriser": "" if is_hidden else current.authoriser,
        "text": "" if is_hidden else current.text,
        "note": "" if is_hidden else current.patient_note,
        "hidden": is_hidden,
        "values": [] if is_hidden else _lines(current),
    }


def _review(report: Report) -> str:
    if report.review is None or report.state == Filing.UNREAD:
        return ""
    at = cdatetime_text(report.review.at, relative=False)
    outcome = OUTCOME_WORDS[Outcome(report.review.outcome)]
    return f"Reviewed {at} by {report.review.by_name}: {outcome}"


def _lines(current: ReportVersion) -> list[dict[str, Any]]:
    """The values as the result's own page shows them: another patient's are not here."""
    return [_line(each) for each in shown(current, hidden_in(current))]


def _line(each: Observation) -> dict[str, Any]:
    is_struck = each.status in STRUCK
    mark = None if is_struck or each.document else mark_for(each)
    return {
        "name": each.name or each.code,
        "value": each.value,
        "units": each.units,
        "range": each.reference_range,
        "flag": f"{mark.arrow} {mark.words}".strip() if mark else "",
        "sent": each.flags.replace("\n", " "),
        "status": value_status_words(each.status),
        "struck": is_struck,
        "note": each.note,
        "problem": each.document_problem,
        "files": [] if each.status == OTHER_PATIENT else [_file(f) for f in each.documents.all()],
    }


def _file(document: Document) -> dict[str, Any]:
    """A document with its bytes; of a large one that it is there."""
    is_carried = document.size <= LARGEST_FILE
    return {
        "name": f"document-{document.number}.{document.kind}",
        "type": MEDIA_TYPES[Kind(document.kind)],
        "size": document.size,
        "data": base64.b64encode(bytes(document.content)).decode() if is_carried else "",
    }
