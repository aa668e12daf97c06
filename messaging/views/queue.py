"""What needs a person, what waits, what was refused, what is done; and every partner."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from messaging import forms, queries
from messaging.queries import mails


@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """What needs a person, what waits, what was refused, what is done; and every partner."""
    lists = queries.lists_for(
        request.acting, shown=request.GET.get("list", ""), page=forms.page_of(request.GET)
    )
    context = {"lists": lists, "partners": queries.partner_states(request.acting)}
    context["mails"] = mails.needing_somebody(request.acting)
    return render(request, "messaging/queue.html", context)
