"""A process whose clock is wrong: by CLOCK seconds, from a moment ("at ..."), or stepping later.

Installed by tests/messaging/process_settings.py where CLOCK is set.
"""

import os
import threading
from datetime import UTC, datetime, timedelta

import time_machine
from django.apps import AppConfig

STEP_AFTER = 4.0  # seconds


class Shifting(AppConfig):
    name = "tests.faults"
    label = "shifting"

    def ready(self) -> None:
        words = os.environ["CLOCK"]
        if words.startswith("at "):
            _travel(datetime.fromisoformat(words.removeprefix("at ")))
        elif words.startswith("step "):
            by = timedelta(seconds=float(words.removeprefix("step ")))
            timer = threading.Timer(STEP_AFTER, lambda: _travel(datetime.now(UTC) + by))  # noqa: TID251
            timer.daemon = True
            timer.start()
        else:
            _travel(datetime.now(UTC) + timedelta(seconds=float(words)))  # noqa: TID251


def _travel(to: datetime) -> None:
    time_machine.travel(to, tick=True).start()
