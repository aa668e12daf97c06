"""What comes in: a disc from the box to its studies, in a browser, and a study that was stopped."""

from __future__ import annotations

import re
from typing import Any

import pytest

from iep.models import Disc, Study
from tests.iep.arrivals.bytes import image
from tests.iep.discs.conftest import Desk, zipped
from tests.journeys.browser import assert_accessible, expect_heading


@pytest.fixture(autouse=True)
def _a_folder_for_images(settings: Any, tmp_path: Any) -> None:
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0


def test_a_disc_is_dropped_off_collected_uploaded_and_read(world, visit, tmp_path, shoot):
    desk = Desk(world)
    disc = desk.disc()
    page = visit("mbp")
    page.goto("/iep/discs/")
    expect_heading(page, "Discs")
    assert_accessible(page)
    page.get_by_role("link", name=f"{disc.ticket.reference}, disc 1 of 1").click()
    page.get_by_role("button", name="It is in the box").click()
    assert page.get_by_text("Choose the reception where the box is").count() > 0
    assert_accessible(page)
    page.get_by_label("Radiology reception").select_option(str(desk.site.pk))
    page.get_by_label("Dropped off by").fill("K Porter")
    page.get_by_role("group", name="Is the call reference").get_by_label("Yes").check()
    page.get_by_role("group", name="Is the printed form").get_by_label("Yes").check()
    page.get_by_role("button", name="It is in the box").click()
    assert_accessible(page)
    page.get_by_role("button", name="Collected").click()
    packed = tmp_path / "cd.zip"
    packed.write_bytes(zipped([("a", image()), ("b", image()), ("README", b"read me")]))
    page.get_by_label("The folder of the disc").set_input_files(packed)
    page.get_by_role("button", name="Upload and read").click()
    page.get_by_role("heading", name="It is read now").wait_for()
    assert_accessible(page)
    desk.work(disc)
    page.get_by_role("heading", name="What was found").wait_for()
    assert page.get_by_text("1 file left out: It is not a DICOM file.").count() == 1
    assert_accessible(page)
    shoot(page, "exchange-disc")
    assert Disc.objects.get().state == "read"


def test_a_disc_that_was_left_is_read_in_once_it_is_labelled(world, visit):
    desk = Desk(world)
    disc = desk.boxed(desk.disc(), labelled=False)
    page = visit("mbp")
    page.goto(f"/iep/discs/{disc.pk}/")
    assert page.get_by_role("button", name="Upload and read").count() == 0
    page.get_by_text("It was brought by arrangement").click()
    page.get_by_role("button", name="It is with the service desk").click()
    page.get_by_text("Say whether the form is in the envelope").first.wait_for()
    assert_accessible(page)
    page.get_by_label("With whom was it arranged?").fill("I Aziz")
    for question in ("Is the call reference on the disc", "Is the printed form in the envelope by"):
        group = page.get_by_role("group", name=question).filter(has_text="by now")
        group.get_by_label("Yes").check()
    page.get_by_role("button", name="It is with the service desk").click()
    page.get_by_role("button", name="Upload and read").wait_for()
    assert_accessible(page)


def test_a_stopped_study_is_looked_at_and_released(world, visit, shoot):
    desk = Desk(world)
    desk.came(image(), image(name="Otherpatient^Bo", patient_id="Z9"))
    desk.came(image(study_uid="2.25.77"), image(study_uid="2.25.77")[:-5])
    page = visit("mbp")
    page.goto("/iep/arrivals/")
    expect_heading(page, "Arrivals")
    assert_accessible(page)
    shoot(page, "exchange-arrivals")
    page.get_by_role("link", name=re.compile("CT head.*Stopped 1")).click()
    assert_accessible(page)
    page.get_by_role("link", name="Look at the images").click()
    page.get_by_role("link", name="Compare two").click()
    page.get_by_role("link", name="Next (second)").click()
    page.get_by_text("Differs from the study’s first image: name, patient ID").wait_for()
    assert_accessible(page)
    page.get_by_role("link", name="The study that came").click()
    page.get_by_role("button", name="Release the study").click()
    assert_accessible(page)
    page.get_by_label("How you know that it is the same person").fill("Rang Mary: she was renamed")
    page.get_by_role("button", name="Release the study").click()
    page.get_by_text("The study is released.").wait_for()
    assert Study.objects.get(header_patient_id="X4711", study_uid="2.25.4711").state == (
        "failed_verification"
    )
