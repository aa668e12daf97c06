"""S9: all services and their state; one link, its history, and the central team's word on it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.roles import Permission
from messaging import queries, services
from messaging.errors import NoSuchMove
from messaging.queries.destinations import destination, destinations, turns_of
from ordercomms import health
from ordercomms.forms import DeclareForm
from ordercomms.frame import frame_of, may_open
from ordercomms.standby.state import standing
from results.queries.rates import last_results


@require_safe
def all_services(request: HttpRequest) -> HttpResponse:
    """Each part of the service, whether it works, since when, and what becomes of the work."""
    parts, lines = [*health.parts(), *health.checks()], destinations(request.acting)
    statuses = frame_of(request).statuses
    operates = request.acting.may(Permission.OPERATE_MESSAGES)
    context = {
        "parts": parts,
        "lines": lines,
        "statuses": statuses,
        "operates": operates,
        "standby": standing(),
        "may_fetch": may_open(request.acting, "pack"),
        "runs": request.acting.may(Permission.DECLARE_DOWNTIME),
        "alerts": queries.past_alerts(request.acting) if operates else [],
        "last_results": last_results(request.acting),
        "all_well": not statuses
        and all(part.works for part in parts)
        and all(line.tag == "working" for line in lines),
    }
    return render(request, "services.html", context)


@require_safe
def link(request: HttpRequest, partner_id: int) -> HttpResponse:
    """One link: how it stands and what moved it."""
    queries.partner_for(request.acting, partner_id)
    return _link_page(request, partner_id)


@require_POST
def declare_down(request: HttpRequest, partner_id: int) -> HttpResponse:
    """A person says that it is down."""
    partner, form = queries.partner_for(request.acting, partner_id), DeclareForm(request.POST)
    if not form.is_valid():
        return _link_page(request, partner_id, form)
    reason = form.cleaned_data["reason"]
    services.declare_down(partner, reason=reason, by=request.acting, until=form.until)
    messages.success(request, "Declared down. Nothing is sent to it until it is over.")
    return HttpResponseRedirect(reverse("link", args=[partner_id]))


@require_POST
def declare_over(request: HttpRequest, partner_id: int) -> HttpResponse:
    """A person says that what was declared is over."""
    partner, form = queries.partner_for(request.acting, partner_id), DeclareForm(request.POST)
    if not form.is_valid():
        return _link_page(request, partner_id, form)
    try:
        services.declare_over(partner, reason=form.cleaned_data["reason"], by=request.acting)
    except NoSuchMove:
        messages.info(request, "It was over already.")
    else:
        messages.success(request, "Declared over. What waited is being sent.")
    return HttpResponseRedirect(reverse("link", args=[partner_id]))


def _link_page(
    request: HttpRequest, partner_id: int, form: DeclareForm | None = None
) -> HttpResponse:
    context = {
        "line": destination(request.acting, partner_id),
        "history": turns_of(partner_id),
        "may_declare": request.acting.may(Permission.DECLARE_DOWNTIME),
        "errors": form.problems if form else [],
        "reason": form.data.get("reason", "") if form else "",
        "hours": form.data.get("hours", "") if form else "",
    }
    return render(request, "link.html", context, status=422 if form else 200)
