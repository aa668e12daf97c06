"""What a lane has fetched goes to the disk, the tables and the ledger a few images at a time.

Who gives by C-GET keeps what he gives, so that his answer may come before ours is safe: the ledger
alone says what is here, and it says so last. What a crash takes away is fetched again. (Who sends
unasked may throw his copy away: services.arrival.listening answers when the image is safe.)
"""

from __future__ import annotations

import time

from iep.dicom import Incoming
from iep.models import ReceivedFile, Transfer
from iep.services.arrival import arrivals
from iep.services.lanes.claiming import Held
from iep.services.lanes.ledger import Session
from iep.states.studies import Origin
from iep.storage import Writing

MOST = 8  # images that a crash takes away at most
LONGEST = 0.1  # seconds that one waits for others


class Landing:
    """Of one transfer. `lines` are what the ledger waits for: its keys, by SOP instance UID."""

    def __init__(
        self, transfer: Transfer, held: Held, session: Session, lines: dict[str, int]
    ) -> None:
        self._transfer, self._held, self._session, self.lines = transfer, held, session, lines
        self._waiting: list[tuple[ReceivedFile, Writing]] = []
        self._since = 0.0  # monotonic: when the first of them came

    def add(self, incoming: Incoming) -> None:
        """It came whole, and is ours to keep or to drop."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append((self._row(incoming), incoming.written))

    def _row(self, incoming: Incoming) -> ReceivedFile:
        transfer = self._transfer
        return arrivals.row_of(
            origin=Origin.PACS if transfer.purpose == "from_pacs" else Origin.DICOM,
            node=transfer.node,
            calling=transfer.node.ae_title,
            association=incoming.caller.association,
            transfer=transfer,
            transaction=transfer.transaction,
            study_uid=transfer.study_uid,
            sop_uid=incoming.sop_uid,
            sop_class=incoming.sop_class,
            transfer_syntax=incoming.transfer_syntax,
        )

    @property
    def is_due(self) -> bool:
        """Whether those that wait have waited long enough."""
        late = time.monotonic() - self._since >= LONGEST
        return len(self._waiting) >= MOST or (bool(self._waiting) and late)

    def bring_in(self) -> bool:
        """All that wait: kept, then ticked off; False: the transfer is not ours any longer.

        Raises OSError: no room on our disk, and nothing of them is kept.
        """
        came, self._waiting = self._waiting, []
        if not came:
            return True
        try:
            arrivals.receive_all(came)
        except BaseException:
            for _, written in came:
                written.drop()
            raise
        sizes = {
            line: file.size for file, _ in came if (line := self.lines.pop(file.sop_uid, None))
        }
        return not sizes or self._session.came(self._held, sizes)
