"""A request for images that is not sent yet: kept while its pages are filled in.

A page posts what it asks, the whole is kept in the session under the form's own random key, and the
next page is fetched by an address with that key: going back, or loading a page again, shows what
was typed and sends nothing twice. The pages carry the rest of the form as well, so that a draft
that is gone takes nothing with it. Signing out forgets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest
from django.utils import timezone

from iep.forms.tickets import Typed

DRAFTS: Final = "image_drafts"  # session key: the form's key to the draft, oldest first
MOST: Final = 5


@dataclass(frozen=True)
class Waiting:
    """A draft as its owner's pages list it: nobody's name."""

    key: str
    kind: str
    where: str
    scan: str
    begun_at: datetime


def keep(request: HttpRequest, form: Typed) -> None:
    """The whole form. Of more than five the oldest goes."""
    kept = _all(request)
    begun = kept.pop(form.key, {}).get("at") or timezone.now().isoformat()
    kept[form.key] = {
        "texts": {name: text for name, text in form.texts.items() if text},
        "rows": form.rows, "picked": sorted(form.picked), "notes": form.notes,
        "place": _place(request), "at": begun,
    }  # fmt: skip
    request.session[DRAFTS] = dict(list(kept.items())[-MOST:])


def kept(request: HttpRequest, key: str) -> Typed | None:
    """The draft of that key, of this session and this place; None when there is none."""
    found = _all(request).get(key)
    if found is None or found["place"] != _place(request):
        return None
    return Typed(
        dict(found["texts"]), [dict(row) for row in found["rows"]], set(found["picked"]),
        dict(found["notes"]), key,
    )  # fmt: skip


def forget(request: HttpRequest, key: str) -> None:
    left = _all(request)
    if left.pop(key, None) is not None:
        request.session[DRAFTS] = left


def waiting(request: HttpRequest) -> list[Waiting]:
    """What is begun and not sent, newest first."""
    here = [item for item in _all(request).items() if item[1]["place"] == _place(request)]
    return [_waiting(key, found) for key, found in reversed(here)]


def _waiting(key: str, found: dict[str, Any]) -> Waiting:
    texts = found["texts"]
    scan = next((row["description"] for row in found["rows"] if row["description"]), "")
    begun = datetime.fromisoformat(found["at"])
    return Waiting(key, texts.get("kind", ""), texts.get("where", ""), scan, begun)


def _all(request: HttpRequest) -> dict[str, Any]:
    return dict(request.session.get(DRAFTS, {}))


def _place(request: Any) -> int | str:
    place = request.acting.organisation if request.acting else None
    return str(place.pk) if place else ""
