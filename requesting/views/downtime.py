"""The downtime form, for the place that asks: offered, chosen, printed, handed over, taken back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from accounts.roles import Permission
from requesting import paper, queries, services
from requesting.errors import FormMoved, NoForm, Refused
from requesting.form_states import EVENT_WORDS, OUTCOME_WORDS
from requesting.queries import forms, sheets

Form = Any  # a requesting.models.DowntimeForm: screens never touch models
HOWS = ("email", "print")


def drawn(form: Form) -> dict[str, Any]:
    """The form's words and the bars of its reference, for `_sheet.html`."""
    return {"sheet": sheets.sheet_of(form), "bars": paper.bars(form.reference)}


@require_safe
def downtime(request: HttpRequest) -> HttpResponse:
    """`/downtime/`: what waits for a link, urgent first, and this place's forms that are out."""
    audit.record(acting=request.acting, action="list_requests", reason="downtime",
                 object_type="requesting.DowntimeForm", request=request)  # fmt: skip
    context = {
        "waiting": list(forms.queued_here(request.acting)[:200]),
        "out": forms.form_rows(forms.forms_out_of(request.acting)),
    }
    return render(request, "requesting/downtime.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, item_id: uuid.UUID) -> HttpResponse:
    """`/requests/<uuid>/form`: the form as it would be; the press that sends it or prints it."""
    item = queries.item_row(request.acting, item_id, request=request)
    how = request.POST.get("do", "")
    if request.method != "POST":
        return _choice(request, item)
    if how not in HOWS:
        return _choice(request, item, _error("Choose to e-mail it or to print it"), 400)
    try:
        form = services.choose_form(
            item.request, department=item.department, how=how, by=request.acting
        )
    except (NoForm, Refused) as refusal:
        status = 403 if isinstance(refusal, Refused) else 409
        return _choice(request, item, _error(refusal.sentence.rstrip(".")), status)
    if how == "email":
        messages.success(request, f"The form is on its way to {form.department.name}.")
    return redirect("requesting:form-out", form.pk)


def _error(words: str) -> list[dict[str, str]]:
    return [{"text": words, "href": "#choose"}]


def _choice(
    request: HttpRequest, item: Any, errors: list[dict[str, str]] | None = None, status: int = 200
) -> HttpResponse:
    """The form's own page when it is out already; else the form as it would be."""
    offer = forms.offer_for(request.acting, item)
    if offer and offer.form and not errors:
        return redirect("requesting:form-out", offer.form.pk)
    form = forms.preview(item)
    addresses = forms.addresses_of(form)
    context = {
        "item": item,
        "patient": item.patient,
        "is_offered": bool(offer and offer.is_offered),
        "addresses": addresses,
        "may_email": bool(addresses) and all(each.mailbox for each in addresses),
        "is_held": item.status == "held",
        "errors": errors,
        **drawn(form),
    }
    return render(request, "requesting/form_choose.html", context, status=status)


# --- A form that is out --------------------------------------------------------------------------


@require_safe
def out(request: HttpRequest, form_id: uuid.UUID) -> HttpResponse:
    """`/downtime/<uuid>/`: where the form is, and what may be done with it."""
    return _page(request, form_id)


def _page(
    request: HttpRequest, form_id: uuid.UUID, words: str = "", status: int = 200
) -> HttpResponse:
    page = forms.form_for(request.acting, form_id, request=request)
    context = {
        "page": page,
        "form": page.form,
        "patient": page.form.patient,
        "errors": [{"text": words.rstrip("."), "href": "#act"}] if words else None,
        "typed": request.POST.get("how", ""),
        "may_email": bool(page.addresses) and all(each.mailbox for each in page.addresses),
        "outcome": OUTCOME_WORDS.get(page.form.outcome, ""),
        "event_words": EVENT_WORDS,
        "may_open_items": request.acting.may(Permission.TRACK_REQUESTS),
    }
    return render(request, "requesting/form_out.html", context, status=status)


@require_POST
def act(request: HttpRequest, form_id: uuid.UUID) -> HttpResponse:
    """One of DEEDS, as the pressed button names it."""
    form = forms.form_row(request.acting, form_id, request=request)
    deed = DEEDS.get(request.POST.get("do", ""))
    if deed is None:
        return _page(request, form_id, "Choose what to do", 400)
    try:
        return deed(request, form)
    except Refused as refused:
        return _page(request, form_id, refused.sentence, 422)
    except NoForm as refusal:
        return _page(request, form_id, refusal.sentence, 409)
    except FormMoved:
        return _page(request, form_id, "This form has moved on. Nothing was changed", 409)


def _handed(request: HttpRequest, form: Form) -> HttpResponseRedirect:
    services.hand_over(form, how=request.POST.get("how", ""), by=request.acting)
    return _done(request, form, "Recorded. The department keys it in.")


def _back(request: HttpRequest, form: Form) -> HttpResponseRedirect:
    services.take_back(form, by=request.acting)
    words = "The form is not used." if form.ticket_id else "Back in the queue: it sends by itself."
    return _done(request, form, words)


def _again(how: str, words: str) -> Callable[[HttpRequest, Form], HttpResponseRedirect]:
    def deed(request: HttpRequest, form: Form) -> HttpResponseRedirect:
        if form.request is None:
            raise Refused("Make a new form under the ticket.", rule="form")
        services.choose_form(form.request, department=form.department, how=how, by=request.acting)
        return _done(request, form, words)

    return deed


def _done(request: HttpRequest, form: Form, words: str) -> HttpResponseRedirect:
    messages.success(request, words)
    return redirect("requesting:form-out", form.pk)


DEEDS: dict[str, Callable[[HttpRequest, Form], HttpResponse]] = {
    "handed": _handed,
    "back": _back,
    "email": _again("email", "The form is on its way by e-mail."),
    "print": _again("print", "Print it, and say how it gets there."),
}


@require_safe
def sheet(request: HttpRequest, form_id: uuid.UUID) -> HttpResponse:
    """The form as a page to print."""
    form = forms.form_row(request.acting, form_id, request=request)
    context = {"form": form, **drawn(form)}
    return render(request, "requesting/form_sheet.html", context)


@require_safe
def pdf(request: HttpRequest, form_id: uuid.UUID) -> HttpResponse:
    """The form as a PDF; its name is the reference, and nothing of the patient."""
    form = forms.form_row(request.acting, form_id, request=request)
    response = HttpResponse(paper.pdf_of(sheets.sheet_of(form)), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{form.reference}.pdf"'
    return response
