"""I1 `/iep/`: the tabs of the portal, its filters and its search, in one list that stays put."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from iep.forms.transactions import (
    choices,
    pills,
    read_drawn,
    read_filters,
    read_known,
    read_page,
    read_tab,
)
from iep.queries.arrival import refused
from iep.queries.home import listing as queries
from iep.queries.lanes import blue_light
from iep.states.transactions import TAB_WORDS, Tab
from nhsuk.formats import cdate_text
from patients import searches

EMPTY = {
    Tab.ACTION: "Nothing needs you.",
    Tab.ACCEPTED: "Nothing is accepted and waiting for its images.",
    Tab.PROGRESS: "No images are on their way.",
    Tab.FAILED: "Nothing has failed.",
    Tab.ALL: "Nothing is under way.",
}


@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """The list; what is searched for is posted, kept in the session and never in the address."""
    if request.method == "POST":
        token = searches.keep(request, request.POST.get("who", ""))
        return HttpResponseRedirect(reverse("iep:home", query={"tab": "all", "who": token}))
    context = _context(request)
    tab = context["tab"]
    page = queries.home(request.acting, tab, context["filters"], page=read_page(request.GET))
    context |= {"page": page, "counts": page.counts}
    audit.record(
        acting=request.acting, action="list_transactions", object_type="iep.Transaction",
        reason=f"tab {tab}", request=request,
    )  # fmt: skip
    return render(request, "iep/home.html", context)


def _asked(request: HttpRequest) -> tuple[Tab, queries.Filters, list[dict[str, str]]]:
    who = searches.kept(request, request.GET.get("who")) or ""
    return read_tab(request.GET), *read_filters(request.GET, who)


def _context(request: HttpRequest) -> dict[str, Any]:
    tab, filters, errors = _asked(request)
    return {
        "tab": tab,
        "tabs": [(each.value, words) for each, words in TAB_WORDS.items()],
        "alarms": blue_light.recent_alarms(request.acting),
        "held": refused.recently_held(request.acting),
        "filters": filters,
        "days": {
            name: cdate_text(day) if day else request.GET.get(name, "")
            for name, day in (("since", filters.since), ("until", filters.until))
        },
        "pills": pills(request.GET, filters),
        "query": request.GET,
        "who": filters.search,
        "drawn_before": read_drawn(request.GET),
        "choices": choices(),
        "empty": EMPTY,
        "errors": errors,
        "now": timezone.now(),
    }


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """The live line: the counts in place, and by how many rows the list is behind."""
    tab, filters, _ = _asked(request)
    drawn_at = read_drawn(request.GET) or timezone.now()
    behind = queries.behind(
        request.acting, tab, filters, drawn_at=drawn_at, known=read_known(request.GET)
    )
    context = {
        "behind": behind,
        "counts": behind.counts,
        "tabs": [(each.value, words) for each, words in TAB_WORDS.items()],
        "query": request.GET,
        "now": timezone.now(),
    }
    return render(request, "iep/_home_changes.html", context)
