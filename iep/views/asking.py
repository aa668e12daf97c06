"""R11: ask for images, on three short pages and a check.

Each page posts what it asks, is told what is wrong with it, and leads to the next page that lacks
something: what a pasted text says already is asked of nobody. Nothing here needs a script.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from iep import picking
from iep.asking import LABELS, STEPS, in_order, problems, step_of
from iep.errors import Incomplete
from iep.forms import drafts
from iep.forms import tickets as forms
from iep.forms.tickets import Read, Typed
from iep.policies import trust_of
from iep.queries.exchange import hospitals
from iep.queries.ticketing import people as ticket_people
from iep.queries.ticketing import prefill as ticket_prefill
from iep.queries.ticketing import tickets
from iep.services.ticketing.tickets import open_ticket
from iep.states.tickets import TicketKind
from iep.views import asking_pages as pages

NOTHING_PICKED = "Nothing was found in the text. Fill the form in by hand"
KEPT_NO_MORE = "What was typed is not kept any more. Start again"


@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """`/iep/new/`: which way; which patient and where; which scans and how urgently; a check."""
    if request.method != "POST":
        return _shown(request)
    form = _typed(request)
    verb, _, argument = request.POST.get("do", "check").partition(" ")
    return DEEDS.get(verb, _check)(request, form, argument)


def _typed(request: HttpRequest) -> Typed:
    """What a page asks, over the draft. The check and the page of Blue Light show all of it, and
    what they showed is what they mean."""
    form, step = forms.typed(request.POST), request.POST.get("step", "")
    draft = drafts.kept(form.key, by=request.acting)
    if draft is None or step not in STEPS:
        return form
    return forms.laid_over(draft, form, request.POST, step)


def _shown(request: HttpRequest) -> HttpResponse:
    key, step = request.GET.get("draft", ""), request.GET.get("step", "")
    if not key:
        return _begun(request)
    form = drafts.kept(key, by=request.acting)
    if form is None:
        return _gone(request, key)
    if step == "blue":
        return pages.interruption(request, form)
    if step == "check":
        return _checked_again(request, form)
    said = forms.read(form, trust_of(request.acting)) if step == "patient" else None
    step = step if step in STEPS else "way"
    return pages.step_page(request, form, step, said=said, focus=request.GET.get("at", ""))


def _begun(request: HttpRequest) -> HttpResponse:
    """An empty form, with what is known of who asks and of the patient who is open."""
    form = forms.empty()
    kind = request.GET.get("kind", "")
    form.fill(kind=kind if kind in set(TicketKind) else "")
    form.fill(**ticket_prefill.of_requester(request.acting))
    patient = request.GET.get("patient") or request.session.get(settings.PATIENT_CONTEXT_KEY)
    form.fill(**ticket_prefill.of_launched(request.acting, patient, request=request))
    return pages.step_page(request, form, "patient" if form.get("kind") else "way")


def _gone(request: HttpRequest, key: str) -> HttpResponse:
    """Back to a form that was sent: its ticket. Else it is said, and a new one begins."""
    try:
        ticket = tickets.opened_from(request.acting, UUID(key))
    except ValueError:
        ticket = None
    if ticket is not None:
        return redirect("iep:ticket", ticket.reference)
    messages.info(request, KEPT_NO_MORE)
    return redirect("iep:ask")


# --- Its pages -----------------------------------------------------------------------------------


def _refused(
    request: HttpRequest, form: Typed, step: str, wrong: dict[str, str], said: Read | None = None
) -> HttpResponse:
    """The same page, with what is wrong; what was typed is kept."""
    drafts.keep(form, by=request.acting)
    return pages.step_page(request, form, step, wrong, said=said)


def _to(request: HttpRequest, form: Typed, step: str, focus: str = "") -> HttpResponse:
    """Keeps the form and fetches the page: going back and loading again send nothing twice."""
    drafts.keep(form, by=request.acting)
    words = {"draft": form.key, "step": step} | ({"at": focus} if focus else {})
    return redirect(reverse("iep:ask", query=words))


def _read(request: HttpRequest, form: Typed) -> tuple[Read, dict[str, str]]:
    """What the form asks for, and everything that is wrong with it, in the form's order."""
    _from_record(request, form)
    said = forms.read(form, trust_of(request.acting))
    found = problems(
        said.new, today=timezone.localdate(), s_number_pattern=settings.S_NUMBER_PATTERN
    )
    found |= said.problems
    if not any(step_of(name) == "patient" for name in found):
        found |= _against_record(request, said)
    return said, in_order(found)


def _from_record(request: HttpRequest, form: Typed) -> None:
    """A number that we know and no name: the name comes from our record, to be confirmed."""
    if form.get("family_name") or form.get("given_names"):
        return
    known = ticket_prefill.of_number(
        request.acting, form.get("nhs_number"), form.get("s_number"), request=request
    )
    form.picked |= set(form.fill(**known)) if known else set()


def _against_record(request: HttpRequest, said: Read) -> dict[str, str]:
    trust = trust_of(request.acting)
    return ticket_people.record_of(said.new, trust)[1] if trust else {}


# --- From page to page ---------------------------------------------------------------------------


def _go_on(request: HttpRequest, form: Typed, after: str) -> HttpResponse:
    """What is wrong on this page, on this page; else to the next one that lacks something."""
    said, wrong = _read(request, form)
    if any(step_of(name) == after for name in wrong):
        return _refused(request, form, after, wrong, said)
    later = list(STEPS)[list(STEPS).index(after) + 1 :]
    unread = {step_of(name) for name in form.notes if not _has_value(form, name)}
    lacking = {step_of(name) for name in wrong} | (unread & set(later))
    for step in STEPS:
        if step in lacking:
            return _to(request, form, step)
    return _to(request, form, "check")


def _has_value(form: Typed, name: str) -> bool:
    if name.startswith("exam-"):
        number = int(name.removeprefix("exam-"))
        return all(row["date"] and row["description"] for row in form.rows[number - 1 : number])
    return bool(form.get(name))


def _way(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """One of the three ways was pressed; what it asks comes next, even where all is there."""
    form.texts["kind"] = argument
    return _go_on(request, form, "way")


def _next(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    return _go_on(request, form, argument if argument in STEPS else "way")


def _go(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """To a page that is chosen; what was typed comes along and is looked at later."""
    return _to(request, form, argument if argument in STEPS else "way")


def _change(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """From the check to a field."""
    known = argument.startswith("exam-") or argument == "where" or argument in LABELS
    return _to(request, form, step_of(argument), argument) if known else _to(request, form, "way")


def _pick(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """Paste box. What is complete goes straight to the check; else to what is left, with marks."""
    found = picking.pick(
        form.get("pasted"),
        today=timezone.localdate(),
        s_number_pattern=settings.S_NUMBER_PATTERN,
        hospitals=hospitals.names(trust_of(request.acting)),
    )
    if found.is_empty:
        return _refused(request, form, "way", {"pasted": NOTHING_PICKED})
    if "priority" in found.fields or "priority" in found.notes:
        form.texts["priority"] = ""  # the page chose Standard: what the text says of it goes first
    forms.take_picked(form, found)
    form.fill(priority="" if "priority" in found.notes else "1")
    said, wrong = _read(request, form)
    if not form.get("kind"):
        return _to(request, form, "way")
    if any(name in wrong for name in _against_record(request, said)):
        return _refused(request, form, "patient", wrong, said)
    return _go_on(request, form, "way")


def _add(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    forms.add_row(form)
    return _to(request, form, "scans", f"exam-{len(form.rows)}-date")


def _remove(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    forms.remove_row(form, int(argument) if argument.isdecimal() else 0)
    return _to(request, form, "scans", "exam-1-date")


def _find(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """The patient of the number that was typed, as the hospital's system has them."""
    known = ticket_prefill.of_number(
        request.acting, form.get("nhs_number"), form.get("s_number"), request=request
    )
    if not known:
        said = "The hospital’s system has nobody with this number. Fill in the patient’s details"
        return _refused(request, form, "patient", {"nhs_number": said})
    form.texts |= {name: text for name, text in known.items() if text}
    form.picked |= set(known)
    return _to(request, form, "patient", "where")


def _resume(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """From the list of what is not sent: to the first page that lacks something, or the check."""
    draft = drafts.kept(form.key, by=request.acting)
    if draft is None:
        return _gone(request, form.key)
    lacking = {step_of(name) for name in _read(request, draft)[1]}
    first = next((step for step in STEPS if step in lacking), "check")
    return _to(request, draft, first)


def _drop(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """Thrown away by who began it."""
    drafts.forget(form, by=request.acting)
    messages.info(request, "The request that was not sent is thrown away.")
    return redirect("iep:ask")


# --- The check -----------------------------------------------------------------------------------


def _check(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """All of the form is looked at; then the check."""
    said, wrong = _read(request, form)
    if wrong.keys() == {"eligibility"} and form.get("priority") == "0":
        return _to(request, form, "blue")
    if wrong:
        return _wrong(request, form, said, wrong)
    return _to(request, form, "check")


def _wrong(request: HttpRequest, form: Typed, said: Read, wrong: dict[str, str]) -> HttpResponse:
    """The page that was sent, while something is wrong on it; else the first that is not right."""
    amiss = [step for step in STEPS if step in {step_of(name) for name in wrong}]
    here = request.POST.get("step", "")
    return _refused(request, form, here if here in amiss else amiss[0], wrong, said)


def _blue(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    """The answer to the interruption: what makes it Blue Light, or Standard after all."""
    form.texts["eligibility"] = argument
    if not argument:
        form.texts |= {"priority": "1", "reason": ""}
    return _check(request, form, "")


def _checked_again(request: HttpRequest, form: Typed) -> HttpResponse:
    """The check by its address: what has become wrong meanwhile is asked for first."""
    said, wrong = _read(request, form)
    if wrong:
        return _wrong(request, form, said, wrong)
    return pages.check_page(request, form, said)


def _open(request: HttpRequest, form: Typed, argument: str) -> HttpResponse:
    said, wrong = _read(request, form)
    if wrong:
        return _wrong(request, form, said, wrong)
    trust = trust_of(request.acting)
    seen = set(request.POST.get("seen", "").split())
    again = {each.reference for each in (tickets.duplicates(said.new, trust) if trust else [])}
    mine = tickets.opened_from(request.acting, said.new.key)
    if again - seen and mine is None:
        return pages.check_page(request, form, said, status=409)
    try:
        ticket = open_ticket(said.new, by=request.acting)
    except Incomplete as refusal:
        return _wrong(request, form, said, refusal.problems)
    drafts.forget(form, by=request.acting)
    messages.success(request, f"Call reference {ticket.reference}")
    return redirect("iep:ticket", ticket.reference)


DEEDS: dict[str, Callable[[HttpRequest, Typed, str], HttpResponse]] = {
    "way": _way,
    "pick": _pick,
    "next": _next,
    "go": _go,
    "add": _add,
    "remove": _remove,
    "find": _find,
    "change": _change,
    "check": _check,
    "blue": _blue,
    "open": _open,
    "resume": _resume,
    "drop": _drop,
}
