"""What stands at the top of every page while a link does not work: in words, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models.functions import Now

from accounts.policies import Acting
from messaging.link_states import LinkStatus
from messaging.models import Link
from messaging.policies import may_operate

from .links import LinkState, not_quiet_links

REMEMBERED = 5  # seconds; a transition is forgotten at once where it was written
UNWATCHED_AFTER = timedelta(seconds=60)
KEY = "links_not_working"
Line = tuple[str, datetime | None, str]  # what is not well, since when, what becomes of requests

SAVED = "Requests are saved and will be sent."


@dataclass(frozen=True)
class Notice:
    """One line, and whether it is for everybody or for operators alone."""

    line: Line
    for_everybody: bool = True


def links_not_working(acting: Acting | None) -> list[Line]:
    """For the status strip of every page, as this person should read it."""
    if acting is None:
        return []
    found: list[Notice] | None = cache.get(KEY)
    if found is None:
        found = list(_notices())
        cache.set(KEY, found, REMEMBERED)
    return [notice.line for notice in found if notice.for_everybody or may_operate(acting)]


def _notices() -> Iterator[Notice]:
    yield from _unwatched()
    for link in not_quiet_links():
        yield Notice(line_of(link), for_everybody=_is_for_everybody(link))


def _is_for_everybody(link: LinkState) -> bool:
    return link.is_paused or link.state is not LinkStatus.SUSPECT


def _unwatched() -> Iterator[Notice]:
    """Nobody has looked at the links for a minute: then what they say is old, and that is said."""
    looks = Link.objects.filter(looked_at__isnull=False).order_by("-looked_at")
    last: Any = looks.annotate(now=Now()).first()
    if last and last.now - last.looked_at > UNWATCHED_AFTER:
        yield Notice(("We cannot see whether requests are getting through.", last.looked_at, SAVED))


def line_of(link: LinkState) -> Line:
    """The link's trouble in words that a GP understands."""
    if link.is_paused:
        return (
            f"Requests to {link.name} are not being sent.", link.paused_at,
            "A person stopped them. They are saved and will be sent.",
        )  # fmt: skip
    match link.state:
        case LinkStatus.RECOVERING:
            return (
                f"Requests to {link.name} are getting through again.", link.last_transition,
                "Those that waited are being sent.",
            )  # fmt: skip
        case LinkStatus.SUSPECT:
            return (
                f"Requests to {link.name} may not be getting through.", link.since,
                "If it goes on, everybody is told.",
            )  # fmt: skip
    if link.is_flapping:
        return f"Requests to {link.name} get through only now and then.", link.since, SAVED
    return f"Requests to {link.name} are not getting through.", link.since, SAVED
