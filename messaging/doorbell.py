"""Ring for a worker. A ring is safe to lose and to repeat: the work is in PostgreSQL, and each
worker also sweeps. So ringing never raises and never blocks for long."""

import time
from datetime import datetime

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

# Short, because a person may be waiting behind this; and after a failure nobody tries for a while.
_PATIENCE = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "max_retries": 0}
_QUIET_SECONDS = 5.0


class _Broker:
    """What this process last knew of it."""

    away_until = 0.0


def ring(task: str, *args: int | str, queue: str, at: datetime | None = None) -> bool:
    """Ask the queue's workers to run the task now, or `at` a time; False: the broker was away."""
    if time.monotonic() < _Broker.away_until:
        return False
    try:
        with current_app.connection_for_write(transport_options=_options()) as connection:
            current_app.send_task(
                task, args=args, queue=queue, connection=connection, retry=False, eta=at
            )
    except (OperationalError, OSError) as failure:
        _Broker.away_until = time.monotonic() + _QUIET_SECONDS
        log.warning("doorbell_unheard", task=task, queue=queue, error=type(failure).__name__)
        return False
    return True


def _options() -> dict[str, object]:
    return {**current_app.conf.broker_transport_options, **_PATIENCE}
