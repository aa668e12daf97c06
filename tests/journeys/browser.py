"""A person at a browser: what they do is counted, and what the page does wrong is kept.

Counting follows ux.md 2.0: a click, an activating key or one burst of typing is an interaction;
moving the focus is not. Seconds are a keystroke-level estimate (Card, Moran and Newell).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

KEY, POINT, HOME, PRESS, MIND, RESPONSE = 0.28, 1.1, 0.4, 0.1, 1.35, 0.3
ACTIVATING = {"Enter", "Space", "Control+Enter"}
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (1280, 320)
# WCAG 1.4.12: text must survive this spacing.
TEXT_SPACING = (
    "* { line-height: 1.5 !important; letter-spacing: 0.12em !important;"
    " word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }"
)


@dataclass
class Counter:
    """Counts the interactions of one path and estimates its seconds."""

    page: Page
    interactions: int = 0
    seconds: float = 0.0

    def click(self, role: Any, name: str, *, exact: bool = False) -> None:
        self.interactions += 1
        self.seconds += MIND + POINT + 2 * PRESS + RESPONSE
        self.page.get_by_role(role, name=name, exact=exact).first.click()

    def press(self, key: str) -> None:
        active = key in ACTIVATING
        self.interactions += active
        self.seconds += KEY + (MIND + RESPONSE if active else 0)
        self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.interactions += 1
        self.seconds += MIND + len(text) * KEY
        self.page.keyboard.type(text)

    def read(self) -> None:
        self.seconds += MIND


@dataclass
class Watcher:
    """Keeps console errors, refused content and requests to other hosts; a test fails on any."""

    origin: str
    faults: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script error: {error}"))
        page.on("request", self._request)

    def _console(self, message: Any) -> None:
        # A refused form answers 4xx on purpose; the browser logs that as an error of its own.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"console: {message.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "about:", "blob:")):
            self.faults.append(f"another host: {request.url}")


def violations(page: Page) -> list[str]:
    """What axe finds, as `rule: selector` lines."""
    options = {"runOnly": {"type": "tag", "values": AXE_TAGS}, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [f"{v['id']}: {node['target']}" for v in found for node in v["nodes"]]


def assert_accessible(page: Page) -> None:
    """The accessibility step that every journey ends in: axe, reflow, headings, links, title."""
    before = page.viewport_size
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900 if width == 1280 else 640})
        found = violations(page)
        assert found == [], f"{page.url} at {width} px: {'; '.join(found)}"
        _assert_nothing_sticks_out(page, width)
    page.set_viewport_size(before or {"width": 1280, "height": 900})
    _assert_headings_and_title(page)
    _assert_link_words_differ(page)


def _assert_nothing_sticks_out(page: Page, width: int) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{page.url} is {wide} px wide at {width} px"
    if width == 320:
        page.evaluate(
            "css => { const s = new CSSStyleSheet(); s.replaceSync(css);"
            " document.adoptedStyleSheets = [s]; }",
            TEXT_SPACING,
        )
        wide = page.evaluate("document.documentElement.scrollWidth")
        page.evaluate("document.adoptedStyleSheets = []")
        assert wide <= width, f"{page.url} is {wide} px wide with WCAG text spacing"


def _assert_headings_and_title(page: Page) -> None:
    assert page.locator("h1").count() == 1, f"{page.url} has {page.locator('h1').count()} h1"
    assert "Diagnostics ordering – NHS" in page.title(), page.title()
    levels = page.evaluate(
        "[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])"
    )
    jumps = [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1]
    assert jumps == [], f"{page.url} skips a heading level: {levels}"


def _assert_link_words_differ(page: Page) -> None:
    links = page.evaluate(
        "[...document.querySelectorAll('main a[href]')]"
        ".map(a => [(a.innerText.trim() || a.textContent.trim()),"
        " a.getAttribute('href')])"  # inside closed details a link has no innerText
    )
    seen: dict[str, str] = {}
    for words, href in links:
        assert seen.setdefault(words, href) == href, f"{page.url}: two links say {words!r}"


def expect_heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)
