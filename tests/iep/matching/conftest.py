"""The desk at work."""

import pytest

from tests.iep.arrivals.conftest import _images_dir  # noqa: F401 - images lie in the test's folder
from tests.world import World

from .room import Desk


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)
