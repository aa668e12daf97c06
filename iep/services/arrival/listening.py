"""What the DICOM listener asks the house: who may call, whether there is room, and to keep it."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Q

from iep import storage
from iep.dicom import Caller, CommitmentAnswer, Incoming, Peer
from iep.models import Node, ReceivedFile, Transaction, Transfer, TransferInstance
from iep.services.arrival import arrivals
from iep.services.lanes import confirming
from iep.services.lanes.lines import peer_of
from iep.states.priorities import Priority
from iep.states.studies import FileState, Origin
from iep.states.transactions import UNFINISHED
from iep.states.transfers import InstanceState, TransferState
from messaging import tls

log = structlog.get_logger(__name__)

REMEMBER_NODES_SECONDS = 2.0
SUCCESS, OUT_OF_RESOURCES = 0x0000, 0xA700  # PS3.4 table B.2-1
_ASKED_AT_ONCE = 1000
_ASKED = (TransferState.RUNNING, TransferState.WAITING, TransferState.PAUSED)


@dataclass(frozen=True)
class Known:
    """What was read of the database last."""

    nodes: dict[str, Node]  # who may call, by AE title
    hurried: frozenset[int]  # nodes of which blue light is awaited
    anchors: str


class Directory(threading.Thread):
    """Who may call, a few seconds late. When the database is away, what was known stays true."""

    def __init__(self) -> None:
        super().__init__(name="dicom-directory", daemon=True)
        self.known: Known | None = None
        self._over = threading.Event()
        self.look()

    def look(self) -> None:
        try:
            self.known = _read()
        except DatabaseError as failure:
            log.warning("nodes_not_read", error=type(failure).__name__)
            connection.close()

    def run(self) -> None:
        while not self._over.wait(REMEMBER_NODES_SECONDS):
            self.look()
        connection.close()

    def close(self) -> None:
        self._over.set()


def _read() -> Known:
    nodes = {
        node.ae_title: node for node in Node.objects.filter(may_call=True).exclude(ae_title="")
    }
    pems = sorted({node.trust_anchors for node in nodes.values() if node.uses_tls})
    return Known(nodes, frozenset(_hurried()), "\n".join(pems))


def _hurried() -> Iterable[int]:
    """Nodes of institutions from which blue light images are awaited, or are on their way."""
    awaited = Transaction.objects.filter(
        priority=Priority.BLUE_LIGHT, state__in=[state.value for state in UNFINISHED]
    )
    fetched = Transfer.objects.filter(
        priority=Priority.BLUE_LIGHT, state=TransferState.RUNNING.value
    )
    return Node.objects.filter(
        Q(institution__in=awaited.values("institution")) | Q(pk__in=fetched.values("node"))
    ).values_list("pk", flat=True)


class House:
    """The rules of iep.dicom's listener. `Caller.key` is the primary key of the node."""

    def __init__(self) -> None:
        self.directory = Directory()
        self.directory.start()

    # --- Who -------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        """Whether the nodes were ever read."""
        return self.directory.known is not None

    def titles(self, caller: Caller) -> set[str]:
        """Ours, and what this node alone calls us."""
        node = self._node(caller.calling)
        return {settings.DICOM_AET, *([node.our_ae_title] if node and node.our_ae_title else [])}

    def anchors(self) -> str:
        """PEM: whom the nodes with TLS believe."""
        return self.directory.known.anchors if self.directory.known else ""

    def recognise(self, caller: Caller) -> Caller | None:
        """The caller with its node, when AE title, address and certificate are the node's."""
        node = self._node(caller.calling)
        if node is None or not comes_from(node, caller.address):
            return None
        if node.uses_tls != bool(caller.certificate):
            return None  # who uses TLS comes by TLS, and nobody else proves anything by it
        if node.uses_tls and not proves(node, caller.certificate):
            return None
        return replace(caller, key=node.pk)

    def _node(self, title: str) -> Node | None:
        return self.directory.known.nodes.get(title) if self.directory.known else None

    def peer_of(self, caller: Caller) -> Peer | None:
        """Where the node listens; None when we do not know."""
        node = self._node(caller.calling)
        return peer_of(node) if node is not None and node.host and node.port else None

    # --- Room ------------------------------------------------------------------------------------

    def has_room(self, caller: Caller, size: int) -> bool:
        """Blue light has the last of the disk to itself."""
        known = self.directory.known
        is_hurried = known is not None and caller.key in known.hurried
        try:
            return storage.room(for_blue_light=is_hurried, size=size)
        except OSError:
            return False

    # --- Keeping ---------------------------------------------------------------------------------

    def store(self, incoming: Incoming) -> int:
        """On the disk and in the database, or no success: a DICOM status."""
        try:
            assert self.directory.known is not None  # noqa: S101 - or nobody was let in
            _keep(incoming, self.directory.known.nodes[incoming.caller.calling])
        except Exception as failure:  # noqa: BLE001 - the outermost: others must go on
            connection.close()
            node, error = incoming.caller.key, type(failure).__name__
            log.warning("image_not_kept", node=node, error=error)
            return OUT_OF_RESOURCES
        return SUCCESS

    def end(self) -> None:
        """An association ended, in this thread."""
        connection.close()

    # --- Storage commitment ----------------------------------------------------------------------

    def held(self, caller: Caller, sop_uids: list[str]) -> set[str] | None:
        """Which of these came from this node and lie in storage; None: cannot be found out now."""
        try:
            found: set[str] = set()
            for first in range(0, len(sop_uids), _ASKED_AT_ONCE):
                found |= _held(caller.key, sop_uids[first : first + _ASKED_AT_ONCE])
        except DatabaseError as failure:
            connection.close()
            log.warning("commitment_not_looked_up", error=type(failure).__name__)
            return None
        return found

    def committed(self, caller: Caller, answer: CommitmentAnswer) -> bool:
        """A node says what it has of ours; False when nobody asked it, or it cannot be kept now."""
        try:
            ours = confirming.asked_about(answer.uid).filter(node_id=caller.key)
            return ours.exists() and confirming.record_answer(answer)
        except DatabaseError as failure:
            connection.close()
            log.warning("commitment_not_kept", node=caller.key, error=type(failure).__name__)
            return False


def comes_from(node: Node, address: str) -> bool:
    """Whether the node may call from there: `calls_from` has addresses and networks; [] is any."""
    if not node.calls_from:
        return True
    there = ipaddress.ip_address(address.split("%")[0])
    if isinstance(there, ipaddress.IPv6Address) and there.ipv4_mapped:
        there = there.ipv4_mapped
    return any(there in network for each in node.calls_from for network in _networks(str(each)))


@lru_cache(maxsize=500)
def _networks(written: str) -> tuple[Any, ...]:
    """What is no address lets nobody in."""
    try:
        return (ipaddress.ip_network(written.strip(), strict=False),)
    except ValueError:
        return ()


def proves(node: Node, certificate: bytes) -> bool:
    """Whether the certificate is this node's: pinned, or of its authority and with its name.

    Its chain and its days TLS has looked at, for all nodes together; here it is this one's.
    """
    try:
        theirs = tls.certificates(node.trust_anchors)
    except tls.BadCertificate:
        return False
    shown = x509.load_der_x509_certificate(certificate)
    if any(each == shown for each in theirs):
        return True
    name = node.server_name or node.host
    return name in _names(shown) and any(_issued(shown, each) for each in theirs)


def _names(shown: x509.Certificate) -> set[str]:
    try:
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    hosts = names.get_values_for_type(x509.DNSName)
    return set(hosts) | {str(each) for each in names.get_values_for_type(x509.IPAddress)}


def _issued(shown: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        shown.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _keep(incoming: Incoming, node: Node) -> ReceivedFile:
    transfer = _asked_for(node, incoming.sop_uid) if node.fetches_by_move else None
    is_pacs = transfer.purpose == "from_pacs" if transfer else node.is_our_pacs
    return arrivals.receive(
        incoming.written,
        origin=Origin.PACS if is_pacs else Origin.DICOM,
        node=node,
        calling=incoming.caller.calling,
        association=incoming.caller.association,
        transfer=transfer,
        transaction=transfer.transaction if transfer else None,
        study_uid=transfer.study_uid if transfer else "",
        sop_uid=incoming.sop_uid,
        sop_class=incoming.sop_class,
        transfer_syntax=incoming.transfer_syntax,
    )


def _asked_for(node: Node, sop_uid: str) -> Transfer | None:
    """The transfer of ours that this node sends an image for (C-MOVE).

    A lane that left it (for Blue Light, or it was killed) has asked all the same.
    """
    lines = TransferInstance.objects.filter(
        transfer__node=node,
        transfer__state__in=[each.value for each in _ASKED],
        state=InstanceState.WAITING.value,
        sop_uid=sop_uid,
    )
    found = lines.select_related("transfer__transaction").order_by("transfer_id").first()
    return found.transfer if found else None


def _held(node_id: int | str, sop_uids: list[str]) -> set[str]:
    """A refused file's bytes are for a person: nobody is told that we keep the image."""
    states = (FileState.QUARANTINED.value, FileState.KEPT.value)
    files = ReceivedFile.objects.filter(node_id=node_id, sop_uid__in=sop_uids, state__in=states)
    return {
        sop_uid
        for file_id, sop_uid in files.values_list("pk", "sop_uid")
        if storage.path_of(file_id).is_file()
    }
