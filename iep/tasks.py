"""Doorbells and sweeps of the image exchange. The work itself is claimed from PostgreSQL."""

import threading
from typing import Any

import structlog
from celery import signals
from django.db import connection

from iep.services import on_call
from iep.services.arrival import arrivals, discs, leftovers
from iep.services.exchange import expiring, outcomes, purging
from iep.services.gateway import telling
from iep.services.registration import filing
from iep.services.ticketing import chasing, drafting

from . import dicom, lanes

log = structlog.get_logger(__name__)


@signals.celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def ready_to_speak(sender: str, instance: Any, **_: Any) -> None:
    """A worker of the lanes has DICOM’s libraries before a Blue Light comes; no other has them."""
    if set(instance.app.amqp.queues.consume_from) & set(lanes.QUEUES):
        dicom.load()


def sweep_arrivals() -> None:
    """Discs are unpacked, quarantined files looked into, studies settled (settings.SWEEPS)."""
    discs.read_discs(patience=20.0)
    arrivals.read_waiting(patience=20.0)
    discs.finish_read()


def sweep_leftovers() -> None:
    """Once an hour, beside the other sweeps: bytes that nobody has a use for any more."""
    if leftovers.is_due():
        threading.Thread(target=_clear, name="leftovers", daemon=True).start()


def _clear() -> None:
    try:
        leftovers.clear()
    except Exception as failure:  # noqa: BLE001 - the outermost frame: in an hour again
        log.error("leftovers_failed", error=type(failure).__name__)  # noqa: TRY400
    finally:
        connection.close()


def sweep_tickets() -> None:
    """Missing details: reminders that are due, and the end after two weeks; drafts left alone."""
    chasing.sweep()
    drafting.sweep()


def sweep_transactions() -> None:
    """Studies of our PACS go on; what is on the exchange is warned of, and purged in time; what
    waits for details ends after two weeks."""
    outcomes.sweep_unsent()
    purging.sweep()
    expiring.sweep()


def sweep_filing() -> None:
    """Copies of matched studies are made and queued for PACS; what PACS has is filed."""
    filing.file_waiting()


def sweep_on_call() -> None:
    """Blue Light while the desk is closed: the next person of the list is paged."""
    on_call.page_due()


_telling: dict[int, threading.Thread] = {}


def sweep_telling() -> None:
    """Tell other installations what they have yet to hear, a thread for each: one that is silent
    holds up no other, and nothing else here."""
    telling.forget_nonces()
    for node_id in telling.nodes_to_tell():
        thread = _telling.get(node_id)
        if thread is None or not thread.is_alive():
            _telling[node_id] = threading.Thread(target=_tell, args=[node_id], daemon=True)
            _telling[node_id].start()


def _tell(node_id: int) -> None:
    try:
        telling.tell_node(node_id)
    except Exception as failure:  # noqa: BLE001 - the outermost frame: the next sweep tries again
        log.error("telling_failed", node=node_id, error=type(failure).__name__)  # noqa: TRY400
    finally:
        connection.close()
