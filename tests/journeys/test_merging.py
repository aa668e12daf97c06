"""A hospital says that two records are one person; somebody looks, decides, and may undo it."""

from datetime import date

import pytest
from playwright.sync_api import expect

from accounts.policies import SYSTEM
from patients import services
from patients.models import Merge, Patient
from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.patients.mergers import merged, refreshed, two
from tests.requesting.conftest import seed_surgery
from tests.requesting.surgery import CHEST, Surgery, line


@pytest.fixture
def surgery(world) -> Surgery:
    seed_surgery()
    return Surgery()


@pytest.fixture
def held(surgery) -> Merge:
    """A duplicate with another birth date; both records have an open chest X-ray."""
    survivor, retired = two(surgery, birth_date=date(1958, 3, 3), family_name="Testpatient-Grey")
    for each in (survivor, retired):
        surgery.delivered(CHEST, patient=each)
    services.correct(retired, details={"postcode": "ZZ1 4QD"}, by=SYSTEM)
    return merged(surgery, survivor, retired)


def test_a_person_looks_at_both_records_and_merges_them(visit, held):
    page = visit("central", "/merges")
    counter = Counter(page)
    counter.click("link", "TESTPATIENT, Agnes")
    expect_heading(page, "Merge of two records")
    expect(page.get_by_text("The birth dates are different")).to_be_visible()
    expect(page.get_by_text("Asked twice", exact=True)).to_have_count(2)
    counter.click("radio", "Yes, merge them")
    page.get_by_role("checkbox").last.check()
    counter.click("textbox", "Why")
    counter.type("Rang the PAS office. One person, registered twice.")
    counter.click("button", "Save the decision")
    expect(page.get_by_text("The records are merged.")).to_be_visible()
    assert refreshed(held.retired).merged_into == held.survivor
    assert counter.interactions <= 5


def test_a_merge_is_refused_without_javascript(visit, held):
    page = visit("central", f"/merges/{held.pk}/", javascript=False)
    page.get_by_label("No, keep them apart").check()
    page.get_by_label("Why").fill("Sisters. Rang the PAS office.")
    page.get_by_role("button", name="Save the decision").click()
    expect(page.get_by_text("Tell the sender by phone.")).to_be_visible()
    assert refreshed(held.retired).merged_into is None


def test_a_merge_is_undone_and_each_new_row_gets_a_place(visit, surgery, shoot):
    survivor, retired = two(surgery)
    merge = merged(surgery, survivor, retired)
    new = surgery.delivered(line("fbc"), patient=refreshed(survivor))
    page = visit("central", f"/merges/{merge.pk}/")
    assert_accessible(page)
    shoot(page, "merge-undo")
    page.get_by_label("Why").fill("Twins, says the PAS office.")
    page.get_by_role("button", name="Undo the merge").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("The record that was discarded").check()
    page.get_by_role("button", name="Undo the merge").click()
    expect(page.get_by_text("The merge is undone.")).to_be_visible()
    assert surgery.fresh(new).patient_id == retired.pk


def test_the_list_and_the_page_are_accessible_at_both_widths(visit, held, shoot):
    page = visit("central", "/merges")
    assert_accessible(page)
    shoot(page, "merges")
    page.goto(f"/merges/{held.pk}/")
    assert_accessible(page)
    shoot(page, "merge")
    page.get_by_role("button", name="Save the decision").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    assert_accessible(page)


def test_the_gp_reads_what_the_record_was_before(visit, surgery, shoot):
    survivor, retired = two(surgery, family_name="Testpatient-Grey")
    surgery.delivered(CHEST, patient=retired)
    merged(surgery, survivor, retired)
    page = visit("gp", f"/p/{retired.pk}/")
    expect(page.get_by_text("You came by a record that was merged into this one.")).to_be_visible()
    assert_accessible(page)
    shoot(page, "record-merged")
    page.get_by_role("link", name="TESTPATIENT-GREY").click()
    expect_heading(page, "Former record")
    assert_accessible(page)
    shoot(page, "former-record")
    assert Patient.objects.count() == 2
