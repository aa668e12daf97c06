"""R5 and A1: my requests, and everybody's at this practice: the same list, other people's rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from patients import queries as patients
from patients import searches
from requesting import filtering, queries
from requesting.states import Lane

LANE_WORDS: tuple[tuple[str, str], ...] = (
    (Lane.NEEDS_YOU, "Needs you"),
    (Lane.WAITING, "Waiting"),
    (Lane.BOOKED, "Booked"),
    (Lane.DONE, "Done"),
    ("all", "All"),
    ("drafts", "Drafts"),
)
EMPTY = {
    Lane.NEEDS_YOU: "Nothing needs you.",
    Lane.WAITING: "Nothing is waiting. A request that you send appears here.",
    Lane.BOOKED: "Nothing is booked.",
    Lane.DONE: "Nothing is done yet. Reviewed and cancelled requests appear here.",
    "all": "No requests yet. Find a patient to ask for a test.",
    "drafts": "No drafts. What you choose and do not send is kept here.",
}


@require_http_methods(["GET", "HEAD", "POST"])
def mine(request: HttpRequest) -> HttpResponse:
    """`/requests/`: what this person asked for."""
    return _tracker(request, "requesting:mine", mine=True)


@require_http_methods(["GET", "HEAD", "POST"])
def practice(request: HttpRequest) -> HttpResponse:
    """`/practice/`: what everybody here asked for."""
    return _tracker(request, "requesting:practice", mine=False)


def _tracker(request: HttpRequest, name: str, *, mine: bool) -> HttpResponse:
    if request.method == "POST":
        return _find(request, name)
    context = _context(request, name, mine=mine)
    context["page"] = _rows(request, context)
    if context["lane"] == "drafts":
        context["drafts"] = queries.open_drafts(request.acting)
    audit.record(
        acting=request.acting, action="list_requests", object_type="requesting.RequestItem",
        reason=f"{name.partition(':')[2]} {context['lane']}", request=request,
    )  # fmt: skip
    return render(request, "requesting/tracker.html", context)


def _rows(request: HttpRequest, context: dict[str, Any]) -> queries.TrackerPage:
    """The page of rows; from the beginning when the address names no place in the list."""
    lane, filters = _lane_of(context["lane"]), context["filters"]
    try:
        return queries.tracker(request.acting, lane, filters, request.GET.get("after", ""))
    except ValueError:
        return queries.tracker(request.acting, lane, filters)


def _find(request: HttpRequest, name: str) -> HttpResponse:
    """What was typed about a patient is posted and kept, never in the address."""
    token = searches.keep(request, request.POST.get("who", ""))
    return HttpResponseRedirect(reverse(name, query={"lane": "all", "who": token}))


def _context(request: HttpRequest, name: str, *, mine: bool) -> dict[str, Any]:
    who = searches.kept(request, request.GET.get("who"))
    found = patients.find(who, acting=request.acting, request=request) if who else None
    filters, problems = filtering.read(request.GET, mine=mine)
    if found is not None:
        filters = filtering.only(filters, [found.exact] if found.exact else found.patients)
    return {
        "name": name,
        "is_mine": mine,
        "lane": _lane(request),
        "lanes": LANE_WORDS if mine else LANE_WORDS[:-1],
        "empty": EMPTY,
        "counts": queries.counts(request.acting, mine=mine),
        "drafts_count": len(queries.open_drafts(request.acting)) if mine else 0,
        "filters": filters,
        "who": who or "",
        "chips": filtering.chips(request.GET, who),
        "choices": filtering.choices(request.acting),
        "days": filtering.typed(request.GET, filters),
        "query": request.GET,
        "errors": problems + _who_problem(found),
        "now": timezone.now(),
    }


def _who_problem(found: patients.Found | None) -> list[dict[str, str]]:
    return [{"text": found.problem, "href": "#who"}] if found and found.problem else []


def _lane(request: HttpRequest) -> str:
    wanted = request.GET.get("lane", "")
    return wanted if wanted in dict(LANE_WORDS) else Lane.NEEDS_YOU


def _lane_of(wanted: str) -> Lane | None:
    return None if wanted in ("all", "drafts") else Lane(wanted)


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """The live line above the list: the counts, and whether the list is behind them."""
    mine = request.GET.get("whose") == "mine"
    context = {
        "counts": queries.counts(request.acting, mine=mine),
        "lanes": LANE_WORDS[:4],
        "lane": _lane(request),
        "known": request.GET.get("known", ""),
        "name": "requesting:mine" if mine else "requesting:practice",
        "now": timezone.now(),
    }
    return render(request, "requesting/_tracker_changes.html", context)


# --- The list as a file --------------------------------------------------------------------------

COLUMNS = (
    "Reference", "Patient", "NHS number", "Test", "Requested by", "Requested", "Status", "Next",
    "Days waiting",
)  # fmt: skip


@require_safe
def download(request: HttpRequest) -> StreamingHttpResponse:
    """The whole lane as CSV: UTF-8 with a mark for spreadsheets, ISO dates, no formulas."""
    mine = request.GET.get("whose") == "mine"
    lane = _lane(request)
    filters, _ = filtering.read(request.GET, mine=mine)
    audit.record(
        acting=request.acting, action="download_requests", reason=lane,
        object_type="requesting.RequestItem", request=request,
    )  # fmt: skip
    lines = _lines(request.acting, _lane_of(lane), filters)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    today = timezone.localdate()
    response["Content-Disposition"] = f'attachment; filename="requests-{lane}-{today}.csv"'
    return response


class _Echo:
    """A file that hands each line straight on."""

    def write(self, line: str) -> str:
        return line


def _lines(acting: Any, lane: Lane | None, filters: queries.Filters) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(COLUMNS)
    after = ""
    while True:
        page = queries.tracker(acting, lane, filters, after)
        yield from (writer.writerow(map(_harmless, _cells(row))) for row in page.rows)
        after = page.after
        if not after:
            return


def _cells(row: queries.TrackerRow) -> tuple[str, ...]:
    item = row.item
    return (
        item.request.reference,
        f"{item.patient.family_name}, {item.patient.given_names}",
        item.patient.nhs_number or "",
        item.service_name,
        item.requester.display_name,
        timezone.localtime(item.requested_at).isoformat(timespec="minutes"),
        item.status,
        row.sentence,
        str(row.days_waiting),
    )


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula gets an apostrophe (ASVS 1.2.10)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0")) else cell
