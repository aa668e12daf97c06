"""The hospital's page: what a person sees and does there, and what it refuses."""

import http.client
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest

from demo.hospital import Hospital
from tests.demo.peers import Product, Sender, blood_order, imaging_order

Answer = tuple[int, str, dict[str, str]]


def ask(hospital: Hospital, method: str, path: str, body: str = "", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", hospital.web_port, timeout=5)
    connection.request(
        method, path, body.encode(), {k.replace("_", "-"): v for k, v in headers.items()}
    )
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, text, dict(response.getheaders())


def press(hospital: Hospital, path: str, do: str, **fields: str) -> Answer:
    """Press a button of the list page, with its token."""
    token = re.search(r'name="token" value="([^"]+)"', ask(hospital, "GET", "/")[1])
    assert token is not None
    body = urlencode({"token": token.group(1), "do": do, **fields})
    return ask(hospital, "POST", path, body, Content_Type="application/x-www-form-urlencoded")


def order_of(hospital: Hospital) -> Any:
    return hospital.orders()[0]


def test_a_person_sees_the_order_and_reports_it_by_a_button(
    hospital: Hospital, sender: Sender, product: Product
) -> None:
    sender.ask(imaging_order())
    status, page, _ = ask(hospital, "GET", "/")
    assert status == 200
    for words in ("XR Chest", "O&#39;HARA, Zoë (Mrs)", "999 000 0018", "Cough &amp; weight loss"):
        assert words in page
    status, _, headers = press(hospital, "/orders/OC1-1", "report:critical")
    assert (status, headers["Location"]) == (303, "/")
    assert order_of(hospital).reports[0].flag == "AA"
    product.wait_for(2)
    assert "Queued: H" in ask(hospital, "GET", "/")[1]


def test_an_action_that_is_not_possible_is_answered_with_a_sentence(
    hospital: Hospital, sender: Sender
) -> None:
    sender.ask(imaging_order())
    press(hospital, "/orders/OC1-1", "perform")
    assert "is new: perform is not possible" in ask(hospital, "GET", "/")[1]


def test_a_form_without_the_token_does_nothing(hospital: Hospital, sender: Sender) -> None:
    sender.ask(imaging_order())
    status, _, _ = ask(hospital, "POST", "/orders/OC1-1", "do=accept&token=guess")
    assert status == 403
    assert order_of(hospital).status == "new"


def test_another_sites_form_cannot_use_the_door_for_programs(
    hospital: Hospital, sender: Sender
) -> None:
    sender.ask(imaging_order())
    path, body = "/api/orders/OC1-1/actions", '{"action": "accept"}'
    assert ask(hospital, "POST", path, body, Content_Type="text/plain")[0] == 415
    assert ask(hospital, "POST", path, body, Content_Type="application/json", Host="evil")[0] == 403
    assert order_of(hospital).status == "new"


def test_a_program_acts_and_is_told_what_was_queued(hospital: Hospital, sender: Sender) -> None:
    sender.ask(blood_order("OC1-2"))
    body = json.dumps({"action": "report", "kind": "critical"})
    status, text, _ = ask(
        hospital, "POST", "/api/orders/OC1-2/actions", body, Content_Type="application/json"
    )
    assert status == 200
    (order,) = json.loads(ask(hospital, "GET", "/api/orders")[1])
    assert set(json.loads(text)["queued"]) <= set(order["messages"])
    assert order["reports"] == [{"kind": "critical", "status": "F"}]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/orders/NONE/actions", '{"action": "accept"}', 409),
        ("/api/orders/OC1-1/actions", '{"action": "dance"}', 409),
        ("/api/orders/OC1-1/actions", '{"action": "report", "kind": "odd"}', 409),
        ("/api/orders/OC1-1/actions", "[]", 400),
        ("/api/orders/OC1-1/actions", "no json", 400),
        ("/api/actions", '{"action": "mode", "mode": "odd"}', 409),
        ("/api/actions", '{"action": "mode", "odd": 1}', 409),
        ("/api/actions", '{"action": "settings", "department": "X", "accept_after": 1}', 409),
    ],
)
def test_what_a_program_cannot_have_is_refused_with_a_sentence(
    hospital: Hospital, sender: Sender, path: str, body: str, status: int
) -> None:
    sender.ask(imaging_order())
    got, text, _ = ask(hospital, "POST", path, body, Content_Type="application/json")
    assert got == status
    assert json.loads(text)["error"]


def test_no_address_or_program_answer_names_the_patient(hospital: Hospital, sender: Sender) -> None:
    sender.ask(imaging_order())
    pages = [ask(hospital, "GET", path)[1] for path in ("/", "/orders/OC1-1", "/messages/in-1")]
    links = " ".join(re.findall(r'(?:href|action)="([^"]*)"', " ".join(pages)))
    programs = ask(hospital, "GET", "/api/orders")[1] + ask(hospital, "GET", "/api/messages")[1]
    titles = " ".join(re.findall("<title>(.*?)</title>", " ".join(pages)))
    for secret in ("Hara", "9990000018", "19650714", "1965"):
        assert secret not in links + programs + titles


def test_every_page_is_found_and_a_wrong_address_is_not(hospital: Hospital, sender: Sender) -> None:
    sender.ask(imaging_order())
    hospital.act("OC1-1", "report", kind="normal")
    for path in ("/", "/?show=open", "/orders/OC1-1", "/messages/in-1", "/style.css", "/page.js"):
        assert ask(hospital, "GET", path)[0] == 200, path
    for path in ("/orders/NONE", "/messages/NONE", "/elsewhere", "/../../etc/passwd"):
        assert ask(hospital, "GET", path)[0] == 404, path


def test_a_persons_words_cannot_become_markup(hospital: Hospital, sender: Sender) -> None:
    raw = imaging_order().replace(b"Cough", b"<script>alert(1)</script>")
    sender.ask(raw)
    for path in ("/", "/orders/OC1-1", "/messages/in-1"):
        assert "<script>alert" not in ask(hospital, "GET", path)[1]


def test_the_switches_of_the_page_work(hospital: Hospital) -> None:
    press(hospital, "/do", "mode:silent")
    assert hospital.memory.mode == "silent"
    press(hospital, "/do", "settings:LIMS/RZ1", accept="minute")
    assert hospital.memory.departments.by_key["LIMS/RZ1"].accept_after == 60.0
    press(hospital, "/do", "settings:LIMS/RZ1", accept="never")
    assert hospital.memory.departments.by_key["LIMS/RZ1"].accept_after is None


@pytest.mark.parametrize("width", [1280, 320])
def test_the_pages_fit_and_have_no_accessibility_fault(
    hospital: Hospital, sender: Sender, chromium: Any, width: int
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    sender.ask(imaging_order("OC1-1", control="C1"))
    sender.ask(blood_order("OC1-2"))
    hospital.act("OC1-2", "report", kind="abnormal")
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    for path in ("/", "/orders/OC1-1", "/orders/OC1-2", "/messages/in-1"):
        page.goto(f"http://127.0.0.1:{hospital.web_port}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert Axe().run(page).response["violations"] == [], path
    context.close()


def test_the_archives_are_steered_from_the_page(hospital: Hospital) -> None:
    status, page, _ = ask(hospital, "GET", "/images")
    assert status == 200
    assert "The archive is not running" in page
    press(hospital, "/images", "images:mode:slow", place="HOSPITALPACS")
    assert "The archive is not running." in ask(hospital, "GET", "/")[1]

    hospital.archive.mkdir(exist_ok=True)
    place = {
        "ae_title": "HOSPITALPACS", "name": "Kingsmere", "mode": "working", "next": [], "images": 1,
        "said": ["10:00:00 Asked for 1 images (C-GET)"],
        "studies": [{"uid": "2.25.7", "what": "CT head", "on": "20261121", "accession": "KM1",
                     "patient_id": "S1000001", "images": 1}],
    }  # fmt: skip
    state = {"port": 11113, "peers": ["ORDERCOMMS"], "hospitals": [place]}
    (hospital.archive / "state.json").write_text(json.dumps(state))
    page = ask(hospital, "GET", "/images")[1]
    for words in ("Kingsmere", "CT head", "21-Nov-2026", "Send to ORDERCOMMS"):
        assert words in page

    status, _, headers = press(
        hospital, "/images", "images:send:2.25.7", place="HOSPITALPACS", to="ORDERCOMMS"
    )
    assert (status, headers["Location"]) == (303, "/images")
    assert "HOSPITALPACS sends it to ORDERCOMMS." in ask(hospital, "GET", "/images")[1]
    told = [json.loads(path.read_text()) for path in (hospital.archive / "told").iterdir()]
    assert told == [
        {"ae_title": "HOSPITALPACS", "do": "send", "what": "2.25.7", "to": "ORDERCOMMS"}
    ]
    press(hospital, "/images", "images:mode:on fire", place="HOSPITALPACS")
    assert "The archive cannot do that." in ask(hospital, "GET", "/images")[1]
