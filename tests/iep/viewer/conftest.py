"""Studies to look at, in a folder of the test."""

import pytest

from tests.iep.arrivals.conftest import Exchange, _images_dir  # noqa: F401 - images lie there
from tests.world import World


@pytest.fixture
def exchange(world: World) -> Exchange:
    return Exchange(world)
