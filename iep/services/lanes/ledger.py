"""What a lane writes after each image, on a connection of its own that also holds the lane's lock.

A line of the ledger and the transfer's counts are one statement and one commit, and change nothing
when the fence has grown. They are not forced to the disk: after a power cut an image whose line is
gone goes again, which a peer takes as the same. That all was delivered is forced, elsewhere.
"""

from __future__ import annotations

import select
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from iep.models import Lane
from iep.services.lanes.claiming import LANE_LOCK, Held
from iep.services.lanes.transfers import CHANNEL
from iep.states.transfers import InstanceState

_DONE = """
WITH given AS (
  SELECT i.id, g.size, i.state = 'waiting' AS is_new
  FROM unnest(%(lines)s::bigint[], %(sizes)s::bigint[]) AS g (id, size)
  JOIN iep_transferinstance i ON i.id = g.id AND i.transfer_id = %(transfer)s
), held AS (
  UPDATE iep_transfer t SET
    images_done = images_done + (SELECT count(*) FROM given WHERE is_new),
    bytes_done = bytes_done + (SELECT coalesce(sum(size), 0) FROM given WHERE is_new),
    last_image_at = clock_timestamp(), failures = 0, failing_since = NULL, family = '', why = ''
  WHERE t.id = %(transfer)s AND t.fence = %(fence)s
  RETURNING t.id, t.state = 'running' AND t.lease_token = %(token)s AS ours
), line AS (
  UPDATE iep_transferinstance i SET state = %(state)s, status = %(status)s, why = '',
    fence = %(fence)s, attempts = attempts + 1, done_at = clock_timestamp(),
    size = CASE WHEN i.size = 0 THEN given.size ELSE i.size END
  FROM held, given WHERE i.id = given.id
)
SELECT ours FROM held
"""
_NOT_DONE = """
WITH held AS (
  SELECT t.id, t.state = 'running' AND t.lease_token = %(token)s AS ours FROM iep_transfer t
  WHERE t.id = %(transfer)s AND t.fence = %(fence)s FOR NO KEY UPDATE
), line AS (
  UPDATE iep_transferinstance i SET state = %(state)s, status = %(status)s, why = %(why)s,
    fence = %(fence)s, attempts = attempts + 1
  FROM held WHERE i.id = %(line)s AND i.transfer_id = held.id
)
SELECT ours FROM held
"""


class Session:
    """A lane's own connection: it holds the lane's lock, hears NOTIFY, writes the ledger."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._link: BaseDatabaseWrapper = connections.create_connection("default")
        self._blue = f"{lane.direction} 0"
        self._heard_blue = False

    def open(self) -> bool:
        """Whether the lane is ours now; False: another process runs it."""
        with self._link.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LANE_LOCK, self.lane.pk])
            if not cursor.fetchone()[0]:
                return False
            cursor.execute(f"SET synchronous_commit = off; LISTEN {CHANNEL}")
        return True

    def close(self) -> None:
        self._link.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- Waking up ---

    def wait(self, seconds: float) -> None:
        """Until work is announced for this direction, or so long. Raises OperationalError."""
        if self._drain():
            return
        if self._listen(seconds):
            self._drain()
        else:  # a connection that has died is noticed here
            with self._link.cursor() as cursor:
                cursor.execute("SELECT 1")

    def heard_blue_light(self) -> bool:
        """Whether a blue light was announced since this was last asked; costs no question."""
        self._listen(0)
        self._drain()
        heard, self._heard_blue = self._heard_blue, False
        return heard

    def _listen(self, seconds: float) -> bool:
        """Whether anything came on the connection within so long; it is taken in."""
        link: Any = self._link.connection
        ready, _, _ = select.select([link], [], [], seconds)
        if ready:
            link.poll()
        return bool(ready)

    def _drain(self) -> bool:
        """Take what was announced; whether any of it is for this direction."""
        link: Any = self._link.connection
        heard = False
        while link.notifies:
            words = link.notifies.pop(0).payload
            heard = heard or words.startswith(self.lane.direction)
            self._heard_blue = self._heard_blue or words == self._blue
        return heard

    # --- The ledger ---

    def done(
        self, held: Held, line: int, *, status: int = 0, size: int, is_confirmed: bool = False
    ) -> bool:
        """The image was taken; False: what we hold is not ours any longer. The line is written
        all the same while nobody has claimed since: a person has paused it, or cancelled it.
        """
        state = InstanceState.CONFIRMED if is_confirmed else InstanceState.SENT
        return self._write(_DONE, held, state, status=status, lines=[line], sizes=[size])

    def came(self, held: Held, sizes: dict[int, int]) -> bool:
        """These lines' images are safely here: of several in one statement. False as of `done`."""
        state, lines = InstanceState.CONFIRMED, list(sizes)
        return self._write(_DONE, held, state, status=0, lines=lines, sizes=[*sizes.values()])

    def refused(self, held: Held, line: int, why: str, status: int | None = None) -> bool:
        """The image will not be taken; False as of `done`."""
        return self._write(
            _NOT_DONE, held, InstanceState.REFUSED, line=line, status=status, why=why[:200]
        )

    def missed(self, held: Held, line: int, why: str, status: int | None = None) -> bool:
        """The image was tried, and is tried again; False as of `done`."""
        return self._write(
            _NOT_DONE, held, InstanceState.WAITING, line=line, status=status, why=why[:200]
        )

    def _write(self, words: str, held: Held, state: InstanceState, **more: Any) -> bool:
        values = {
            "transfer": held.transfer_id, "fence": held.fence, "token": str(held.token),
            "state": state.value, **more,
        }  # fmt: skip
        with self._link.cursor() as cursor:
            cursor.execute(words, values)
            row = cursor.fetchone()
        return bool(row and row[0])
