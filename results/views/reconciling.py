"""Reconciliation: partners' lists beside ours, what differs, what is done about it; and the
results that matched no request."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from messaging import queries as messaging
from messaging.errors import NoSuchMove
from requesting import services as requesting
from requesting.errors import Refused
from requesting.partner_lists import LARGEST, LIST_WORDS, NotAList
from requesting.queries import reconciling as differences
from requesting.reconciling import WORDS
from results import services
from results.queries import rates, unmatched
from results.unmatched import CannotAttach, State

GONE = "Somebody has dealt with it already."


# --- Partners' lists -----------------------------------------------------------------------------


@require_safe
def reconciliation(request: HttpRequest) -> HttpResponse:
    """What differs, urgent and oldest first; each partner's last lists; results by practice."""
    return _reconciliation(request)


def _reconciliation(request: HttpRequest, problem: str = "", partner: int = 0) -> HttpResponse:
    number, kind = request.GET.get("page", "1"), request.GET.get("kind", "")
    page = differences.reconciliation(
        request.acting, page=int(number) if number.isdecimal() else 1, kind=kind
    )
    href = f"#list-{partner}"
    context = {
        "page": page,
        "kind": kind,
        "kinds": WORDS.items(),
        "list_words": LIST_WORDS,
        "rates": rates.rates_for(request.acting),
        "refused": services.refused_files() if page.sees_all else [],
        "problem": problem,
        "problem_at": partner,
        "errors": [{"text": problem, "href": href}] if problem else None,
    }
    status = 422 if problem else 200
    return render(request, "results/reconciliation.html", context, status=status)


@require_POST
def compare(request: HttpRequest, partner_id: int) -> HttpResponse:
    """A list that a person has from the partner."""
    partner = messaging.partner_for(request.acting, partner_id)
    file = request.FILES.get("list")
    if file is None:
        return _reconciliation(request, "Choose the partner’s file", partner_id)
    try:
        came = services.reconcile(partner, file.read(LARGEST + 1), by=request.acting)
    except (NotAList, Refused) as refusal:
        return _reconciliation(request, refusal.sentence, partner_id)
    messages.success(
        request,
        f"{came.rows} rows compared: {came.found} differ, {came.new} of them new; "
        f"{came.gone} agree now.",
    )
    return redirect("results:reconciliation")


@require_http_methods(["GET", "HEAD", "POST"])
def difference(request: HttpRequest, pk: int) -> HttpResponse:
    """One difference, and what a person does about it."""
    if request.method != "POST":
        return _difference(request, pk)
    row = differences.difference_for(request.acting, pk)
    try:
        words = _deed(request, row)
    except Refused as refused:
        return _difference(request, pk, refused.sentence)
    messages.success(request, words)
    return redirect("results:difference", pk)


def _deed(request: HttpRequest, row: Any) -> str:
    deed, said, by = request.POST.get("do", ""), request.POST.get("reason", ""), request.acting
    if deed == "explain":
        requesting.explain(row, reason=said, by=by)
        return "Marked as explained. It comes back when it differs in another way."
    if deed == "asked":
        whom = request.POST.get("spoken_to", "")
        requesting.note_call(row, reason=said, spoken_to=whom, by=by)
        return "Noted. It stays on the list until the two sides agree."
    if deed == "resend":
        if request.POST.get("sure") != "yes":
            raise Refused("Tick that they do not have it")
        requesting.resend(row, by=by)
        return "Sent again as a new message, with the same order number."
    raise Refused("Choose what to do")


def _difference(request: HttpRequest, pk: int, problem: str = "") -> HttpResponse:
    context = {
        "page": differences.page_of_difference(request.acting, pk),
        "said": request.POST,
        "errors": [{"text": problem.rstrip("."), "href": "#act"}] if problem else None,
    }
    return render(request, "results/difference.html", context, status=422 if problem else 200)


# --- Results that matched no request -------------------------------------------------------------


@require_safe
def unmatched_list(request: HttpRequest) -> HttpResponse:
    """All of them, what is due first."""
    context = {
        "lines": unmatched.unmatched(request.acting),
        "ended": unmatched.attached_lately(request.acting),
    }
    return render(request, "results/unmatched.html", context)


@require_safe
def unmatched_one(request: HttpRequest, pk: int) -> HttpResponse:
    """One result beside the requests that it may belong to."""
    page = unmatched.page_of_unmatched(request.acting, pk, request=request)
    return render(request, "results/unmatched_one.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
def attach(request: HttpRequest, pk: int, item_id: uuid.UUID) -> HttpResponse:
    """The second step: the one that was chosen, what agrees, and how the person made sure."""
    if request.method != "POST":
        return _attach(request, pk, item_id)
    row = unmatched.unmatched_row(request.acting, pk)
    chosen = unmatched.candidate(request.acting, pk, item_id)
    try:
        reason = request.POST.get("reason", "")
        done = services.attach(row, chosen.item, reason=reason, by=request.acting)
    except CannotAttach as refusal:
        return _attach(request, pk, item_id, refusal.sentence)
    except NoSuchMove:
        messages.info(request, GONE)
        return redirect("results:unmatched")
    if done.state == State.PROPOSED:
        messages.info(request, "Proposed. It is filed when a second person agrees.")
    else:
        messages.success(request, f"Filed with {chosen.item.request.reference}.")
    return redirect("results:unmatched")


def _attach(request: HttpRequest, pk: int, item_id: uuid.UUID, problem: str = "") -> HttpResponse:
    context = {
        "page": unmatched.page_of_unmatched(request.acting, pk, request=request),
        "chosen": unmatched.candidate(request.acting, pk, item_id),
        "said": request.POST.get("reason", ""),
        "problem": problem.rstrip("."),
        "errors": [{"text": problem.rstrip("."), "href": "#reason"}] if problem else None,
    }
    return render(request, "results/attach.html", context, status=422 if problem else 200)


@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person agrees, or somebody takes the proposal back."""
    row = unmatched.unmatched_row(request.acting, pk)
    proposal = unmatched.proposal_of(row)
    if proposal is None:
        raise Http404
    try:
        if request.POST.get("do") == "approve":
            services.approve_attachment(proposal, by=request.acting)
            messages.success(request, "Filed.")
        else:
            services.decline_attachment(proposal, by=request.acting)
            messages.info(request, "Not filed. It stays on the list.")
    except CannotAttach as refusal:
        messages.info(request, refusal.sentence)
    except NoSuchMove:
        messages.info(request, GONE)
    return redirect("results:unmatched")
