"""`make run` refuses plainly what it cannot do, and `make reset` what it must not."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import parts
from demo.run import only_one

ROOT = Path(__file__).resolve().parents[2]


def demo_run(data_dir: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo.run", *words],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(data_dir), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server((parts.HERE, 0)) as listener:
        yield str(listener.getsockname()[1])


@pytest.mark.parametrize("port", parts.PORTS, ids=lambda port: port.variable)
def test_a_taken_port_is_named_with_the_variable_that_changes_it(
    tmp_path: Path, taken: str, port: parts.Port
) -> None:
    done = demo_run(tmp_path, **{port.variable: taken})
    assert done.returncode == 1
    assert f"Port {taken} is taken" in done.stderr
    assert f"make run {port.variable}=" in done.stderr
    assert not (tmp_path / "postgres").exists()


@pytest.mark.parametrize("given", ["abc", "0", "70000", ""])
def test_what_is_no_port_is_named(tmp_path: Path, given: str) -> None:
    done = demo_run(tmp_path, MLLP_PORT=given)
    assert done.returncode == 1
    assert f"MLLP_PORT={given} is not the number of a port" in done.stderr


def test_two_at_once_on_one_data_folder_are_refused(tmp_path: Path) -> None:
    with only_one(tmp_path):
        done = demo_run(tmp_path)
    assert done.returncode == 1
    assert f"running already (process {os.getpid()})" in done.stderr


def test_reset_is_refused_while_the_demo_runs(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    with only_one(tmp_path):
        done = demo_run(tmp_path, "--reset")
    assert done.returncode == 1
    assert "Ctrl-C" in done.stderr
    assert (tmp_path / "postgres").exists()


def test_reset_empties_the_data_folder(tmp_path: Path) -> None:
    elsewhere = tmp_path / "open" / "ordercomms-x"
    elsewhere.mkdir(parents=True)
    data_dir = tmp_path / "var"
    with only_one(data_dir):
        (data_dir / "postgres").mkdir()
        (data_dir / "demo-password").write_text("secret")
        (data_dir / "elsewhere").symlink_to(elsewhere)
    done = demo_run(data_dir, "--reset")
    assert done.returncode == 0, done.stderr
    assert list(data_dir.iterdir()) == []
    assert not elsewhere.exists()


def test_reset_leaves_a_folder_alone_that_is_not_the_demos(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    done = demo_run(tmp_path, "--reset")
    assert done.returncode == 0
    assert (tmp_path / "thesis.txt").exists()
