"""An association of ours, as either side: the library's, with our parts in it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, BinaryIO

import pydicom.config
from pynetdicom import AE, _config, evt
from pynetdicom.acse import ACSE
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE, N_EVENT_REPORT
from pynetdicom.service_class import StorageServiceClass

from . import commands
from .messages import Messages
from .wire import (
    ACSE_SECONDS,
    CONNECT_SECONDS,
    DIMSE_SECONDS,
    NETWORK_SECONDS,
    RECEIVE_PDU,
    SEND_PDU,
    UpperLayer,
    pieces_of,
)

# A log of the library would name patients, and pydicom's warnings quote what is wrong. What a
# peer says in a command set is looked at by us, and what went wrong is logged by us.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
logging.getLogger("pynetdicom").propagate = False


class Acceptance(ACSE):
    """Asks the door before anything is agreed: what the door does not say yes to is refused."""

    def _negotiate_as_acceptor(self) -> None:
        refusal = self.assoc.ask_at_the_door()
        if refusal is None:
            super()._negotiate_as_acceptor()
            return
        self.send_reject(*refusal)
        evt.trigger(self.assoc, evt.EVT_REJECTED, {})
        self.assoc.kill()


Door = Callable[["Line"], tuple[int, int, int] | None]


class Line(Association):
    """An association of ours, as either side."""

    door: Door | None = None  # of an acceptor
    most_bytes = 4 * 1024**3  # of one object

    def __init__(self, ae: AE, mode: str) -> None:
        super().__init__(ae, mode)
        seconds = self.network_timeout, self.acse_timeout  # the library sets those of its parts
        self.acse, self.dul, self.dimse = Acceptance(self), UpperLayer(self), Messages(self)
        self.network_timeout, self.acse_timeout = seconds
        self.afterwards: list[Callable[[], None]] = []  # to do when an answer was given
        self.is_serving = False

    def ask_at_the_door(self) -> tuple[int, int, int] | None:
        """None, or result, source and reason of the rejection (PS3.8 9.3.4)."""
        return self.door(self) if self.door else (1, 1, 1)

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more may come; the listener and the fetcher know better."""
        return True

    def waits_on(self) -> bool:
        """Asked while nothing comes: False ends the association here; the fetcher knows better."""
        return True

    def reported(self, primitive: N_EVENT_REPORT, context_id: int) -> None:
        """An N-EVENT-REPORT on an association that we opened; who waits for one knows better."""
        raise ConnectionError("nobody waits for a report here")

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        finally:
            self.dimse.forget()

    def _serve_request(self, msg: Any, context_id: int) -> None:
        self.is_serving = True
        try:
            context = self._accepted_cx.get(context_id)
            if context and isinstance(msg, C_STORE) and msg.is_valid_request:
                self._is_paused = True  # as the library does it for what it serves
                StorageServiceClass(self).SCP(msg, context)
                self._is_paused = False
            else:
                super()._serve_request(msg, context_id)
            while self.afterwards:
                self._is_paused = True
                self.afterwards.pop(0)()
                self._is_paused = False
        finally:
            self.is_serving = False

    # --- Sending ---------------------------------------------------------------------------------

    def send_file(self, context_id: int, command: bytes, file: BinaryIO) -> None:
        """A C-STORE request whose data set is the rest of the file. Raises OSError: it broke.

        The library's own reader goes on meanwhile; of what comes on a line that we opened it
        takes nothing (`Messages.get_msg`).
        """
        for part in commands.fragments(command, context_id, self.send_limit):
            self.dul.socket.send_all(part)
        for piece in pieces_of(file, context_id, self.send_limit):
            self.dul.socket.send_all(piece)

    @property
    def send_limit(self) -> int:
        """Bytes of a PDU that we send: what they take (0 is anything), and no more than ours."""
        return min(self.dimse.maximum_pdu_size or SEND_PDU, SEND_PDU)


def make_ae(title: str, *, network_seconds: float = NETWORK_SECONDS) -> AE:
    """Our application entity, with all four time-outs set."""
    ae = AE(title)
    ae.connection_timeout = CONNECT_SECONDS
    ae.acse_timeout = ACSE_SECONDS
    ae.dimse_timeout = DIMSE_SECONDS
    ae.network_timeout = network_seconds
    ae.maximum_pdu_size = RECEIVE_PDU
    ae.maximum_associations = 10_000  # the door counts
    return ae
