"""Pages for when it does not work: in the NHS style, and telling nothing that they should not."""

import re
import uuid

import pytest
from django.test import Client, RequestFactory
from django.urls import path

from demo.people import HARBOUR
from ordercomms import views
from ordercomms.urls import urlpatterns as ours
from tests.world import World

handler400, handler403 = views.bad_request, views.forbidden
handler404, handler500 = views.not_found, views.server_error


def breaks(request: object) -> None:
    raise RuntimeError("Agnes Testpatient could not be saved")


urlpatterns = [*ours, path("breaks", breaks, name="keyboard")]


def body(client: Client, address: str) -> tuple[int, str]:
    """Status and page, without the form token that is new each time."""
    response = client.get(address)
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.content.decode())
    return response.status_code, page


def test_what_is_not_there_and_what_is_not_theirs_look_the_same(world: World) -> None:
    client = world.client("gp")
    elsewhere = world.patient(at=HARBOUR)
    foreign = body(client, f"/p/{elsewhere.pk}/")
    absent = body(client, f"/p/{uuid.uuid4()}/")
    assert foreign == absent
    assert foreign[0] == 404
    assert body(client, "/no/such/page") == absent


@pytest.mark.urls(__name__)
def test_a_failure_tells_nothing_of_its_cause(world: World) -> None:
    client = world.client("gp")
    client.raise_request_exception = False
    status, page = body(client, "/breaks")
    assert status == 500
    assert "Testpatient" not in page
    assert "RuntimeError" not in page
    assert "nothing is sent twice" in page


def test_the_page_for_a_failure_asks_nothing_of_the_database() -> None:
    """No `db` fixture: any query would fail this test."""
    response = views.server_error(RequestFactory().get("/"))
    assert response.status_code == 500
    assert b"service desk" in response.content


def test_a_form_without_its_token_is_not_done_and_says_what_to_do(world: World) -> None:
    client = world.client("gp", enforce_csrf_checks=True)
    response = client.post("/settings/", {"undo_seconds": 30})
    assert response.status_code == 403
    assert "was not done" in response.content.decode()
    assert world.user("gp").undo_seconds == 10


def test_a_form_from_another_site_is_refused(world: World) -> None:
    client = world.client("gp", enforce_csrf_checks=True)
    client.get("/settings/")
    form = {"undo_seconds": 30, "csrfmiddlewaretoken": client.cookies["csrftoken"].value}
    foreign = {"Origin": "https://elsewhere.example"}
    assert client.post("/settings/", form, headers=foreign).status_code == 403
    assert client.post("/settings/", form).status_code == 302


@pytest.mark.parametrize("view", [views.bad_request, views.forbidden, views.not_found])
def test_every_error_page_says_what_to_do_and_whom_to_ring(view: object) -> None:
    request = RequestFactory().get("/")
    page = view(request).content.decode()
    assert page.count("<h1") == 1
    assert "020 7946 0100" in page
