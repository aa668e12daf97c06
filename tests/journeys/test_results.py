"""A result comes back: found, read, acted on; unread by everybody; amended after it was read."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import AccessEvent
from results import services
from results.models import Report
from tests.journeys.browser import Counter, assert_accessible, expect_heading
from tests.results.clinic import Clinic, potassium, text
from tests.results.letters import nte, obx

NASTY = "pH < 7 && µ-globulin | 3^2 ~ 9\t\\end\n\n<b>not bold</b> &amp; λ é\n  indented"
XRAY = (
    "There is a 12 mm nodule in the right upper lobe.\n\n"
    "Heart size normal. No pleural effusion.\n\nSuggest CT chest within two weeks."
)


@pytest.fixture
def clinic(world):
    return Clinic(world)


def days_ago(days, deed):
    """Do it as if it were then; `deed` gets the instant."""
    at = timezone.now() - timedelta(days=days)
    with time_machine.travel(at, tick=False):
        return deed(at)


@pytest.fixture
def busy(clinic):
    """A list with something in every group, and a patient with a history."""
    man = clinic.world.patient(
        family_name="Treetawtchaiwong", given_names="Lertchai", title="Mr", gender="M"
    )
    woman = clinic.world.patient(family_name="Okafor", given_names="Chidinma", title="Ms")
    for days, value, flag in ((400, "4.4", "N"), (200, "4.9", "N"), (90, "5.5", "H")):
        report = days_ago(
            days,
            lambda at, value=value, flag=flag: clinic.files(
                clinic.sent("ue", man), potassium(value, flag), issued=at
            ),
        )
        days_ago(
            days - 1,
            lambda _, report=report: services.review(
                report, version=report.current_id, outcome="tell_patient", by=clinic.gp
            ),
        )
    clinic.critical_report = days_ago(
        0.1,
        lambda at: clinic.files(
            clinic.sent("ue", man), obx("NA", "138", name="Sodium", units="mmol/L"),
            potassium("6.8", "HH"), nte("Confirmed on repeat. Telephoned."), issued=at,
        ),
    )  # fmt: skip
    clinic.xray = days_ago(
        2,
        lambda at: clinic.files(clinic.sent("chest-xray", woman), text(XRAY, flag="A"), issued=at),
    )
    days_ago(9, lambda at: clinic.imaging("No acute abnormality.", flag="", issued=at))
    days_ago(1, lambda at: clinic.report(potassium(flag="U"), service="ue", issued=at))
    for days in (1, 2, 3):
        days_ago(days, lambda at: clinic.report(issued=at))
    days_ago(1, lambda at: clinic.files(clinic.sent("fbc", woman), status="P", issued=at))
    days_ago(33, lambda _: clinic.sent("hba1c", man))
    services.escalate_due()
    clinic.man = man
    return clinic


def test_the_newest_abnormal_result_is_opened_reviewed_and_the_next_is_there(visit, busy):
    page = visit("gp", "/results/")
    by = Counter(page)
    by.click("link", "Chest X-ray of OKAFOR, Chidinma (Ms)")
    by.click("radio", "Refer")
    by.click("button", "Reviewed, next")
    expect(page.get_by_role("status").filter(has_text="Reviewed: Chest X-ray")).to_be_visible()
    assert by.interactions <= 3
    assert by.seconds <= 9
    report = Report.objects.get(pk=busy.xray.pk)
    assert (report.state, report.review.outcome) == ("reviewed", "refer")
    assert AccessEvent.objects.filter(action="review_result", username="gp").count() >= 1
    assert_accessible(page)


def test_the_same_without_javascript(visit, busy):
    page = visit("gp", "/results/", javascript=False)
    by = Counter(page)
    by.click("link", "Chest X-ray of OKAFOR, Chidinma (Ms)")
    by.click("radio", "Refer")
    by.click("button", "Reviewed, next")
    expect(page.get_by_role("status").filter(has_text="Reviewed: Chest X-ray")).to_be_visible()
    assert by.interactions <= 6


def test_by_keyboard_control_and_enter_is_the_button(visit, busy):
    page = visit("gp", f"/results/{busy.critical_report.pk}/")
    page.get_by_role("radio", name="Tell the patient").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="Tell the patient.")).to_be_visible()


def test_a_critical_result_without_an_answer_stays_and_says_what_is_missing(visit, busy):
    page = visit("gp", f"/results/{busy.critical_report.pk}/")
    expect(page.get_by_role("radio", name="Normal, no action")).to_have_count(0)
    page.get_by_role("button", name="Reviewed, next").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose what you will do")
    assert page.title().startswith("Error: ")
    page.get_by_role("link", name="Choose what you will do").click()
    expect(page.get_by_role("radio", name="Tell the patient")).to_be_focused()
    assert_accessible(page)


def test_a_critical_potassium_that_nobody_reads_is_on_a_colleagues_list(visit, busy):
    page = visit("gp2", "/results/", at=busy.critical_report.organisation.ods_code)
    row = page.get_by_role("row").filter(has_text="TREETAWTCHAIWONG")
    for words in ("Critical", "6.8 mmol/L", "↑", "Overdue", "Passed on to", "For Dr A Patel"):
        expect(row).to_contain_text(words)
    assert_accessible(page)


def test_new_results_are_announced_and_no_row_moves(visit, busy):
    page = visit("gp", "/results/")
    rows = page.get_by_role("row")
    before = rows.count()
    busy.critical()
    live = page.get_by_role("status").filter(has_text="1 new, 1 critical.")
    expect(live).to_be_visible()
    assert rows.count() == before
    live.get_by_role("link", name="Show it").click()
    expect(rows).to_have_count(before + 1)


def test_an_amended_report_says_what_changed(visit, busy, shoot):
    item = days_ago(5, lambda _: busy.sent("chest-xray"))
    first = days_ago(4, lambda at: busy.files(item, text("No nodule seen."), issued=at))
    services.review(first, version=first.current_id, outcome="refer", by=busy.gp)
    busy.files(item, text("A nodule is seen.", flag="A"), status="C")
    page = visit("gp", f"/results/{first.pk}/")
    expect(page.get_by_text("It was reviewed before it was amended.")).to_be_visible()
    expect(page.locator("del")).to_contain_text("No nodule")
    expect(page.locator("ins")).to_contain_text("A nodule is")
    assert_accessible(page)
    shoot(page, "result-amended")


@pytest.mark.hazard("H25")
def test_the_text_in_the_browser_is_the_text_of_the_message(visit, clinic):
    report = clinic.imaging(NASTY, flag="A")
    page = visit("gp", f"/results/{report.pk}/")
    assert page.locator("[data-report-text]").evaluate("each => each.textContent") == NASTY
    assert page.locator("[data-report-text]").evaluate("each => each.innerText") == NASTY
    page.goto(f"/results/{report.pk}/print/")
    assert page.locator("pre").evaluate("each => each.textContent") == NASTY


def test_normal_results_are_ticked_one_by_one_and_filed(visit, busy, shoot):
    page = visit("gp", "/results/")
    page.get_by_role("link", name="Review all 3 together").click()
    expect_heading(page, "Normal results")
    assert_accessible(page)
    shoot(page, "results-normal")
    boxes = page.get_by_role("checkbox")
    expect(boxes).to_have_count(3)
    for place in (0, 1):
        boxes.nth(place).check()
    page.get_by_role("button", name="File the ticked results").click()
    expect(page.get_by_text("2 results filed as normal, no action.")).to_be_visible()


def test_admin_sees_everything_and_has_nothing_to_press(visit, busy):
    page = visit("practice-admin", "/results/")
    expect(page.get_by_role("heading", name="Critical")).to_be_visible()
    expect(page.get_by_role("link", name="Review all")).to_have_count(0)
    page.get_by_role("link", name="Chest X-ray of OKAFOR").click()
    expect(page.get_by_role("button", name="Reviewed")).to_have_count(0)
    assert_accessible(page)


def test_every_page_of_results_is_for_everybody(visit, busy, shoot):
    man = busy.man.pk
    for name, path in {
        "results": "/results/",
        "results-place": "/results/?scope=practice",
        "result": f"/results/{busy.critical_report.pk}/",
        "result-imaging": f"/results/{busy.xray.pk}/",
        "result-over-time": f"/p/{man}/over-time/K",
        "result-print": f"/results/{busy.xray.pk}/print/",
        "record": f"/p/{man}/",
    }.items():
        page = visit("gp", path)
        assert_accessible(page)
        shoot(page, name)


def test_empty_pages_say_what_fills_them(visit, clinic):
    patient = clinic.world.patient()
    for path, words in {
        "/results/": "No results to review. New ones appear here.",
        "/results/normal/": "No normal results to review.",
        f"/p/{patient.pk}/": "No requests or results yet.",
        f"/p/{patient.pk}/over-time/K": "No results in the last 2 years.",
    }.items():
        page = visit("gp", path)
        expect(page.get_by_text(words)).to_be_visible()
        assert_accessible(page)


def test_a_printed_result_has_the_patient_on_every_sheet(visit, clinic):
    report = clinic.imaging("\n".join(f"Line {n} of a long report." for n in range(200)), flag="A")
    page = visit("gp", f"/results/{report.pk}/print/")
    page.emulate_media(media="print")
    for hidden in (".nhsuk-header", ".app-back", ".app-footer", ".app-banner"):
        expect(page.locator(hidden).first).not_to_be_visible()
    head = page.locator(".app-sheet > thead")
    expect(head).to_contain_text("TESTPATIENT, Agnes (Mrs)")
    assert head.evaluate("each => getComputedStyle(each).display") == "table-header-group"
    assert page.pdf(format="A4").count(b"/Type /Page\n") >= 4
