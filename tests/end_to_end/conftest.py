"""The whole demo, and people at browsers in front of it.

A failed test shows what each process said last.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from demo import parts
from tests.end_to_end.hospital import Hospital
from tests.end_to_end.installation import Installation
from tests.ground.whole import Run, a_run
from tests.journeys.browser import Watcher

PASSWORD = "end-to-end-password"
UNDO_SECONDS = 2
LINES_SHOWN = 25


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    with a_run(UNDO_SECONDS=str(UNDO_SECONDS), DEMO_PASSWORD=PASSWORD) as run:
        request.node.whole_run = run
        run.start()
        yield run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    run = getattr(item, "whole_run", None)
    if report.failed and run is not None:
        report.sections += [("make run", run.said()), *_logs(run.data_dir / "logs")]
    return report


def _logs(folder: Path) -> Iterator[tuple[str, str]]:
    """The end of each log. PostgreSQL writes only where something is wrong."""
    for log in sorted(folder.glob("*.log")):
        yield log.name, "\n".join(log.read_text(errors="replace").splitlines()[-LINES_SHOWN:])


@pytest.fixture
def hospital(run: Run) -> Hospital:
    return Hospital(run.env["HOSPITAL_PORT"])


class People:
    """Opens browsers: one context a person."""

    def __init__(self, chromium: Browser, origin: str) -> None:
        self.chromium, self.origin = chromium, origin
        self.watcher = Watcher(origin)
        self.contexts: list[BrowserContext] = []

    def nobody(self) -> Page:
        """A browser in which nobody has signed in."""
        context = self.chromium.new_context(
            base_url=self.origin, viewport={"width": 1280, "height": 900}
        )
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        context.on("page", self.watcher.watch)
        return context.new_page()

    def sign_in(self, username: str) -> Page:
        """By password, at the form."""
        page = self.nobody()
        page.goto("/sign-in")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(re.compile(r"^(?!.*/sign-in)"))
        return page


@pytest.fixture
def people(run: Run, chromium: Browser) -> Iterator[People]:
    people = People(chromium, f"http://{parts.HERE}:{run.env['PORT']}")
    yield people
    for context in people.contexts:
        context.close()
    assert people.watcher.faults == []


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of today's shape with nothing in it, to make those of installations from."""
    made = Installation("template", tmp_path_factory.mktemp("template"), number=13)
    try:
        made.create()
        made.manage("migrate", "--verbosity", "0")
        yield made.database
    finally:
        made.drop()
