"""Every stream on one page, live; and what needs a person by cause."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from messaging import forms, queries


@require_safe
def streams(request: HttpRequest) -> HttpResponse:
    """Which is down, in which phase, since when, how many wait."""
    return render(request, "messaging/streams.html", _streams(request))


@require_safe
def streams_now(request: HttpRequest) -> HttpResponse:
    """The table alone, for the page to put in place every few seconds."""
    return render(request, "messaging/_streams_now.html", _streams(request))


def _streams(request: HttpRequest) -> dict[str, object]:
    return {"now": queries.streams_for(request.acting)}


@require_safe
def causes(request: HttpRequest) -> HttpResponse:
    """What needs a person, grouped by cause."""
    return render(request, "messaging/causes.html", {"groups": queries.groups_for(request.acting)})


@require_safe
def cause_in(request: HttpRequest, code: str) -> HttpResponse:
    return _cause(request, "in", code)


@require_safe
def cause_out(request: HttpRequest, code: str) -> HttpResponse:
    return _cause(request, "out", code)


def _cause(request: HttpRequest, direction: str, code: str) -> HttpResponse:
    page = queries.cause_page(request.acting, direction, code, page=forms.page_of(request.GET))
    return render(request, "messaging/cause.html", {"page": page})
