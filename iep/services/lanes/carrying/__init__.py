"""The four ways in which images move: sent, fetched, pushed to a gateway, pulled from one."""

from collections.abc import Callable

from iep.models import Transfer
from iep.states.transfers import TransferKind

from .between import Between, NoRoom
from .from_node import fetch
from .gateway import pull, push
from .to_node import send

__all__ = ["CARRIERS", "Between", "NoRoom"]

CARRIERS: dict[TransferKind, Callable[[Between, Transfer], None]] = {
    TransferKind.SEND: send,
    TransferKind.PUSH: push,
    TransferKind.FETCH: fetch,
    TransferKind.PULL: pull,
}
