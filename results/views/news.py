"""Held news: what is held now and since when, and that what was held has been accounted for."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from results import services
from results.queries import news as queries

SAY_WHY = "Enter why the e-mails are held"
LONGEST = 300


@require_http_methods(["GET", "HEAD", "POST"])
def holds(request: HttpRequest) -> HttpResponse:
    """All holds; a new one by POST."""
    if request.method != "POST":
        return _holds(request)
    reason = request.POST.get("reason", "").strip()
    if not reason or len(reason) > LONGEST:
        return _holds(request, problem="Use 300 characters or fewer." if reason else SAY_WHY)
    named = [request.POST.get(name, "") for name in ("department", "practice")]
    places = [queries.place_chosen(code) for code in named]
    if any(code and place is None for code, place in zip(named, places, strict=True)):
        return _holds(request, problem="Choose a place of the list.")  # never all of them instead
    department, practice = places
    services.hold_news(
        reason=reason, department=department, practice=practice, by=request.acting
    )  # fmt: skip
    messages.success(request, "E-mails about routine results are held. The results are not.")
    return redirect("results:holds")


def _holds(request: HttpRequest, *, problem: str = "") -> HttpResponse:
    running, ended = queries.holds_for(request.acting)
    departments, practices = queries.places_to_choose()
    context = {
        "running": running,
        "ended": ended,
        "departments": departments,
        "practices": practices,
        "said": request.POST,
        "problem": problem,
    }
    if problem:
        context["errors"] = [{"text": problem, "href": "#reason"}]
    return render(request, "results/holds.html", context, status=422 if problem else 200)


@require_POST
def release(request: HttpRequest, pk: int) -> HttpResponse:
    hold = queries.hold_by_id(request.acting, pk)
    ended = services.release_news(hold, by=request.acting)
    messages.success(
        request,
        f"Released: {ended.held} held, {ended.released} to be told of, "
        f"{ended.cancelled} already read or replaced.",
    )
    return redirect("results:holds")
