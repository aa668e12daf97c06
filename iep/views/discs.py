"""I8: discs in boxes and on the desk, one disc, its label, the chart, and its upload."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import TooManyFilesSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST, require_safe

from accounts import audit
from iep import paper
from iep.errors import NoSuchMove, NotAccepted
from iep.forms.discs import brought_of, drop_off_of
from iep.queries.arrival import discs as queries
from iep.queries.banner import of_disc
from iep.services.arrival import discs
from iep.uploads import DiscUpload

Disc = Any  # an iep.models.Disc: screens never touch models
ENDED = {
    "stopped": "The disc is stopped: somebody must look at whose it is.",
    "unreadable": "The disc cannot be read.",
}
MEANWHILE = "Somebody has dealt with this disc meanwhile. Look at it again"


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """`/iep/discs/`: by site for the next collection, and by what they wait for."""
    audit.record(
        acting=request.acting, action="list_discs", object_type="iep.Disc", request=request
    )
    lists = queries.lists_for(request.acting, reference=request.GET.get("reference", ""))
    context = {"lists": lists, "collection": discs.next_collection(timezone.localdate())}
    return render(request, "iep/discs.html", context)


@require_safe
def disc(request: HttpRequest, disc_id: uuid.UUID) -> HttpResponse:
    """`/iep/discs/<disc>/`."""
    return _page(request, queries.disc_for(request.acting, disc_id, request=request))


@require_safe
def progress(request: HttpRequest, disc_id: uuid.UUID) -> HttpResponse:
    """How far it is read: asked again and again while somebody looks."""
    row = queries.disc_for(request.acting, disc_id, action="watch_disc", request=request)
    page = queries.page_of(row, request.acting)
    answer = render(request, "iep/_disc_progress.html", {"page": page})
    if row.state != "reading":
        _say_its_end(request, row)
        answer["HX-Refresh"] = "true"
    return answer


def _say_its_end(request: HttpRequest, row: Disc) -> None:
    """Once, on the page that is loaded anew: on the way there nothing is spoken."""
    if row.state == "read":
        messages.success(request, "The disc is read in.")
    elif row.state in ENDED:
        messages.warning(request, ENDED[row.state])


def _page(
    request: HttpRequest, row: Disc, problems: dict[str, str] | None = None, *, status: int = 200
) -> HttpResponse:
    errors = [
        {"text": words.rstrip("."), "href": f"#{name}"} for name, words in (problems or {}).items()
    ]
    page = queries.page_of(row, request.acting)
    studies = [*(each.study for each in page.found.asked if each.study), *page.found.others]
    context = of_disc(row, page.found.people, studies).context | {
        "page": page,
        "errors": errors or None,
        "wrong": problems or {},
        "typed": {} if "files" in (problems or {}) else request.POST,
        "collection": discs.next_collection(timezone.localdate()),
    }
    return render(request, "iep/disc.html", context, status=status)


@require_POST
def act(request: HttpRequest, disc_id: uuid.UUID) -> HttpResponse:
    """One deed. Which ones a person may do is the service's to say."""
    row = queries.disc_for(request.acting, disc_id, action="act_on_disc", request=request)
    verb = request.POST.get("do", "")
    deed = DEEDS.get(verb)
    if deed is None:
        return _page(request, row, {"maincontent": "Choose what to do"}, status=400)
    if verb in TYPED and (problems := TYPED[verb](request).problems):
        return _page(request, row, problems, status=422)
    try:
        words = deed(request, row)
    except NotAccepted as refusal:
        return _page(request, row, {FIELDS.get(verb, "maincontent"): refusal.sentence}, status=422)
    except NoSuchMove:
        row.refresh_from_db()
        return _page(request, row, {"maincontent": MEANWHILE}, status=409)
    messages.success(request, words)
    return redirect("iep:disc", disc_id)


def _typed_drop(request: HttpRequest) -> Any:
    return drop_off_of(request.POST, tuple(queries.sites_of(request.acting)))


def _typed_brought(request: HttpRequest) -> Any:
    return brought_of(request.POST)


def _drop(request: HttpRequest, row: Disc) -> str:
    said = _typed_drop(request)
    after = discs.drop_off(
        row, site=said.site, dropped_by=said.dropped_by, labelled=said.labelled,
        form_enclosed=said.form_enclosed, by=request.acting,
    )  # fmt: skip
    return after.why or f"The disc is on the chart of {said.site.name}."


def _collect(request: HttpRequest, row: Disc) -> str:
    discs.collect(row, by=request.acting)
    return "The disc is collected."


def _leave(request: HttpRequest, row: Disc) -> str:
    return discs.leave(row, labelled=request.POST.get("why") != "label", by=request.acting).why


def _brought(request: HttpRequest, row: Disc) -> str:
    said = _typed_brought(request)
    discs.brought(
        row, arranged=said.arranged, labelled=said.labelled, form_enclosed=said.form_enclosed,
        by=request.acting,
    )  # fmt: skip
    return "The disc is with the service desk."


def _release(request: HttpRequest, row: Disc) -> str:
    discs.release(row, why=request.POST.get("why", ""), by=request.acting)
    return "The disc is released. Its studies wait to be matched."


def _return(request: HttpRequest, row: Disc) -> str:
    discs.hand_back(row, by=request.acting)
    return "The disc was handed back."


def _cancel(request: HttpRequest, row: Disc) -> str:
    discs.cancel(row, why=request.POST.get("why", ""), by=request.acting)
    return "The disc is not read in."


DEEDS = {
    "drop": _drop, "collect": _collect, "leave": _leave, "brought": _brought,
    "release": _release, "return": _return, "cancel": _cancel,
}  # fmt: skip
TYPED = {"drop": _typed_drop, "brought": _typed_brought}  # what is typed for a deed, checked first
FIELDS = {"brought": "arranged", "release": "release-why", "cancel": "cancel-why", "drop": "site"}


# --- Uploading -----------------------------------------------------------------------------------


@csrf_exempt
@require_POST
def upload(request: HttpRequest, disc_id: uuid.UUID) -> HttpResponse:
    """A folder or a ZIP. The handler is set before anything reads the body, the token included."""
    row = queries.disc_for(request.acting, disc_id, action="upload_disc", request=request)
    if not discs.may_be_uploaded(row, by=request.acting):
        return _page(request, row, {"maincontent": MEANWHILE}, status=409)
    handler = DiscUpload(request)
    length = request.META.get("CONTENT_LENGTH", "")
    if problem := handler.refused(int(length) if length.isdecimal() else 0):
        return _page(request, row, {"files": problem}, status=413)
    request.upload_handlers = [handler]
    try:
        return _uploaded(request, row, handler)
    except TooManyFilesSent:
        handler.upload_interrupted()
        problem = handler.problem or "It has more files than are taken at once."
        return _page(request, row, {"files": problem}, status=413)


@csrf_protect
def _uploaded(request: HttpRequest, row: Disc, handler: DiscUpload) -> HttpResponse:
    count = len(request.FILES.getlist("files"))  # this reads the body, if nothing has
    if handler.problem or not count:
        handler.upload_interrupted()
        problem = handler.problem or "Choose the folder of the disc, or a ZIP file"
        return _page(request, row, {"files": problem}, status=422)
    try:
        discs.uploaded(row, upload_id=handler.upload_id, size=handler.size, by=request.acting)
    except (NotAccepted, NoSuchMove):
        handler.upload_interrupted()
        row.refresh_from_db()
        return _page(request, row, {"maincontent": MEANWHILE}, status=409)
    messages.success(request, "The disc is uploaded. It is read now; you can leave this page.")
    return redirect("iep:disc", row.pk)


# --- On paper ------------------------------------------------------------------------------------


@require_safe
def label(request: HttpRequest, disc_id: uuid.UUID) -> HttpResponse:
    """99 x 38 mm, twice: for the disc and for the envelope."""
    row = queries.disc_for(request.acting, disc_id, action="print_disc_label", request=request)
    ticket = row.ticket
    made = paper.Label(ticket.reference, row.number, ticket.discs or 1, ticket.internal_address)
    return _pdf(paper.labels_pdf([made, made]), f"{ticket.reference}-{row.number}.pdf")


@require_safe
def chart(request: HttpRequest, site_id: int) -> HttpResponse:
    """The collection chart of a site, with what is known and room for what is written by hand."""
    site, rows = queries.chart_of(request.acting, site_id)
    audit.record(
        acting=request.acting, action="print_disc_chart", object_type="accounts.Site",
        object_id=site.pk, request=request,
    )  # fmt: skip
    lines = [
        paper.Line(
            f"{timezone.localtime(each.dropped_at):%d %b %Y}" if each.dropped_at else "",
            each.ticket.reference, f"{each.number} of {each.ticket.discs or 1}", each.dropped_by,
            "Yes" if each.labelled else "No", "Yes" if each.form_enclosed else "No",
        )
        for each in rows
    ]  # fmt: skip
    day = discs.next_collection(timezone.localdate())
    return _pdf(paper.chart_pdf(site.name, day, lines), f"disc-chart-{day:%Y-%m-%d}.pdf")


def _pdf(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}"'
    return response
