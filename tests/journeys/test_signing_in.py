"""A GP signs in, chooses where she works, changes a setting, and leaves nothing behind."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from demo.people import seed_people
from tests.journeys.browser import assert_accessible, expect_heading
from tests.world import World

PASSWORD = "correct horse battery staple"


@pytest.fixture
def password(world: World, settings: Any) -> str:
    """The cast gets a password that can be typed."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.DEMO_PASSWORD = PASSWORD
    seed_people()
    return PASSWORD


def sign_in(page: Page, username: str, password: str) -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("javascript", [True, False])
def test_signing_in_choosing_a_place_and_changing_a_setting(
    visit: Any, password: str, javascript: bool
) -> None:
    page = visit(path="/settings/", javascript=javascript)
    expect_heading(page, "Sign in")
    sign_in(page, "gp2", "not the password")
    expect(page.get_by_role("alert")).to_contain_text("There is a problem")
    expect(page.get_by_label("Username")).to_have_value("gp2")
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    if javascript:
        assert_accessible(page)

    sign_in(page, "gp2", password)
    expect_heading(page, "Where are you working?")
    if javascript:
        assert_accessible(page)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose where you are working")
    page.get_by_label("Northgate Surgery").check()
    page.get_by_role("button", name="Continue").click()

    expect_heading(page, "My settings")
    page.get_by_label("30 seconds").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Your settings are saved.")
    expect(page.get_by_label("30 seconds")).to_be_checked()
    if javascript:
        assert_accessible(page)

    page.get_by_role("button", name="Sign out").click()
    expect_heading(page, "You are signed out")


@pytest.mark.hazard("H58")
def test_after_signing_out_the_back_button_shows_nothing(visit: Any, password: str) -> None:
    page = visit(path="/sign-in")
    sign_in(page, "gp", password)
    page.goto("/settings/")
    expect_heading(page, "My settings")
    page.get_by_role("button", name="Sign out").click()
    expect_heading(page, "You are signed out")
    page.go_back()
    expect_heading(page, "Sign in")
    expect(page.get_by_text("Dr A Patel")).to_have_count(0)


def test_ctrl_enter_is_the_page_s_main_button_and_shift_f1_the_list_of_keys(
    visit: Any, world: World
) -> None:
    page = visit("gp", "/settings/")
    page.get_by_label("20 seconds").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("Your settings are saved.")
    page.keyboard.press("Shift+F1")
    expect_heading(page, "Keyboard help")


def test_a_key_that_is_quicker_than_our_script_is_answered_once(visit: Any, world: World) -> None:
    page = visit("gp")
    scripts: list[Route] = []  # on a slow line: asked for, and not there yet
    page.route("**/app*.js", lambda route: scripts.append(route))
    page.goto("/settings/", wait_until="commit")
    page.get_by_label("20 seconds").check()
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    expect_heading(page, "My settings")
    expect(page.get_by_role("alert")).to_have_count(0)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else 0)
    scripts[0].continue_()
    expect(page.get_by_role("alert")).to_contain_text("Your settings are saved.")
    assert len(posts) == 1


def test_no_single_letter_does_anything(visit: Any, world: World) -> None:
    page = visit("gp", "/settings/")
    before = page.content()
    for letter in "abcdefghijklmnopqrstuvwxyz":
        page.keyboard.press(letter)
    assert page.url.endswith("/settings/")
    assert page.content() == before


@pytest.mark.parametrize(
    ("username", "path", "heading"),
    [
        ("", "/help/keyboard", "Keyboard help"),
        ("", "/help/accessibility", "Accessibility"),
        ("", "/signed-out", "You are signed out"),
        ("", "/launch?link=changed", "We cannot read this link"),
        ("", "/no/such/page", "Page not found"),
        ("gp", "/settings/entitlement", "My entitlement"),
        ("ahp", "/settings/entitlement", "My entitlement"),
        ("ahp-expired", "/settings/entitlement", "My entitlement"),
        ("central", "/services/", "All services"),
        ("gp", "/sign-out", "You cannot do this"),
        ("lab", "/patients", "You cannot search for patients"),
    ],
)
def test_every_small_page_can_be_read_by_everybody(
    visit: Any, world: World, username: str, path: str, heading: str
) -> None:
    page = visit(username, path)
    expect_heading(page, heading)
    assert_accessible(page)


def test_everything_is_reached_by_tab_in_the_order_that_it_is_seen_and_never_covered(
    visit: Any, world: World
) -> None:
    page = visit("gp2", "/settings/")
    page.set_viewport_size({"width": 320, "height": 256})
    order = []
    for _ in range(40):
        page.keyboard.press("Tab")
        spot = page.evaluate(FOCUSED)
        if spot is None:
            break
        assert spot["visible"], f"{spot['words']} is covered"
        order.append(spot["words"])
    assert order[0] == "Skip to main content"
    named = [words for words in order if re.search("change|Sign out|10 seconds|Save", words)]
    assert [re.search("change|Sign out|seconds|Save", words).group() for words in named] == [
        "change",
        "Sign out",
        "seconds",
        "Save",
    ]


def test_the_check_for_covered_focus_sees_a_cover_that_was_planted(
    visit: Any, world: World
) -> None:
    page = visit("gp", "/settings/")
    page.evaluate(
        """() => { const cover = document.createElement("div");
        const box = document.querySelector("[data-primary]").getBoundingClientRect();
        for (const [name, value] of Object.entries({ position: "fixed", zIndex: 99,
          top: box.top + "px", left: box.left + "px", width: box.width + "px",
          height: box.height + "px" })) cover.style[name] = value;
        document.body.append(cover); }"""
    )
    page.get_by_role("button", name="Save").focus()
    assert page.evaluate(FOCUSED) == {"words": "Save", "visible": False}


# What has the focus, and whether its middle shows: nothing but itself, its child or its label.
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const box = it.getClientRects()[0];
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const label = it.id ? document.querySelector(`label[for="${it.id}"]`) : null;
  return {
    words: (it.innerText || it.labels?.[0]?.innerText || it.value || "").trim(),
    visible: Boolean(top && (top === it || it.contains(top) || label?.contains(top))),
  };
}"""
