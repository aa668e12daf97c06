"""Home, launch, help, health: pages that belong to no one room."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView

from accounts import audit
from accounts.errors import LaunchRefused
from accounts.launch import REFUSALS
from ordercomms import health, landing
from ordercomms.frame import first_page
from ordercomms.metrics import wire_metrics


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """To the page where this role's work starts."""
    start = first_page(request.acting)
    return HttpResponseRedirect(start) if start else render(request, "home.html")


@require_safe
def keyboard(request: HttpRequest) -> HttpResponse:
    return render(request, "keyboard.html")


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "accessibility.html")


# --- Launch in context (C2) ----------------------------------------------------------------------


@require_safe
def launch(request: HttpRequest) -> HttpResponse:
    """From a GP system, straight to the work on its patient; or a page that says why not."""
    try:
        opened = landing.open_link(request, request.GET.get("link", ""))
    except LaunchRefused as refused:
        audit.record(
            acting=request.acting, action="launch", outcome="refused", reason=refused.reason,
            request=request,
        )  # fmt: skip
        context = {"refusal": REFUSALS[refused.reason]}
        return render(request, "launch_refused.html", context, status=403)
    return HttpResponseRedirect(opened)


# --- For machines --------------------------------------------------------------------------------


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Alive: this process answers. Touches nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Ready: 200 while every needed part answers, else 503. The body names each part."""
    parts = health.parts()
    ready = all(part.works for part in parts if part.needed)
    body = {part.name: part.word for part in parts}
    return JsonResponse(body, status=200 if ready else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Counts for Prometheus: to this machine and to the addresses of METRICS_ALLOWED_FROM."""
    if request.META.get("REMOTE_ADDR", "") not in settings.METRICS_ALLOWED_FROM:
        return render(request, "404.html", status=404)
    response = ExportToDjangoView(request)
    if health.database_answers():
        response.content += wire_metrics()
    return response


# --- When it does not work -----------------------------------------------------------------------


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The same page for what is not there and for what is not theirs."""
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks nothing of anybody: no database, no session, no frame."""
    return render(None, "500.html", status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form from an old page, or from somewhere else."""
    return render(request, "csrf.html", status=403)
