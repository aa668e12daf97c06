"""What a mail that came back says: RFC 3464 delivery reports, and where they are read.

A source is anything that hands out unread mails by a key and is told which were stored. The one
there is reads a Maildir: every mail server can deliver into one, reading it needs no password and
no protocol, and a mail in it is one file that is moved, never changed. Another kind (IMAP, say) is
another class in SOURCES.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

LONGEST = 1024 * 1024  # bytes that are kept of one mail; what matters of a report comes first
_LONGEST_SENTENCE = 300
_TOKEN = re.compile(r"\+([0-9a-f]{32})@")
_MESSAGE_ID = re.compile(rb"(?im)^(?:message-id|in-reply-to|references)[ \t]*:(?:[ \t\r\n]*)(.+)$")
_ID = re.compile(r"<[^<>\s]{3,150}>")

# RFC 3463, class 5 and 4: what people are told of the codes that matter.
_WORDS = {
    "1.1": "there is no such mailbox",
    "1.2": "there is no such mail domain",
    "1.3": "the address is not written as it should be",
    "1.6": "the mailbox has moved",
    "1.10": "the domain takes no mail",
    "2.1": "the mailbox is closed",
    "2.2": "the mailbox is full",
    "2.3": "the mail is too long for the mailbox",
    "3.4": "the mail is too big for their server",
    "4.1": "their server did not answer",
    "4.4": "no way to their server was found",
    "4.7": "it could not be delivered in time",
    "7.1": "their server does not let us write there",
}


@dataclass(frozen=True)
class Report:
    """What came back, understood as far as it can be.

    `action`: failed, delayed, delivered, relayed, expanded; "" where it is no delivery report.
    `tokens` and `message_ids` name the mail it may be about.
    """

    action: str
    status: str
    sentence: str
    tokens: tuple[str, ...]
    message_ids: tuple[str, ...]


def read_report(raw: bytes) -> Report:
    """Never raises for what is in it: whatever it is, a person can be shown it."""
    try:
        mail = message_from_bytes(raw, policy=default)
        parts = list(mail.walk())
        fields = _recipient_fields(parts)
        tokens = _tokens(mail)
    except (MessageError, ValueError, LookupError, AttributeError, TypeError, IndexError):
        fields, tokens = {}, ()
    action = fields.get("action", "").lower()[:12]
    status = fields.get("status", "").split(" ")[0][:12]
    found = [_ID.findall(line.decode("ascii", "replace")) for line in _MESSAGE_ID.findall(raw)]
    ids = dict.fromkeys(each for line in found for each in line)
    return Report(action, status, _sentence(action, status, fields), tokens, tuple(ids))


def _tokens(mail: EmailMessage) -> tuple[str, ...]:
    """Of our return path, in the headers that say to whom this came."""
    headers = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
    values = [str(value) for name in headers for value in mail.get_all(name, [])]
    return tuple(dict.fromkeys(token for value in values for token in _TOKEN.findall(value)))


def _recipient_fields(parts: list[EmailMessage]) -> dict[str, str]:
    """The fields of the first recipient that was told of (RFC 3464, 2.3)."""
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            for group in cast("list[EmailMessage]", part.get_payload()):
                fields = {name.lower(): str(value) for name, value in group.items()}
                if "action" in fields:
                    return fields
    return {}


def _sentence(action: str, status: str, fields: dict[str, str]) -> str:
    if not action:
        return "This is no delivery report: perhaps somebody, or a machine, answered."
    detail = _WORDS.get(status.partition(".")[2], "")
    said = fields.get("diagnostic-code", "").partition(";")[2].strip()
    said = " ".join("".join(c if c.isprintable() else " " for c in said).split())
    what = {
        "failed": "It did not reach the mailbox",
        "delayed": "It is late on its way; the mail servers still try",
        "delivered": "It was put into the mailbox",
        "relayed": "It was passed on to a server that sends no reports",
        "expanded": "It was passed on to a list of mailboxes",
    }.get(action, f"Their server says “{action}”")
    words = ": ".join(part for part in (what, detail) if part)
    return f"{words}. {said or status}".strip(" .")[:_LONGEST_SENTENCE]


# --- Where they are read -------------------------------------------------------------------------


class Source(Protocol):
    """Where mails that came back are found."""

    def unread(self) -> Iterator[tuple[str, bytes]]:
        """(key, bytes) of each that was not yet marked. Raises OSError when it cannot be read."""
        ...

    def mark_read(self, key: str) -> None:
        """It is stored here: do not hand it out again. It is never deleted."""
        ...


class Maildir:
    """A folder with `new` and `cur`: a mail is read by moving its file from one to the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def unread(self) -> Iterator[tuple[str, bytes]]:
        for path in sorted((self.folder / "new").iterdir()):
            if path.name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            with path.open("rb") as file:
                yield path.name, file.read(LONGEST)

    def mark_read(self, key: str) -> None:
        """Another worker may have moved it meanwhile: then it is where it should be."""
        (self.folder / "cur").mkdir(exist_ok=True)
        try:
            (self.folder / "new" / key).rename(self.folder / "cur" / f"{key}:2,S")
        except FileNotFoundError:
            return


SOURCES: dict[str, Callable[[Path], Source]] = {"maildir": Maildir}


def open_source(url: str) -> Source | None:
    """By BOUNCES_URL: "maildir:///path"; None for "". Raises ImproperlyConfigured."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in SOURCES or parts.netloc or not parts.path:
        raise ImproperlyConfigured("BOUNCES_URL is not maildir:///path/of/a/folder.")
    return SOURCES[parts.scheme](Path(unquote(parts.path)))
