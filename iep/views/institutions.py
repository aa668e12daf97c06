"""I9 `/iep/institutions/`: who images can come from and go to; kept by few, read by all."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from iep import policies
from iep.errors import NotAccepted
from iep.forms.institutions import KIND_WORDS, read_institution, read_node
from iep.queries.exchange import institutions as queries
from iep.services.exchange import directory

_NODE_FIELDS = ("name", "kind", "ae_title", "our_ae_title", "host", "port", "base_url",
                "secret_name")  # fmt: skip
_NODE_TICKS = ("is_default", "may_call", "fetches_by_move", "commits")


@require_safe
def institutions(request: HttpRequest) -> HttpResponse:
    """A to Z, with a search over names, aliases, cities and codes."""
    text, letter = request.GET.get("q", "")[:60], request.GET.get("letter", "")[:1]
    everything = queries.a_to_z(request.acting)
    lines = queries.a_to_z(request.acting, text, letter) if text or letter else everything
    context = {
        "lines": lines, "letters": queries.letters(everything), "letter": letter, "text": text,
        "total": len(everything),
    }  # fmt: skip
    return render(request, "iep/institutions.html", context)


@require_safe
def institution(request: HttpRequest, pk: int) -> HttpResponse:
    page = queries.institution(request.acting, pk)
    own = page.institution.organisation_id
    context = {"page": page, "may_pause_own": own and policies.is_of_trust(request.acting, own)}
    return render(request, "iep/institution.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    return _change(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, pk: int) -> HttpResponse:
    return _change(request, queries.one(pk))


def _change(request: HttpRequest, kept: Any) -> HttpResponse:
    errors: list[dict[str, str]] = []
    warning = ""
    if request.method == "POST":
        facts, aliases, errors = read_institution(request.POST)
        if not errors:
            try:
                saved = directory.save_institution(
                    kept, facts, aliases=aliases, by=request.acting,
                    alike_confirmed=request.POST.get("alike") == "yes",
                )  # fmt: skip
            except NotAccepted as refusal:
                where = {"look_alike": "#alike", "code": "#code"}.get(refusal.code, "#name")
                errors = [{"text": refusal.sentence.rstrip("."), "href": where}]
                warning = refusal.sentence if refusal.code == "look_alike" else ""
            else:
                messages.success(request, "The directory is changed.")
                return redirect("iep:institution", saved.pk)
    said = request.POST if request.method == "POST" else _said(kept)
    context = {
        "kept": kept, "said": said, "errors": errors, "warning": warning,
        "kinds": list(KIND_WORDS.items()),
        "problems": {each["href"][1:]: each["text"] for each in reversed(errors)},
    }  # fmt: skip
    return render(request, "iep/institution_change.html", context, status=422 if errors else 200)


def _said(kept: Any) -> dict[str, str]:
    if kept is None:
        return {"kind": "institution", "is_active": "yes"}
    said = {
        name: getattr(kept, name) for name in ("code", "kind", "name", "city", "phone", "email")
    }
    return said | {
        "usual_hours": str(kept.usual_hours or ""),
        "is_active": "yes" if kept.is_active else "no",
        "aliases": "\n".join(each.name for each in kept.aliases.all()),
    }


# --- Its machines ------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def new_node(request: HttpRequest, pk: int) -> HttpResponse:
    return _change_node(request, queries.one(pk), None)


@require_http_methods(["GET", "HEAD", "POST"])
def change_node(request: HttpRequest, pk: int, node_id: int) -> HttpResponse:
    node = queries.node_of(pk, node_id)
    return _change_node(request, node.institution, node)


def _change_node(request: HttpRequest, institution: Any, node: Any) -> HttpResponse:
    errors: list[dict[str, str]] = []
    if request.method == "POST":
        facts, errors = read_node(request.POST)
        if not errors:
            try:
                directory.save_node(node, institution, facts, by=request.acting)
            except NotAccepted as refusal:
                errors = [{"text": refusal.sentence.rstrip("."), "href": "#name"}]
            else:
                messages.success(request, "The machine is entered.")
                return redirect("iep:institution", institution.pk)
    context = {
        "institution": institution, "node": node, "errors": errors,
        "said": request.POST if request.method == "POST" else _said_of_node(node),
        "problems": {each["href"][1:]: each["text"] for each in reversed(errors)},
    }  # fmt: skip
    return render(request, "iep/node_change.html", context, status=422 if errors else 200)


def _said_of_node(node: Any) -> dict[str, str]:
    if node is None:
        return {"kind": "dimse", "commits": "yes"}
    said = {name: str(getattr(node, name) or "") for name in _NODE_FIELDS}
    ticks = {name: "yes" for name in _NODE_TICKS if getattr(node, name)}
    return said | ticks | {"calls_from": " ".join(node.calls_from)}


@require_POST
def test_node(request: HttpRequest, pk: int, node_id: int) -> HttpResponse:
    """C-ECHO, and the sentence that says how it went."""
    node = queries.node_of(pk, node_id)
    try:
        messages.info(request, directory.test_node(node, by=request.acting))
    except NotAccepted as refusal:
        messages.info(request, refusal.sentence)
    return redirect("iep:institution", pk)
