"""What a crash left is cleared in time, and what is needed never."""

import os
import time
import uuid

import pytest
from django.utils import timezone

from iep import storage
from iep.services.arrival import arrivals, leftovers
from tests.iep.dicom.shelf import stored

pytestmark = pytest.mark.django_db


def _kept(*, days: float, state: str = "") -> uuid.UUID:
    writing = storage.writer()
    writing.write(b"x" * 200)
    if state:
        file = arrivals.receive(writing, origin="dicom")
        due_at = timezone.now() if state == "refused" else None
        type(file).objects.filter(pk=file.pk).update(state=state, why="of the test", due_at=due_at)
        key = file.pk
    else:
        key = uuid.uuid4()
        writing.keep(key)
    then = time.time() - days * leftovers.DAY
    os.utime(storage.path_of(key), (then, then))
    return key


def test_bytes_without_a_row_stay_for_a_month_and_those_given_up_for_a_day():
    stay = {
        _kept(days=29), _kept(days=900, state="quarantined"), _kept(days=900, state="refused"),
        _kept(days=0.5, state="discarded"),
    }  # fmt: skip
    _kept(days=31)
    _kept(days=2, state="discarded")
    assert leftovers.clear() == 2
    assert {uuid.UUID(path.stem) for path in stored()} == stay
    assert leftovers.clear() == 0
