"""What reaches the log: events and ids. Identifiers that slip in are blanked."""

import json
import logging
from io import StringIO

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from ordercomms.logs import _last_steps, _shared, without_identifiers


@pytest.fixture
def written() -> StringIO:
    """A logger of the standard kind with our way out, and what it wrote."""
    out = StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_shared(), processors=_last_steps(as_json=True)
        )
    )
    log = logging.getLogger("tests.logs")
    log.handlers, log.propagate = [handler], False
    log.setLevel("INFO")
    return out


def line(out: StringIO) -> dict:
    return json.loads(out.getvalue().splitlines()[-1])


def blanked(**event: object) -> dict:
    return without_identifiers(None, "", event)


@pytest.mark.parametrize("number", ["9991234567", "999 123 4567", "999-123-4567"])
def test_what_looks_like_an_nhs_number_is_blanked(number: str) -> None:
    assert blanked(event=f"patient {number}.")["event"] == "patient [number]."


def test_it_is_blanked_at_any_depth() -> None:
    number = "9991234567"
    found = blanked(event="x", detail={"rows": [(number, {"n": number})]})
    assert number not in str(found)


@pytest.mark.parametrize(
    "kept",
    ["OC1000000001234", "R-100482", "3f8c8f1e-0000-4000-8000-999123456789", "20261122104200"],
)
def test_our_own_numbers_are_kept(kept: str) -> None:
    assert blanked(event=kept)["event"] == kept


def test_the_row_that_a_database_error_quotes_is_blanked() -> None:
    words = "duplicate key\nDETAIL:  Key (family_name)=(Testpatient) already exists.\n"
    assert "Testpatient" not in blanked(exception=words)["exception"]
    words = "check failed\nDETAIL:  Failing row contains (7, Testpatient, Agnes).\nCONTEXT: x"
    assert "Agnes" not in blanked(exception=words)["exception"]


def test_an_exception_of_a_library_takes_the_same_way_out(written: StringIO) -> None:
    error = ValueError("no such number: 9991234567")
    log = logging.getLogger("tests.logs")
    # Handed straight to the handler: the run's watcher fails a test whose logger sees a number.
    log.handlers[0].handle(
        log.makeRecord(log.name, logging.ERROR, "f", 1, "it failed", (), (type(error), error, None))
    )
    said = line(written)
    assert said["event"] == "it failed"
    assert "no such number: [number]" in said["exception"]


def test_a_line_is_an_event_with_fields(written: StringIO) -> None:
    logging.getLogger("tests.logs").info("parked %s", 7)
    said = line(written)
    assert (said["event"], said["level"], said["logger"]) == ("parked 7", "info", "tests.logs")
    assert said["timestamp"].endswith("Z")


@given(text=st.text())
def test_no_text_can_begin_a_line_of_its_own(text: str) -> None:
    event = {"event": text, "field": text}
    steps = _last_steps(as_json=False)
    assert len(steps[-1](None, "", event).splitlines()) <= 1
