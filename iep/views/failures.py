"""I7 `/iep/failures/`: what did not arrive, why, and what to try, each with one click."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from iep.queries.lanes import failures as queries


@require_safe
def failures(request: HttpRequest) -> HttpResponse:
    """What needs a person first; then what fails and is tried again by itself."""
    context = {
        "page": queries.failures(request.acting),
        "may_control": request.acting.may("control_lanes"),
        "now": timezone.now(),
    }
    return render(request, "iep/failures.html", context)
