"""Images lie in a folder of the test; an archive answers for our PACS and for another hospital."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.pacs.agreed import Agreed, Held, Hospital
from demo.pacs.archive import Archive
from iep.models import Lane
from tests.iep.transactions.exchange import OURS, THEIRS


@pytest.fixture(autouse=True)
def _a_folder_for_images(settings, tmp_path):
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0
    settings.LANES_NIGHT = "00:00-23:59"


@pytest.fixture
def lanes(db: None) -> None:
    for number in range(9):
        direction, at = ("out", number + 1) if number < 5 else ("in", number - 4)
        Lane.objects.get_or_create(
            name=f"{direction}-{at}", direction=direction, is_blue_only=number == 0
        )


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Callable[..., Archive]]:
    """Start it with the studies that it holds."""
    started: list[Archive] = []

    def start(*studies: Held) -> Archive:
        hospitals = (Hospital(OURS, "Kingsmere Hospitals"), Hospital(THEIRS, "Harrowfield"))
        made = Archive(tmp_path / "pacs", Agreed(hospitals=hospitals, studies=studies))
        made.invent()
        made.start()
        started.append(made)
        return made

    yield start
    for each in started:
        each.stop()
