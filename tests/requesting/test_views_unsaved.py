"""What was not saved never looks sent. Apart from the other files: it needs tables that other
connections see, and theirs are in one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections

from requesting.models import Request
from requesting.services.submitting import PATIENT_LOCK

from .conftest import seed_surgery
from .forms import Form, chest, words
from .surgery import Surgery


@pytest.fixture
def open_surgery(transactional_db) -> Surgery:
    """A surgery whose doings other connections see."""
    seed_surgery()
    return Surgery()


@pytest.mark.hazard("H05")
def test_what_was_not_saved_never_looks_sent_and_pressing_again_sends_it_once(open_surgery, world):
    patient = open_surgery.patient()
    client = world.client("gp", raise_request_exception=False)
    form = Form(client, patient)
    with somebody_else_holds(patient), impatient():
        answer = form.press("send", **chest())
    assert answer.status_code == 500
    assert "may not have been done" in words(answer)
    assert Request.objects.count() == 0

    sent = form.press("send", **chest())
    assert sent.url.endswith("/sent")
    assert Request.objects.count() == 1


@contextmanager
def impatient() -> Iterator[None]:
    """Our connection gives up on a lock at once instead of after five seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
        yield
        cursor.execute("RESET lock_timeout")


@contextmanager
def somebody_else_holds(patient) -> Iterator[None]:
    """Another connection has the patient's lock for as long as this lasts."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            words = "SELECT pg_advisory_lock(%s, hashtext(%s))"
            cursor.execute(words, [PATIENT_LOCK, str(patient.pk)])
        yield
    finally:
        other.close()
