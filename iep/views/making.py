"""Making a transaction, from a ticket or without one; asking a declined one again.

Where it goes is confirmed by full name and city, because it cannot be changed later. Where others
have a name like it, the name is typed, unless it is a request to the place that its ticket names
(hazard H43).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import audit
from iep.errors import NoSuchMove, NotAccepted
from iep.forms.transactions import MOST_EXAMS, choices, exam_rows, read_transaction
from iep.queries.banner import of_ticket, of_transaction
from iep.queries.exchange import institutions
from iep.queries.exchange import transactions as queries
from iep.services.exchange import directory, transactions
from iep.states.transactions import TransactionKind
from nhsuk.formats import cdate_text

KINDS = {TransactionKind.REQUEST: "Request images", TransactionKind.TRANSFER: "Send images"}


@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest) -> HttpResponse:
    """First which way and with whom, then the rest; `ticket` fills in what the ticket says."""
    reference = request.GET.get("ticket", "")
    ticket = queries.open_ticket(request.acting, reference) if reference else None
    kind = _kind(request, ticket)
    institution = _institution(request, ticket)
    if kind is None or institution is None:
        return _choose(request, ticket, kind)
    errors: list[dict[str, str]] = []
    if request.method == "POST" and not _adds_row(request):
        made, errors = _make(request, ticket, kind, institution)
        if made is not None:
            messages.success(request, f"Transaction {made.number} is made.")
            return redirect("iep:transaction", made.number)
    return _form(request, ticket, kind, institution, errors)


def _kind(request: HttpRequest, ticket: Any) -> TransactionKind | None:
    """Which way a ticket goes is the ticket's."""
    if ticket is not None:
        is_export = ticket.kind == "export"
        return TransactionKind.TRANSFER if is_export else TransactionKind.REQUEST
    wanted = request.GET.get("kind", "")
    return TransactionKind(wanted) if wanted in set(KINDS) else None


def _institution(request: HttpRequest, ticket: Any) -> Any:
    if ticket is not None and ticket.institution is not None:
        return ticket.institution  # with whom a ticket deals is the ticket's
    wanted = request.GET.get("to", "")
    if wanted.isascii() and wanted.isdecimal() and len(wanted) < 10:
        return institutions.one(int(wanted))
    return None


def _choose(request: HttpRequest, ticket: Any, kind: TransactionKind | None) -> HttpResponse:
    asked = "to" in request.GET
    errors = []
    if asked and kind is None:
        errors.append({"text": "Choose whether images come or go", "href": "#kind"})
    if asked:
        errors.append({"text": "Choose the institution", "href": "#to"})
    context = {
        "ticket": ticket, "kind": kind, "kinds": list(KINDS.items()), "errors": errors,
        "institutions": institutions.all_active().prefetch_related("aliases"),
    }  # fmt: skip
    return render(request, "iep/create_choose.html", context)


def _make(
    request: HttpRequest, ticket: Any, kind: TransactionKind, institution: Any
) -> tuple[Any, list[dict[str, str]]]:
    facts, errors = read_transaction(request.POST, asks_person=_asks_person(ticket))
    if request.POST.get("confirmed") != "yes":
        errors.append({"text": "Confirm where it goes: it cannot be changed", "href": "#confirmed"})
    if directory.is_typed_again(kind, institution, ticket):
        errors += _typed(institution, request.POST.get("typed_name", ""))
    if errors:
        return None, errors
    try:
        return transactions.create(
            kind=kind, institution=institution, ticket=ticket, by=request.acting, **facts
        ), []
    except (NotAccepted, NoSuchMove) as refusal:
        sentence = getattr(refusal, "sentence", "The ticket has moved on. Open it again")
        return None, [{"text": sentence.rstrip("."), "href": "#exam-1"}]


def _typed(institution: Any, typed: str) -> list[dict[str, str]]:
    try:
        directory.confirm_destination(institution, typed)
    except NotAccepted:
        words = "Type the name as it stands above: others have a name like it"
        return [{"text": words, "href": "#typed_name"}]
    return []


def _form(
    request: HttpRequest, ticket: Any, kind: TransactionKind, institution: Any, errors: list[Any]
) -> HttpResponse:
    if ticket is not None:
        audit.record(
            acting=request.acting, action="view_ticket", object_type="iep.Ticket",
            object_id=ticket.pk, patient_id=ticket.patient_id or "", request=request,
        )  # fmt: skip
    said = request.POST if request.method == "POST" else _prefilled(ticket)
    names = [each.name for each in institution.aliases.all()]
    context = {
        "ticket": ticket, "kind": kind, "kind_words": KINDS[kind], "institution": institution,
        "alike": institutions.alike_to(institution, names), "said": said,
        "is_typed": directory.is_typed_again(kind, institution, ticket),
        "asks_person": _asks_person(ticket), "errors": errors,
    } | _fields(request, said, errors)  # fmt: skip
    if ticket is not None:
        context |= of_ticket(ticket).context
    return render(request, "iep/create.html", context, status=422 if errors else 200)


def _asks_person(matched: Any) -> bool:
    """Whether the page asks whose images they are: not where the ticket or transaction is matched
    to our record, which the banner shows and no typing may change."""
    return matched is None or matched.patient is None


def _adds_row(request: HttpRequest) -> bool:
    """The page is drawn again with one more row, and nothing is made."""
    return request.POST.get("do") == "add"


def _fields(request: HttpRequest, said: Any, errors: list[dict[str, str]]) -> dict[str, Any]:
    """What the fields that all of these pages have are drawn from."""
    rows, adds = exam_rows(said), _adds_row(request)
    count = min(rows + adds, MOST_EXAMS)
    return {
        "choices": choices(), "problems": _by_field(errors), "rows": range(1, count + 1),
        "focus": f"exam-{count}" if adds else "", "may_add": count < MOST_EXAMS,
    }  # fmt: skip


def _by_field(errors: list[dict[str, str]]) -> dict[str, str]:
    return {each["href"].removeprefix("#"): each["text"] for each in reversed(errors)}


def _prefilled(ticket: Any) -> dict[str, str]:
    if ticket is None:
        return {"priority": "1"}
    return as_typed(transactions.about_ticket(ticket), ticket.priority)


def as_typed(about: Any, priority: int) -> dict[str, str]:
    """The fields of the form, as a person would have typed them."""
    said = {
        name: getattr(about, name)
        for name in ("family_name", "given_names", "nhs_number", "local_number", "requester_name",
                     "consultant", "department", "reason", "eligibility", "comments", "care_reason")
    }  # fmt: skip
    said |= {"priority": str(priority)}
    for name in ("birth_date", "needed_by"):
        day = getattr(about, name)
        said[name] = cdate_text(day) if day else ""
    for row, exam in enumerate(about.exams[:MOST_EXAMS], 1):
        said |= {
            f"exam-{row}": exam.get("description", ""),
            f"exam-{row}-date": _day(exam.get("acquired_on", "")),
            f"exam-{row}-modality": exam.get("modality", ""),
            f"exam-{row}-code": exam.get("code", ""),
        }
    return said


def _day(iso: str) -> str:
    return cdate_text(date.fromisoformat(iso)) if iso else ""


@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest, number: int) -> HttpResponse:
    """A declined one is processed again, with what was missing."""
    page = queries.detail(request.acting, number)
    thing, errors = page.thing, []
    audit.record(
        acting=request.acting, action="view_transaction", object_type="iep.Transaction",
        object_id=thing.pk, patient_id=thing.patient_id or "", request=request,
    )  # fmt: skip
    asks_person = _asks_person(thing)
    if request.method == "POST" and not _adds_row(request):
        facts, errors = read_transaction(request.POST, asks_person=asks_person)
        if not errors:
            try:
                transactions.process_again(thing, by=request.acting, **facts)
            except (NotAccepted, NoSuchMove) as refusal:
                sentence = getattr(refusal, "sentence", "It is not declined any more")
                errors = [{"text": sentence.rstrip("."), "href": "#exam-1"}]
            else:
                messages.success(request, "Asked again.")
                return redirect("iep:transaction", number)
    said = request.POST if request.method == "POST" else as_typed(thing, thing.priority)
    context = {
        "page": page, "thing": thing, "said": said, "asks_person": asks_person, "errors": errors,
    } | _fields(request, said, errors) | of_transaction(thing, page.studies).context  # fmt: skip
    return render(request, "iep/again.html", context, status=422 if errors else 200)
