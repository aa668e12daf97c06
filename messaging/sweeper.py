"""A thread inside each worker process that looks at the tables every few seconds.

With it nothing waits for the broker: when Redis is away the worker's consumer tries to reconnect,
and this thread goes on. settings.SWEEPS names, for each queue, the functions that drain its tables;
each takes no argument, and must be safe to run beside itself in other processes.
"""

import threading
from typing import Any

import structlog
from celery import signals
from django.conf import settings
from django.db import close_old_connections
from django.utils.module_loading import import_string

log = structlog.get_logger(__name__)


class Sweeper(threading.Thread):
    """Runs the sweeps of the queues that this worker serves until it is told to stop."""

    def __init__(self, queues: set[str]) -> None:
        super().__init__(name="sweeper", daemon=True)
        self.paths = [path for queue in sorted(queues) for path in settings.SWEEPS.get(queue, ())]
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(settings.SWEEP_SECONDS):
            for path in self.paths:
                self._sweep(path)

    def stop(self) -> None:
        self._stopping.set()

    def _sweep(self, path: str) -> None:
        close_old_connections()  # PostgreSQL may have been restarted since
        try:
            import_string(path)()
        except Exception as failure:  # noqa: BLE001 - the outermost loop: the next sweep goes on
            log.error("sweep_failed", sweep=path, error=type(failure).__name__)  # noqa: TRY400
        finally:
            close_old_connections()


_running: list[Sweeper] = []


@signals.celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def start(sender: str, instance: Any, **_: Any) -> None:
    """The worker knows its queues and has not yet looked for the broker."""
    sweeper = Sweeper(set(instance.app.amqp.queues.consume_from))
    if sweeper.paths:
        _running.append(sweeper)
        sweeper.start()
        log.info("sweeping", sweeps=len(sweeper.paths), seconds=settings.SWEEP_SECONDS)


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def stop(**_: Any) -> None:
    """No new sweep; the one that runs ends with the process at the latest."""
    while _running:
        _running.pop().stop()
