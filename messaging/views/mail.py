"""The mail pages: what became of each mail, what came back, and the directory of mailboxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from messaging import forms
from messaging.errors import MailboxRefused, NoSuchMove, NotSendable
from messaging.mail_states import PURPOSE_WORDS
from messaging.queries import mail as directory_queries
from messaging.queries import mails as queries
from messaging.services import mail as services

SAY_HOW = "Enter what you did about it"
ALREADY = "Somebody has dealt with this mail meanwhile. This is how it stands now."


@require_safe
def mails(request: HttpRequest) -> HttpResponse:
    """What needs a person, what waits, what was sent, what is done."""
    lists = queries.mail_lists(
        request.acting,
        shown=request.GET.get("list", ""),
        purpose=request.GET.get("purpose", ""),
        page=forms.page_of(request.GET),
    )
    context = {"lists": lists, "health": queries.mail_health(), "purposes": PURPOSE_WORDS}
    return render(request, "messaging/mails.html", context)


# --- One mail ------------------------------------------------------------------------------------


@require_safe
def mail(request: HttpRequest, pk: int) -> HttpResponse:
    return _mail(request, pk)


def _mail(request: HttpRequest, pk: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    found = queries.mail_for(request.acting, pk, request=request)
    page = queries.page_of_mail(found)
    context = {"page": page, "reason": request.POST.get("reason", ""), "problem": problem}
    if problem:
        context["errors"] = [{"text": problem, "href": "#reason" if page.may_handle else "#state"}]
    return render(request, "messaging/mail.html", context, status=status)


@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """The same mail again, to the same address."""
    return _act(request, pk, services.retry_mail, "It will be sent again now.")


@require_POST
def readdress(request: HttpRequest, pk: int) -> HttpResponse:
    """A new mail to the address that stands in the directory now."""
    return _act(request, pk, services.send_to_corrected, "It is sent to the corrected address.")


def _act(request: HttpRequest, pk: int, verb: Callable[..., Any], said: str) -> HttpResponse:
    found = queries.mail_for(request.acting, pk, request=request)
    try:
        now = verb(found, by=request.acting)
    except NoSuchMove:
        return _mail(request, pk, problem=ALREADY, status=409)
    except NotSendable as refusal:
        return _mail(request, pk, problem=refusal.sentence, status=422)
    messages.success(request, said)
    return redirect("messaging:mail", now.pk)


@require_POST
def handle(request: HttpRequest, pk: int) -> HttpResponse:
    found = queries.mail_for(request.acting, pk, request=request)
    form = forms.ReasonForm(request.POST, missing=SAY_HOW)
    if not form.is_valid():
        return _mail(request, pk, problem=form.problem, status=422)
    try:
        services.handle_mail(found, reason=form.cleaned_data["reason"], by=request.acting)
    except NoSuchMove:
        return _mail(request, pk, problem=ALREADY, status=409)
    messages.success(request, "Marked as handled.")
    return redirect("messaging:mails")


# --- What came back ------------------------------------------------------------------------------


@require_safe
def bounce(request: HttpRequest, pk: int) -> HttpResponse:
    return _bounce(request, pk)


def _bounce(request: HttpRequest, pk: int, *, problem: str = "", status: int = 200) -> HttpResponse:
    found = queries.bounce_for(request.acting, pk, request=request)
    context = {
        "bounce": found,
        "text": queries.text_of_bounce(found),
        "is_open": queries.line_of_bounce(found).whose != "",
        "reason": request.POST.get("reason", ""),
        "problem": problem,
    }
    if problem:
        context["errors"] = [
            {"text": problem, "href": "#reason" if context["is_open"] else "#state"}
        ]
    return render(request, "messaging/bounce.html", context, status=status)


@require_POST
def handle_bounce(request: HttpRequest, pk: int) -> HttpResponse:
    found = queries.bounce_for(request.acting, pk, request=request)
    form = forms.ReasonForm(request.POST, missing=SAY_HOW)
    if not form.is_valid():
        return _bounce(request, pk, problem=form.problem, status=422)
    try:
        services.handle_bounce(found, reason=form.cleaned_data["reason"], by=request.acting)
    except NoSuchMove:
        return _bounce(request, pk, problem=ALREADY, status=409)
    messages.success(request, "Marked as handled.")
    return redirect("messaging:mails")


# --- The directory -------------------------------------------------------------------------------


@require_safe
def mailboxes(request: HttpRequest) -> HttpResponse:
    entries = directory_queries.directory(request.acting)
    due = sum(entry.is_due for entry in entries)
    return render(request, "messaging/mailboxes.html", {"entries": entries, "due": due})


@require_http_methods(["GET", "HEAD", "POST"])
def new_mailbox(request: HttpRequest) -> HttpResponse:
    """Enter one; another person verifies it."""
    if request.method != "POST":
        return _new_mailbox(request)
    place = directory_queries.place_by_code(request.POST.get("place", ""))
    if place is None:
        return _new_mailbox(request, problem="Choose whose mailbox it is.", field="place")
    said = {name: request.POST.get(name, "") for name in ("purpose", "modality", "address")}
    try:
        services.enter_mailbox(
            place, display_name=request.POST.get("display_name", ""), by=request.acting, **said
        )
    except MailboxRefused as refusal:
        field = "purpose" if "what the mailbox" in str(refusal) else "address"
        return _new_mailbox(request, problem=str(refusal), field=field)
    messages.success(request, "Entered. Mail goes there when somebody else has verified it.")
    return redirect("messaging:mailboxes")


def _new_mailbox(request: HttpRequest, *, problem: str = "", field: str = "") -> HttpResponse:
    context = {
        "said": request.POST,
        "places": directory_queries.places_that_may_have_one(),
        "purposes": PURPOSE_WORDS,
        "problem": problem,
        "field": field,
    }
    if problem:
        context["errors"] = [{"text": problem, "href": f"#{field}"}]
    return render(request, "messaging/mailbox_new.html", context, status=422 if problem else 200)


@require_safe
def mailbox(request: HttpRequest, pk: int) -> HttpResponse:
    return _mailbox(request, pk)


def _mailbox(
    request: HttpRequest, pk: int, *, problem: str = "", status: int = 200
) -> HttpResponse:
    found = directory_queries.mailbox_of(request.acting, pk)
    entry = directory_queries.entry_of(found, request.acting)
    context = {"entry": entry, "address": request.POST.get("address", ""), "problem": problem}
    if problem:
        context["errors"] = [{"text": problem, "href": "#address"}]
    return render(request, "messaging/mailbox.html", context, status=status)


@require_POST
def verify_mailbox(request: HttpRequest, pk: int) -> HttpResponse:
    found = directory_queries.mailbox_of(request.acting, pk)
    return _change(request, pk, "Verified today.", services.verify_mailbox, found)


@require_POST
def correct_mailbox(request: HttpRequest, pk: int) -> HttpResponse:
    found = directory_queries.mailbox_of(request.acting, pk)
    said = "Corrected. Mail goes there when somebody else has verified it."
    address = request.POST.get("address", "")
    return _change(request, pk, said, services.correct_mailbox, found, address=address)


@require_POST
def end_mailbox(request: HttpRequest, pk: int) -> HttpResponse:
    found = directory_queries.mailbox_of(request.acting, pk)
    return _change(request, pk, "Nothing is sent there any more.", services.end_mailbox, found)


def _change(
    request: HttpRequest, pk: int, said: str, verb: Callable[..., Any], found: Any, **facts: str
) -> HttpResponse:
    try:
        verb(found, by=request.acting, **facts)
    except MailboxRefused as refusal:
        return _mailbox(request, pk, problem=str(refusal), status=422)
    messages.success(request, said)
    return redirect("messaging:mailboxes")
