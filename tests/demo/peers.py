"""The product's side of the wire, played by a test: a listener and the order messages we send."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

from hl7apy.core import Message
from hl7apy.parser import parse_message

from demo.hospital.mllp import Frames, Listener, framed

PATIENT = (
    "PID|1||9990000018^^^NHS^NH~S1234567^^^RZ1^MR||O'Hara&van^Zoë^^^Mrs||19650714|F|||"
    "1 Orchard Way^^Dartford^Kent^DA1 1AA||01632 960001\r"
)


def header(kind: str, control: str, *, to: str = "RIS^RZ1", version: str = "2.4") -> str:
    application, facility = to.split("^")
    return (
        f"MSH|^~\\&|ORDERCOMMS|OC1|{application}|{facility}|20261122104200+0000||{kind}|{control}"
        f"|T|{version}||||||UNICODE UTF-8\r"
    )


def imaging_order(
    placer: str = "OC1-1", *, control: str = "OC1000001", order: str = "NW",
    code: str = "XCHES^XR Chest^NICIP", to: str = "RIS^RZ1",
) -> bytes:  # fmt: skip
    return (
        header("OMG^O19^OMG_O19", control, to=to)
        + PATIENT
        + "PV1|1|O\r"
        + f"ORC|{order}|{placer}|||||^^^^^R||20261122104200+0000|||C1234567^Patel^Asha^^^Dr\r"
        + f"OBR|1|{placer}||{code}|||||||||Cough \\T\\ weight loss\\.br\\six weeks|||"
        + "C1234567^Patel^Asha^^^Dr|||||||||||||||^Persistent cough\r"
        + "OBX|1|CE|PREG^Could the patient be pregnant?^L||N^No^L||||||F\r"
    ).encode()


def blood_order(
    *placers: str, control: str = "OC1000002", kind: str = "OML^O21",
    code: str = "252167001^Urea and electrolytes^SCT",
) -> bytes:  # fmt: skip
    placers = placers or ("OC1-2",)
    structure = kind.replace("^", "_")
    version = "2.5" if kind == "OML^O33" else "2.5.1"
    specimen = "SPM|1|||119297000^Venous blood^SCT\r"
    text = header(f"{kind}^{structure}", control, to="LIMS^RZ1", version=version) + PATIENT
    text += "PV1|1|O\r" + (specimen if kind == "OML^O33" else "")
    for placer in placers:
        text += f"ORC|NW|{placer}|||||^^^^^R||20261122104200+0000|||C1234567^Patel^Asha^^^Dr\r"
        text += f"OBR|1|{placer}||{code}\r" + (specimen if kind == "OML^O21" else "")
    return text.encode()


class Sender:
    """A connection to the hospital."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.frames = Frames()
        self.heard: list[bytes] = []

    def ask(self, raw: bytes) -> str:
        self.socket.sendall(framed(raw))
        return self.hear()

    def hear(self) -> str:
        while not self.heard:
            some = self.socket.recv(65536)
            if not some:
                raise ConnectionError("closed")
            self.heard += self.frames.feed(some)
        return self.heard.pop(0).decode()

    def close(self) -> None:
        self.socket.close()


class Product:
    """A listener that keeps what the hospital sends and acknowledges it."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.answer = "AA"
        self.came = threading.Condition()
        self.listener = Listener("127.0.0.1", 0, self._take)

    def __enter__(self) -> Product:
        self.listener.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.listener.port)

    def _take(self, raw: bytes) -> bytes:
        with self.came:
            self.got.append(raw)
            self.came.notify_all()
        control = field(raw, "MSH", 9)
        return f"MSH|^~\\&|ORDERCOMMS|OC1|||||ACK|1|T|2.4\rMSA|{self.answer}|{control}\r".encode()

    def wait_for(self, count: int, seconds: float = 5.0) -> list[bytes]:
        with self.came:
            self.came.wait_for(lambda: len(self.got) >= count, seconds)
        assert len(self.got) >= count, f"{len(self.got)} of {count} messages came"
        return self.got


def field(raw: bytes, segment: str, place: int) -> str:
    """The text between two bars, `place` counted as split by the bar."""
    for line in raw.decode("utf-8", "replace").split("\r"):
        parts = line.split("|")
        if parts[0] == segment:
            return parts[place] if place < len(parts) else ""
    return ""


def by_hl7apy(raw: bytes) -> Message:
    """The message as an independent library reads it, checked against the standard's structure."""
    message = parse_message(raw.decode(), find_groups=True)
    message.validate()
    return message


Dial = Callable[[int], Sender]
