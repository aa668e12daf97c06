"""Every 15 minutes, once, whoever does it: write page and packs, copy them, delete old ones.

The timers' sweep rings here every few seconds (settings.SWEEPS). The work is done by a thread of
its own, so that nothing else of the timers waits for it; who does it is claimed in the database.
"""

from __future__ import annotations

import threading
import time

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import connection

from accounts import services
from accounts.queries import StandbyTurn
from ordercomms.standby import copying, writing
from ordercomms.standby.state import STATE_KEY

log = structlog.get_logger(__name__)
_at_work = threading.Lock()


def sweep() -> None:
    """Look whether it is time; if so write, beside everything else that this process does."""
    if not settings.STANDBY_DIR or not _at_work.acquire(blocking=False):
        return
    try:
        turn = services.claim_standby()
    except BaseException:
        _at_work.release()
        raise
    if turn is None:
        _at_work.release()
        return
    threading.Thread(target=_beside, args=(turn,), name="standby", daemon=True).start()


def _beside(turn: StandbyTurn) -> None:
    try:
        take(turn)
    except Exception as failure:  # noqa: BLE001 - a thread's outermost: the next turn goes on
        log.error("standby_failed", error=type(failure).__name__)  # noqa: TRY400
    finally:
        connection.close()
        _at_work.release()


def write_if_due(*, at_once: bool = False) -> bool:
    """Claim the turn and take it, here and now. False: it is not due, or somebody else has it."""
    turn = services.claim_standby(at_once=at_once)
    return turn is not None and take(turn)


def take(turn: StandbyTurn) -> bool:
    """Whether a new generation is in its place. A failure is kept in words, and tried again."""
    began = time.monotonic()
    try:
        written = writing.write_generation(
            as_of=turn.as_of, still_mine=lambda: services.keep_standby(turn), token=turn.token.hex
        )
    except writing.NotOursAnyMore:
        log.warning("standby_turn_lost")
        return False
    except (OSError, DatabaseError) as failure:
        services.standby_failed(turn, sentence=_why(failure))
        log.error("standby_not_written", error=type(failure).__name__)  # noqa: TRY400
        return False
    finally:
        cache.delete(STATE_KEY)
    seconds = time.monotonic() - began
    _copy(turn, written)
    services.standby_written(
        turn, generation=written.generation, packs=written.packs, size=written.size,
        seconds=seconds,
    )  # fmt: skip
    writing.remove_old(turn.as_of)
    cache.delete(STATE_KEY)
    log.info("standby_written", packs=written.packs, bytes=written.size, seconds=round(seconds, 1))
    return True


def _copy(turn: StandbyTurn, written: writing.Written) -> None:
    if not settings.STANDBY_URL:
        return
    try:
        copying.copy(written, still_mine=lambda: services.keep_standby(turn))
    except copying.NotCopied as refused:
        services.standby_copied(turn, sentence=str(refused))
        log.error("standby_not_copied")  # noqa: TRY400 - the sentence is on the services page
    else:
        services.standby_copied(turn)


def _why(failure: Exception) -> str:
    if isinstance(failure, OSError):
        words = failure.strerror or type(failure).__name__
        return f"The folder STANDBY_DIR cannot be written: {words}."
    return "The database did not answer while it was written."
