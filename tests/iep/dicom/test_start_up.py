"""What a process loads before it has done anything: seconds and memory of each of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys, django
django.setup()
{}
heavy = {{"pydicom", "pynetdicom", "numpy", "imagecodecs"}}
print(sorted(heavy & set(sys.modules)))
"""


def loads(imports: str) -> str:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "ordercomms.settings"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(imports)], cwd=HOME, env=environment, check=True,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "imports",
    ["import ordercomms.urls", "import ordercomms.celery, messaging.tasks", "import iep.tasks"],
    ids=["pages", "messages", "images"],
)
def test_a_process_that_speaks_no_dicom_has_not_loaded_its_libraries(imports):
    assert loads(imports) == "[]"


def test_they_are_loaded_when_somebody_is_spoken_with():
    assert "pynetdicom" in loads("import iep.dicom; iep.dicom.echo")


WORKER = """
from types import SimpleNamespace as Is
from celery import signals
from iep import lanes, tasks
lanes.Lanes.start = lambda self: None
queues = Is(consume_from={queue!r})
signals.celeryd_after_setup.send("w", instance=Is(app=Is(amqp=Is(queues=queues))))
"""


@pytest.mark.parametrize(("queue", "has"), [({"lanes_out": 1}, True), ({"images": 1}, False)])
def test_a_worker_of_the_lanes_has_them_before_the_first_image_comes(queue, has):
    assert ("pynetdicom" in loads(WORKER.format(queue=queue))) is has
