"""Images lie in a folder of the test; a far PACS in a thread."""

from collections.abc import Iterator

import pytest

from iep.models import Lane
from tests.iep.lanes import peer


@pytest.fixture(autouse=True)
def _a_folder_for_images(settings, tmp_path):
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0
    settings.LANES_NIGHT = "00:00-23:59"  # a test is no night owl; those of the window say theirs


@pytest.fixture
def world(world):
    """With the nine lanes, which a test that commits takes away at its end."""
    for number in range(9):
        direction, at = ("out", number + 1) if number < 5 else ("in", number - 4)
        Lane.objects.get_or_create(
            name=f"{direction}-{at}", direction=direction, is_blue_only=number == 0
        )
    return world


@pytest.fixture
def pacs() -> Iterator[peer.Pacs]:
    with peer.listening() as far:
        yield far
