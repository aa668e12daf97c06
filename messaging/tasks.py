"""Doorbells and sweeps: what workers run. The work itself is claimed from PostgreSQL.

`celery -A ordercomms worker -P threads -Q hl7_in` (or `hl7_out`, `mail`).
"""

import threading

import structlog
from celery import shared_task
from django.db import connection

from . import queries, services, sweeper  # noqa: F401 - the sweeper starts with the worker
from .services import mail

log = structlog.get_logger(__name__)


@shared_task(name="messaging.process_inbox")  # type: ignore[untyped-decorator]
def process_inbox() -> None:
    """Something came in: process what waits."""
    services.process_waiting()


@shared_task(name="messaging.deliver_partner")  # type: ignore[untyped-decorator]
def deliver_partner(partner_id: int) -> None:
    """Something is to go out to this partner: deliver what is due."""
    services.deliver(partner_id)


@shared_task(name=mail.TASK)  # type: ignore[untyped-decorator]
def deliver_mail() -> None:
    """A mail is to go out: send what is due."""
    mail.deliver_due()


def sweep_mail() -> None:
    """Send what is due and read what came back, rung for or not."""
    mail.read_bounces()
    mail.deliver_due()


def sweep_inbox() -> None:
    """Process what waits, rung for or not."""
    services.process_waiting()


_deliveries: dict[int, threading.Thread] = {}


def sweep_outbox() -> None:
    """Deliver what is due, a thread for each partner: one that is silent holds up no other."""
    for partner_id in queries.partners_with_work():
        running = _deliveries.get(partner_id)
        if running is None or not running.is_alive():
            thread = threading.Thread(
                target=_deliver_apart, args=[partner_id], name=f"deliver-{partner_id}", daemon=True
            )
            _deliveries[partner_id] = thread
            thread.start()


def _deliver_apart(partner_id: int) -> None:
    try:
        services.deliver(partner_id)
    except Exception as failure:  # noqa: BLE001 - the outermost frame: the next sweep tries again
        error = type(failure).__name__
        log.error("delivery_failed", partner=partner_id, error=error)  # noqa: TRY400
    finally:
        connection.close()
