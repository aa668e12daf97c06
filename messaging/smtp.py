"""One conversation with the mail server: every step has a name, a time-out and an answer.

RFC 5321. The server's 250 to the end of the data makes the mail its own; a silence there leaves
open whether it did, and the same mail with the same Message-ID goes again.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .mail_server import MailServer

CONNECT_SECONDS = 10.0
LONGEST_REPLY = 300
_LINK_STEPS = frozenset({"resolve", "connect", "greet", "secure", "login"})
_SAID = {
    "resolve": "its address cannot be found",
    "connect": "it does not take connections",
    "greet": "it does not take our greeting",
    "secure": "its TLS certificate was not accepted",
    "login": "it does not take our user and password",
    "sender": "it does not take our sender",
    "recipient": "it does not take the mailbox",
    "content": "it did not take the mail",
}
_OURS = frozenset({421, 454, 530, 534, 535, 538})  # of the link or our account, not of the mail


@dataclass(frozen=True)
class Reply:
    """What the server said: 250 and its words."""

    code: int
    words: str


class NotSent(Exception):
    """The mail was not taken, as far as we know.

    `is_permanent`: the server said never (5xx). `is_link`: nothing else would go through either.
    """

    def __init__(self, step: str, reply: Reply | None = None, *, is_silent: bool = False) -> None:
        self.step, self.reply = step, reply
        code = reply.code if reply else 0
        self.is_link = step in _LINK_STEPS or is_silent or reply is None or code in _OURS
        self.is_permanent = 500 <= code <= 599 and not self.is_link
        super().__init__(f"{step} {code or 'no answer'}")

    @property
    def sentence(self) -> str:
        """For a person: what the mail server did, with its own words."""
        said = f": {self.reply.code} {self.reply.words}" if self.reply else " (no answer)"
        return f"The mail server was asked, and {_SAID[self.step]}{said}"[:LONGEST_REPLY]


class Line:
    """An open connection to the mail server; several mails may go over it, one after the other."""

    def __init__(self, server: MailServer, *, seconds: float) -> None:
        self.server, self.seconds = server, seconds
        self._smtp: smtplib.SMTP | None = None

    def send(self, *, return_path: str, recipient: str, raw: bytes) -> Reply:
        """Hand in one mail: the server's reply when it took it. Raises NotSent."""
        fresh = self._smtp is None
        try:
            return self._send(return_path, recipient, raw)
        except NotSent as trouble:
            self.close()
            if fresh or trouble.step != "sender" or trouble.reply is not None:
                raise
            return self._send(return_path, recipient, raw)  # a kept connection had been closed

    def _send(self, return_path: str, recipient: str, raw: bytes) -> Reply:
        smtp = self._smtp = self._smtp or self._opened()
        with self._at_the_most(smtp):
            with _step("sender"):
                _expect("sender", smtp.mail(return_path), 250)
            with _step("recipient"):
                _expect("recipient", smtp.rcpt(recipient), 250, 251)
            with _step("content"):
                return _expect("content", smtp.data(raw), 250)

    def _opened(self) -> smtplib.SMTP:
        server = self.server
        _resolve(server)
        seconds = min(CONNECT_SECONDS, self.seconds)
        if server.tls == "implicit":
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(timeout=seconds, context=_context(server))
        else:
            smtp = smtplib.SMTP(timeout=seconds)
        smtp._host = server.host  # type: ignore[attr-defined]  # the name in its certificate
        try:
            with self._at_the_most(smtp):
                with _step("connect"):
                    _expect("connect", smtp.connect(server.host, server.port), 220)
                self._introduce(smtp)
        except NotSent:
            smtp.close()
            raise
        return smtp

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        with _step("greet"):
            smtp.ehlo_or_helo_if_needed()
        if self.server.tls == "starttls":
            with _step("secure"):
                smtp.starttls(context=_context(self.server))
                smtp.ehlo()
        if self.server.user:
            with _step("login"):
                smtp.login(self.server.user, self.server.password)

    @contextmanager
    def _at_the_most(self, smtp: smtplib.SMTP) -> Iterator[None]:
        """Each answer within the time-out, and all of it within `seconds`, trickled or not."""
        if smtp.sock is not None:
            smtp.sock.settimeout(self.seconds)
        watch = threading.Timer(self.seconds, _hang_up, [smtp])
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def close(self) -> None:
        """Hang up; what the server thinks of it does not matter any more."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            smtp.close()


def _resolve(server: MailServer) -> None:
    try:
        socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
    except OSError:
        raise NotSent("resolve") from None


def _context(server: MailServer) -> ssl.SSLContext:
    """Certificates are checked, names too; nothing older than TLS 1.2."""
    context = ssl.create_default_context(cafile=server.authority or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _hang_up(smtp: smtplib.SMTP) -> None:
    if smtp.sock is not None:
        try:
            smtp.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it had ended


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Whatever goes wrong in here becomes NotSent with the step's name."""
    try:
        yield
    except NotSent:
        raise
    except smtplib.SMTPResponseException as refusal:
        raise NotSent(name, _reply(refusal.smtp_code, refusal.smtp_error)) from None
    except (OSError, smtplib.SMTPException, ValueError) as trouble:
        is_tls = isinstance(trouble, ssl.SSLError | smtplib.SMTPNotSupportedError)
        raise NotSent("secure" if is_tls else name, is_silent=True) from None


def _expect(step: str, answer: tuple[int, bytes], *wanted: int) -> Reply:
    reply = _reply(*answer)
    if reply.code not in wanted:
        raise NotSent(step, reply)
    return reply


def _reply(code: int, words: bytes | str) -> Reply:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    plain = "".join(each if each.isprintable() else " " for each in text)
    return Reply(code, " ".join(plain.split())[:LONGEST_REPLY])
