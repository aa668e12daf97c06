"""Tests that the ground must not let pass. Not collected; tests/ground/test_ground.py runs them."""

import logging

import pytest


def test_that_logs_an_identifier() -> None:
    logging.getLogger("tests.caught").warning("no patient %s", "9990000018")


def test_that_is_skipped() -> None:
    pytest.skip("the program is not here")


@pytest.mark.xfail(reason="known", strict=True)
def test_that_is_expected_to_fail() -> None:
    pytest.fail("as expected")


def test_that_is_good() -> None:
    assert logging
