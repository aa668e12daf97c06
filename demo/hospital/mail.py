"""The stand-in's mail server: takes what is sent to anybody, keeps it, shows it on its page.

It can be told to be difficult: to answer later, never, to hang in the middle, to refuse
connections, or to take a mail and send it back. What comes back is put as a delivery report
(RFC 3464) into a Maildir, as a real mail server would.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
KEPT = 200  # mails in memory; every one is on disk
MODES = {
    "working": "Takes mail",
    "later": "Says: try again later (451)",
    "never": "Says: no such mailbox (550)",
    "hanging": "Hangs in the middle of a mail",
    "returning": "Takes mail, then sends it back",
    "refusing": "Refuses connections",
}


@dataclass(frozen=True)
class Attached:
    """A file in a mail."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Mail:
    """One mail as it came."""

    number: int
    at: str  # ISO, local
    return_path: str
    to: str
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)  # type: ignore[return-value]

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    @property
    def sender(self) -> str:
        return str(self.message["From"] or "")

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"] or "")

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        return str(body.get_content()) if body else ""

    @property
    def attachments(self) -> list[Attached]:
        return [
            Attached(part.get_filename() or "file", part.get_content_type(), _bytes_of(part))
            for part in self.message.iter_attachments()
        ]


def _bytes_of(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


@dataclass
class Sink:
    """The server. `port` 0 chooses one; `folder` keeps mails, `maildir` gets what goes back."""

    folder: Path
    maildir: Path
    port: int = 0
    mode: str = "working"
    mails: list[Mail] = field(default_factory=list)
    _count: int = 0
    _controller: Controller | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("new", "cur", "tmp"):
            (self.maildir / name).mkdir(parents=True, exist_ok=True)
        self._load()
        if self.mode != "refusing":
            self._open()

    def stop(self) -> None:
        if self._controller is not None:
            self._controller.stop(no_assert=True)
            self._controller = None

    def set_mode(self, mode: str) -> None:
        """One of MODES; from now on."""
        if mode not in MODES:
            raise ValueError(mode)
        self.mode = mode
        if mode == "refusing":
            self.stop()
        elif self._controller is None:
            self._open()

    def mail(self, number: int) -> Mail | None:
        return next((each for each in self.mails if each.number == number), None)

    def _open(self) -> None:
        controller = Controller(_Handler(self), hostname=HOST, port=self.port or _free_port())
        controller.start()
        self._controller, self.port = controller, controller.port

    def _load(self) -> None:
        """What was kept before the last stop, so that the page still shows it."""
        files = sorted(self.folder.glob("*.eml"))
        self._count = int(files[-1].stem) if files else 0
        self.mails = [_loaded(path) for path in files[-KEPT:]]

    def keep(self, envelope: Envelope) -> Mail:
        """Write it down, then say 250: as a mail server must."""
        with self._lock:
            self._count += 1
            mail = Mail(
                number=self._count,
                at=time.strftime("%Y-%m-%dT%H:%M:%S"),
                return_path=str(envelope.mail_from),
                to=", ".join(envelope.rcpt_tos),
                raw=bytes(envelope.content or b""),
            )
            head = f"X-Return-Path: {mail.return_path}\r\nX-To: {mail.to}\r\nX-At: {mail.at}\r\n"
            (self.folder / f"{mail.number:06d}.eml").write_bytes(head.encode() + mail.raw)
            self.mails = [*self.mails, mail][-KEPT:]
            return mail

    def send_back(self, mail: Mail) -> None:
        """Put a delivery report into the Maildir: written whole in `tmp`, then moved."""
        name = f"{time.time_ns()}.{secrets.token_hex(4)}.standin"
        (self.maildir / "tmp" / name).write_bytes(delivery_report(mail))
        (self.maildir / "tmp" / name).rename(self.maildir / "new" / name)


def _loaded(path: Path) -> Mail:
    head, raw = [], path.read_bytes()
    for _ in range(3):
        line, _, raw = raw.partition(b"\r\n")
        head.append(line.decode().partition(": ")[2])
    return Mail(int(path.stem), head[2], head[0], head[1], raw)


def _free_port() -> int:
    import socket

    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


class _Handler:
    """What aiosmtpd asks at each step."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        if self.sink.mode == "later":
            return "451 4.3.0 The mailbox is busy, try again later"
        if self.sink.mode == "never":
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        while self.sink.mode == "hanging":
            await asyncio.sleep(0.05)
        mail = self.sink.keep(envelope)
        if self.sink.mode == "returning":
            self.sink.send_back(mail)
        return f"250 2.0.0 Kept as {mail.number}"


def delivery_report(
    mail: Mail, *, action: str = "failed", status: str = "5.1.1", with_token: bool = True
) -> bytes:
    """RFC 3464: words for people, fields for programs, and the headers of what came back."""
    to = mail.return_path if with_token else mail.return_path.replace("+", "", 1).split("@")[0][:7]
    report = MIMEMultipart("report", **{"report-type": "delivery-status"})
    report["From"] = "Mail Delivery System <mailer-daemon@mail.nhs.example>"
    report["To"] = to if with_token else f"bounces@{mail.return_path.rpartition('@')[2]}"
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report["Message-ID"] = f"<{secrets.token_hex(8)}@mail.nhs.example>"
    report.attach(MIMEText(f"Your mail to {mail.to} could not be delivered.\n"))
    report.attach(_status_part(mail, action, status))
    headers = mail.raw.partition(b"\r\n\r\n")[0].decode("ascii", "replace").replace("\r\n", "\n")
    report.attach(MIMEText(headers, "rfc822-headers"))
    return report.as_bytes()


def _status_part(mail: Mail, action: str, status: str) -> MIMEBase:
    part = MIMEBase("message", "delivery-status")
    per_message, per_recipient = Message(), Message()
    per_message["Reporting-MTA"] = "dns; mail.nhs.example"
    per_recipient["Final-Recipient"] = f"rfc822; {mail.to}"
    per_recipient["Action"] = action
    per_recipient["Status"] = status
    per_recipient["Diagnostic-Code"] = f"smtp; 550 {status} The mailbox does not exist here"
    part.set_payload([per_message, per_recipient])
    return part
