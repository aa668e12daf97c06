"""The operators' pages: what needs a person, the partners, one message laid open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from . import forms, queries, services
from .errors import NoSuchMove

SAY_HOW = "Enter what you did about it"
SAY_WHY = "Enter why you stop sending"
ALREADY = "Somebody has dealt with this message meanwhile. This is how it stands now."


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What needs a person, what waits, what was refused, what is done; and every partner."""
    lists = queries.lists_for(
        request.acting, shown=request.GET.get("list", ""), page=forms.page_of(request.GET)
    )
    context = {"lists": lists, "partners": queries.partner_states(request.acting)}
    return render(request, "messaging/queue.html", context)


# --- One message ---------------------------------------------------------------------------------


@require_safe
def inbound(request: HttpRequest, pk: int) -> HttpResponse:
    return _inbound(request, queries.inbound_for(request.acting, pk, request=request))


@require_safe
def outbound(request: HttpRequest, pk: int) -> HttpResponse:
    return _outbound(request, queries.outbound_for(request.acting, pk, request=request))


def _inbound(request: HttpRequest, message: Any, **more: Any) -> HttpResponse:
    return _message(request, queries.page_of_inbound(message), **more)


def _outbound(request: HttpRequest, message: Any, **more: Any) -> HttpResponse:
    return _message(request, queries.page_of_outbound(message), **more)


def _message(
    request: HttpRequest, page: queries.MessagePage, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {"page": page, "reason": request.POST.get("reason", ""), "problem": problem}
    if problem:
        context["errors"] = [{"text": problem, "href": "#reason" if page.may_handle else "#state"}]
    return render(request, "messaging/message.html", context, status=status)


@require_POST
def retry_inbound(request: HttpRequest, pk: int) -> HttpResponse:
    message = queries.inbound_for(request.acting, pk, request=request)
    return _retry(request, message, services.retry_inbound, "in")


@require_POST
def retry_outbound(request: HttpRequest, pk: int) -> HttpResponse:
    message = queries.outbound_for(request.acting, pk, request=request)
    return _retry(request, message, services.retry_outbound, "out")


def _retry(
    request: HttpRequest, message: Any, verb: Callable[..., Any], direction: str
) -> HttpResponse:
    try:
        verb(message, by=request.acting)
    except NoSuchMove:
        return _too_late(request, message.pk, direction)
    messages.success(request, "It will be tried again now.")
    return redirect(f"messaging:{direction}", message.pk)


@require_POST
def handle_inbound(request: HttpRequest, pk: int) -> HttpResponse:
    message = queries.inbound_for(request.acting, pk, request=request)
    return _handle(request, message, services.handle_inbound, "in")


@require_POST
def handle_outbound(request: HttpRequest, pk: int) -> HttpResponse:
    message = queries.outbound_for(request.acting, pk, request=request)
    return _handle(request, message, services.handle_outbound, "out")


def _handle(
    request: HttpRequest, message: Any, verb: Callable[..., Any], direction: str
) -> HttpResponse:
    form = forms.ReasonForm(request.POST, missing=SAY_HOW)
    if not form.is_valid():
        show = _inbound if direction == "in" else _outbound
        return show(request, message, problem=form.problem, status=422)
    try:
        verb(message, reason=form.cleaned_data["reason"], by=request.acting)
    except NoSuchMove:
        return _too_late(request, message.pk, direction)
    messages.success(request, "Marked as handled.")
    return redirect("messaging:queue")


def _too_late(request: HttpRequest, pk: int, direction: str) -> HttpResponse:
    if direction == "in":
        message = queries.inbound_for(request.acting, pk, request=request)
        return _inbound(request, message, problem=ALREADY, status=409)
    message = queries.outbound_for(request.acting, pk, request=request)
    return _outbound(request, message, problem=ALREADY, status=409)


# --- One partner ---------------------------------------------------------------------------------


@require_safe
def partner(request: HttpRequest, pk: int) -> HttpResponse:
    return _partner(request, pk)


def _partner(
    request: HttpRequest, pk: int, *, problem: str = "", status: int = 200
) -> HttpResponse:
    found = queries.partner_for(request.acting, pk)
    context = {"partner": queries.partner_state(request.acting, found), "problem": problem}
    context["reason"] = request.POST.get("reason", "")
    if problem:
        context["errors"] = [{"text": problem, "href": "#reason"}]
    return render(request, "messaging/partner.html", context, status=status)


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    found = queries.partner_for(request.acting, pk)
    form = forms.ReasonForm(request.POST, missing=SAY_WHY)
    if not form.is_valid():
        return _partner(request, pk, problem=form.problem, status=422)
    services.pause_partner(found, reason=form.cleaned_data["reason"], by=request.acting)
    messages.success(request, f"Nothing is sent to {found.name} until somebody starts it again.")
    return redirect("messaging:partner", pk)


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    found = queries.partner_for(request.acting, pk)
    services.resume_partner(found, by=request.acting)
    messages.success(request, f"Sending to {found.name} again.")
    return redirect("messaging:partner", pk)
