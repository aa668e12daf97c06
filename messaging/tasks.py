"""Doorbells and sweeps: what workers run. The work itself is claimed from PostgreSQL.

`celery -A ordercomms worker -P threads -Q hl7_in` (or `hl7_out`, `mail`).
"""

import threading
from collections.abc import Callable

import structlog
from celery import shared_task
from django.db import connection

from . import queries, services, sweeper  # noqa: F401 - the sweeper starts with the worker
from .services import drills, mail

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


def sweep_operators() -> None:
    """What operators set going, and how urgent what waits for them is."""
    services.weigh_waiting()
    services.run_replays()


def sweep_inbox() -> None:
    """Process what waits, rung for or not."""
    services.process_waiting()


def sweep_unanswered() -> None:
    """What was taken in enhanced mode, and not spoken of in the partner's time, is a person's."""
    services.give_up_waiting()


def sweep_links() -> None:
    """Look at each link and at each queue; the first process to look is the one that does."""
    services.judge_links()
    services.watch_queues()


def sweep_drills() -> None:
    """A drill begins and ends by the clock, and ends when its link fails in earnest."""
    drills.judge_drills()


_deliveries: dict[int, threading.Thread] = {}


def sweep_outbox() -> None:
    """Deliver what is due, a thread for each partner: one that is silent holds up no other."""
    for partner_id in queries.partners_with_work():
        _apart(_deliveries, partner_id, services.deliver)


_probes: dict[int, threading.Thread] = {}


def sweep_probes() -> None:
    """A synthetic order to each partner for whom it is time, a thread for each."""
    for partner_id in services.due_for_probe():
        _apart(_probes, partner_id, services.probe)


def _apart(
    running: dict[int, threading.Thread], partner_id: int, work: Callable[[int], object]
) -> None:
    thread = running.get(partner_id)
    if thread is None or not thread.is_alive():
        thread = threading.Thread(
            target=_guarded, args=[work, partner_id], name=f"{work.__name__}-{partner_id}",
            daemon=True,
        )  # fmt: skip
        running[partner_id] = thread
        thread.start()


def _guarded(work: Callable[[int], object], partner_id: int) -> None:
    try:
        work(partner_id)
    except Exception as failure:  # noqa: BLE001 - the outermost frame: the next sweep tries again
        error = type(failure).__name__
        log.error("delivery_failed", partner=partner_id, error=error)  # noqa: TRY400
    finally:
        connection.close()
