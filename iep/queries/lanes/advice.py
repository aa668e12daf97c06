"""What a person can do about a transfer that did not get through (I7): by what failed and where.

The same answer means another thing from our own PACS than from a far hospital, from a machine that
is asked for images than from one that is sent them, after an hour's trouble than after a "no".
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.conf import settings

from iep.models import Node, Transfer
from iep.models.directory import NodeKind
from iep.states.priorities import Priority
from iep.states.transactions import Direction
from iep.states.transfers import TransferState

NO_SUCH_CLASS: Final = 0x0122  # SOP class not supported (PS3.7 annex C)
# No answer of theirs, or one that may be another in an hour: it was tried for hours already.
_PASSING: Final = ("unreachable", "aborted", "timeout", "out_of_resources", "rejected")


@dataclass(frozen=True)
class Advice:
    """What to do, in sentences; and which of the other ways lead anywhere."""

    words: str
    may_write: bool  # somebody reads a message there
    may_use_disc: bool  # the images are not on this side already
    is_settings: bool = False  # the machine's page is where it is put right


def advice_on(transfer: Transfer, refused: Collection[int | None] = ()) -> Advice:
    """`refused`: the DICOM statuses of the images that they would not take (None: not offered)."""
    node, is_in = transfer.node, transfer.direction == Direction.IN
    ours = node.is_our_pacs
    words = _words(transfer, refused)
    if transfer.priority == Priority.BLUE_LIGHT and not ours:
        way = "Ask them for a disc as well." if is_in else "Send a disc as well."
        words = f"Blue Light: do not wait for it. {way} {words}"
    return Advice(
        words=words,
        may_write=transfer.transaction_id is not None and node.kind == NodeKind.GATEWAY,
        may_use_disc=not ours,
        is_settings=_is_settings(transfer),
    )


def _words(transfer: Transfer, refused: Collection[int | None]) -> str:
    family, node = transfer.family, transfer.node
    if family in _PASSING:
        tried = _PASSED[family] if node.kind != NodeKind.GATEWAY else _GATEWAYS.get(family)
        return (tried or _PASSED[family]).format(**_names(node))
    if family == "unconfirmed":
        return (
            f"{_names(node)['they']} may have all {transfer.images} images. Ask them to count. If "
            "any are missing, retry."
        )
    if family == "ours":
        return "Retry once. If it fails again, tell our system administrators: the fault is ours."
    if transfer.direction == Direction.IN:
        return _inbound(transfer)
    return _outbound(transfer, refused)


def _is_settings(transfer: Transfer) -> bool:
    """C-GET was asked of a machine that does not answer it."""
    node, came = transfer.node, transfer.images_done or transfer.state == TransferState.PARTIAL
    is_get = node.kind != NodeKind.GATEWAY and not node.fetches_by_move
    return (
        is_get
        and transfer.direction == Direction.IN
        and transfer.family == "no_context"
        and (not came)
    )


def _names(node: Node) -> dict[str, str]:
    """Who is to be asked, and what our machine is called there."""
    ring = "Ring our PACS team" if node.is_our_pacs else "Ring their PACS team"
    they = "Our PACS" if node.is_our_pacs else "They"
    return {"ring": ring, "they": they, "us": node.our_ae_title or settings.DICOM_AET}


_PASSED: Final = {
    "unreachable": "{ring}: is the machine on, and the network up? Then retry.",
    "aborted": "{ring}: why does their machine break off? Then retry.",
    "timeout": "{ring}: their machine takes the call and does not answer. Then retry.",
    "out_of_resources": "{ring}: the disk is full, or the machine too busy. Retry when they have "
    "made room.",
    "rejected": "{ring} and ask them to let {us} in: it must stand on their list of callers. Then "
    "retry.",
}
_GATEWAYS: Final = {
    "rejected": "Their exchange does not accept our key, or the clocks differ. Ask our system "
    "administrators to compare both with theirs. Then retry.",
    "out_of_resources": "A disk is full, theirs or ours: the reason says whose. Tell the system "
    "administrators of that side, and retry when there is room.",
}


# --- What they sent back, or kept ----------------------------------------------------------------


def _inbound(transfer: Transfer) -> str:
    node, is_ours = transfer.node, transfer.node.is_our_pacs
    if transfer.state == TransferState.PARTIAL or transfer.images_done:
        again = "Retry: only what is missing is fetched."
        who = "Look in PACS whether it has them" if is_ours else "Then ask them to send the rest"
        return f"{again} {who}."
    if transfer.family == "not_found":
        return _not_there(node)
    if node.kind == NodeKind.GATEWAY:
        return "They have withdrawn it or do not hand it out. Write to them. Retrying is no use."
    if transfer.family == "no_context":
        return _not_handed_out(node)
    if node.fetches_by_move:
        us = node.our_ae_title or settings.DICOM_AET
        return (
            f"{_names(node)['ring']} and ask them to enter {us} as a destination for C-MOVE, with "
            "the address of our listener. Then retry."
        )
    return f"{_names(node)['ring']}: they refuse to hand it out. Or ask for it to be sent to us."


def _not_there(node: Node) -> str:
    if node.is_our_pacs:
        return "Look the study up in PACS: it is not there under this number. Retrying is no use."
    if node.kind == NodeKind.GATEWAY:
        return "They have not uploaded it, or withdrew it. Write to them, and retry when it is up."
    return "They do not have it under this number. Ring them and ask them to send it to us."


def _not_handed_out(node: Node) -> str:
    """The machine does not do what it was asked for: C-GET, or C-MOVE."""
    if node.fetches_by_move:
        return (
            "Their machine does not hand out images, neither way. Ring them and ask them to send "
            "it to us. Retrying is no use."
        )
    return (
        f"{node.name} does not answer C-GET. On its page under Institutions set it to C-MOVE, then "
        "retry. Or ring them and ask them to send it to us."
    )


def _outbound(transfer: Transfer, refused: Collection[int | None]) -> str:
    node = transfer.node
    ring = _names(node)["ring"]
    if transfer.family == "not_found":
        return (
            "Our own copy is gone. Retrying is no use: make a new transaction, which fetches it "
            "from PACS again."
        )
    if node.kind == NodeKind.GATEWAY:
        return (
            "Their exchange refuses it, and would again. Write to them, or ring and name the "
            "transaction."
        )
    if transfer.family == "no_context" or _is_of_kind(transfer, refused):
        way = "Tell them which" if node.is_our_pacs else "Ask them to allow it, or use a disc"
        return (
            f"{node.name} does not take this kind of image. {ring}. {way}. Retrying is no use "
            "until they have changed it."
        )
    return (
        "Retry once: only what is missing goes. If they refuse it again: "
        f"{ring[0].lower()}{ring[1:]}, with the reason above."
    )


def _is_of_kind(transfer: Transfer, refused: Collection[int | None]) -> bool:
    """All that they refused is of a kind that they do not take: by status, or never offered."""
    statuses = set(refused)
    if statuses == {NO_SUCH_CLASS}:
        return True
    return None in statuses and statuses <= {NO_SUCH_CLASS, None} and _NOT_TAKEN in transfer.why


_NOT_TAKEN: Final = "does not take this kind of object"  # our own words: iep.dicom.scu
