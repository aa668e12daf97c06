"""How old the downtime page and packs are, and who is without one: the strip, the services page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.urls import reverse

from accounts.policies import Acting
from accounts.queries import StandbyState, pack_keys, places_that_ask, standby_state
from accounts.roles import Permission

STATE_KEY = "standby_state"
LATE_AFTER = timedelta(minutes=30)  # two writings missed

# Sentence, since, what becomes of it, an address, the words that lead there.
Line = tuple[str, datetime | None, str, str, str]


@dataclass(frozen=True)
class Standing:
    """For the services page. `uncovered`: places without a passphrase, so without a pack."""

    is_on: bool
    tag: str  # of nhsuk.tags: working, failing, off
    words: str
    as_of: datetime | None
    sentence: str
    copy_tag: str
    copy_as_of: datetime | None
    copy_sentence: str
    covered: int
    uncovered: tuple[str, ...]


def pack_is_old(acting: Acting | None) -> list[Line]:
    """For the status strip (settings.STATUS_SOURCES), to the places that hold packs and to those
    who run the service. Read once in five seconds."""
    if acting is None or not settings.STANDBY_DIR or not _is_told(acting):
        return []
    state = cache.get_or_set(STATE_KEY, standby_state, 5)
    lines = [_line("Downtime pack is", state.age, state.as_of)] if _is_old(state) else []
    if settings.STANDBY_URL and acting.may(Permission.DECLARE_DOWNTIME) and _copy_is_old(state):
        lines.append(_line("Downtime pack on the other host is", state.copy_age, None))
    return lines


def _is_told(acting: Acting) -> bool:
    return acting.may(Permission.TRACK_REQUESTS) or acting.may(Permission.DECLARE_DOWNTIME)


def _is_old(state: StandbyState | None) -> bool:
    return state is not None and state.age > LATE_AFTER


def _copy_is_old(state: StandbyState | None) -> bool:
    return state is not None and state.copy_age > LATE_AFTER


def _line(words: str, age: timedelta, since: datetime | None) -> Line:
    then = "It is written every 15 minutes. The central team looks after it."
    return f"{words} {_age(age)} old.", since, then, reverse("services"), "See the services"


def _age(age: timedelta) -> str:
    """`40 min`, `3 hr`, `2 days`."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} hr" if minutes < 48 * 60 else f"{minutes // 1440} days"


def standing() -> Standing:
    """As it is now."""
    state = standby_state()
    held = {key.organisation_id for key in pack_keys()}
    uncovered = tuple(each.name for each in places_that_ask() if each.pk not in held)
    is_on = bool(settings.STANDBY_DIR)
    return Standing(
        is_on=is_on,
        tag="failing" if is_on and _is_old(state) else "working" if is_on else "off",
        words=_words(state, is_on=is_on),
        as_of=state.as_of if state else None,
        sentence=state.sentence if state else "",
        copy_tag=_copy_tag(state),
        copy_as_of=state.copied_as_of if state else None,
        copy_sentence=state.copy_sentence if state else "",
        covered=len(held),
        uncovered=uncovered,
    )


def _copy_tag(state: StandbyState | None) -> str:
    if not settings.STANDBY_URL:
        return "off"
    return "failing" if _copy_is_old(state) or (state and state.copy_sentence) else "working"


def _words(state: StandbyState | None, *, is_on: bool) -> str:
    if not is_on:
        return "Switched off: no folder is set (STANDBY_DIR)."
    if state is None or state.as_of is None:
        return "Not written yet."
    size = max(1, state.size // 1000)
    return f"{_age(state.age)} old. {state.packs} packs, {size} kB, in {state.seconds:.1f} s."
