"""The ground itself: what conftest.py does to a run that breaks a rule."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CAUGHT = "tests/ground/caught.py"


def run(*tests: str, **env: str) -> tuple[int, str]:
    """The exit code and output of one run on these tests, on this run's servers."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    chosen = [f"{CAUGHT}::{test}" for test in tests]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *chosen, "-p", "no:randomly", "-rs"],
        cwd=ROOT, env=clean | {"STRICT_SKIPS": "0"} | env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_a_test_that_logs_an_identifier_fails() -> None:
    code, said = run("test_that_logs_an_identifier")
    assert code == 1
    assert "An NHS number was logged by tests.caught" in said


def test_a_skip_says_why() -> None:
    code, said = run("test_that_is_skipped")
    assert code == 0
    assert "the program is not here" in said


def test_a_skip_is_a_failure_where_nothing_may_be_skipped() -> None:
    code, said = run("test_that_is_skipped", STRICT_SKIPS="1")
    assert code == 1
    assert "STRICT_SKIPS=1 and this was skipped" in said
    assert "1 failed" in said


def test_strictness_touches_nothing_else_and_the_head_names_what_was_looked_for() -> None:
    code, said = run("test_that_is_expected_to_fail", "test_that_is_good", STRICT_SKIPS="1")
    assert code == 0
    assert "1 passed, 1 xfailed" in said
    for name in ("Chromium", "DCMTK", "Orthanc", "Compose"):
        assert f"\n{name}: " in said
