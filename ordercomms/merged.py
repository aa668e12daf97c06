"""Whoever opens a page of a merged record comes to the record that stands for it, and is told."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from patients.errors import MergedInto

NOTHING_SAVED = "The two records were merged meanwhile. What you sent from that page was not saved."


class MergedRecordMiddleware:
    """Answers `patients.errors.MergedInto`, wherever it comes from, with a way on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, MergedInto):
            return None
        if request.method not in ("GET", "HEAD"):
            messages.warning(request, NOTHING_SAVED)
        was = {"was": error.retired_id}
        return redirect(reverse("record", args=[error.survivor_id], query=was))
