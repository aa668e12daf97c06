"""Images lie in a folder of the test, on a disk that has room."""

from collections.abc import Iterator

import pytest

from iep.dicom import Peer
from tests.iep.dicom.shelf import Shelf, listening


@pytest.fixture(autouse=True)
def _a_folder_for_images(settings, tmp_path):
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def ours(shelf: Shelf) -> Iterator[Peer]:
    with listening(shelf) as peer:
        yield peer
