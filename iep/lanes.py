"""Lanes run inside the workers of the queues lanes_out and lanes_in; no broker is asked.

Each lane is a thread with a connection of its own, on which PostgreSQL wakes it; it also looks
every second. One process runs all lanes of its direction, or those that LANES names: in production
one process for each, so that one lane's trouble is its own. What runs elsewhere is waited for.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

import structlog
from celery import signals
from django.conf import settings
from django.db import close_old_connections
from django.db.models.functions import Now

from iep.models import Lane
from iep.services.lanes import claiming, confirming
from iep.services.lanes import moves as lane_moves
from iep.services.lanes.carrier import Carrier
from iep.services.lanes.ledger import Session
from iep.states.transactions import Direction

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0  # seconds
_RENEW_EVERY = 1.5  # seconds; a lease is 5
QUEUES = {"lanes_out": Direction.OUT, "lanes_in": Direction.IN}


class _Looping(threading.Thread):
    """Something that is done again and again until it is told to stop, whatever goes wrong."""

    def __init__(self, name: str, every: float = LOOK_EVERY) -> None:
        super().__init__(name=name, daemon=True)
        self._every, self.stopping = every, threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            close_old_connections()  # PostgreSQL may have been restarted since
            try:
                self.turn()
            except Exception as failure:  # noqa: BLE001 - the outermost loop: the next turn goes on
                log.error("lane_failed", lane=self.name, error=type(failure).__name__)  # noqa: TRY400
            finally:
                close_old_connections()
            self.stopping.wait(self._every)

    def turn(self) -> None:
        raise NotImplementedError


class LaneThread(_Looping):
    """One lane, for as long as it is ours."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.carrier: Carrier | None = None

    def turn(self) -> None:
        lane = Lane.objects.get(name=self.name)
        with Session(lane) as session:
            if not session.open():
                return  # another process has it; asked again in a second
            rows = Lane.objects.filter(pk=lane.pk)
            rows.update(worker=_who(), seen_at=Now())
            log.info("lane_runs", lane=self.name)
            try:
                self._run(session)
            finally:
                self.carrier = None
            rows.update(worker="")

    def _run(self, session: Session) -> None:
        carrier = self.carrier = Carrier(session, stopping=self.stopping.is_set)
        try:
            while not self.stopping.is_set():
                if not carrier.work():
                    session.wait(LOOK_EVERY)
        finally:
            carrier.line.hang_up()


class Keeper(_Looping):
    """Renews the leases of this process's lanes while their bytes move, and says they are alive."""

    def __init__(self, lanes: list[LaneThread]) -> None:
        super().__init__("lease keeper", _RENEW_EVERY)
        self._lanes = lanes

    def turn(self) -> None:
        running = {each.name: carrier for each in self._lanes if (carrier := each.carrier)}
        holds = [held for carrier in running.values() if (held := carrier.still_holds())]
        claiming.renew(holds)
        Lane.objects.filter(name__in=running).update(seen_at=Now())


class Confirmer(_Looping):
    """Asks whether what was sent is there, so that no lane waits for the answer."""

    def __init__(self) -> None:
        super().__init__("confirmer")

    def turn(self) -> None:
        confirming.confirm_due()
        lane_moves.tell_untold()


def _who() -> str:
    return f"{socket.gethostname()[:60]}:{os.getpid()}"


def names(queues: set[str]) -> list[str]:
    """Which lanes a worker of these queues runs; every one has its row."""
    directions = [direction.value for queue, direction in QUEUES.items() if queue in queues]
    rows = Lane.objects.filter(direction__in=directions)
    if chosen := [name.strip() for name in settings.LANES.split(",") if name.strip()]:
        rows = rows.filter(name__in=chosen)
    return list(rows.values_list("name", flat=True))


class Lanes(_Looping):
    """Starts the others once the database answers, and looks after them until they are stopped."""

    def __init__(self, queues: set[str]) -> None:
        super().__init__("lanes")
        self._queues, self.threads = queues, list[_Looping]()

    def turn(self) -> None:
        if self.threads:
            return
        lanes = [LaneThread(name) for name in names(self._queues)]
        self.threads = [*lanes, Keeper(lanes)]
        if "lanes_out" in self._queues:
            self.threads.append(Confirmer())
        for each in self.threads:
            each.start()
        log.info("lanes_started", lanes=[each.name for each in lanes])

    def stop(self) -> None:
        """Each lane leaves after the image that is on its way."""
        for each in (self, *self.threads):
            each.stopping.set()

    def wait(self, seconds: float) -> None:
        """Until every lane has left."""
        for each in self.threads:
            each.join(seconds)


_running: list[Lanes] = []


@signals.celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def start(sender: str, instance: Any, **_: Any) -> None:
    """The worker knows its queues and has not yet looked for the broker."""
    queues = set(instance.app.amqp.queues.consume_from) & set(QUEUES)
    if queues:
        _running.append(Lanes(queues))
        _running[-1].start()


@signals.worker_shutting_down.connect  # type: ignore[untyped-decorator]
def stop(**_: Any) -> None:
    """No new image; what is on its way is written down."""
    while _running:
        _running.pop().stop()
