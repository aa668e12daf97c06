"""A report as a document: one page of PDF with the words of it, made by hand."""

from __future__ import annotations

import base64
import textwrap

COLUMNS = 80
_LINE = 16  # points
_TOP = 780


def pdf_of(title: str, lines: list[str]) -> bytes:
    """An A4 page. Letters that Latin-1 does not have become question marks: only the demo's own
    words are printed here, and the report's text is in the message as well."""
    shown = [part for line in lines for part in (textwrap.wrap(line, COLUMNS) or [""])]
    words = [f"BT /F1 12 Tf {_LINE} TL 60 {_TOP} Td ({_escaped(title)}) Tj T* T*"]
    words += [f"({_escaped(line)}) Tj T*" for line in shown]
    page = "\n".join([*words, "ET"]).encode("latin-1", "replace")
    return _file(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 5 0 R"
            b"/Resources<</Font<</F1 4 0 R>>>>>>",
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
            b"<</Length %d>>stream\n%s\nendstream" % (len(page), page),
        ]
    )


def in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _file(objects: list[bytes]) -> bytes:
    body, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    trailer = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer
