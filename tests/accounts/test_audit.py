"""The audit trail: append-only, ids only, one request's rows under one id."""

import pytest
from django.db import InternalError, connection, transaction

from accounts import audit
from accounts.models import AccessEvent
from accounts.policies import SYSTEM, partner_acting
from tests.world import World


def test_a_row_says_who_where_in_which_role_and_what(world: World) -> None:
    row = audit.record(acting=world.acting("gp"), action="view_patient", patient_id=7)
    row.refresh_from_db()
    assert (row.username, row.organisation_code, row.role) == ("gp", "Y90001", "gp")
    assert (row.action, row.patient_id, row.outcome) == ("view_patient", "7", "ok")


@pytest.mark.parametrize("acting", [SYSTEM, partner_acting("Kingsmere RIS")])
def test_what_a_machine_did_is_under_the_machine_s_name(db: None, acting: object) -> None:
    assert audit.record(acting=acting, action="file").username == acting.name


@pytest.mark.parametrize(
    "words",
    [
        "UPDATE accounts_accessevent SET username = 'somebody else'",
        "DELETE FROM accounts_accessevent",
    ],
)
def test_a_row_can_be_neither_changed_nor_deleted_even_by_raw_sql(world: World, words: str) -> None:
    audit.record(acting=world.acting("gp"), action="view_patient")
    with pytest.raises(InternalError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(words)
    assert AccessEvent.objects.filter(username="gp").count() == 1


def fail_after_recording(world: World) -> None:
    with transaction.atomic():
        audit.record(acting=world.acting("gp"), action="send")
        raise RuntimeError


def test_an_effect_that_is_rolled_back_takes_its_row_with_it(world: World) -> None:
    with pytest.raises(RuntimeError):
        fail_after_recording(world)
    assert not AccessEvent.objects.filter(action="send").exists()


def test_the_rows_of_one_request_carry_the_id_that_its_response_shows(world: World) -> None:
    response = world.client("gp").post("/settings/", {"undo_seconds": 20})
    denied = world.client("gp").get("/sign-out")
    row = AccessEvent.objects.get(action="denied")
    assert row.request_id == denied["X-Request-ID"]
    assert response["X-Request-ID"] != denied["X-Request-ID"]


def test_a_long_reason_is_kept_to_its_column_and_not_refused(world: World) -> None:
    assert len(audit.record(acting=None, action="x", reason="a" * 500).reason) == 200
