"""What was answered stays answered: each page posts again what the page before it knew."""

from datetime import date
from html.parser import HTMLParser

import pytest

from requesting.models import Draft, RequestItem

from .surgery import CHEST, line


class Fields(HTMLParser):
    """What a browser would post of the form, if nothing were touched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, list[str]] = {}
        self.area = self.select = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        name, kind = given.get("name"), given.get("type", "text")
        if tag == "input" and name and (kind not in ("radio", "checkbox") or "checked" in given):
            self._add(name, given.get("value") or "")
        self.area = name if tag == "textarea" else self.area
        self.select = name if tag == "select" else self.select
        if tag == "option" and "selected" in given:
            self._add(self.select, given["value"])

    def handle_endtag(self, tag):
        if tag == "textarea":
            self.area = ""

    def handle_data(self, data):
        if self.area:
            self._add(self.area, data)

    def _add(self, name: str, value: str) -> None:
        self.found.setdefault(name, []).append(value)


class Browser:
    """One person's page, pressed again and again."""

    def __init__(self, client, patient) -> None:
        self.client, self.address = client, f"/p/{patient.pk}/request/"

    def press(self, do: str, **typed: str):
        fields = Fields(self.client.get(self.address).content.decode()).found
        return self.client.post(self.address, {**fields, **typed, "do": do})

    def content(self) -> dict:
        return Draft.objects.get().content


@pytest.fixture
def patient(surgery):
    return surgery.patient()


@pytest.fixture
def browser(surgery, world, patient):
    return Browser(world.client("gp"), patient)


def test_a_reason_once_given_is_still_given_after_other_presses(surgery, browser, patient):
    surgery.ask(patient=patient, by="gp2")
    browser.press("add chest-xray")
    reason = {"chest-xray.reason": "cough-for-more-than-3-weeks"}
    browser.press("save", **reason, **{"chest-xray.alert.dup-open": "specialist"})
    for _ in range(2):
        browser.press("save")
    browser.press("add fbc")
    kept = browser.content()["items"][0]["alerts"]
    assert kept == {"dup-open": {"reason": "specialist", "words": ""}}
    browser.press("reopen chest-xray dup-open")
    assert browser.content()["items"][0]["alerts"] == {}


def test_other_waits_for_its_words_in_the_same_box(surgery, browser, patient):
    surgery.ask(patient=patient)
    surgery.draft(patient, CHEST | {"alerts": {"dup-open": {"reason": "other", "words": "no"}}})
    page = browser.client.get(browser.address).content.decode()
    assert 'value="other" checked' in page
    browser.press("save", **{"chest-xray.alert.dup-open.words": "The first film was lost"})
    browser.press("save")
    given = browser.content()["items"][0]["alerts"]["dup-open"]
    assert given == {"reason": "other", "words": "The first film was lost"}


def test_advice_that_was_kept_aside_does_not_come_back(surgery, browser, patient):
    surgery.draft(patient, line("ct-abdomen-pelvis", details="Right upper quadrant pain"))
    browser.press("keep_on ct-abdomen-pelvis img-alt-ct keep")
    browser.press("save")
    page = browser.client.get(browser.address).content.decode()
    assert "img-alt-ct" in browser.content()["items"][0]["alerts"]
    assert "Swap to ultrasound" not in page


def test_who_agreed_stays_on_the_page_and_in_the_request(surgery, world):
    young = surgery.patient(birth_date=date(1996, 5, 1))
    surgery.draft(young, line("pelvis-xray", details="Pain", answers={"pregnant": "yes"}))
    browser = Browser(world.client("gp"), young)
    browser.press("save", **{"pelvis-xray.q.pregnant-agreed-with": "Dr Marsh"})
    browser.press("save")
    assert "Dr Marsh" in browser.client.get(browser.address).content.decode()
    browser.press("send", js="1")
    answers = dict(RequestItem.objects.get().answers.values_list("question_code", "value"))
    assert answers == {"pregnant": "yes", "pregnant-agreed-with": "Dr Marsh"}


def test_the_chosen_hospital_is_the_one_that_is_asked(surgery, browser, patient):
    surgery.draft(patient, CHEST)
    browser.press("save", hospital="RZ2")
    browser.press("send", js="1")
    assert RequestItem.objects.get().department.ods_code == "RZ2RAD"
