"""I3 `/iep/queues/`: nine lanes, live; what waits, and the buttons that change its order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit, screens
from iep.errors import NoSuchMove, NotAccepted
from iep.queries.banner import of_transfer
from iep.queries.lanes import pauses
from iep.queries.lanes import queues as queries
from iep.queries.lanes.rows import row_of
from iep.services.exchange import saying
from iep.services.lanes import pausing, transfers
from iep.states.priorities import ELIGIBILITY_WORDS, Priority

LISTS = {"out": "Waiting to go out", "in": "Waiting to come in", "sent": "Sent, unconfirmed"}


@require_safe
def queues(request: HttpRequest) -> HttpResponse:
    """The board, and one of the lists; `?wall=1` is for a screen on the wall, which stays."""
    response = render(request, "iep/queues.html", _context(request))
    if screens.is_wall(request):
        screens.stay(request, response)
    return response


@require_safe
def queues_now(request: HttpRequest) -> HttpResponse:
    """What changes of them, for the page to put in place every few seconds."""
    return render(request, "iep/_queues_now.html", _context(request) | {"is_now": True})


def _context(request: HttpRequest) -> dict[str, Any]:
    shown = request.GET.get("list", "")
    shown = shown if shown in LISTS else "out"
    is_wall = screens.is_wall(request)
    board = queries.board(request.acting, is_wall=is_wall)
    context: dict[str, Any] = {
        "board": board,
        "lists": LISTS,
        "shown": shown,
        "is_wall": is_wall,
        "may_control": request.acting.may("control_lanes") and not is_wall,
        "query": request.GET.urlencode(),
    }
    return context if is_wall else context | _listed(request, shown, board)


def _listed(request: HttpRequest, shown: str, board: queries.Board) -> dict[str, Any]:
    if shown == "sent":
        return {"rows": queries.unconfirmed(request.acting)}
    page = request.GET.get("page", "")
    number = int(page) if page.isdecimal() else 1
    return {"waiting": queries.waiting(request.acting, shown, board.rules, number)}


# --- Deeds ---------------------------------------------------------------------------------------

Deed = Callable[..., Any]
DEEDS: dict[str, Deed] = {
    "first": transfers.move_first,
    "up": transfers.move_up,
    "down": transfers.move_down,
    "pause": transfers.pause,
    "resume": transfers.resume,
    "retry": transfers.retry,
    "cancel": transfers.cancel,
}
ASK_AGAIN = (
    "Some images did not arrive. Please send this study again. We have {done} of {images} images."
)


@require_POST
def act(request: HttpRequest, pk: int) -> HttpResponse:
    """One deed on one transfer; back to the page that it came from, which says what was done."""
    transfer = queries.transfer_for(request.acting, pk)
    what = request.POST.get("do", "")
    try:
        _do(request, transfer, what)
    except (NotAccepted, NoSuchMove) as refused:
        sentence = getattr(refused, "sentence", "It has moved on meanwhile. Look again.")
        messages.error(request, sentence)
    else:
        messages.success(request, queries.told(transfer) if what != "ask" else "They were asked.")
    return redirect(_back(request))


def _do(request: HttpRequest, transfer: Any, what: str) -> None:
    by = request.acting
    if what in DEEDS:
        DEEDS[what](transfer, by=by)
    elif what == "series":
        transfers.retry(transfer, by=by, series_uid=request.POST.get("series", ""))
    elif what in ("normal", "batch"):
        wanted = Priority.NORMAL if what == "normal" else Priority.BATCH
        transfers.change_priority(transfer, wanted, by=by)
    elif what == "ask" and transfer.transaction is not None:
        words = ASK_AGAIN.format(done=transfer.images_done, images=transfer.images)
        saying.say(transfer.transaction, words, by)
    else:
        raise NotAccepted("unknown", "That cannot be done here.")


def _back(request: HttpRequest) -> str:
    """The page whose button it was: one of our own two."""
    wanted = request.POST.get("back", "")
    is_ours = wanted.startswith((reverse("iep:queues"), reverse("iep:failures")))
    if is_ours and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return wanted
    return reverse("iep:queues")


@require_http_methods(["GET", "HEAD", "POST"])
def priority(request: HttpRequest, pk: int) -> HttpResponse:
    """Blue Light for a transfer that has it not: a page in between that asks for the reason."""
    transfer = queries.transfer_for(request.acting, pk)
    errors = None
    if request.method == "POST":
        try:
            why = request.POST.get("why", "")
            transfers.change_priority(transfer, Priority.BLUE_LIGHT, why=why, by=request.acting)
        except NotAccepted as refused:
            errors = [{"text": refused.sentence, "href": "#why"}]
        except NoSuchMove:
            messages.error(request, "It has moved on meanwhile. Look again.")
            return redirect("iep:queues")
        else:
            messages.success(request, f"{transfer.title}: Blue Light now.")
            return redirect("iep:queues")
    banner = of_transfer(transfer)
    audit.record(
        acting=request.acting, action="view_transfer", object_type="iep.Transfer",
        object_id=transfer.pk, patient_id=banner.patient.pk if banner.patient else "",
        request=request,
    )  # fmt: skip
    context = {"row": row_of(transfer), "eligible": ELIGIBILITY_WORDS, "errors": errors}
    context |= banner.context
    return render(request, "iep/lane_priority.html", context, status=422 if errors else 200)


# --- Pausing --------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def pause_lane(request: HttpRequest, pk: int) -> HttpResponse:
    """What it means that a lane is paused, who did it when, and the button either way."""
    lane = pauses.lane(pk)
    context = {
        "label": f"Lane {pauses.label_of(lane)}", "held": lane, "back": reverse("iep:queues"),
        "back_words": "Queues", "warning": pausing.BLUE_ONLY if lane.is_blue_only else "",
    }  # fmt: skip
    return _pause(request, lane, context, pausing.pause_lane, pausing.resume_lane)


@require_http_methods(["GET", "HEAD", "POST"])
def pause_node(request: HttpRequest, pk: int) -> HttpResponse:
    """As a lane; with a machine everything for it waits, Blue Light too."""
    node = pauses.node(request.acting, pk)
    context = {
        "label": node.name, "held": node, "back_words": node.institution.name,
        "back": reverse("iep:institution", args=[node.institution_id]), "is_node": True,
    }  # fmt: skip
    return _pause(request, node, context, pausing.pause_node, pausing.resume_node)


def _pause(
    request: HttpRequest, held: Any, context: dict[str, Any], pause: Deed, resume: Deed
) -> HttpResponse:
    wrong: dict[str, str] = {}
    if request.method == "POST":
        try:
            if request.POST.get("do") == "resume":
                resume(held, by=request.acting)
                said = "takes work again"
            else:
                is_sure = bool(context.get("warning")) and request.POST.get("sure") == "yes"
                sure = {"is_sure": True} if is_sure else {}
                pause(held, request.POST.get("because", ""), by=request.acting, **sure)
                said = "is paused"
        except NotAccepted as refused:
            wrong = {_FIELDS.get(refused.code, "because"): refused.sentence}
            held.refresh_from_db()
        else:
            messages.success(request, f"{context['label']} {said}.")
            return redirect(context["back"])
    context |= {
        "wrong": wrong, "because": request.POST.get("because", ""),
        "errors": [{"text": words, "href": f"#{field}"} for field, words in wrong.items()],
        "history": pauses.history(held),
    }  # fmt: skip
    return render(request, "iep/pause.html", context, status=422 if wrong else 200)


_FIELDS = {"blue_only": "sure"}
