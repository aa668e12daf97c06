"""Wherever a row waits a page shows it, somebody owns it and a clock runs (hazard H22)."""

import pytest
from django.apps import apps

from accounts.roles import ROLES
from ordercomms.lists import LISTED, roles_that_open
from ordercomms.waiting import NEVER, WAITING
from tests.house.hazard_log import ROOT
from tests.house.routes import routes
from tests.house.test_lists import OURS

pytestmark = pytest.mark.hazard("H22")
TABLES = {model._meta.label for app in OURS for model in apps.get_app_config(app).get_models()}


def test_of_every_table_somebody_has_said_whether_its_rows_wait_and_where():
    """A new table goes into ordercomms/lists.py or waiting.py before it goes anywhere else."""
    said = {each.name for each in LISTED} | {each.name for each in WAITING} | set(NEVER)
    assert TABLES - said == set(), "does a row of it ever wait, whose is it, what rings?"
    assert said - TABLES == set(), "there is no such table any more"


def test_no_table_waits_and_never_waits():
    waits = {each.name for each in LISTED} | {each.name for each in WAITING}
    assert waits & set(NEVER) == set()


@pytest.mark.parametrize("waits", WAITING, ids=lambda each: each.name)
def test_what_waits_is_on_a_page_that_some_role_may_open_and_has_an_owner(waits):
    assert waits.page in {route.name for route in routes()}
    assert roles_that_open(waits.page) & set(ROLES)
    assert waits.owner
    assert waits.clock or waits.limit


@pytest.mark.django_db
@pytest.mark.parametrize("waits", WAITING, ids=lambda each: each.name)
def test_what_waits_can_be_asked_for(waits):
    assert waits.model._default_manager.filter(waits.rows).count() >= 0


def test_the_page_of_what_waits_names_each_of_them():
    page = (ROOT / "docs" / "waiting.md").read_text()
    for each in WAITING:
        assert f"`{each.name}`" in page
        assert f"`{each.page}`" in page
