"""Edit and send as a new message; the second person who agrees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from messaging import forms, queries, services
from messaging.errors import IntegrationError, NoSuchMove, NothingChanged

SAY_WHY_NOT = "Enter why you decline it"
ALREADY = "Somebody has dealt with this meanwhile. This is how it stands now."
NOTHING = "Nothing is changed yet. Change something in the message."


@require_http_methods(["GET", "HEAD", "POST"])
def correct_inbound(request: HttpRequest, pk: int) -> HttpResponse:
    message = queries.inbound_for(request.acting, pk, request=request)
    page = queries.page_of_inbound(message)
    return _correct(request, page, message, services.correct_inbound)


@require_http_methods(["GET", "HEAD", "POST"])
def correct_outbound(request: HttpRequest, pk: int) -> HttpResponse:
    message = queries.outbound_for(request.acting, pk, request=request)
    page = queries.page_of_outbound(message)
    return _correct(request, page, message, services.correct_outbound)


def _correct(
    request: HttpRequest, page: queries.MessagePage, message: Any, verb: Callable[..., Any]
) -> HttpResponse:
    """First the text, then what it changes, then it goes, or waits for a second person."""
    if not page.may_correct or page.correction:
        messages.warning(request, ALREADY)
        return redirect(f"messaging:{page.line.direction}", message.pk)
    if request.method != "POST":
        text = queries.text_of_message(message)
        return _editor(request, page, {"text": text, "reason": ""}, {})
    form = forms.CorrectionForm(request.POST)
    if not form.is_valid():
        return _editor(request, page, request.POST, forms.problems_of(form))
    data = form.cleaned_data
    try:
        draft = services.check_correction(message, text=data["text"], by=request.acting)
        if "send" not in request.POST:
            return _editor(request, page, data, {}, draft=draft)
        done = verb(message, text=data["text"], reason=data["reason"], by=request.acting)
    except NothingChanged:
        return _editor(request, page, data, {"text": NOTHING})
    except IntegrationError as refusal:
        return _editor(request, page, data, {"text": refusal.sentence})
    except NoSuchMove:
        messages.warning(request, ALREADY)
        return redirect(f"messaging:{page.line.direction}", message.pk)
    return _done(request, page, message, done)


def _editor(
    request: HttpRequest,
    page: queries.MessagePage,
    data: Any,
    problems: dict[str, str],
    **more: Any,
) -> HttpResponse:
    context = {"page": page, "text": data.get("text", ""), "reason": data.get("reason", "")}
    errors = [{"text": words, "href": f"#{name}"} for name, words in problems.items()]
    context |= {"problems": problems, "errors": errors, **more}
    return render(request, "messaging/correct.html", context, status=422 if problems else 200)


def _done(request: HttpRequest, page: Any, message: Any, correction: Any) -> HttpResponse:
    if correction.needs_second:
        messages.success(request, "It waits for a second person to agree.")
        return redirect("messaging:correction", correction.pk)
    messages.success(request, "The corrected message is on its way.")
    return redirect(f"messaging:{page.line.direction}", message.pk)


# --- The second person ---------------------------------------------------------------------------


@require_safe
def corrections(request: HttpRequest) -> HttpResponse:
    """Those that wait for a second person, and the last that were decided."""
    waiting, decided = queries.corrections_for(request.acting)
    context = {"waiting": waiting, "decided": decided}
    return render(request, "messaging/corrections.html", context)


@require_safe
def correction(request: HttpRequest, pk: int) -> HttpResponse:
    return _correction(request, pk)


def _correction(
    request: HttpRequest, pk: int, *, problem: str = "", status: int = 200
) -> HttpResponse:
    found = queries.correction_for(request.acting, pk, request=request)
    context: dict[str, Any] = {"page": queries.page_of_correction(request.acting, found)}
    context |= {"problem": problem, "reason": request.POST.get("reason", "")}
    if problem:
        context["errors"] = [{"text": problem, "href": "#reason"}]
    return render(request, "messaging/correction.html", context, status=status)


@require_POST
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    found = queries.correction_for(request.acting, pk, request=request)
    try:
        services.approve_correction(found, by=request.acting)
    except NoSuchMove:
        return _correction(request, pk, problem=ALREADY, status=409)
    except IntegrationError as refusal:
        return _correction(request, pk, problem=refusal.sentence, status=422)
    messages.success(request, "Agreed. The corrected message is on its way.")
    return redirect("messaging:correction", pk)


@require_POST
def decline(request: HttpRequest, pk: int) -> HttpResponse:
    found = queries.correction_for(request.acting, pk, request=request)
    form = forms.ReasonForm(request.POST, missing=SAY_WHY_NOT)
    if not form.is_valid():
        return _correction(request, pk, problem=form.problem, status=422)
    try:
        services.decline_correction(found, reason=form.cleaned_data["reason"], by=request.acting)
    except NoSuchMove:
        return _correction(request, pk, problem=ALREADY, status=409)
    messages.success(request, "Declined. The message waits as it was.")
    return redirect("messaging:correction", pk)
