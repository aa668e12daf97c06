"""What is printed for discs: the label (99 x 38 mm) and the collection chart of a site (A4).

Neither names a patient: both lie where anybody can read them. The barcode is the call reference,
so that a scanner finds the ticket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

LABEL = (99 * mm, 38 * mm)
PAD = 4 * mm
MODULE = 0.33 * mm  # the narrowest bar: read by any hand scanner
BARS = 11 * mm
FONT, BOLD = "Helvetica", "Helvetica-Bold"
EMPTY_LINES = 8  # to be written on by hand
GREY = HexColor("#d8dde0")
COLUMNS = ("Date dropped off", "Call reference", "Disc", "Dropped off by", "Labelled",
           "Form enclosed", "Collected on", "Collected by")  # fmt: skip
RULE = (
    "To all dropping off discs to be uploaded to PACS. Please complete the first four columns when "
    "you drop a disc into this box. The call reference must stand on the disc and on the envelope, "
    "and the printed form must be in the envelope. A disc that is not labelled, or whose line or "
    "form is incomplete, is not taken: it is left in this box."
)


@dataclass(frozen=True)
class Label:
    """What stands on one disc and on its envelope."""

    reference: str
    number: int
    of: int
    return_to: str


@dataclass(frozen=True)
class Line:
    """One line of the chart. An empty text is to be written by hand."""

    dropped_on: str
    reference: str
    disc: str
    dropped_by: str
    labelled: str
    enclosed: str


def labels_pdf(labels: Sequence[Label]) -> bytes:
    """A label a page; print two of each, for the disc and for the envelope."""
    file = BytesIO()
    title = labels[0].reference if labels else "Labels"
    canvas = Canvas(file, pagesize=LABEL, invariant=1)
    canvas.setTitle(title)
    for label in labels:
        _draw(canvas, label)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _draw(canvas: Canvas, label: Label) -> None:
    width, height = LABEL
    canvas.setFont(BOLD, 15)
    canvas.drawString(PAD, height - PAD - 11, label.reference)
    canvas.setFont(BOLD, 11)
    canvas.drawRightString(width - PAD, height - PAD - 10, f"Disc {label.number} of {label.of}")
    bars = Code128(label.reference, barWidth=MODULE, barHeight=BARS, quiet=True)
    bars.drawOn(canvas, PAD - bars.lquiet, height - PAD - 17 - BARS)
    canvas.setFont(FONT, 8)
    canvas.drawString(PAD, 7 * mm, "For upload to PACS. On the disc and on the envelope.")
    canvas.drawString(PAD, 3.5 * mm, _fitted(f"Return to: {label.return_to}", width - 2 * PAD))


def _fitted(text: str, width: float) -> str:
    """As much of it as the label has room for."""
    text = _printable(text)
    if stringWidth(text, FONT, 8) <= width:
        return text
    while text and stringWidth(text + "...", FONT, 8) > width:
        text = text[:-1]
    return text.rstrip() + "..."


def _printable(text: str) -> str:
    """What the standard fonts have; a question mark for the rest."""
    return text.replace("’", "'").encode("cp1252", "replace").decode("cp1252")


def chart_pdf(site: str, collected_on: date, lines: Sequence[Line]) -> bytes:
    """The chart of a site for its next collection, with room for lines written by hand."""
    file = BytesIO()
    title = f"Disc collection chart: {site}"
    document = SimpleDocTemplate(
        file, pagesize=landscape(A4), title=title, author="", invariant=1,
        leftMargin=12 * mm, rightMargin=12 * mm, topMargin=12 * mm, bottomMargin=12 * mm,
    )  # fmt: skip
    rows = [[_cell(words, BOLD) for words in COLUMNS]]
    rows += [[_cell(words) for words in (*vars(line).values(), "", "")] for line in lines]
    rows += [[""] * len(COLUMNS) for _ in range(EMPTY_LINES)]
    widths = [30 * mm, 42 * mm, 22 * mm, 56 * mm, 22 * mm, 26 * mm, 32 * mm, 43 * mm]
    table = Table(
        rows, colWidths=widths, rowHeights=None, repeatRows=1, minRowHeights=[9 * mm] * len(rows)
    )
    table.setStyle(TableStyle([
        ("GRID", (0, 0), (-1, -1), 0.6, HexColor("#4c6272")),
        ("BACKGROUND", (0, 0), (3, 0), GREY),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ]))  # fmt: skip
    document.build([
        _cell(title, BOLD, 16), Spacer(1, 2 * mm),
        _cell(f"Next collection: {_day(collected_on)}", BOLD, 12),
        Spacer(1, 2 * mm), _cell(RULE, FONT, 10), Spacer(1, 4 * mm), table,
    ])  # fmt: skip
    return file.getvalue()


def _day(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B %Y}"


def _cell(text: str, font: str = FONT, size: float = 9.5) -> Paragraph:
    """Plain words: nothing in them is markup."""
    safe = _printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    style = ParagraphStyle(
        "cell", fontName=font, fontSize=size, leading=size * 1.25, splitLongWords=1
    )
    return Paragraph(safe, style)
