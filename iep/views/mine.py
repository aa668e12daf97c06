"""What somebody asked for: their own tickets, and what they began and did not send."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import audit
from iep.forms import drafts
from iep.queries.ticketing import tickets


@require_safe
def mine(request: HttpRequest) -> HttpResponse:
    """`/iep/mine/`: a requester's own tickets; what waits for them comes first."""
    audit.record(acting=request.acting, action="list_tickets", object_type="iep.Ticket",
                 reason="mine", request=request)  # fmt: skip
    context = _mine(request) | {"waiting": drafts.waiting(request.acting)}
    return render(request, "iep/mine.html", context)


@require_safe
def mine_now(request: HttpRequest) -> HttpResponse:
    """The same list, as it is now: for the page that is open."""
    return render(request, "iep/_mine_now.html", _mine(request))


def _mine(request: HttpRequest) -> dict[str, Any]:
    text = request.GET.get("page", "1")
    number = max(int(text), 1) if text.isascii() and text.isdecimal() and len(text) < 6 else 1
    return {
        "page": tickets.my_tickets(request.acting, page=number),
        "number": number,
        "kinds": tickets.KIND_WORDS,
        "now": timezone.now(),
    }
