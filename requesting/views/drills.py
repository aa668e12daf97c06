"""A practised downtime: plan, take part, key in, stop, and the report. Everything says DRILL."""

from __future__ import annotations

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import audit
from messaging.drill_states import DRILL_OVER, DRILL_WORDS
from messaging.errors import NoSuchMove, ReasonMissing
from messaging.policies import may_declare_downtime
from messaging.queries import drills as queries
from messaging.services import drills as services
from requesting import paper
from requesting.drill_forms import CLOCKS, LENGTHS, PlanForm
from requesting.drill_states import EVENT_WORDS
from requesting.errors import FormMoved, NoForm, Refused
from requesting.queries import drill_report, practice
from requesting.services import drilling

Drill = Any  # a messaging.models.Drill: screens never touch models
Form = Any  # a requesting.models.PracticeForm
Errors = list[dict[str, str]] | None


def _error(words: str, href: str = "#act") -> list[dict[str, str]]:
    return [{"text": words.rstrip("."), "href": href}]


# --- The list, and a plan ------------------------------------------------------------------------


@require_safe
def drills(request: HttpRequest) -> HttpResponse:
    """`/downtime/drills/`: running, planned and past ones; the central team plans one."""
    return _list(request)


@require_POST
def plan(request: HttpRequest) -> HttpResponse:
    """A drill is declared, for one destination or for all of a trust."""
    form = _plan_form(request)
    if not form.is_valid():
        return _list(request, form.problems, 422)
    said = form.cleaned_data
    chosen = [place for place in queries.places_for_drills() if place.ods_code in said["places"]]
    try:
        made = services.declare_drill(
            queries.partners_of_choice(said["destination"]), places=chosen, reason=said["reason"],
            starts_at=form.starts_at, ends_at=form.ends_at, hour_seconds=form.clock,
            by=request.acting,
        )  # fmt: skip
    except services.DrillRefused as refusal:
        return _list(request, _error(refusal.sentence, FIELDS.get(refusal.field, "#day")), 422)
    except ReasonMissing:
        return _list(request, _error("Enter what the drill is for", "#reason"), 422)
    messages.success(request, "The drill is declared.")
    return redirect("requesting:drill", made[0].pk)


FIELDS = {"destination": "#destination", "places": "#places", "hour_seconds": "#hour-seconds"}


def _plan_form(request: HttpRequest) -> PlanForm:
    places = [(place.ods_code, place.name) for place in queries.places_for_drills()]
    return PlanForm(request.POST, destinations=queries.destinations_for_drills(), places=places)


def _list(request: HttpRequest, errors: Errors = None, status: int = 200) -> HttpResponse:
    audit.record(acting=request.acting, action="list_drills", object_type="messaging.Drill",
                 reason="DRILL", request=request)  # fmt: skip
    may_plan = may_declare_downtime(request.acting)
    context = {
        "lists": queries.drill_lists(request.acting),
        "name_of": queries.name_of,
        "words": DRILL_WORDS,
        "may_plan": may_plan,
        "destinations": queries.destinations_for_drills() if may_plan else [],
        "places": queries.places_for_drills() if may_plan else [],
        "lengths": LENGTHS,
        "clocks": CLOCKS,
        "counts": practice.form_counts(request.acting),
        "to_key_in": practice.to_key_in(request.acting),
        "typed": request.POST,
        "errors": errors,
    }
    return render(request, "requesting/drills.html", context, status=status)


# --- One drill -----------------------------------------------------------------------------------


@require_safe
def drill(request: HttpRequest, drill_id: int) -> HttpResponse:
    """`/downtime/drills/<id>/`: what it is, its forms, and what this person may do."""
    found = practice.drill_or_404(request.acting, drill_id, request=request)
    drilling.open_practice_form(found, by=request.acting)
    return _drill(request, found)


def _drill(
    request: HttpRequest, found: Drill, errors: Errors = None, status: int = 200
) -> HttpResponse:
    acting = request.acting
    is_running = queries.is_running(found)
    departments = practice.departments_of_drill(acting, found)
    context = {
        "drill": found,
        "name": queries.name_of(found),
        "state": DRILL_WORDS[found.state],
        "is_over": found.state in DRILL_OVER,
        "is_running": is_running,
        "places": list(found.places.all()),
        "others": queries.together_with(found),
        "name_of": queries.name_of,
        "words": DRILL_WORDS,
        "rows": practice.forms_of_drill(acting, found),
        "may_declare": may_declare_downtime(acting),
        "may_practise": is_running and drilling.may_practise(acting, found),
        "departments": departments,
        "cases": practice.cases_for(departments),
        "events": list(found.events.all()) if may_declare_downtime(acting) else [],
        "typed": request.POST,
        "errors": errors,
    }
    return render(request, "requesting/drill.html", context, status=status)


@require_POST
def act(request: HttpRequest, drill_id: int) -> HttpResponse:
    """One of DRILL_DEEDS, as the pressed button names it."""
    found = practice.drill_or_404(request.acting, drill_id, request=request)
    deed = DRILL_DEEDS.get(request.POST.get("do", ""))
    if deed is None:
        return _drill(request, found, _error("Choose what to do"), 400)
    try:
        return deed(request, found)
    except Refused as refused:
        return _drill(request, found, _error(refused.sentence, f"#{refused.rule}"), 422)
    except services.DrillRefused as refusal:
        return _drill(request, found, _error(refusal.sentence), 409)
    except NoSuchMove:
        found.refresh_from_db()
        words = f"Nothing was changed: this drill is {DRILL_WORDS[found.state].lower()} already"
        return _drill(request, found, _error(words), 409)
    except ReasonMissing:
        return _drill(request, found, _error("Enter a note", "#note"), 422)


def _start(request: HttpRequest, found: Drill) -> HttpResponse:
    services.start_drill(found, by=request.acting)
    return _done(request, found, "The drill has begun.")


def _stop(request: HttpRequest, found: Drill) -> HttpResponse:
    services.stop_drill(found, reason=request.POST.get("reason", ""), by=request.acting)
    return _done(request, found, "The drill is stopped.")


def _stop_all(request: HttpRequest, found: Drill) -> HttpResponse:
    if not may_declare_downtime(request.acting):
        raise Refused("Only the central team stops a drill.", rule="act")
    services.stop_exercise(found, by=request.acting)
    return _done(request, found, "Every drill of the exercise is stopped.")


def _note(request: HttpRequest, found: Drill) -> HttpResponse:
    services.note_drill(found, words=request.POST.get("note", ""), by=request.acting)
    return _done(request, found, "Noted for the report.")


def _make(request: HttpRequest, found: Drill) -> HttpResponse:
    offered = practice.departments_of_drill(request.acting, found)
    wanted = request.POST.get("department", "") or (offered[0].ods_code if offered else "")
    department = next((each for each in offered if each.ods_code == wanted), None)
    if department is None:
        raise Refused("Choose a department of the drill.", rule="department")
    form = drilling.make_practice_form(
        found, department=department, case=request.POST.get("case", ""), by=request.acting
    )
    return redirect("requesting:practice-form", form.pk)


DRILL_DEEDS: dict[str, Callable[[HttpRequest, Drill], HttpResponse]] = {
    "start": _start, "stop": _stop, "stop-all": _stop_all, "note": _note, "make": _make,
}  # fmt: skip


def _done(request: HttpRequest, found: Drill, words: str) -> HttpResponse:
    messages.success(request, words)
    return redirect("requesting:drill", found.pk)


# --- A practice form -----------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def practice_form(request: HttpRequest, form_id: int) -> HttpResponse:
    """`/downtime/drills/forms/<id>/`: the form as it is read, and what is to be done with it."""
    form = practice.practice_form(request.acting, form_id, request=request)
    if request.method != "POST":
        return _form(request, form)
    deed = FORM_DEEDS.get(request.POST.get("do", ""))
    if deed is None:
        return _form(request, form, _error("Choose what to do"), 400)
    try:
        words = deed(request, form)
    except Refused as refused:
        return _form(request, form, _error(refused.sentence, f"#{refused.rule}"), 422)
    except NoForm as refusal:
        return _form(request, form, _error(refusal.sentence), 409)
    except FormMoved:
        form.refresh_from_db()
        return _form(request, form, _error("This form has moved on. Nothing was changed"), 409)
    messages.success(request, words)
    return redirect("requesting:practice-form", form.pk)


def _email(request: HttpRequest, form: Form) -> str:
    drilling.email_practice_form(form, by=request.acting)
    return "DRILL: the practice form is on its way by e-mail."


def _print(request: HttpRequest, form: Form) -> str:
    drilling.print_practice_form(form, by=request.acting)
    return "DRILL: print the form, and hand it over as in a downtime."


def _key_in(request: HttpRequest, form: Form) -> str:
    drilling.key_in_practice_form(form, number=request.POST.get("number", ""), by=request.acting)
    return "DRILL: keyed in."


FORM_DEEDS: dict[str, Callable[[HttpRequest, Form], str]] = {
    "email": _email, "print": _print, "key": _key_in,
}  # fmt: skip


def _form(
    request: HttpRequest, form: Form, errors: Errors = None, status: int = 200
) -> HttpResponse:
    acting, is_running = request.acting, queries.is_running(form.drill)
    ours = drilling.may_practise(acting, form.drill)
    context = {
        "form": form,
        "row": practice.practice_row(form),
        "is_running": is_running,
        "may_email": is_running and ours and form.status == "made",
        "has_mailbox": practice.drill_mailbox(form) is not None,
        "may_print": is_running and ours and form.status in ("made", "emailed"),
        "may_key_in": is_running
        and form.status in ("emailed", "printed")
        and drilling.may_key_in_practice(acting, form),
        "events": list(form.events.order_by("pk")),
        "event_words": EVENT_WORDS,
        "sheet": practice.practice_sheet(form),
        "bars": paper.bars(form.reference),
        "typed": request.POST.get("number", ""),
        "errors": errors,
    }
    return render(request, "requesting/practice_form.html", context, status=status)


@require_safe
def practice_pdf(request: HttpRequest, form_id: int) -> HttpResponse:
    """The practice form as a PDF."""
    form = practice.practice_form(request.acting, form_id, request=request)
    content = paper.pdf_of(practice.practice_sheet(form))
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{form.reference}.pdf"'
    return response


# --- The report ----------------------------------------------------------------------------------


@require_safe
def report(request: HttpRequest, drill_id: int) -> HttpResponse:
    """`/downtime/drills/<id>/report`: printable; as far as it is while the drill runs."""
    found = practice.drill_or_404(request.acting, drill_id, request=request)
    context = {
        "report": drill_report.report_of(found),
        "drill": found,
        "minutes": drill_report.minutes,
        "is_over": found.state in DRILL_OVER,
    }
    return render(request, "requesting/drill_report.html", context)


@require_safe
def report_file(request: HttpRequest, drill_id: int) -> HttpResponse:
    """The same as CSV: UTF-8 with a mark for spreadsheets, no formulas."""
    found = practice.drill_or_404(request.acting, drill_id, request=request)
    file = StringIO()
    writer = csv.writer(file)
    writer.writerow(("Drill", "About", "Of", "What", "Value"))
    for row in drill_report.rows_of(drill_report.report_of(found)):
        writer.writerow([f"'{cell}" if cell[:1] in tuple("=+-@\t\r") else cell for cell in row])
    content = "\ufeff" + file.getvalue()
    response = HttpResponse(content, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="DRILL-report-{found.pk}.csv"'
    return response
