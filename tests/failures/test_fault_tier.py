"""The small tier of `make faults`: the same rig and oracle, sizes for every change."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What names servers, databases and settings of this run of the tests: the rig has its own.
OURS = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "DJANGO_SETTINGS_MODULE", "TEST_DATABASE")


@pytest.mark.slow
@pytest.mark.hazard("H13")
@pytest.mark.hazard("H14")
@pytest.mark.hazard("H18")
@pytest.mark.hazard("H20")
def test_every_promise_is_kept_under_kills_crashes_and_bad_answers():
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    words = [sys.executable, "-m", "tests.faults", "--size", "small", "--only", "F1,F2,F7"]
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, check=False, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "3 faults, every promise was kept." in done.stdout
