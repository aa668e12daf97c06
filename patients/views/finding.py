"""C3: find a patient.

What is typed is a name, a number or a birth date, so it never goes into an address: it is posted,
kept in the session under a random token, and the results have an address with that token. Going
back from a record then shows the list again, without a form to send once more.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from patients import queries, searches


@sensitive_post_parameters("who")
@sensitive_variables("text")
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """The box, and the results. An NHS number goes straight to its record; nothing else does."""
    if request.method == "POST":
        token = searches.keep(request, request.POST.get("who", ""))
        return redirect(reverse("patients:find", query={"search": token}))
    text = searches.kept(request, request.GET.get("search"))
    if text is None:
        return render(request, "patients/find.html", {"text": ""})
    found = queries.find(text, acting=request.acting, request=request)
    if found.exact:
        was = found.merged.get(found.exact.pk)
        return redirect(reverse("record", args=[found.exact.pk], query={"was": was} if was else {}))
    context = {"text": text, "found": found, "errors": _errors(found)}
    return render(request, "patients/find.html", context)


def _errors(found: queries.Found) -> list[dict[str, str]]:
    return [{"text": found.problem, "href": "#who"}] if found.problem else []
