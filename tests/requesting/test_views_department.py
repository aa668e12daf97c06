"""The list of a department that does not vet here: everything asked of it, nothing to press."""

from functools import partial

import pytest

from requesting import services
from tests.counting import cost_of

from .surgery import CHEST, line

LIST = "/department/"
FBC = line("fbc")


def words(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def lab(world):
    return world.client("lab")


def test_the_laboratory_sees_what_it_was_asked_and_nobody_elses(surgery, lab):
    item = surgery.delivered(FBC)
    surgery.delivered(CHEST)
    text = words(lab.get(LIST))
    assert item.placer_number in text
    assert "With you since" in text
    assert "Chest X-ray" not in text
    assert "<form" not in text.partition("<table")[2].partition("</table>")[0]


def test_an_empty_list_says_what_fills_it(surgery, lab):
    assert "Nothing is open. A request that is sent to you appears here." in words(lab.get(LIST))


def test_what_is_held_or_cancelled_is_not_on_it(surgery, lab):
    surgery.ask(FBC)
    assert "Nothing is open" in words(lab.get(LIST))


def test_a_cancel_message_is_said_on_the_list(surgery, lab):
    item = surgery.delivered(FBC)
    services.cancel(item, reason="Not needed", by=surgery.acting())
    assert "The requester asked on" in words(lab.get(LIST))


def test_the_list_is_narrowed_by_practice_and_priority(surgery, lab):
    item = surgery.delivered(FBC, priority="urgent")
    practice = str(item.organisation_id)
    for query, is_shown in (
        ({"practice": practice}, True),
        ({"practice": "999999"}, False),
        ({"priority": "urgent"}, True),
        ({"priority": "routine"}, False),
    ):
        assert (item.placer_number in words(lab.get(LIST, query))) is is_shown


@pytest.mark.parametrize("username", ["gp", "practice-admin", "central"])
def test_only_departments_have_this_list(surgery, world, username):
    assert world.client(username).get(LIST).status_code == 403


def test_a_vetter_of_a_department_sees_it_too(surgery, world):
    item = surgery.vetting()
    assert item.placer_number in words(world.client("radiologist").get(LIST))


def test_a_full_page_costs_the_same_as_ten_rows(surgery, lab):
    for _ in range(10):
        surgery.delivered(FBC)
    ten = cost_of(partial(lab.get, LIST))
    for _ in range(42):
        surgery.delivered(FBC)
    full = cost_of(partial(lab.get, LIST))
    text = words(lab.get(LIST))
    assert "Showing 50 of 52" in text
    assert "Next page" in text
    assert "Showing 2 of 52" in words(lab.get(LIST, {"page": "2"}))
    assert ten == full <= 12


def own(captured):
    """How many queries, without the status strip's: its answer is kept for some seconds."""
    return sum("messaging_partner" not in query["sql"] for query in captured.captured_queries)
