"""Images of another hospital: somebody looks at them, says whose they are, and they are filed."""

import pytest
from playwright.sync_api import expect

from iep.models import Lane, Node, Study
from iep.services.registration import filing
from tests.iep.arrivals import bytes as files
from tests.iep.arrivals.conftest import _images_dir  # noqa: F401 - images lie in the test's folder
from tests.iep.lanes import peer
from tests.iep.lanes.images import run
from tests.iep.matching.room import Desk, fresh
from tests.iep.viewer.frames import grey
from tests.iep.viewer.test_views import RAMP, changed
from tests.journeys.browser import Counter, assert_accessible, expect_heading


@pytest.fixture
def desk(world) -> Desk:
    return Desk(world)


@pytest.fixture
def study(desk) -> Study:
    """Three images in two series, with a ticket."""
    uid = files.uid()
    said = {"StudyInstanceUID": uid, "WindowCenter": 512, "WindowWidth": 1024}
    desk.came(*(
        changed(grey(RAMP), SeriesInstanceUID=f"{uid}.{number // 2}", SeriesNumber=number // 2 + 1,
                InstanceNumber=number + 1, SOPInstanceUID=files.uid(), **said)
        for number in range(3)
    ))  # fmt: skip
    desk.goes_quiet()
    found = Study.objects.get(study_uid=uid)
    Study.objects.filter(pk=found.pk).update(
        ticket=desk.ticket(), header_nhs_number=desk.agnes.nhs_number
    )
    return fresh(found)


def test_t15_one_study_is_matched_and_fixed_up_when_all_fields_agree(visit, desk, study, shoot):
    page = visit("mbp", f"/iep/match/{study.pk}/")
    expect_heading(page, "Match and fix up CT head, 3 images, IEP-261122-001")
    assert_accessible(page)
    shoot(page, "iep-match")
    counter = Counter(page)
    counter.click("button", "Match and send to PACS")
    expect(page.get_by_text("Matched. The RIS is asked for an entry")).to_be_visible()
    assert counter.interactions <= 2
    assert counter.seconds <= 8
    assert fresh(study).state == "matched"
    assert_accessible(page)
    shoot(page, "iep-matched")


def test_t15_without_javascript(visit, study):
    page = visit("mbp", f"/iep/match/{study.pk}/", javascript=False)
    page.get_by_role("button", name="Match and send to PACS").click()
    expect(page.get_by_text("Matched. The RIS is asked for an entry")).to_be_visible()


def test_what_differs_takes_a_telephone_and_two_persons(visit, desk, study, shoot):
    Study.objects.filter(pk=study.pk).update(header_name="Testpatent^Agnes")
    first = visit("mbp", f"/iep/match/{study.pk}/")
    expect(first.get_by_role("heading", name="Stop: ring the sender")).to_be_visible()
    expect(first.get_by_role("link", name="01632 960123")).to_be_visible()
    assert_accessible(first)
    shoot(first, "iep-match-stop")
    first.get_by_label("What the sender said").fill("Rang Pat Record, a slip of the pen.")
    first.get_by_role("button", name="It is the same person").click()
    expect(first.get_by_text("You cannot be both")).to_be_visible()
    second = visit("mbp-lead", first.url)
    second.get_by_role("button", name="I have compared it").click()
    expect(second.get_by_text("Matched. The RIS is asked for an entry")).to_be_visible()
    assert not fresh(study).identity_agreed


def test_the_images_are_looked_at_with_a_keyboard(visit, study, shoot):
    page = visit("mbp", f"/iep/images/{study.pk}/")
    expect(page.get_by_text("Image 1 of 2")).to_be_visible()
    expect(page.get_by_alt_text("CT, series 1, image 1 of 2")).to_have_js_property("complete", True)
    assert_accessible(page)
    shoot(page, "iep-images")
    page.keyboard.press("ArrowDown")  # the viewer has not the focus: nothing happens
    expect(page.get_by_text("Image 1 of 2")).to_be_visible()
    page.locator("#stage").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_text("Image 2 of 2")).to_be_visible()
    page.keyboard.press("i")
    expect(page.get_by_text("inverted")).to_be_visible()
    page.keyboard.press("+")
    expect(page.get_by_role("link", name="100%")).to_have_attribute("aria-current", "true")
    page.keyboard.press("0")
    expect(page.get_by_role("link", name="Fit")).to_have_attribute("aria-current", "true")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_text("Image 1 of 2")).to_be_visible()


def test_the_slider_and_two_beside_each_other(visit, study, shoot):
    page = visit("mbp", f"/iep/images/{study.pk}/")
    page.get_by_label("Image", exact=True).fill("2")
    expect(page.get_by_text("Image 2 of 2")).to_be_visible()
    page.get_by_role("link", name="Compare two").click()
    expect(page.get_by_text("For checking only,")).to_have_count(3)
    page.get_by_role("link", name="Previous (second)").click()
    expect(page.get_by_text("Image 1 of 2")).to_be_visible()
    expect(page.get_by_text("Image 2 of 2")).to_be_visible()
    assert_accessible(page)
    shoot(page, "iep-images-compare")


def test_the_images_are_looked_at_without_javascript(visit, study):
    page = visit("mbp", f"/iep/images/{study.pk}/", javascript=False)
    page.get_by_role("link", name="Next", exact=True).click()
    expect(page.get_by_text("Image 2 of 2")).to_be_visible()
    page.get_by_role("link", name="Lung").click()
    expect(page.get_by_text("Window -600 / 1500")).to_be_visible()
    expect(page.get_by_text("For checking only, not for diagnosis")).to_be_visible()
    page.get_by_role("link", name="Full screen").click()
    expect(page.get_by_text("Testpatient Agnes")).to_be_visible()
    expect(page.get_by_text("For checking only,")).to_be_visible()
    page.get_by_role("link", name="Previous", exact=True).click()
    expect(page.get_by_text("Image 1 of 2").last).to_be_visible()
    page.get_by_role("link", name="Back to the viewer").click()
    expect(page.get_by_text("Window -600 / 1500")).to_be_visible()


def test_an_image_on_a_page_of_its_own_has_its_words(visit, study, shoot):
    page = visit("mbp", f"/iep/images/{study.pk}/?s=1&n=2&f=1")
    expect(page.get_by_text("Born 02-Mar-1958").last).to_be_visible()
    assert_accessible(page)
    shoot(page, "iep-image-alone")


def test_what_our_pacs_took_out_is_recorded_and_goes_again(visit, desk, study, shoot, settings):
    settings.LANES_NIGHT = "00:00-23:59"
    Lane.objects.get_or_create(name="out-2", direction="out", is_blue_only=False)
    with peer.listening() as pacs:
        Node.objects.filter(pk=desk.pacs.pk).update(
            host="127.0.0.1", port=pacs.port, ae_title="FARPACS", commits=False
        )
        desk.answers(desk.match(study))
        filing.file_waiting()
        run("out-2")
        filing.file_waiting()
        assert fresh(study).state == "filed"
        pacs.kept.popitem()
        page = visit("mbp", f"/iep/match/{study.pk}/")
        page.get_by_text("PACS took the images out again").click()
        page.get_by_role("button", name="Ask PACS whether it has them").click()
        expect(page.get_by_text("lists 2 of the 3 images")).to_be_visible()
    page.get_by_text("PACS took the images out again").click()
    assert_accessible(page)
    shoot(page, "iep-filed")
    page.get_by_role("button", name="Record that PACS took them out").click()
    expect(page.get_by_role("link", name="Say why PACS took the images out")).to_be_visible()
    assert_accessible(page)
    page.get_by_label("Why, and who told you").fill("PACS office rang: deleted by mistake.")
    page.get_by_role("button", name="Record that PACS took them out").click()
    expect_heading(page, "Match and fix up CT head, 3 images, IEP-261122-001")
    expect(page.get_by_text("Recorded. The study waits for you")).to_be_visible()
    assert_accessible(page)
    shoot(page, "iep-taken-out")
    listed = visit("mbp", "/iep/arrivals/")
    expect(listed.get_by_role("heading", name="Not in our PACS any more")).to_be_visible()
    assert_accessible(listed)
    shoot(listed, "iep-arrivals-taken-out")
    page.get_by_label("Why PACS takes them now").fill("They have put it right.")
    page.get_by_role("button", name="Send to PACS again").click()
    expect(page.get_by_text("The images go to PACS again.")).to_be_visible()
    assert fresh(study).state == "matched"
