"""The form on paper: all of the request is on it, and its barcode is the reference."""

import re
from io import BytesIO

import pypdf
import pytest

from demo.people import KINGSMERE
from messaging.mail_format import Attachment
from requesting.paper import bars, pdf_of
from requesting.queries.sheets import sheet_of
from requesting.sheets import Ordered, Sheet

from .barcodes import read
from .downtime import (
    _fresh_strip,  # noqa: F401 - a fixture
    form_of,
    mailbox,
    take_down,
)
from .surgery import line

A4 = (595, 842)


def pages_of(raw: bytes) -> list[pypdf.PageObject]:
    return list(pypdf.PdfReader(BytesIO(raw)).pages)


def text_of(raw: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in pages_of(raw)).split())


@pytest.mark.parametrize("reference", ["R-100482", "R-1", "R-999999999", "OC1-7"])
def test_the_barcode_on_the_page_reads_as_the_reference(reference):
    found, width = bars(reference)
    assert read(found) == reference
    assert found[0][0] == 10  # the quiet zone
    assert width - sum(found[-1]) == 10


def bars_of(page: pypdf.PageObject) -> list[tuple[int, int]]:
    """The bars that are drawn on the page, in modules from the first."""
    drawn = page.get_contents().get_data().decode("latin-1")
    boxes = re.findall(r"n ([\d.]+) ([\d.]+) ([\d.]+) (39\.68\d+) re f\*", drawn)
    module = min(float(width) for _, _, width, _ in boxes)
    start = min(float(left) for left, *_ in boxes)
    return [
        (round((float(left) - start) / module), round(float(width) / module))
        for left, _, width, _ in boxes
    ]


@pytest.mark.hazard("H50")
def test_the_form_says_all_of_the_request_and_its_barcode_is_the_reference(surgery):
    take_down(surgery)
    mailbox("XR")
    knee = line("knee-xray", side="L", reasons=["injury-and-cannot-bear-weight"],
                details="Fell from a ladder & landed on <both> feet.")  # fmt: skip
    item = surgery.released(knee, priority="urgent")
    form = form_of(surgery, item)
    raw = pdf_of(sheet_of(form))
    text = text_of(raw)
    patient = item.patient
    hospital_number = patient.identifiers.get(issuer=KINGSMERE).value
    said = " ".join(each["sentence"] or each["text"] for each in item.reasons)
    for words in (
        form.reference, "Kingsmere Radiology", "Urgent", "TESTPATIENT", "Agnes", "02-Mar-1958",
        hospital_number, "X-ray of left knee", item.code, "NICIP", said, item.placer_number,
        "Fell from a ladder & landed on <both> feet.", "Dr A Patel", "GMC 9900001",
        "Northgate Surgery", "Key in within 72 hours", "xr@kingsmere.nhs.example",
        "Your accession number", "Keyed in by", "Results to",
    ):  # fmt: skip
        assert words in text, words
    assert patient.nhs_number in text.replace(" ", "")
    for answer in item.answers.all():
        assert " ".join(answer.label.split()) in text
    assert read(bars_of(pages_of(raw)[0])) == form.reference


def test_what_is_known_of_the_file_from_outside_is_the_reference_alone(surgery):
    take_down(surgery)
    form = form_of(surgery, surgery.released())
    raw = pdf_of(sheet_of(form))
    known = pypdf.PdfReader(BytesIO(raw)).metadata
    assert known.title == f"Downtime request {form.reference}"
    assert "Testpatient" not in str(dict(known))
    assert (
        Attachment(f"{form.reference}.pdf", "application/pdf", raw).name == f"{form.reference}.pdf"
    )


LONG = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschaferswessenschafe"


def long_sheet() -> Sheet:
    pairs = (("Name", f"{LONG.upper()}, Łucja-Świętosława Ẁŵŷ (Mrs)"), ("Address", "Road, " * 60))
    tests = tuple(
        Ordered(f"Examination {n} {LONG}", "XTEST", (("Clinical details", f"{LONG} " * 6),))
        for n in range(8)
    )
    return Sheet(
        reference="R-100482", department=f"{LONG} Radiology", priority="Urgent", is_urgent=True,
        state=f"Made 22-Nov-2026 10:42 by Dr {LONG}", to_do=("Look first.", "Key it in. " * 20),
        send_to=(("X-ray", f"{LONG} desk, xray@kingsmere.nhs.example"),), patient=pairs,
        requester=(("Name", LONG),), results=(("Results to", LONG),), tests=tests,
        boxes=("Received by", "Your accession number"), blanks=("Signature",), ticket="INC0012345",
    )  # fmt: skip


def test_names_of_any_length_and_script_wrap_inside_the_page_and_lose_no_letter():
    raw = pdf_of(long_sheet())
    text = text_of(raw).replace(" ", "")
    assert LONG.upper() in text
    assert "Łucja-ŚwiętosławaẀŵŷ" in text
    assert text.count(LONG) >= 8 * 7
    for page in pages_of(raw):
        assert (round(float(page.mediabox.width)), round(float(page.mediabox.height))) == A4
        assert edges(page) <= A4[0] - 30


def edges(page: pypdf.PageObject) -> float:
    """How far to the right any piece of text reaches, by a wide letter's width."""
    reach = [0.0]

    def visit(text: str, _cm, matrix, _font, size) -> None:
        if text.strip():
            reach.append(matrix[4] + _cm[4])

    page.extract_text(visitor_text=visit)
    return max(reach)


def test_every_page_of_a_long_form_says_which_form_it_is():
    pages = pages_of(pdf_of(long_sheet()))
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        text = page.extract_text()
        assert "Downtime request R-100482" in text
        assert f"Page {number}" in text


def test_the_same_form_is_the_same_bytes():
    assert pdf_of(long_sheet()) == pdf_of(long_sheet())
