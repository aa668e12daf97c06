"""V1 and V2: the department's list, and one decision after another.

Every decision is a press of one button of a plain form and leads to the next request, where a bar
says what was decided and takes it back. What could not be saved says so and keeps what was typed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from catalogue.errors import UnknownService
from requesting import filtering, queries, services
from requesting.errors import MoveRefused, Refused, TooLateToUndo, VettingTaken
from requesting.queries import VettingDetail, VettingLane

LANE_WORDS: tuple[tuple[VettingLane, str], ...] = (
    (VettingLane.TO_VET, "To vet"),
    (VettingLane.MINE, "Mine"),
    (VettingLane.WAITING, "Waiting for answer"),
    (VettingLane.DECIDED, "Decided today"),
)
EMPTY = {
    VettingLane.TO_VET: "Nothing to vet. New requests appear here.",
    VettingLane.MINE: "You have no request open. One that you open and leave undecided is here.",
    VettingLane.WAITING: "No question is waiting for an answer.",
    VettingLane.DECIDED: "Nothing decided today yet.",
}


# --- V1 ------------------------------------------------------------------------------------------


@require_safe
def worklist(request: HttpRequest) -> HttpResponse:
    """V1 `/vetting/`: urgent first, then the oldest."""
    lane = _lane(request)
    filters = filtering.of_department(request.GET)
    page = queries.department_worklist(
        request.acting, lane, filters, page=filtering.page_number(request.GET)
    )
    audit.record(
        acting=request.acting, action="list_requests", object_type="requesting.RequestItem",
        reason=f"vetting {lane}", request=request,
    )  # fmt: skip
    context = {
        "page": page,
        "lane": lane,
        "lanes": LANE_WORDS,
        "empty": EMPTY,
        "narrowing": queries.narrowing(request.acting),
        "query": request.GET,
        "chips": filtering.department_chips(request.GET),
        "decided": _decided(request),
        "now": timezone.now(),
    }
    return render(request, "requesting/vetting.html", context)


def _lane(request: HttpRequest) -> VettingLane:
    wanted = request.GET.get("lane", "")
    return VettingLane(wanted) if wanted in set(VettingLane) else VettingLane.TO_VET


def _decided(request: HttpRequest) -> queries.JustDecided | None:
    wanted = request.GET.get("decided")
    return queries.just_decided(request.acting, wanted) if wanted else None


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """The live line: how many came since the list was drawn, and the counts."""
    since = _moment(request.GET.get("since", "")) or timezone.now()
    context = {
        "fresh": queries.came_since(request.acting, since),
        "counts": queries.department_counts(request.acting),
        "lanes": LANE_WORDS,
        "now": timezone.now(),
    }
    return render(request, "requesting/_vetting_changes.html", context)


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """To the most urgent that nobody else is looking at."""
    first = queries.next_to_vet(request.acting)
    return redirect("requesting:vet", first) if first else redirect("requesting:vetting")


# --- V2 ------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def vet(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    """V2 `/vetting/<uuid>/`: one request; opening it shows the others who is deciding."""
    if request.method == "POST":
        return _decide(request, item_id)
    page = queries.vetting_for(request.acting, item_id, request=request)
    if page.may_decide and not page.looking and request.method == "GET":
        try:
            services.vet_open(page.item, by=request.acting)
        except VettingTaken:
            page = queries.vetting_for(request.acting, item_id, request=request)
    return _page(request, page)


def _page(
    request: HttpRequest,
    page: VettingDetail,
    *,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = {
        "page": page,
        "item": page.item,
        "patient": page.patient,
        "decided": _decided(request) if request.method != "POST" else None,
        "errors": errors,
        "typed": {name: request.POST.get(name, "") for name in ("question", "exam")},
        "words": {request.POST.get("do", ""): request.POST.get("words", "")},
    }
    return render(request, "requesting/vet.html", context | more, status=status)


def _decide(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    item = queries.item_row(request.acting, item_id, request=request)
    verb, _, argument = request.POST.get("do", "").partition(" ")
    deed = DEEDS.get(verb)
    if deed is None:
        return _again(request, item_id, "Choose what to decide", status=400)
    try:
        return deed(request, item, argument)
    except VettingTaken as taken:
        words = f"{taken.name} is looking at this since {taken.since}. Your decision was not saved"
        return _again(request, item_id, words, status=409)
    except MoveRefused:
        return _decided_before(request, item_id)
    except TooLateToUndo as late:
        words = f"Too late to undo: it is on its way. {f'Ring {late.phone}' if late.phone else ''}"
        return _again(request, item_id, words.strip(), status=409)
    except Refused as refused:
        return _again(request, item_id, refused.sentence.rstrip("."), f"#{verb}", status=422)


def _again(
    request: HttpRequest, item_id: uuid.UUID, words: str, href: str = "#decide", *, status: int
) -> HttpResponse:
    page = queries.vetting_for(request.acting, item_id, request=request)
    return _page(request, page, errors=[{"text": words, "href": href}], status=status)


def _decided_before(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    """A second press of one's own decision leads on; somebody else's is shown."""
    mine = queries.just_decided(request.acting, str(item_id))
    if mine and mine.seconds_left:
        return _on(request, mine.item, queries.next_to_vet(request.acting))
    words = "This request was decided already. Your decision was not saved"
    return _again(request, item_id, words, status=409)


# --- The decisions -------------------------------------------------------------------------------

Item = Any  # a requesting.models.RequestItem: screens never touch models
Deed = Callable[[HttpRequest, Item, str], HttpResponse]


def _decision(decide: Callable[[HttpRequest, Item, str], object]) -> Deed:
    """Decide, and go on to the one that follows in the list."""

    def deed(request: HttpRequest, item: Item, argument: str) -> HttpResponse:
        following = queries.next_to_vet(request.acting, after=item.pk)
        decide(request, item, argument)
        return _on(request, item, following)

    return deed


def _on(request: HttpRequest, item: Item, following: uuid.UUID | None) -> HttpResponseRedirect:
    address = reverse("requesting:vet", args=[following]) if following else None
    where = address or reverse("requesting:vetting")
    return HttpResponseRedirect(f"{where}?decided={item.pk}")


def _accept(request: HttpRequest, item: Item, argument: str) -> object:
    return services.vet_accept(item, by=request.acting)


def _change(request: HttpRequest, item: Item, argument: str) -> object:
    code, _, side = request.POST.get("exam", "").partition(" ")
    try:
        service = queries.exam(code)
    except UnknownService:
        raise Refused("Choose the examination to change to.", rule="change_exam") from None
    return services.vet_change_exam(item, service=service, side=side, by=request.acting)


def _ask(request: HttpRequest, item: Item, argument: str) -> object:
    return services.vet_ask(item, question=request.POST.get("question", ""), by=request.acting)


def _reject(request: HttpRequest, item: Item, argument: str) -> object:
    words = request.POST.get("words", "")
    return services.vet_reject(item, reason=argument, words=words, by=request.acting)


def _undo(request: HttpRequest, item: Item, argument: str) -> HttpResponse:
    services.vet_undo(item, by=request.acting)
    return redirect("requesting:vet", item.pk)


def _take_over(request: HttpRequest, item: Item, argument: str) -> HttpResponse:
    services.vet_take_over(item, by=request.acting)
    return redirect("requesting:vet", item.pk)


def _leave(request: HttpRequest, item: Item, argument: str) -> HttpResponse:
    """Undecided, to the next; from the last of the list, back to it."""
    following = queries.next_to_vet(request.acting, after=item.pk)
    services.vet_leave(item, by=request.acting)
    if following is None:
        return redirect("requesting:vetting")
    return redirect("requesting:vet", following)


DEEDS: dict[str, Deed] = {
    "accept": _decision(_accept),
    "change": _decision(_change),
    "ask": _decision(_ask),
    "reject": _decision(_reject),
    "undo": _undo,
    "take-over": _take_over,
    "leave": _leave,
}
