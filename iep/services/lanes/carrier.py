"""One transfer carried by one lane: image after image, each written down before the next.

Between two images a lane asks whether it must leave: a blue light waits, a person has paused it,
the worker stops, somebody else has taken over. Then what is done stays done, and whoever has it
next goes on at the next image.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from django.conf import settings

from iep.dicom import DicomFailure
from iep.models import Lane, Transfer
from iep.services.lanes import claiming, retrying, settling
from iep.services.lanes.carrying import CARRIERS, Between, NoRoom
from iep.services.lanes.claiming import Held
from iep.services.lanes.ledger import Session
from iep.services.lanes.lines import KeptLine
from iep.states.priorities import Priority
from iep.states.transfers import TransferKind

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0  # seconds between two looks at the tables, while images move
NO_ROOM_PAUSE = 5.0  # seconds
_PATIENCE = 60.0  # seconds without a byte before a lease is no longer renewed
_SLOWEST = 100_000  # bytes a second: a large image has more time


class Left(Exception):
    """The lane leaves the transfer between two images; what it takes instead, if anything."""

    def __init__(self, instead: Held | None = None) -> None:
        super().__init__("left")
        self.instead = instead


class Carrier:
    """A lane at work. One thread's; only `still_holds` is asked by another."""

    def __init__(
        self,
        session: Session,
        *,
        stopping: Callable[[], bool] = lambda: False,
        line: KeptLine | None = None,
    ) -> None:
        self.session, self.lane, self._stopping = session, session.lane, stopping
        self.line = line or KeptLine()
        self._looked = self._moved = 0.0
        self._size = 0
        self._held: Held | None = None
        self._lock = threading.Lock()

    def work(self) -> bool:
        """Claim one transfer and carry it (and what is taken in its place); False: none waits."""
        lane = Lane.objects.get(pk=self.lane.pk)
        claiming.say_whether_full(lane)
        held = claiming.claim(lane)
        while held is not None:
            following = self._carry(held)
            if following is None:
                return True
            held = following
        self.line.hang_up()
        return False

    def _carry(self, held: Held) -> Held | None:
        self._begin(held)
        transfer = Transfer.objects.select_related("node", "transaction").get(pk=held.transfer_id)
        try:
            CARRIERS[TransferKind(transfer.kind)](
                Between(held, self.session, self.look, self.line), transfer
            )
            settling.settle(held)
        except Left as left:
            return left.instead
        except NoRoom:
            claiming.put_back(held, "There is no room on our own disk.", seconds=NO_ROOM_PAUSE)
        except DicomFailure as failure:
            self.line.hang_up()
            retrying.record_failure(held, failure)
        except Exception as failure:  # noqa: BLE001 - or the lane takes it again, every second
            self.line.hang_up()
            retrying.record_failure(held, retrying.ours(failure, held.transfer_id))
        except BaseException:
            self.line.hang_up()
            raise
        finally:
            with self._lock:
                self._held = None
        return None

    def _begin(self, held: Held) -> None:
        with self._lock:
            self._held = held
        self._looked = self._moved = time.monotonic()

    # --- Between two images ---

    def look(
        self,
        held: Held,
        *,
        is_ours: bool = True,
        next_size: int = 0,
        is_idle: bool = False,
        first: Callable[[], bool] = lambda: True,
    ) -> None:
        """Go on with the next image, of so many bytes. Raises Left.

        `is_idle`: nothing has moved since. `first` is done before anything is left, and says
        whether what is held is still ours.
        """
        now = time.monotonic()
        if not is_idle:
            self._moved, self._size = now, next_size
        heard = self.session.heard_blue_light()
        if is_ours and now - self._looked < LOOK_EVERY:
            if heard:
                self._make_way(held, first)
            return
        self._looked = now
        self._leave_unless(first() and is_ours, held)
        self._look_for_blue_light(held)
        self._look_around(held)

    def _make_way(self, held: Held, first: Callable[[], bool]) -> None:
        """A blue light was announced, to all lanes: the one that wins it leaves its work for it."""
        if not self._may_leave(held):
            return
        with claiming.bid(self.lane.direction) as is_mine:
            if is_mine:
                self._leave_unless(first(), held)
                self._take_blue_light(held)

    def _leave_unless(self, is_ours: bool, held: Held) -> None:
        if not is_ours:
            log.warning("transfer_left", transfer=held.transfer_id, fence=held.fence)
            self.line.hang_up()
            raise Left

    def _may_leave(self, held: Held) -> bool:
        """Whether a blue light goes before what is held, in this lane."""
        is_standard_first = self.lane.name in settings.LANES_STANDARD_FIRST
        return held.priority != Priority.BLUE_LIGHT and not is_standard_first

    def _look_for_blue_light(self, held: Held) -> None:
        if self._may_leave(held) and claiming.blue_light_waits(self.lane.direction):
            self._take_blue_light(held)

    def _take_blue_light(self, held: Held) -> None:
        if instead := claiming.take_blue_light_instead(held, self.lane):
            raise Left(instead)

    def _look_around(self, held: Held) -> None:
        """The worker stops, the lane or the node is paused, the night is over, the disk is full."""
        words = "The worker was stopped." if self._stopping() else ""
        words = words or claiming.why_not_now(held)
        if words:
            claiming.put_back(held, words)
            raise Left
        claiming.renew([held])

    # --- Asked by the thread that renews leases ---

    def still_holds(self) -> Held | None:
        """What is held, while bytes may be on their way; None: let its lease run out."""
        with self._lock:
            held = self._held
        patience = _PATIENCE + self._size / _SLOWEST
        return held if time.monotonic() - self._moved <= patience else None
