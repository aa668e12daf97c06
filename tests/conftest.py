"""The ground under every test: private servers, closed sockets, watched logs, a real browser.

The servers start when this file is read, because settings.py wants their addresses and conftest
files of the rooms import models.
"""

import os
from collections.abc import Iterator
from typing import Any

import django
import pytest

from tests import closed, found
from tests.servers import Servers

servers = Servers()
servers.start()
django.setup()

from tests.world import world  # noqa: E402, F401 - a fixture, and it needs Django

STRICT_SKIPS = os.environ.get("STRICT_SKIPS") == "1"


def pytest_report_header() -> list[str]:
    return [*found.report(), *servers.said]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what needs a program that this machine lacks. The files with slow
    tests first: one worker has a file to itself, and none shall be alone with it at the end.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker("needs_chromium")
        for marker, (name, place) in found.PROGRAMS.items():
            if not place and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"{name} is not on this machine"))


def _skip_is_failure(report: Any) -> None:
    if STRICT_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"STRICT_SKIPS=1 and this was skipped: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    report = yield
    _skip_is_failure(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    report = yield
    _skip_is_failure(report)
    return report


@pytest.fixture(scope="session", autouse=True)
def _only_this_machine() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        closed.close_other_machines(patch)
        yield


@pytest.fixture(autouse=True)
def _no_identifier_in_logs() -> Iterator[None]:
    with closed.watched_logs() as caught:
        yield
    if caught:
        pytest.fail(f"An NHS number was logged by {', '.join(sorted(set(caught)))}")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A launched browser (a Playwright `Browser`); each test opens a context of its own."""
    from playwright.sync_api import expect, sync_playwright

    # Playwright keeps an event loop in this thread, and Django would refuse every query beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    quiet = ["background-networking", "component-update", "sync", "gpu", "quic"]
    flags = ["--no-first-run", *(f"--disable-{name}" for name in quiet)]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    expect.set_options(timeout=30_000)  # milliseconds: a busy machine is no fault of a page's
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.chromium(), args=flags)
        yield browser
        browser.close()
