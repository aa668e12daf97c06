"""The guards around every test do catch what they are for."""

import logging
import socket

import pytest

from tests.closed import AnotherMachine, identifiers_in, watched_logs


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.org", 80), ("2001:db8::1", 80)])
def test_no_test_reaches_another_machine(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as door, pytest.raises(AnotherMachine):
        door.connect(address)


def test_a_test_reaches_its_own_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(listener.getsockname()).close()


@pytest.mark.parametrize("written", ["9990000018", "999 000 0018", "NHS=999-000-0018;"])
def test_an_nhs_number_is_seen_however_it_is_written(written: str) -> None:
    assert identifiers_in(f"patient {written} not found")


@pytest.mark.parametrize("written", ["19990000018", "99900000181", "8880000018", "999"])
def test_another_number_is_not_taken_for_an_nhs_number(written: str) -> None:
    assert not identifiers_in(f"row {written}")


def test_an_identifier_in_any_part_of_a_log_record_is_caught() -> None:
    log = logging.getLogger("tests.quiet")
    log.propagate = False
    with watched_logs() as caught:
        log.error("patient %s", "9990000018")
        log.error("looked up", extra={"number": "9990000018"})
        try:
            int("9990000018?")
        except ValueError:
            log.exception("failed")
        log.error("nothing to see")
    assert len(caught) == 3
