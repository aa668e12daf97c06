"""Messages (PS3.7 6.3.1), put together from fragments: objects on the disk, the rest in memory."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ, DIMSEMessage
from pynetdicom.dimse_primitives import C_CANCEL, C_STORE, N_EVENT_REPORT
from pynetdicom.pdu_primitives import P_DATA

from . import commands
from .receiving import Body
from .wire import DIMSE_SECONDS, NETWORK_SECONDS, POLL_SECONDS, SEND_PDU

MOST_COMMAND = 64 * 1024  # bytes of a command set; real ones have some hundred
MOST_HELD = 16 * 1024 * 1024  # bytes of a message in memory: 100,000 instances to commit
MOST_WAITING = 8  # messages; one at a time was agreed
IDLE_SECONDS = 0.01  # how often somebody who waits is asked whether to go on


class Messages(DIMSEServiceProvider):
    """What was said on one association, in order."""

    def __init__(self, assoc: Association) -> None:
        super().__init__(assoc)
        self._body: Body | None = None
        self._held = 0  # bytes of this message in memory
        self._heard = 0.0  # monotonic: when the last fragment came
        self._is_over = False

    @property
    def is_in_the_middle(self) -> bool:
        return self.message is not None

    def get_msg(self, block: bool = False) -> Any:
        """As the library's; an acceptor waits a little, so that it need not ask so often.

        On a line that we opened the library's own reader takes nothing: what comes are answers to
        whoever asks (reports go another way), and its pausing lets one slip through now and then.
        An image that is missing from the answer to a question would then be missing for good
        (hazard H40).
        """
        if block:
            return self._wait()
        if self.assoc.is_requestor and threading.current_thread() is self.assoc:
            return None, None
        try:
            seconds = 0.0 if self.assoc.is_requestor else POLL_SECONDS
            return self.msg_queue.get(block=bool(seconds), timeout=seconds)
        except queue.Empty:
            return None, None

    def _wait(self) -> tuple[Any, Any]:
        """The next message. A time-out counts from the last word: a large object takes longer."""
        self._heard = time.monotonic()
        while True:
            patience = self._heard + (self.dimse_timeout or DIMSE_SECONDS) - time.monotonic()
            try:
                return self.msg_queue.get(timeout=min(max(0.0, patience), IDLE_SECONDS))
            except queue.Empty:
                if time.monotonic() >= self._heard + (self.dimse_timeout or DIMSE_SECONDS):
                    return None, None
                if not (self.is_in_the_middle or self.assoc.waits_on()):
                    return None, None

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """As the library's; the answer to an image is put together by us."""
        answered = primitive.MessageIDBeingRespondedTo
        if not isinstance(primitive, C_STORE) or answered is None:
            super().send_msg(primitive, context_id)
            return
        about = str(primitive.AffectedSOPClassUID), str(primitive.AffectedSOPInstanceUID)
        command = commands.stored(answered, *about, primitive.Status)
        limit = self.maximum_pdu_size or SEND_PDU
        for part in commands.fragments(command, context_id, limit):
            self.assoc.dul.socket.send(part)

    def take(self, context_id: int, control: int, data: memoryview) -> None:
        """One fragment. Raises ConnectionError when the rules are broken."""
        self._heard = time.monotonic()
        is_command, is_last = bool(control & 1), bool(control & 2)
        if self._body is not None and not is_command:
            self._body.write(data)
            if self._body.is_absurd:
                raise ConnectionError("they go on sending what was refused")
            if not is_last:
                return
            data = data[:0]
        self._hold(len(data), is_command)
        primitive = P_DATA()
        value = bytes((control,)) + bytes(data)
        primitive.presentation_data_value_list.append((context_id, value))
        self.receive_primitive(primitive)

    def _hold(self, size: int, is_command: bool) -> None:
        self._held += size
        if self._held > (MOST_COMMAND if is_command else MOST_HELD):
            raise ConnectionError("the message is too large")
        if self.msg_queue.qsize() > MOST_WAITING:
            self._catch_up()

    def _catch_up(self) -> None:
        """Answers to a question of ours may come faster than they are read; questions may not."""
        if self.assoc.is_acceptor:
            raise ConnectionError("they do not wait for answers")
        deadline = time.monotonic() + (self.assoc.network_timeout or NETWORK_SECONDS)
        while self.msg_queue.qsize() > MOST_WAITING and not self._is_over:
            if time.monotonic() > deadline:
                raise TimeoutError("nobody reads what they say")
            time.sleep(0.001)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """As the library's, which makes a thread for each N-EVENT-REPORT however many come."""
        if self.message is None:
            self.message = DIMSEMessage()
        try:
            if self.message.decode_msg(primitive, self.assoc):
                self._finish(self.message)
            elif isinstance(self.message, C_STORE_RQ) and self._body is None:
                self._body = self.message.data_set = self._open(self.message)
        except Exception as failure:  # whatever they sent
            raise ConnectionError("this is no message") from failure

    def _open(self, message: DIMSEMessage) -> Body:
        command, line = message.command_set, self.assoc
        body = Body(
            sop_class=str(command.AffectedSOPClassUID),
            sop_uid=str(command.AffectedSOPInstanceUID),
            transfer_syntax=str(line._accepted_cx[message.context_id].transfer_syntax[0]),
            calling=line.requestor.ae_title if line.is_acceptor else line.acceptor.ae_title,
            most=line.most_bytes,
            has_room=line.has_room,
        )
        if self._is_over:
            body.drop()
        return body

    def _finish(self, message: DIMSEMessage) -> None:
        self.message, self._body, self._held = None, None, 0
        primitive = message.message_to_primitive()
        if isinstance(primitive, C_CANCEL):
            return  # nothing that we do for others takes long enough
        if isinstance(primitive, N_EVENT_REPORT) and self.assoc.is_requestor:
            self.assoc.reported(primitive, message.context_id)
        else:
            self.msg_queue.put((message.context_id, primitive))

    def forget(self) -> None:
        """The association is over: nothing half received stays."""
        self._is_over = True
        if self._body is not None:
            self._body.drop()
        with contextlib.suppress(queue.Empty):
            while True:
                _, waiting = self.msg_queue.get_nowait()
                if isinstance(waiting, C_STORE) and isinstance(waiting.DataSet, Body):
                    waiting.DataSet.drop()
        self.msg_queue.put((None, None))  # who waits for a message waits no longer
