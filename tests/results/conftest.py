"""The practice and the hospital of `clinic`, and a clock that tests can set."""

import pytest

from tests.results.clinic import Clinic


@pytest.fixture
def clinic(world):
    return Clinic(world)
