"""The mails on the stand-in's page: a list, one mail with its files, and how the server behaves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from .actions import Refused
from .mail import MODES, Attached, Sink

_ADDRESS = re.compile(r"/mail/(\d{1,9})(?:/files/(\d{1,3}))?")


@dataclass(frozen=True)
class Shown:
    """A page with what it shows, or a file to download."""

    template: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    file: Attached | None = None


def find(sink: Sink | None, path: str) -> Shown | None:
    """What stands at the address; None: nothing."""
    if sink is None:
        return None
    if path == "/mail":
        values = {"mails": list(reversed(sink.mails)), "modes": MODES}
        return Shown("mails.html", values)
    found = _ADDRESS.fullmatch(path)
    mail = sink.mail(int(found[1])) if found else None
    if found is None or mail is None:
        return None
    if found[2] is None:
        return Shown("mail.html", {"one": mail})
    files = mail.attachments
    number = int(found[2])
    return Shown(file=files[number - 1]) if 0 < number <= len(files) else None


def steer(sink: Sink | None, mode: str) -> str:
    """Let the mail server behave so; what the page says of it. Raises Refused."""
    if sink is None or mode not in MODES:
        raise Refused("The mail server cannot behave like that.")
    sink.set_mode(mode)
    return f"Mail server: {MODES[mode]}."


def as_json(sink: Sink | None) -> list[dict[str, Any]]:
    """What a program sees: envelopes, never what is inside."""
    return [
        {
            "number": mail.number,
            "at": mail.at,
            "from": mail.sender,
            "to": mail.to,
            "return_path": mail.return_path,
            "subject": mail.subject,
            "message_id": mail.message_id,
            "attachments": [each.name for each in mail.attachments],
        }
        for mail in (reversed(sink.mails) if sink else ())
    ]
