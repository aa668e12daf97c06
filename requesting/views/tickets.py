"""The downtime form for a colleague who cannot get in, under an open service-desk ticket."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import audit
from requesting import services
from requesting.errors import NoForm, Refused
from requesting.queries import tickets as queries


@require_http_methods(["GET", "HEAD", "POST"])
def tickets(request: HttpRequest) -> HttpResponse:
    """`/downtime/tickets/`: the open tickets, a new one, and each borough's service desk."""
    if request.method != "POST":
        return _list(request)
    user, place = queries.person(request.acting, request.POST.get("who", ""))
    if user is None or place is None:
        return _list(request, Refused("Choose who cannot get in.", rule="user"))
    try:
        ticket = services.open_ticket(
            user=user, organisation=place, number=request.POST.get("number", ""),
            reason=request.POST.get("reason", ""), by=request.acting,
        )  # fmt: skip
    except Refused as refused:
        return _list(request, refused)
    return redirect("requesting:ticket", ticket.pk)


FIELDS = {"user": "#who", "number": "#number", "reason": "#reason"}


def _list(request: HttpRequest, refused: Refused | None = None) -> HttpResponse:
    audit.record(acting=request.acting, action="list_tickets",
                 object_type="requesting.AccessTicket", request=request)  # fmt: skip
    errors = None
    if refused:
        href = FIELDS.get(refused.rule, "#who")
        errors = [{"text": refused.sentence.rstrip("."), "href": href}]
    context = {
        "open": queries.open_tickets(request.acting),
        "closed": queries.closed_tickets(request.acting),
        "people": queries.people(request.acting),
        "desks": queries.desks(),
        "desk": queries.desk_of(request.acting),
        "errors": errors,
        "typed": {name: request.POST.get(name, "") for name in ("who", "number", "reason")},
    }
    status = 422 if refused else 200
    return render(request, "requesting/tickets.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def ticket(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """`/downtime/tickets/<id>/`: its forms, a new form under it, and its end."""
    found = queries.ticket_for(request.acting, ticket_id)
    if request.method != "POST":
        return _page(request, found)
    try:
        if request.POST.get("do") == "close":
            services.close_ticket(found, by=request.acting)
            messages.success(request, f"Ticket {found.number} is closed.")
            return redirect("requesting:tickets")
        return _made(request, found)
    except (Refused, NoForm) as refused:
        return _page(request, found, refused.sentence)


def _made(request: HttpRequest, found: queries.Ticket) -> HttpResponse:
    post = request.POST
    department = queries.department(found, post.get("department", ""))
    if department is None:
        raise Refused("Choose the department.", rule="department")
    number = post.get("nhs_number", "").strip()
    patient = queries.patient(request.acting, number, request=request) if number else None
    if number and patient is None:
        raise Refused("No patient of yours has that NHS number.", rule="nhs_number")
    form = services.form_under_ticket(
        found, department=department, how=post.get("do", "print"), patient=patient,
        test=post.get("test", ""), details=post.get("details", ""),
        modality=post.get("modality", ""), priority=queries.priority(post.get("priority", "")),
        by=request.acting,
    )  # fmt: skip
    return redirect("requesting:form-out", form.pk)


def _page(request: HttpRequest, found: queries.Ticket, words: str = "") -> HttpResponse:
    names = ("department", "nhs_number", "test", "details", "modality", "priority")
    context = {
        "ticket": found,
        "is_open": queries.is_open(found),
        "forms": queries.forms_of(found),
        "departments": queries.departments(found),
        "modalities": queries.modalities(),
        "priorities": queries.PRIORITIES,
        "typed": {name: request.POST.get(name, "") for name in names},
        "errors": [{"text": words.rstrip("."), "href": "#department"}] if words else None,
    }
    return render(request, "requesting/ticket.html", context, status=422 if words else 200)
