"""A mail as bytes: RFC 5322 and MIME, made once and sent as it is on every try.

Nothing that says who a patient is may stand where machines on the way write it down: the subject,
the names of attachments, the headers (NHS England: secure e-mail, DCB1596).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from fnmatch import fnmatch

from .errors import NotSendable

LONGEST_SUBJECT = 120
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_NUMBER = re.compile(r"\d(?:[ \-.\u00a0\u2009]?\d){9}")  # ten digits, however they are grouped
_DATES = (
    re.compile(r"\b(?:19|20)\d\d[-/. ]?(?:0[1-9]|1[0-2])[-/. ]?(?:0[1-9]|[12]\d|3[01])\b"),
    re.compile(r"\b\d{1,2}[-/.](?:\d{1,2})[-/.](?:19|20)?\d\d\b"),
    re.compile(
        r"\b\d{1,2}[-/. ]?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/. ]?\d\d",
        re.IGNORECASE,
    ),
)
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_ADDRESS = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}"
)


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail. `name` carries no identity: "downtime-form-DT-0042.pdf"."""

    name: str
    content_type: str  # "application/pdf"
    content: bytes


@dataclass(frozen=True)
class Envelope:
    """Who sends it to whom under which id. Addresses are plain ASCII."""

    sender: tuple[str, str]  # display name, address
    recipient: tuple[str, str]
    message_id: str
    at: datetime


def compose(
    envelope: Envelope, *, subject: str, text: str, html: str, attachments: Iterable[Attachment]
) -> bytes:
    """The mail's bytes, lines ended by CR LF. Raises NotSendable for what may not stand in it."""
    mail = EmailMessage(policy=SMTP)
    mail["Message-ID"] = envelope.message_id
    mail["Date"] = format_datetime(envelope.at)
    mail["From"] = _address(*envelope.sender)
    mail["To"] = _address(*envelope.recipient)
    mail["Subject"] = subject
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no robot need answer
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for each in attachments:
        main, _, kind = each.content_type.partition("/")
        mail.add_attachment(each.content, maintype=main, subtype=kind, filename=each.name)
    return mail.as_bytes()


def _address(name: str, address: str) -> Address:
    refuse_header(name, "display name")
    return Address(display_name=name, addr_spec=address)


def is_address(text: str) -> bool:
    """One plain mail address, and nothing that a mail server could read as more."""
    return len(text) <= 120 and _ADDRESS.fullmatch(text) is not None and ".." not in text


def is_allowed(address: str, domains: Iterable[str]) -> bool:
    """Whether its domain is on the list: "nhs.net", or "*.nhs.uk" for all below it."""
    domain = address.rpartition("@")[2].lower()
    return is_address(address) and any(fnmatch(domain, each.lower()) for each in domains)


# --- What may not stand in a header --------------------------------------------------------------


def refuse_header(text: str, where: str) -> None:
    """Raises NotSendable: a line break in a header would begin another header."""
    if _CONTROL.search(text):
        raise NotSendable("mail_header", f"A line break in the {where} of a mail.")


def refuse_subject(subject: str, never: Sequence[str] = ()) -> None:
    """Raises NotSendable for an empty or long subject, and one that could say who a patient is.

    `never`: the patient's names, so that a subject which carries one of them is caught too.
    """
    refuse_header(subject, "subject")
    if not subject.strip() or len(subject) > LONGEST_SUBJECT:
        raise NotSendable("mail_subject", "The subject of a mail is empty or too long.")
    refuse_identity(subject, "subject", never)


def refuse_file_name(name: str, never: Sequence[str] = ()) -> None:
    """Raises NotSendable for a name that is no plain file name, or says who a patient is."""
    if not _FILE_NAME.fullmatch(name):
        raise NotSendable("mail_file_name", "The name of a mail's attachment is not a plain one.")
    refuse_identity(name, "attachment's name", never)


def refuse_identity(text: str, where: str, never: Sequence[str] = ()) -> None:
    """Raises NotSendable for ten digits (an NHS number), a date, or one of the words of `never`."""
    spaced = text.replace("_", " ")
    looks_like_one = _NUMBER.search(spaced) or any(date.search(spaced) for date in _DATES)
    words = {word.casefold() for word in re.findall(r"[^\W\d_]{2,}", spaced)}
    forbidden = {word.casefold() for each in never for word in re.findall(r"[^\W\d_]{2,}", each)}
    if looks_like_one or words & forbidden:
        raise NotSendable("mail_identity", f"The {where} of a mail may not say who a patient is.")
