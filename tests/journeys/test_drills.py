"""A drill from plan to report: the strip, a practice form, keyed in, stopped; with no script."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from messaging.models import Drill, Partner
from messaging.services import drills
from requesting.models import PracticeForm
from requesting.services import drilling
from tests.journeys.browser import assert_accessible, expect_heading
from tests.journeys.vetting_room import seed_room
from tests.requesting.downtime import (
    RADIOLOGY,
    _fresh_strip,  # noqa: F401 - a fixture
    forget,
    radiographer,
)


@pytest.fixture
def room(world):
    surgery = seed_room()
    radiographer()
    return surgery


def declared(surgery):
    now = timezone.now()
    (drill,) = drills.declare_drill(
        [Partner.objects.get(departments__ods_code=RADIOLOGY)],
        places=[surgery.acting("gp").organisation], reason="Yearly practice", starts_at=now,
        ends_at=now + timedelta(hours=1), by=surgery.acting("central"),
    )  # fmt: skip
    forget()
    return drill


@pytest.mark.hazard("H49")
def test_a_drill_is_planned_practised_keyed_in_stopped_and_reported(room, visit, shoot):
    page = visit("central", "/downtime/drills/")
    page.get_by_label("What is practised to be down?").select_option(label="Kingsmere Radiology")
    page.get_by_label("Northgate Surgery").check()
    page.get_by_label("What is it for?").fill("Yearly practice")
    assert_accessible(page)
    shoot(page, "drills")
    page.get_by_role("button", name="Declare the drill").click()
    expect_heading(page, "DRILL: Kingsmere Radiology")
    assert_accessible(page)
    shoot(page, "drill-central")
    forget()
    gp = visit("gp", "/requests/")
    gp.get_by_role("link", name="Take part in the drill").click()
    expect_heading(gp, "DRILL: Kingsmere Radiology")
    assert_accessible(gp)
    gp.get_by_role("button", name="Make the practice form").click()
    expect(gp.get_by_role("heading", level=1)).to_contain_text("DRILL: practice form")
    gp.get_by_role("button", name="DRILL: print it").click()
    expect(gp.get_by_text("DRILL: on paper.")).to_be_visible()
    assert_accessible(gp)
    shoot(gp, "practice-form")
    desk = visit("kingsmere-radiographer", "/vetting/downtime/", at=RADIOLOGY)
    form = PracticeForm.objects.get()
    desk.get_by_label("Patient at the desk").fill(form.reference.lower())
    desk.get_by_role("button", name="Look up").click()
    desk.get_by_label("Practice number").fill("DRILL-1")
    desk.get_by_role("button", name="DRILL: keyed in").click()
    expect(desk.get_by_text("DRILL: keyed in.", exact=True).first).to_be_visible()
    page = visit("central", f"/downtime/drills/{form.drill_id}/")
    page.get_by_role("button", name="Stop the drill now").click()
    expect(page.get_by_text("The drill is stopped.")).to_be_visible()
    page.get_by_role("link", name="Report of this drill").click()
    expect_heading(page, "DRILL report: Kingsmere Radiology")
    expect(page.get_by_text("1 made, 0 e-mailed, 1 printed, 1 keyed in, 0 not")).to_be_visible()
    assert_accessible(page)
    shoot(page, "drill-report")
    assert Drill.objects.get().sights.count() == 2


def test_a_drill_needs_no_script(room, visit):
    drill = declared(room)
    page = visit("gp", f"/downtime/drills/{drill.pk}/", javascript=False)
    page.get_by_role("button", name="Make the practice form").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("DRILL: practice form")
    page.get_by_role("button", name="DRILL: print it").click()
    expect(page.get_by_text("DRILL: on paper.")).to_be_visible()
    drilling.open_practice_form(drill, by=room.acting("gp"))
    page.goto(f"{page.url.split('/downtime')[0]}/downtime/drills/{drill.pk}/report")
    expect_heading(page, "DRILL report: Kingsmere Radiology")
