"""Results to review (R8), one result (R9), one test over time (R10), and what leaves by print."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from csp.decorators import csp_replace
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from nhsuk.formats import cdatetime_text, how_many
from patients.queries import patient_for
from results import forms, queries, services
from results.errors import AlreadyReviewed, ChangedSince, NotAllowed, NotAnAnswer, NotFiledTogether
from results.policies import may_see_original
from results.states import OUTCOME_WORDS, Group, Outcome, may_be

CHANGED = "This report changed while you were reading it. Your answer was not saved."


@require_safe
def inbox(request: HttpRequest) -> HttpResponse:
    """R8."""
    found = queries.to_review(
        request.acting,
        scope=request.GET.get("scope", ""),
        page=forms.page_of(request.GET),
        request=request,
    )
    return render(request, "results/inbox.html", {"inbox": found})


@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """What the list on the screen does not show yet: a line, and the counts."""
    since, known = forms.since_of(request.GET)
    scope = request.GET.get("scope", "")
    fresh = queries.fresh_since(request.acting, scope=scope, since=since, known=known)
    return render(request, "results/_changes.html", {"fresh": fresh, "scope": scope})


# --- One result ----------------------------------------------------------------------------------


@require_safe
def detail(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """R9."""
    report = queries.report_for(request.acting, report_id, request=request)
    return _detail(request, report)


def _detail(
    request: HttpRequest, report: Any, *, errors: list[dict[str, str]] | None = None
) -> HttpResponse:
    scope = request.POST.get("scope") or request.GET.get("scope", "")
    page = queries.page_of(report, request.acting)
    context = {
        "page": page,
        "patient": report.patient,
        "scope": scope,
        "done": _done(request),
        "outcomes": _outcomes(report),
        "chosen": request.POST.get("outcome") or _usual_outcome(report),
        "words": request.POST.get("words", ""),
        "errors": errors or [],
    }
    return render(request, "results/detail.html", context, status=422 if errors else 200)


def _outcomes(report: Any) -> list[dict[str, str]]:
    """The answers that fit, as the radio buttons want them."""
    return [
        {"value": outcome.value, "text": words}
        for outcome, words in OUTCOME_WORDS.items()
        if may_be(outcome, report.significance)
    ]


def _usual_outcome(report: Any) -> str:
    """A normal result starts with "no action"; everything else starts with nothing chosen."""
    return Outcome.NORMAL.value if report.list_group == Group.NORMAL else ""


def _done(request: HttpRequest) -> dict[str, object] | None:
    """The line about the report before this one, where the person comes from reviewing it."""
    return queries.done_line(request.acting, request.GET.get("done", ""))


@require_POST
def review(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """[Reviewed, next]."""
    report = queries.report_for(request.acting, report_id, request=request)
    form = forms.ReviewForm(request.POST)
    form.is_valid()
    said = form.cleaned_data
    try:
        services.review(
            report, version=said.get("version") or 0, outcome=said["outcome"],
            words=said["words"], by=request.acting, request=request,
        )  # fmt: skip
    except NotAnAnswer as problem:
        error = {"text": problem.sentence, "href": f"#{problem.field}"}
        return _detail(request, report, errors=[error])
    except NotAllowed:
        return render(request, "403.html", status=403)
    except AlreadyReviewed as faster:
        messages.info(request, f"{faster.by_name} reviewed this {cdatetime_text(faster.at)}.")
        return redirect("results:detail", report_id)
    except ChangedSince:
        messages.warning(request, CHANGED)
        return redirect("results:detail", report_id)
    return _next(request, report, said["scope"])


def _next(request: HttpRequest, report: Any, scope: str) -> HttpResponse:
    """To the next one of the list; to the list when it was the last."""
    following = queries.next_unread(request.acting, report, scope=scope)
    query = {"done": str(report.pk)} | ({"scope": scope} if scope else {})
    if following:
        return HttpResponseRedirect(reverse("results:detail", args=[following.pk], query=query))
    return HttpResponseRedirect(reverse("results:inbox", query=query))


@require_POST
def seen(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """A copy was read: off this person's list. It stays on that of who answers for it."""
    report = queries.report_for(request.acting, report_id, request=request)
    services.note_copy_seen(report, by=request.acting, request=request)
    messages.success(request, "Taken off your list.")
    return redirect("results:inbox")


# --- Normal results together ---------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def normal(request: HttpRequest) -> HttpResponse:
    """Normal laboratory results, each with its values and its own tick."""
    scope = request.POST.get("scope") or request.GET.get("scope", "")
    errors: list[dict[str, str]] = []
    if request.method == "POST":
        ticked = forms.ticked_of(request.POST)
        if ticked:
            try:
                filed = services.review_together(ticked, by=request.acting, request=request)
            except NotFiledTogether as refused:
                errors = [{"text": _refusal(len(refused.reports)), "href": "#ticked"}]
            else:
                said = how_many(len(filed), "result")
                messages.success(request, f"{said} filed as normal, no action.")
                return HttpResponseRedirect(_list(scope))
        else:
            errors = [{"text": "Tick the results that you have read", "href": "#ticked"}]
    rows = queries.normal_rows(request.acting, scope=scope, request=request)
    context = {"rows": rows, "scope": scope, "errors": errors, "list": _list(scope)}
    return render(request, "results/normal.html", context, status=422 if errors else 200)


def _refusal(count: int) -> str:
    words = "has changed or has" if count == 1 else "have changed or have"
    return f"{how_many(count, 'result')} {words} to be opened. Nothing was filed: tick again"


def _list(scope: str) -> str:
    return reverse("results:inbox", query={"scope": scope} if scope else None)


# --- Out of the system: print and file -----------------------------------------------------------


@require_safe
def printed(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """The sheet: A4, the patient on each page, who printed it and when."""
    context = _sheet(request, report_id, action="print_result")
    return render(request, "results/print.html", context)


@require_safe
def download(request: HttpRequest, report_id: UUID) -> HttpResponse:
    """One file of HTML that needs nothing else. Its name has no identity in it."""
    context = _sheet(request, report_id, action="download_result")
    response = render(request, "results/download.html", context)
    name = queries.download_name(context["page"].report)
    response["Content-Disposition"] = f'attachment; filename="{name}.html"'
    return response


# A document of somebody else's making: a file to keep, never a page of ours; nothing in it runs.
_AS_A_FILE = {"default-src": ["'none'"], "script-src": None, "style-src": None, "img-src": None,
              "font-src": None, "connect-src": None, "form-action": ["'none'"],
              "manifest-src": None, "sandbox": [True]}  # fmt: skip


@require_safe
@csp_replace(_AS_A_FILE)
def document(request: HttpRequest, report_id: UUID, document_id: int) -> HttpResponse:
    """A document that came inside a report, exactly as it was decoded."""
    report = queries.report_for(
        request.acting, report_id, action="download_document", request=request
    )
    found = queries.document_of(report, document_id)
    response = HttpResponse(bytes(found.content), content_type=queries.media_type_of(found))
    name = queries.document_name(report, found)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_safe
def original(request: HttpRequest, report_id: UUID, number: int) -> HttpResponse:
    """The message of one version as it was sent, for those who may review it."""
    report = queries.report_for(
        request.acting, report_id, action=queries.VIEWED_ORIGINAL, request=request
    )
    if not may_see_original(request.acting, report):
        return render(request, "403.html", status=403)
    found = queries.original_of(report, number)
    context = {"report": report, "patient": report.patient, "original": found}
    return render(request, "results/original.html", context)


def _sheet(request: HttpRequest, report_id: UUID, *, action: str) -> dict[str, Any]:
    report = queries.report_for(request.acting, report_id, action=action, request=request)
    page = queries.page_of(report, request.acting)
    return {"page": page, "patient": report.patient, "now": timezone.now()}


# --- Over time -----------------------------------------------------------------------------------


@require_safe
def over_time(request: HttpRequest, patient_id: UUID, code: str) -> HttpResponse:
    """R10: one test of one patient; values first, the picture beside them."""
    patient = patient_for(request.acting, patient_id, request=request)
    period = request.GET.get("period", "")
    found = queries.over_time(request.acting, patient, code, period=period)
    periods = {"3m": "3 months", "1y": "1 year", "2y": "2 years", "5y": "5 years"}
    context = {"patient": patient, "found": found, "periods": periods}
    return render(request, "results/over_time.html", context)
