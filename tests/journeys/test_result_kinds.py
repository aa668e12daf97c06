"""What a report may bring besides numbers: codes, documents, pointers, what is taken back."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from messaging import wire
from tests.journeys.browser import assert_accessible, expect_heading
from tests.results.clinic import Clinic, potassium
from tests.results.letters import nte, obx, pdf


@pytest.fixture
def clinic(world):
    return Clinic(world)


@pytest.fixture
def culture(clinic):
    """Two organisms, a broken document and a good one, a pointer, a deleted value."""
    item, at = clinic.sent(), timezone.now() - timedelta(hours=2)
    organism = wire.Repeat([["112283007", "Escherichia coli", "SCT", "ECO", "E. coli", "99LAB"]])
    clinic.arrives(clinic.letter(item, potassium("6.8", "HH"), issued=at - timedelta(hours=1)))
    values = (
        potassium("", "", status="D"),
        obx("ORG", organism, kind="CE", name="Organism", units="", limits="", flag="A", part="1"),
        obx("ORG", ["1", "Mixed growth", "99LAB"], kind="CE", name="Organism", units="", limits="",
            flag="A", part="2"),
        nte("Two colonies on the plate."),
        obx("COL", "20261121", kind="DT", name="Collected", units="", limits="", flag="N"),
        pdf(),
        pdf(data="JVBERi0*", code="DOC2"),
        obx("IMG", "https://pacs.kingsmere.example/view?study=1.2.826.0.1", kind="RP",
            name="Picture of the plate", units="", limits="", flag=""),
    )  # fmt: skip
    clinic.arrives(clinic.letter(item, *values, issued=at, status="C"))
    return item.reports.get()


def test_a_report_of_many_kinds_is_read_and_its_document_comes_down(visit, culture, shoot):
    page = visit("gp", reverse("results:detail", args=[culture.pk]))
    expect_heading(page, "Full blood count")
    expect(page.get_by_text("A document in this report could not be opened.")).to_be_visible()
    expect(page.get_by_text("Deleted by the laboratory").first).to_be_visible()
    assert page.get_by_role("link", name="pacs.kingsmere").count() == 0
    with page.expect_download() as down:
        page.get_by_role("link", name="Download the document").first.click()
    assert down.value.suggested_filename.endswith(".pdf")
    assert_accessible(page)
    shoot(page, "result-kinds")


def test_the_original_message_is_one_press_away(visit, culture, shoot):
    page = visit("gp", reverse("results:detail", args=[culture.pk]))
    page.get_by_role("link", name="View original message").click()
    expect_heading(page, "Original message")
    expect(page.get_by_text("112283007^Escherichia coli^SCT").first).to_be_visible()
    assert_accessible(page)
    shoot(page, "result-original")


def test_another_patients_report_is_not_shown(visit, clinic):
    item, at = clinic.sent("ue"), timezone.now()
    clinic.files(item, potassium("6.8", "HH"), issued=at - timedelta(hours=1))
    report = clinic.files(item, potassium("6.8", "HH"), status="W", issued=at)
    page = visit("gp", reverse("results:detail", args=[report.pk]))
    expect(page.get_by_text("has withdrawn this report: it was another patient’s")).to_be_visible()
    assert page.get_by_text("6.8").count() == 0
    assert_accessible(page)
