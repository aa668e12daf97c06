"""Reports that go with images: a document or pasted text, whose content somebody has confirmed.

"You can attach the report as a document or paste the text direct. When prompted ensure the
content of the report is correct before selecting the tick box" (the trust's guideline, App. 4).
What a file is, is asked of its first bytes, never of its name; it is kept as it came, and only
ever handed out as a download.
"""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from accounts.policies import Acting
from iep import scanner
from iep.errors import NotAccepted
from iep.models import Attachment, Transaction
from iep.services.gateway.telling import tell
from iep.services.moving import locked, move
from iep.states.transactions import TransactionEvent

MOST_BYTES = 10 * 1024 * 1024
MOST_EACH = 10  # attachments of one transaction
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # [MS-CFB] 2.2: what a .doc begins with
# Extension → what it is served as, and what it begins with.
KINDS: dict[str, tuple[str, tuple[bytes, ...]]] = {
    "pdf": ("application/pdf", (b"%PDF-",)),
    "rtf": ("application/rtf", (b"{\\rtf",)),
    "doc": ("application/msword", (_OLE,)),
    "docx": (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        (b"PK\x03\x04",),
    ),
    "tif": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    "tiff": ("image/tiff", (b"II*\x00", b"MM\x00*")),
    "gif": ("image/gif", (b"GIF87a", b"GIF89a")),
    "jpg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "jpeg": ("image/jpeg", (b"\xff\xd8\xff",)),
    "png": ("image/png", (b"\x89PNG\r\n\x1a\n",)),
    "txt": ("text/plain; charset=utf-8", ()),
}


def attach(
    thing: Transaction,
    *,
    by: Acting,
    file_name: str = "",
    content: bytes = b"",
    text: str = "",
    title: str = "",
    study_uid: str = "",
    confirmed: bool,
    came_in: bool = False,
    confirmed_by: str = "",
    id: UUID | None = None,
) -> Attachment:
    """Keep a document (`file_name` and `content`) or pasted `text` with the transaction.

    `confirmed`: the person has read it and the content is right; their name and the time are kept.
    `confirmed_by` names the person of the other side of one that `came_in`.
    Raises NotAccepted; ScannerAway for one that `came_in`, which its sender then tells again.
    """
    _must_be(confirmed)
    kind, content, content_type = _content(file_name, content, text)
    _must_be_clean(kind, content, came_in)
    with transaction.atomic():
        row = locked(thing)
        if id is not None and (known := row.attachments.filter(pk=id).first()):
            return known
        if row.attachments.count() >= MOST_EACH:
            raise NotAccepted("too_many", f"A transaction has up to {MOST_EACH} attachments.")
        kept = Attachment.objects.create(
            id=id or uuid4(), transaction=row, kind=kind,
            title=_title(title, file_name, kind), content_type=content_type,
            size=len(content), sha256=hashlib.sha256(content).hexdigest(), content=content,
            study_uid=study_uid, confirmed_by=(confirmed_by or by.label)[:150],
            confirmed_at=timezone.now(), came_in=came_in,
        )  # fmt: skip
        move(row, TransactionEvent.NOTED, by=by, words="Report attached, content confirmed")
        if not came_in:
            tell(row, "attachment", id=str(kept.pk))
    return kept


def _must_be(confirmed: bool) -> None:
    if not confirmed:
        raise NotAccepted(
            "not_confirmed", "Read the report, then confirm that its content is right."
        )


def _must_be_clean(kind: str, content: bytes, came_in: bool) -> None:
    """A document, by the virus scanner where one is set: nothing is taken without (hazard H48)."""
    if kind == "text" or not scanner.is_set():
        return
    try:
        found = scanner.scan(BytesIO(content))
    except scanner.NotScanned as refusal:
        words = f"The virus scanner cannot look into it: {refusal.words}."
        raise NotAccepted("not_scanned", words) from None
    except scanner.ScannerAway as away:
        if came_in:
            raise
        raise NotAccepted("not_scanned", str(away)) from None
    if found:
        raise NotAccepted("infected", f"The virus scanner found {found} in it.")


def _content(file_name: str, content: bytes, text: str) -> tuple[str, bytes, str]:
    if text.strip() and not content:
        kind, content, content_type = "text", text.strip().encode(), KINDS["txt"][0]
    else:
        kind, content_type = "document", _content_type(file_name, content)
    if not content:
        raise NotAccepted("empty", "Choose the report, or paste its text.")
    if len(content) > MOST_BYTES:
        raise NotAccepted("too_large", f"A report has up to {MOST_BYTES // 1024 // 1024} MB.")
    return kind, content, content_type


def _content_type(file_name: str, content: bytes) -> str:
    if not content:
        raise NotAccepted("empty", "Choose the report, or paste its text.")
    extension = file_name.rsplit(".", 1)[-1].lower() if "." in file_name else ""
    if extension not in KINDS:
        raise NotAccepted(
            "not_a_report",
            "A report is a PDF, RTF, Word, TIFF, GIF, JPEG, PNG or text file.",
        )
    content_type, beginnings = KINDS[extension]
    if beginnings and not content.startswith(beginnings):
        raise NotAccepted(
            "wrong_content", f"The file ends in .{extension} and is something else inside."
        )
    if extension == "docx" and b"word/" not in content:
        raise NotAccepted("wrong_content", "The file ends in .docx and is no Word document.")
    if extension == "txt":
        _must_be_text(content)
    return content_type


def _must_be_text(content: bytes) -> None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise NotAccepted("wrong_content", "The file ends in .txt and is no text.")


def _title(title: str, file_name: str, kind: str) -> str:
    """What people see. A file's own name may hold a patient's, so only its ending is used."""
    if title.strip():
        return " ".join(title.split())[:120]
    if kind == "text":
        return "Report (text)"
    ending = re.sub(r"[^a-z]", "", file_name.rsplit(".", 1)[-1].lower())
    return f"Report ({ending})"
