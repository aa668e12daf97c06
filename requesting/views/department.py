"""What was asked of this laboratory or department, and how far it is. Nothing is changed here."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import audit
from requesting import filtering, queries

PER_PAGE = 50


@require_safe
def department(request: HttpRequest) -> HttpResponse:
    """`/department/`."""
    filters = filtering.of_department(request.GET)
    number = filtering.page_number(request.GET)
    rows, total = queries.department_rows(request.acting, filters, page=number)
    audit.record(
        acting=request.acting, action="list_requests", object_type="requesting.RequestItem",
        reason="department", request=request,
    )  # fmt: skip
    context = {
        "rows": rows,
        "total": total,
        "number": number,
        "has_more": number * PER_PAGE < total.number,
        "narrowing": queries.narrowing(request.acting),
        "query": request.GET,
        "chips": filtering.department_chips(request.GET),
        "now": timezone.now(),
    }
    return render(request, "requesting/department.html", context)
