"""Keys and images in folders of the test; two sides that have agreed on their keys."""

import pytest

from iep.gateway import line
from tests.iep.gateway.sides import Sides


@pytest.fixture(autouse=True)
def _folders(settings, tmp_path):
    settings.GATEWAY_DIR = tmp_path / "gateway"
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0
    yield
    for _, kept in line._lines().values():  # a line of this test leads to no later one
        kept.close()
    line._lines().clear()


@pytest.fixture
def sides(world) -> Sides:
    return Sides()
