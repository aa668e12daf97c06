"""A downtime form on A4: everything in words, a barcode of the reference, boxes to write in.

Long names wrap and never run out of their box. The same barcode serves the printed page (SVG).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path

from reportlab.graphics.barcode.code128 import Code128
from reportlab.lib.colors import HexColor, black, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from requesting.sheets import Ordered, Pair, Sheet

MARGIN = 15 * mm
WIDTH = A4[0] - 2 * MARGIN
HEAD = 42 * mm  # of the label column
MODULE = 0.33 * mm  # the narrowest bar: read by any hand scanner
BAR_HEIGHT = 14 * mm
GREY, BLUE, RED = HexColor("#d8dde0"), HexColor("#005eb8"), HexColor("#d5281b")
PALE = HexColor("#f4dcda")
FONTS = Path(__file__).parent / "data"


def pdf_of(sheet: Sheet) -> bytes:
    """The form as a PDF. Its document information carries the reference and nothing else."""
    _fonts()
    file = BytesIO()
    document = BaseDocTemplate(
        file, pagesize=A4, title=sheet.title, author="", invariant=1,
        leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=18 * mm,
    )  # fmt: skip
    frame = Frame(MARGIN, 18 * mm, WIDTH, A4[1] - MARGIN - 18 * mm, 0, 0, 0, 0)

    def foot(canvas: Canvas, _: BaseDocTemplate) -> None:
        if sheet.drill:
            _mark_drill(canvas)
        canvas.setFont("Form", 8)
        canvas.drawString(MARGIN, 10 * mm, sheet.title)
        canvas.drawRightString(A4[0] - MARGIN, 10 * mm, f"Page {canvas.getPageNumber()}")

    document.addPageTemplates([PageTemplate(frames=[frame], onPage=foot)])
    document.build(_story(sheet))
    return file.getvalue()


def _mark_drill(canvas: Canvas) -> None:
    """DRILL across the whole of each page, under its words."""
    canvas.saveState()
    canvas.setFont("Form-Bold", 150)
    canvas.setFillColor(PALE)
    canvas.translate(A4[0] / 2, A4[1] / 2)
    canvas.rotate(55)
    canvas.drawCentredString(0, -20 * mm, "DRILL")
    canvas.restoreState()


@cache
def _fonts() -> None:
    pdfmetrics.registerFont(TTFont("Form", str(FONTS / "DejaVuSans.ttf")))
    pdfmetrics.registerFont(TTFont("Form-Bold", str(FONTS / "DejaVuSans-Bold.ttf")))


def _style(size: float = 9.5, **others: object) -> ParagraphStyle:
    settings = {"fontName": "Form", "fontSize": size, "leading": size * 1.3, "splitLongWords": 1}
    return ParagraphStyle("form", **settings | others)


def _words(text: str, size: float = 9.5, **others: object) -> Paragraph:
    """A paragraph of plain words: nothing in them is markup."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return Paragraph(safe.replace("\n", "<br/>"), _style(size, **others))


def _bold(text: str, size: float = 9.5, **others: object) -> Paragraph:
    return _words(text, size, fontName="Form-Bold", **others)


def _story(sheet: Sheet) -> list[Flowable]:
    parts: list[Flowable] = [_drill_bar(sheet)] if sheet.drill else []
    parts += [_top(sheet), Spacer(1, 3 * mm), _to_do(sheet), Spacer(1, 3 * mm)]
    if sheet.patient:
        parts += _section("Patient", sheet.patient)
    parts += [part for test in sheet.tests for part in _test(test)]
    parts += _section("Asked by", sheet.requester) + _section("Results to", sheet.results)
    parts += _section("Send to", sheet.send_to)
    if sheet.ticket:
        parts += _section("Service desk ticket", [("Ticket", sheet.ticket)])
    if sheet.blanks:
        parts += _boxes("To be written by who asks", sheet.blanks, 14 * mm)
    return parts + _boxes("At the department", sheet.boxes, 9 * mm)


def _drill_bar(sheet: Sheet) -> Table:
    table = Table([[_bold(sheet.drill, 15, textColor=white)]], colWidths=[WIDTH])
    table.setStyle(TableStyle([("BACKGROUND", (0, 0), (-1, -1), RED),
                               ("BOTTOMPADDING", (0, 0), (-1, -1), 6)]))  # fmt: skip
    return table


def _top(sheet: Sheet) -> Table:
    left = [
        _bold("DRILL: practice form" if sheet.drill else "Downtime request form", 15),
        Spacer(1, 2 * mm),
        _words(sheet.department, 11),
        _bold(sheet.priority, 12, textColor=RED if sheet.is_urgent else black),
        _words(sheet.state, 8),
    ]
    right: list[Flowable] = []
    if sheet.reference:  # a blank form has none yet
        code = Code128(sheet.reference, barWidth=MODULE, barHeight=BAR_HEIGHT, humanReadable=False)
        right = [code, _bold(sheet.reference, 12, alignment=1)]
    table = Table([[left, right]], colWidths=[WIDTH - 80 * mm, 80 * mm])
    table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("ALIGN", (1, 0), (1, 0),
                                                                     "RIGHT")]))  # fmt: skip
    return table


def _to_do(sheet: Sheet) -> Table:
    lines = [_words(f"{place}. {words}", 9) for place, words in enumerate(sheet.to_do, 1)]
    table = Table([[[_bold("What the department must do"), *lines]]], colWidths=[WIDTH])
    table.setStyle(TableStyle([("BOX", (0, 0), (-1, -1), 1, BLUE)]))
    return table


def _section(heading: str, pairs: Sequence[Pair]) -> list[Flowable]:
    if not pairs:
        return []
    rows = [[_bold(head, 9), _words(words)] for head, words in pairs]
    table = Table(rows, colWidths=[HEAD, WIDTH - HEAD])
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, GREY),
                ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )
    return [_bar(heading), table, Spacer(1, 2 * mm)]


def _bar(heading: str) -> Table:
    table = Table([[_bold(heading, 10, textColor=white)]], colWidths=[WIDTH])
    table.setStyle(TableStyle([("BACKGROUND", (0, 0), (-1, -1), BLUE),
                               ("TOPPADDING", (0, 0), (-1, -1), 1),
                               ("BOTTOMPADDING", (0, 0), (-1, -1), 3)]))  # fmt: skip
    return table


def _test(test: Ordered) -> list[Flowable]:
    code = f" ({test.code})" if test.code else ""
    return [KeepTogether(_section(f"{test.name}{code}", test.facts))]


def _boxes(heading: str, labels: Sequence[str], height: float) -> list[Flowable]:
    """Empty boxes with their labels; they stay together."""
    rows = [[_words(label, 9), ""] for label in labels]
    table = Table(rows, colWidths=[70 * mm, WIDTH - 70 * mm], rowHeights=[height] * len(rows))
    table.setStyle(TableStyle([("GRID", (0, 0), (-1, -1), 0.6, black),
                               ("VALIGN", (0, 0), (-1, -1), "MIDDLE")]))  # fmt: skip
    return [KeepTogether([_bar(heading), table, Spacer(1, 2 * mm)])]


def bars(text: str) -> tuple[list[tuple[int, int]], int]:
    """A Code 128 of the text for a page: (left, width) of each bar in modules, and how wide it is
    with its quiet zones of ten modules."""
    code = Code128(text)
    code.validate()
    code.encode()
    code.decompose()
    found, place = [], 10
    for letter in code.decomposed:
        width = ord(letter.lower()) - ord("a") + 1
        if letter.isupper():
            found.append((place, width))
        place += width
    return found, place + 10
