"""One association per transfer, kept while the next transfer goes to the same place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.conf import settings

from iep import dicom
from iep.dicom import Peer
from iep.models import Node

if TYPE_CHECKING:
    from iep.dicom import Sender

_MOST_KINDS = 128  # presentation contexts of one association (PS3.8 9.3.2.2: odd numbers to 255)
Kind = tuple[str, str]  # SOP class, transfer syntax


def peer_of(node: Node) -> Peer:
    """How iep.dicom knows a node."""
    return Peer(
        ae_title=node.ae_title,
        our_ae_title=node.our_ae_title or settings.DICOM_AET,
        host=node.host,
        port=node.port or 104,
        uses_tls=node.uses_tls,
        trust_anchors=node.trust_anchors,
        server_name=node.server_name,
        key_name=node.key_name,
    )


class KeptLine:
    """The association of a lane: the one that is open, where it fits, or a new one."""

    def __init__(self, sender: Callable[[Peer, list[Kind]], Sender] | None = None) -> None:
        self._make = sender or dicom.Sender
        self._open: tuple[Peer, frozenset[Kind], Sender] | None = None

    def to(self, node: Node, kinds: set[Kind]) -> Sender:
        """An association over which all of these may go. Raises DicomFailure."""
        peer = peer_of(node)
        fits = self._open and self._open[0] == peer and kinds <= self._open[1]
        if self._open and fits and self._open[2].is_open:  # they end one on which nothing is said
            return self._open[2]
        self.hang_up()
        agreed = sorted(kinds)[:_MOST_KINDS]
        sender = self._make(peer, agreed)
        sender.__enter__()
        self._open = (peer, frozenset(agreed), sender)
        return sender

    def hang_up(self) -> None:
        """Nothing happens when none is open."""
        kept, self._open = self._open, None
        if kept:
            kept[2].__exit__(None, None, None)
