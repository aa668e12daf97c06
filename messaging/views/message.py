"""One message laid open, and what an operator does about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from messaging import forms, queries, services
from messaging.errors import NoSuchMove

SAY_HOW = "Enter what you did about it"
ALREADY = "Somebody has dealt with this message meanwhile. This is how it stands now."


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
    request: HttpRequest,
    page: queries.MessagePage,
    *,
    problem: str = "",
    problems: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    said = {name: request.POST.get(name, "") for name in ("reason", "spoken_to", "spoken_at")}
    context: dict[str, Any] = {"page": page, "said": said, "problems": problems or {}}
    errors = [{"text": words, "href": f"#{name}"} for name, words in (problems or {}).items()]
    if problem:
        errors.append({"text": problem, "href": "#state"})
    context["errors"] = errors
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
    form = forms.HandleForm(request.POST, missing=SAY_HOW)
    if not form.is_valid():
        show = _inbound if direction == "in" else _outbound
        return show(request, message, problems=forms.problems_of(form), status=422)
    try:
        verb(message, by=request.acting, **form.cleaned_data)
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


# --- Its bytes -----------------------------------------------------------------------------------


@require_safe
def bytes_inbound(request: HttpRequest, pk: int) -> HttpResponse:
    return _bytes(request, "in", pk)


@require_safe
def bytes_outbound(request: HttpRequest, pk: int) -> HttpResponse:
    return _bytes(request, "out", pk)


def _bytes(request: HttpRequest, direction: str, pk: int) -> HttpResponse:
    """A stretch of the bytes: offset, hexadecimal, text."""
    page = queries.bytes_page(
        request.acting, direction, pk, page=forms.page_of(request.GET), request=request
    )
    return render(request, "messaging/bytes.html", {"page": page})


@require_safe
def raw_inbound(request: HttpRequest, pk: int) -> HttpResponse:
    message = queries.inbound_for(request.acting, pk, request=request, action="download_message")
    return _raw(message, "in")


@require_safe
def raw_outbound(request: HttpRequest, pk: int) -> HttpResponse:
    message = queries.outbound_for(request.acting, pk, request=request, action="download_message")
    return _raw(message, "out")


def _raw(message: Any, direction: str) -> HttpResponse:
    """The bytes as they are, to be kept and never shown by the browser."""
    answer = HttpResponse(bytes(message.raw), content_type="text/plain")
    answer["Content-Disposition"] = f'attachment; filename="message-{direction}-{message.pk}.hl7"'
    return answer
