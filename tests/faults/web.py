"""F3: the web process dies after the commit and before its answer; the browser asks again."""

import http.client
import re
import uuid
from collections.abc import Callable
from urllib.parse import urlencode

from django.test import Client

from demo.processes import wait_until
from messaging.models import OutboundMessage
from requesting.models import Request
from tests.messaging.processes import accepts_connections, free_port
from tests.requesting.conftest import seed_surgery
from tests.requesting.surgery import Surgery
from tests.world import World

from .report import Report
from .rig import Rig

DIES = 0.3  # of the answers to a Send
MOST_TRIES = 40


def web_dies(rig: Rig, report: Report) -> None:
    """Each Send is pressed until a page comes back: one request for each, and it can be found."""
    seed_surgery()
    surgery = Surgery()
    patients = [surgery.patient() for _ in range(max(10, rig.size.out // 60))]
    port = free_port()
    words = ("-m", "granian", "--interface", "wsgi", "--no-access-log", "--workers", "2")
    more = ("--blocking-threads", "1", "--host", "127.0.0.1", "--port", str(port))
    where = ("--respawn-failed-workers", "ordercomms.wsgi:application")
    rig.add("web", *words, *more, *where, DIES_AFTER_COMMIT=str(DIES))
    wait_until(lambda: accepts_connections(port), seconds=40)
    browser = Browser(port, World().client("gp"), tend=rig.tend)
    tries, keys = 0, set()
    for patient in patients:
        key, asked = browser.send(f"/p/{patient.pk}/request/")
        tries += asked
        keys.add(uuid.UUID(key))
    made = Request.objects.filter(idempotency_key__in=keys)
    report.check(
        "a Send without a request", made.count() == len(keys), f"{len(keys) - made.count()}"
    )
    everything = Request.objects.count()
    report.check(
        "requests for as many Sends", everything == len(keys), f"{everything} of {len(keys)}"
    )
    report.check("no order left twice", OutboundMessage.objects.count() <= len(keys))
    report.check("answers were lost", tries > len(keys), f"{tries - len(keys)} pressed again")


class Browser:
    """Fills in the form, presses Send, and presses it again when nothing comes back.

    `tend` starts what has ended: granian gives up when a worker of it dies twice in five seconds.
    """

    def __init__(self, port: int, client: Client, *, tend: Callable[[], None]) -> None:
        self.tend = tend
        self.port = port
        self.cookies = {name: morsel.value for name, morsel in client.cookies.items()}

    def send(self, address: str) -> tuple[str, int]:
        """The form's key, and how often it was sent."""
        page, _ = self._until_answered("GET", address, "")
        fields = {
            name: re.search(rf'name="{name}" value="([^"]*)"', page)[1]  # type: ignore[index]
            for name in ("key", "patient", "version", "csrfmiddlewaretoken")
        }
        fields |= {"do": "send", "item": "chest-xray", "js": "1"}
        fields["chest-xray.reason"] = "cough-for-more-than-3-weeks"
        page, tries = self._until_answered("POST", address, urlencode(fields))
        return fields["key"], tries

    def _until_answered(self, method: str, address: str, body: str) -> tuple[str, int]:
        for tries in range(1, MOST_TRIES):
            try:
                status, page = self._ask(method, address, body)
            except (OSError, http.client.HTTPException):
                self.tend()
                wait_until(lambda: accepts_connections(self.port), seconds=10)
                continue
            if status not in (200, 302):
                raise AssertionError(f"{status} for {method}")
            return page, tries
        raise AssertionError("no answer at all")

    def _ask(self, method: str, address: str, body: str) -> tuple[int, str]:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": f"http://127.0.0.1:{self.port}",
        }
        try:
            line.request(method, address, body or None, headers)
            answer = line.getresponse()
            for name, words in answer.getheaders():
                if name.lower() == "set-cookie":
                    cookie, value = words.split(";")[0].split("=", 1)
                    self.cookies[cookie] = value
            return answer.status, answer.read().decode()
        finally:
            line.close()
