"""Nothing can be in a state that no screen lists (hazard H22): states × lists, for every room."""

from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.urls import reverse

from accounts.roles import ROLES
from messaging import services
from messaging.models import InboundMessage
from messaging.states import IN_LISTS, OUT_LISTS, InState, List
from ordercomms.lists import LISTED, Listed, roles_that_open, unlisted
from tests.house.routes import routes

OURS = ("accounts", "messaging", "patients", "catalogue", "requesting", "results", "iep")
STATES = ("state", "status")


def constrained(model: type[models.Model]) -> dict[str, set[str]]:
    """The states that the database lets into a table: from its constraints and choices."""
    found: dict[str, set[str]] = {}
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            for lookup, values in _leaves(constraint.condition):
                field, _, kind = lookup.partition("__")
                if kind == "in" and field in STATES:
                    found.setdefault(field, set()).update(str(value) for value in values)
    return found


def _leaves(condition: Any) -> list[tuple[str, Any]]:
    if isinstance(condition, models.Q):
        return [leaf for child in condition.children for leaf in _leaves(child)]
    return [condition] if isinstance(condition, tuple) else []


TABLES = {
    (model, field): states
    for app in OURS
    for model in apps.get_app_config(app).get_models()
    for field, states in constrained(model).items()
}


@pytest.mark.hazard("H22")
@pytest.mark.parametrize("table", TABLES, ids=lambda table: f"{table[0].__name__}.{table[1]}")
def test_every_state_that_the_database_lets_in_is_on_a_list(table):
    listed = {(each.model, each.field): set(each.pages) for each in LISTED}
    assert table in listed, "a table with a state that ordercomms/lists.py does not have"
    assert listed[table] == TABLES[table]


def test_the_tables_are_found():
    assert len(TABLES) >= 8
    assert (InboundMessage, "state") in TABLES


@pytest.mark.parametrize("listed", LISTED, ids=lambda each: each.name)
def test_every_list_is_a_page_that_some_role_may_open(listed: Listed):
    names = {route.name for route in routes()}
    for page in set(listed.pages.values()):
        assert page in names
        assert roles_that_open(page) & set(ROLES), page


@pytest.mark.django_db
@pytest.mark.hazard("H22")
def test_a_row_in_a_state_of_its_own_is_counted():
    services.accept(b"no message")
    assert set(unlisted().values()) == {0}
    call_command("check_lists", stdout=StringIO())
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE messaging_inboundmessage DROP CONSTRAINT inbox_state")
    InboundMessage.objects.update(state="limbo")
    assert unlisted()["messaging.InboundMessage"] == 1
    out = StringIO()
    with pytest.raises(CommandError, match="1 rows are on no list"):
        call_command("check_lists", stdout=out)
    assert "1  messaging.InboundMessage" in out.getvalue()


@pytest.mark.django_db
@pytest.mark.hazard("H22")
def test_a_message_that_was_refused_long_ago_is_still_on_a_list(world):
    """The list of refusals goes back 30 days; what is older is with what is done."""
    services.accept(b"no message")
    row = InboundMessage.objects.get()
    InboundMessage.objects.update(state=InState.REFUSED, received_at="2025-01-01T00:00Z")
    client = world.client("central")
    address = reverse("messaging:in", args=[row.pk])
    pages = {
        each: client.get(reverse("messaging:queue"), {"list": each}).content.decode()
        for each in List
    }
    assert [each for each, page in pages.items() if address in page] == [List.DONE]
    assert set(IN_LISTS.values()) | set(OUT_LISTS.values()) == set(List)


@pytest.mark.django_db
def test_all_that_is_done_can_be_leafed_through(world):
    for n in range(120):
        services.accept(f"no message {n}".encode())
    InboundMessage.objects.update(state=InState.HANDLED)
    client = world.client("central")
    seen: set[str] = set()
    for number in (1, 2, 3):
        page = client.get(reverse("messaging:queue"), {"list": "done", "page": number})
        rows = [f"message in {row.pk}<" for row in InboundMessage.objects.all()]
        seen |= {row for row in rows if row in page.content.decode()}
    assert len(seen) == 120
