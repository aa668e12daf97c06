"""Figures of the image exchange: twice a year and yearly, on a page and as a file."""

from __future__ import annotations

import csv
from io import StringIO

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts import audit
from iep.queries import behind
from iep.queries.compliance import figures as queries
from iep.queries.compliance import periods


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """`/iep/figures/`: a period's tables; `?of=` opens the list behind a number."""
    today = timezone.localdate()
    period = periods.period_of(request.GET.get("period", ""), today)
    found = queries.figures(request.acting, period)
    context = {"found": found, "period": period, "periods": periods.periods(today)}
    key = request.GET.get("of", "")
    if not key:
        return render(request, "iep/figures.html", context)
    title = queries.words_of(found, key)
    if not title:
        raise Http404
    context |= {"title": title, "rows": behind.listed(request.acting, period, key)}
    return render(request, "iep/figures_list.html", context | {"most": behind.MOST_LISTED})


@require_safe
def download(request: HttpRequest) -> HttpResponse:
    """The same as CSV: UTF-8 with a mark for spreadsheets, no formulas; numbers, no patient."""
    period = periods.period_of(request.GET.get("period", ""), timezone.localdate())
    found = queries.figures(request.acting, period)
    audit.record(
        acting=request.acting, action="download_figures", reason=period.key,
        object_type="iep.Transaction", request=request,
    )  # fmt: skip
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(("Image exchange", period.words, f"as at {timezone.localdate().isoformat()}"))
    for table in found.tables:
        writer.writerow(())
        writer.writerow((table.title,))
        writer.writerow(map(_harmless, table.columns))
        for line in table.lines:
            cells = (line.words, *(str(each.count) for each in line.numbers), *line.more)
            writer.writerow(map(_harmless, cells))
    answer = HttpResponse("\ufeff" + out.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="image-exchange-{period.key}.csv"'
    return answer


def _harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula gets an apostrophe (ASVS 1.2.10)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0")) else cell
