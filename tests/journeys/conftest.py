"""People at browsers. A journey reads as sentences; how they click is in `browser.py`."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page

from tests.journeys.browser import Watcher
from tests.world import World

ROOT = Path(__file__).resolve().parents[2]
Visit = Callable[..., Page]


@pytest.fixture
def world(transactional_db: None) -> World:
    """The cast in tables that other connections see: the browser's server is another thread."""
    return World()


@pytest.fixture
def visit(chromium: Browser, live_server: Any, world: World) -> Iterator[Visit]:
    """`visit("gp", "/requests/")`: that person's page; `javascript=False` turns scripts off.

    When the test ends, any console error, refused content or request to another host fails it.
    """
    watcher = Watcher(live_server.url)
    contexts: list[BrowserContext] = []

    def open_page(username: str = "", path: str = "", *, at: str = "", **options: Any) -> Page:
        javascript = options.pop("javascript", True)
        size = {"width": 1280, "height": 900}
        context = chromium.new_context(
            base_url=live_server.url, java_script_enabled=javascript, viewport=size
        )
        contexts.append(context)
        if username:
            client = world.client(username, at=at)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
            )
        page = context.new_page()
        page.set_default_timeout(30_000)
        watcher.watch(page)
        if path:
            page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert watcher.faults == []


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Keeps a picture for the documentation when SCREENSHOTS=1: `docs/screens/NAME-1280.png`."""

    def picture(page: Page, name: str) -> None:
        if os.environ.get("SCREENSHOTS") != "1":
            return
        folder = ROOT / "docs" / "screens"
        folder.mkdir(exist_ok=True)
        for width in (1280, 320):
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate("scrollTo(0, 0)")  # else the banner, which stays, lies on the heading
            page.screenshot(path=folder / f"{name}-{width}.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})

    return picture
