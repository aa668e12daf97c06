"""One partner: how the link stands, and whether we send at all."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from messaging import forms, queries, services
from messaging.agreement import agreement_of
from messaging.policies import may_change_partners
from messaging.queries import agreements

SAY_WHY = "Enter why you stop sending"


@require_safe
def partner(request: HttpRequest, pk: int) -> HttpResponse:
    return _partner(request, pk)


def _partner(
    request: HttpRequest, pk: int, *, problem: str = "", status: int = 200
) -> HttpResponse:
    found = queries.partner_for(request.acting, pk)
    context = {"partner": queries.partner_state(request.acting, found), "problem": problem}
    context["agreed"] = {
        "sections": agreements.sections(found),
        "changes": agreements.changes_of(request.acting, found),
        "may_change": may_change_partners(request.acting),
        "kinds": agreements.kinds_without(agreement_of(found)),
        "partner": found,
    }
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
