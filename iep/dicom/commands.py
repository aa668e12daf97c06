"""The two command sets that go with every image, put together by hand: C-STORE and its answer.

PS3.7 6.3.1: always implicit VR little endian, group 0000, in the order of the tags; 9.3.1 says
which elements. The library makes them from a data set each time, which takes longer than to send
the image; everything rarer than one an image is left to it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_STORE, _STORE_ANSWER = 0x0001, 0x8001  # command fields (PS3.7 table E.1-1)
_WITH_DATA, _WITHOUT_DATA = 0x0001, 0x0101  # (0000,0800)
_P_DATA = 0x04
_HEADS = 6  # bytes of a presentation data value that count against a PDU's limit (PS3.8 9.3.5)


def store(number: int, sop_class: str, sop_uid: str) -> bytes:
    """C-STORE-RQ of medium priority; `number` is its message ID, 1 to 65535."""
    return _set_of(
        _uid(0x0002, sop_class),
        _number(0x0100, _STORE),
        _number(0x0110, number),
        _number(0x0700, 0),
        _number(0x0800, _WITH_DATA),
        _uid(0x1000, sop_uid),
    )


def stored(number: int, sop_class: str, sop_uid: str, status: int) -> bytes:
    """C-STORE-RSP to the request of that message ID."""
    return _set_of(
        _uid(0x0002, sop_class),
        _number(0x0100, _STORE_ANSWER),
        _number(0x0120, number),
        _number(0x0800, _WITHOUT_DATA),
        _number(0x0900, status),
        _uid(0x1000, sop_uid),
    )


def fragments(command: bytes, context_id: int, limit: int) -> Iterator[bytes]:
    """The command set as P-DATA-TF PDUs of at most `limit` bytes of content, one value each."""
    room = max(limit - _HEADS, 2) // 2 * 2
    for at in range(0, len(command), room):
        piece = command[at : at + room]
        control = 1 if at + room < len(command) else 3  # a command; 2: the last of it
        size = len(piece)
        head = struct.pack(">BBLLBB", _P_DATA, 0, size + 6, size + 2, context_id, control)
        yield head + piece


def _set_of(*elements: bytes) -> bytes:
    """With the group's length before it."""
    rest = b"".join(elements)
    return struct.pack("<HHLL", 0, 0, 4, len(rest)) + rest


def _number(element: int, value: int) -> bytes:
    return struct.pack("<HHLH", 0, element, 2, value)


def _uid(element: int, uid: str) -> bytes:
    value = uid.encode("ascii", "replace")
    value += b"\0" * (len(value) % 2)  # PS3.5 9.1
    return struct.pack("<HHL", 0, element, len(value)) + value
