"""What was agreed with a partner: propose a change, decide on somebody else's."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from messaging import agreement_forms, queries, services
from messaging.agreement import Agreement, BadAgreement, agreement_of
from messaging.errors import NoSuchMove, NothingChanged, ReasonMissing
from messaging.queries import agreements

SAY_WHY = "Enter why it is to change"
SAY_WHY_NOT = "Enter why it should stay as it is"
NOT_ALONE = "You proposed it, so somebody else has to apply it."
MEANWHILE = "Something of this was changed meanwhile. Refuse it, and propose what is still wanted."
ALREADY = "Somebody has decided on this change meanwhile. This is how it stands now."


@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest, pk: int, part: str) -> HttpResponse:
    """One part of the agreement as a form; what is sent becomes a proposal."""
    partner = queries.partner_for(request.acting, pk)
    held = agreement_of(partner)
    title, paths = _part(held, part)
    if request.method != "POST":
        return _form(request, partner, title, agreement_forms.fields_of(paths, held))
    wanted = held | agreement_forms.filled_in(paths, held, request.POST)
    problems: list[tuple[str, str]]
    try:
        why = request.POST.get("why", "")
        change = services.propose_change(partner.slug, wanted, why=why, by=request.acting)
    except BadAgreement as refusal:
        problems = refusal.problems
    except NothingChanged:
        problems = [(paths[0], "Nothing is different from what is agreed now.")]
    except ReasonMissing:
        problems = [("why", SAY_WHY)]
    else:
        messages.success(request, "Proposed. Somebody else of the central team has to apply it.")
        return redirect("messaging:partner-change", change.pk)
    fields = agreement_forms.fields_of(paths, held, request.POST, problems)
    return _form(request, partner, title, fields, problems)


def _part(held: Agreement, part: str) -> tuple[str, list[str]]:
    """The title and the paths of a part. A map that is not there yet may be begun."""
    for title, name, paths in agreements.parts_of(held):
        if name == part:
            return title, paths
    if part.removeprefix("codes-") in agreements.kinds_without(held):
        kind = part.removeprefix("codes-")
        return f"Codes: {kind}", [f"codes {kind}"]
    raise Http404


def _form(
    request: HttpRequest,
    partner: Any,
    title: str,
    fields: list[agreement_forms.Field],
    problems: list[tuple[str, str]] | None = None,
) -> HttpResponse:
    places = {field.path: field.name for field in fields} | {"why": "why"}
    context = {
        "partner": partner,
        "part_title": title,
        "fields": fields,
        "why": request.POST.get("why", ""),
        "problem": dict(problems or []).get("why", ""),
        "errors": [
            {"text": words, "href": f"#{places.get(path, 'why')}"} for path, words in problems or []
        ],
    }
    status = 422 if problems else 200
    return render(request, "messaging/propose.html", context, status=status)


# --- Changes -------------------------------------------------------------------------------------


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    waiting, decided = agreements.changes_for(request.acting)
    context = {"waiting": waiting, "decided": decided, "owner": agreements.CHANGE_WAIT.owner}
    return render(request, "messaging/partner_changes.html", context)


@require_safe
def change(request: HttpRequest, pk: int) -> HttpResponse:
    return _change(request, pk)


def _change(
    request: HttpRequest, pk: int, *, problem: str = "", at: str = "reason", status: int = 200
) -> HttpResponse:
    found = agreements.change_for(request.acting, pk)
    context = {
        "change": agreements.change_in_words(found, request.acting),
        "reason": request.POST.get("reason", ""),
        "problem": problem if at == "reason" else "",
    }
    if problem:
        context["errors"] = [{"text": problem, "href": f"#{at}"}]
    return render(request, "messaging/partner_change.html", context, status=status)


@require_POST
def apply_change(request: HttpRequest, pk: int) -> HttpResponse:
    found = agreements.change_for(request.acting, pk)
    try:
        partner = services.apply_change(found, by=request.acting)
    except services.SamePerson:
        return _change(request, pk, problem=NOT_ALONE, at="state", status=422)
    except services.ChangedMeanwhile:
        return _change(request, pk, problem=MEANWHILE, at="state", status=409)
    except NoSuchMove:
        return _change(request, pk, problem=ALREADY, at="state", status=409)
    except BadAgreement as refusal:
        return _change(request, pk, problem=str(refusal), at="state", status=422)
    messages.success(request, f"Applied. This is what is agreed with {partner.name} now.")
    return redirect("messaging:partner", partner.pk)


@require_POST
def withdraw_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Its own proposer takes it back; to anybody else there is no such button."""
    found = agreements.change_for(request.acting, pk)
    try:
        services.withdraw_change(found, by=request.acting)
    except NoSuchMove:
        return _change(request, pk, problem=ALREADY, at="state", status=409)
    messages.success(request, "Withdrawn. Everything stays as it is.")
    return redirect("messaging:partner-changes")


@require_POST
def refuse_change(request: HttpRequest, pk: int) -> HttpResponse:
    found = agreements.change_for(request.acting, pk)
    try:
        services.refuse_change(found, reason=request.POST.get("reason", ""), by=request.acting)
    except services.SamePerson:
        return _change(request, pk, problem=NOT_ALONE, at="state", status=422)
    except ReasonMissing:
        return _change(request, pk, problem=SAY_WHY_NOT, status=422)
    except NoSuchMove:
        return _change(request, pk, problem=ALREADY, at="state", status=409)
    messages.success(request, "Refused. Everything stays as it is.")
    return redirect("messaging:partner-changes")
