"""One transaction: how far it is, what was said and attached, and what can be done now.

Every deed is a press of one button of a plain form. What is refused says so on the same page, and
what was typed stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from iep.errors import NoSuchMove, NotAccepted
from iep.forms.transactions import choices, read_priority
from iep.queries.banner import of_transaction
from iep.queries.exchange import transactions as queries
from iep.queries.lanes.rows import STATE_WORDS
from iep.services.exchange import attaching, transactions
from iep.states.priorities import Priority
from iep.states.transactions import EVENT_WORDS, Direction, decline_words

# Where on the page it is said what was refused.
_FIELDS = {
    "no_words": "#words", "too_long": "#words", "not_confirmed": "#confirmed",
    "no_reason": "#reason", "empty": "#document", "too_large": "#document",
    "not_a_report": "#document",
    "wrong_content": "#document", "too_many": "#document", "not_blue": "#eligibility",
    "left": "#deeds",
    "not_sure": "#sure", "matched": "#words",
}  # fmt: skip
# A document of somebody else's making: a file to keep, never a page of ours; nothing in it runs.
_AS_A_FILE = {"default-src": ["'none'"], "script-src": None, "style-src": None, "img-src": None,
              "font-src": None, "connect-src": None, "form-action": ["'none'"],
              "manifest-src": None, "sandbox": [True]}  # fmt: skip


@require_safe
def transaction(request: HttpRequest, number: int) -> HttpResponse:
    """Its page. Opening it reads the messages, for those who may act on them."""
    page = queries.detail(request.acting, number)
    _viewed(request, page.thing, "view_transaction")
    response = _page(request, page)
    is_new = any(each.direction == "in" and each.read_at is None for each in page.messages)
    if page.actions and is_new:
        transactions.read_messages(page.thing, by=request.acting)
    return response


def _viewed(request: HttpRequest, thing: Any, action: str) -> None:
    audit.record(
        acting=request.acting, action=action, object_type="iep.Transaction", object_id=thing.pk,
        patient_id=thing.patient_id or "", request=request,
    )  # fmt: skip


def _page(
    request: HttpRequest,
    page: queries.Detail,
    *,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "page": page,
        "thing": page.thing,
        "errors": errors,
        "typed": request.POST,
        "choices": choices(),
        "event_words": EVENT_WORDS,
        "transfer_words": STATE_WORDS,
        "report_kinds": ",".join(f".{each}" for each in attaching.KINDS),
        "most_megabytes": attaching.MOST_BYTES // 1024 // 1024,
        "now": timezone.now(),
    } | of_transaction(page.thing, page.studies).context
    return render(request, "iep/transaction.html", context, status=status)


@require_safe
def status(request: HttpRequest, number: int) -> HttpResponse:
    """The live part: status, sentence and how many images."""
    page = queries.detail(request.acting, number)
    context = {"page": page, "thing": page.thing, "now": timezone.now()}
    return render(request, "iep/_transaction_status.html", context)


@require_safe
@csp_replace(_AS_A_FILE)
def attachment(request: HttpRequest, number: int, attachment_id: UUID) -> HttpResponse:
    """A report as it came, as a download; never shown in the browser."""
    found = queries.attachment(request.acting, number, attachment_id)
    _viewed(request, found.transaction, "download_attachment")
    response = HttpResponse(bytes(found.content), content_type=found.content_type)
    ending = next(
        (name for name, (kind, _) in attaching.KINDS.items() if kind == found.content_type), "bin"
    )
    name = f"report-{number}-{str(found.pk)[:8]}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


# --- What is done ------------------------------------------------------------------------------


@require_POST
def act(request: HttpRequest, number: int) -> HttpResponse:
    """One deed; back to the page with what it did, or with why not."""
    deed = DEEDS.get(request.POST.get("do", ""))
    page = queries.detail(request.acting, number)
    if not page.actions:
        return render(request, "403.html", status=403)
    if deed is None:
        return _page(request, page, errors=[_error("Choose what to do", "#deeds")], status=400)
    try:
        done = deed(request, page.thing)
    except NoSuchMove:
        words = "It has moved on since you opened it. Nothing was changed"
        page = queries.detail(request.acting, number)
        return _page(request, page, errors=[_error(words, "#status")], status=409)
    except NotAccepted as refusal:
        page = queries.detail(request.acting, number)
        where = _FIELDS.get(refusal.code, "#deeds")
        if refusal.code == "no_words":
            where = {"say": "#message", "ask": "#details"}.get(request.POST["do"], where)
        errors = [_error(refusal.sentence.rstrip("."), where)]
        return _page(request, page, errors=errors, status=422)
    messages.success(request, done)
    return redirect("iep:transaction", number)


def _error(text: str, href: str) -> dict[str, str]:
    return {"text": text, "href": href}


def _accept(request: HttpRequest, thing: Any) -> str:
    transactions.accept(thing, by=request.acting)
    return "Accepted. Now choose the images to send."


def _say(request: HttpRequest, thing: Any) -> str:
    transactions.say(thing, request.POST.get("message", ""), request.acting)
    if queries.is_gateway(thing):
        return "The message is kept, and goes to the other side."
    return f"The message is kept here. {thing.institution.name} cannot read it: ring them."


def _ask(request: HttpRequest, thing: Any) -> str:
    transactions.ask_details(thing, request.POST.get("details", ""), by=request.acting)
    if queries.is_gateway(thing):
        return "They are asked for what is missing."
    return f"It waits for their answer. {thing.institution.name} cannot read it here: ring them."


def _details_came(request: HttpRequest, thing: Any) -> str:
    transactions.details_came(thing, by=request.acting)
    return "It is with the service desk again, to be decided."


def _attach(request: HttpRequest, thing: Any) -> str:
    upload = request.FILES.get("document")
    if upload is not None and upload.size > attaching.MOST_BYTES:
        most = attaching.MOST_BYTES // 1024 // 1024
        raise NotAccepted("too_large", f"A report has up to {most} MB.")
    transactions.attach(
        thing,
        by=request.acting,
        file_name=upload.name if upload else "",
        content=upload.read() if upload else b"",
        text=request.POST.get("text", ""),
        title=request.POST.get("title", ""),
        confirmed=request.POST.get("confirmed") == "yes",
    )
    return "The report is attached."


def _assign(request: HttpRequest, thing: Any) -> str:
    wanted = request.POST.get("to", "")
    people = {str(each.pk): each for each in queries.desk_of(thing.organisation)}
    transactions.assign(thing, people.get(wanted), by=request.acting)
    return f"Assigned to {people[wanted].display_name if wanted in people else 'nobody'}."


def _priority(request: HttpRequest, thing: Any) -> str:
    errors: list[dict[str, str]] = []
    facts = read_priority(request.POST, errors)
    if errors:
        raise NotAccepted("not_blue", errors[0]["text"])
    is_blue = facts["priority"] == Priority.BLUE_LIGHT
    why = facts["eligibility"] if is_blue else facts["reason"]
    transactions.change_priority(thing, facts["priority"], why, by=request.acting)
    if not queries.is_gateway(thing):
        return "The priority is changed."
    if thing.direction == Direction.OUT:
        return "The priority is changed, and the other side is told."
    return f"The priority is changed here. {thing.institution.name} keeps its own: ring them."


DEEDS: dict[str, Callable[[HttpRequest, Any], str]] = {
    "accept": _accept,
    "say": _say,
    "ask": _ask,
    "details-came": _details_came,
    "attach": _attach,
    "assign": _assign,
    "priority": _priority,
}


# --- What ends it, or begins it again ----------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def decline(request: HttpRequest, number: int) -> HttpResponse:
    """The two usual reasons, or another in words. A decline is no failure."""

    def deed(thing: Any) -> None:
        transactions.decline(
            thing, request.POST.get("reason", ""), request.POST.get("words", ""),
            sure=request.POST.get("sure") == "yes", by=request.acting,
        )  # fmt: skip

    return _end(request, number, "decline", deed, "Declined.")


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    """Abort it, while no image has left."""

    def deed(thing: Any) -> None:
        transactions.cancel(thing, request.POST.get("words", ""), by=request.acting)

    return _end(request, number, "cancel", deed, "Cancelled.")


def _end(
    request: HttpRequest, number: int, what: str, deed: Callable[[Any], None], done: str
) -> HttpResponse:
    page = queries.detail(request.acting, number)
    _viewed(request, page.thing, "view_transaction")
    errors: list[dict[str, str]] = []
    if request.method == "POST":
        try:
            deed(page.thing)
        except NoSuchMove:
            errors = [_error("It has moved on since you opened it. Nothing was changed", "#words")]
        except NotAccepted as refusal:
            where = _FIELDS.get(refusal.code, "#words")
            errors = [_error(refusal.sentence.rstrip("."), where)]
        else:
            told = f" {_told(page.thing)}" if what == "decline" else ""
            messages.success(request, done + told)
            return redirect("iep:transaction", number)
    context = {
        "page": page, "thing": page.thing, "what": what, "errors": errors, "typed": request.POST,
        "decline_words": [
            (each.value, words) for each, words in decline_words(page.thing.kind).items()
        ],
        "is_gateway": queries.is_gateway(page.thing),
        "is_given": page.thing.kind != "request" and page.thing.brings_images,
        "came": [each for each in page.studies if each.state != "discarded"],
    }  # fmt: skip
    context |= of_transaction(page.thing, page.studies).context
    return render(request, "iep/transaction_end.html", context, status=422 if errors else 200)


def _told(thing: Any) -> str:
    """How they know of a decline: by the gateway, or by telephone."""
    if queries.is_gateway(thing):
        return "They are told why."
    return f"{thing.institution.name} cannot read it here: ring them to say why."
