"""A request for images that is not sent yet: kept while its pages are filled in.

A page posts what it asks, the whole is kept under the form's own random key, and the next page is
fetched by an address with that key: going back, or loading a page again, shows what was typed and
sends nothing twice. The pages carry the rest of the form as well, so that a draft that is gone
takes nothing with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from accounts.policies import Acting
from iep.forms.tickets import Typed, key_of
from iep.models import TicketDraft
from iep.services.ticketing import drafting


@dataclass(frozen=True)
class Waiting:
    """A draft as its owner's pages list it: nobody's name."""

    key: str
    kind: str
    where: str
    scan: str
    begun_at: datetime


def keep(form: Typed, *, by: Acting) -> None:
    """The whole form."""
    content = {
        "texts": {name: text for name, text in form.texts.items() if text},
        "rows": form.rows, "picked": sorted(form.picked), "notes": form.notes,
    }  # fmt: skip
    drafting.keep(key_of(form), content, by=by)


def kept(key: str, *, by: Acting) -> Typed | None:
    """The person's draft of that key, of this place; None when there is none."""
    try:
        row = drafting.drafts_of(by).filter(key=UUID(key)).first()
    except ValueError:
        return None
    if row is None:
        return None
    found = row.content
    return Typed(found["texts"], found["rows"], set(found["picked"]), found["notes"], key)


def forget(form: Typed, *, by: Acting) -> None:
    """It was sent, or thrown away."""
    drafting.forget(key_of(form), by=by)


def waiting(by: Acting) -> list[Waiting]:
    """What is begun and not sent, newest first."""
    return [_waiting(row) for row in drafting.drafts_of(by)]


def _waiting(row: TicketDraft) -> Waiting:
    texts = row.content["texts"]
    scans = (each["description"] for each in row.content["rows"] if each["description"])
    kind, where = texts.get("kind", ""), texts.get("where", "")
    return Waiting(str(row.key), kind, where, next(scans, ""), row.begun_at)
