"""Where the embedded servers' files live, and whom PostgreSQL runs as."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

Say = Callable[[str], None]
SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un.sun_path, less the closing zero: unix(7)
_OPEN_PLACES = ("/var/tmp", tempfile.gettempdir(), "/tmp")  # noqa: S108 - in folders of our own


class CannotStart(Exception):
    """A server did not come up; the text says why and what to do."""


def unprivileged() -> dict[str, Any]:
    """Popen options that leave root, which PostgreSQL refuses: root runs it as nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def give(path: Path, account: dict[str, Any]) -> None:
    """Hand a new, empty path to the account."""
    if account:
        os.chown(path, account["user"], account["group"])


def succeeds(argv: list[str], account: dict[str, Any]) -> bool:
    """Whether the account can run this. Trying it sees closed folders, ACLs and noexec mounts."""
    try:
        done = subprocess.run(argv, cwd="/", capture_output=True, check=False, **account)
    except OSError:
        return False
    return done.returncode == 0


def _can_reach(folder: Path, account: dict[str, Any]) -> bool:
    return not account or succeeds(["test", "-x", str(folder)], account)


class Home:
    """Where a server's files live: in the data folder, or elsewhere when they cannot.

    `elsewhere` is a link in the data folder to a folder of ours in an open place of the system.
    It exists only when PostgreSQL's account cannot reach the data folder or a socket's path there
    would be too long.
    """

    def __init__(self, data_dir: Path, *, account: dict[str, Any], say: Say) -> None:
        self.data_dir = data_dir.absolute()
        self.account = account
        self.say = say
        self.told: set[str] = set()
        self.data_dir.mkdir(parents=True, exist_ok=True)

    @property
    def link(self) -> Path:
        return self.data_dir / "elsewhere"

    def elsewhere(self, why: str) -> Path:
        """The open folder, made when first needed and found again by the link; says so, and why."""
        if not (self.link.is_dir() and self.link.stat().st_uid == os.geteuid()):
            self.link.unlink(missing_ok=True)
            self.link.symlink_to(self._make_elsewhere())
        if why not in self.told:
            self.told.add(why)
            self.say(f"{why}, so it is in {self.link.resolve()}")
        return self.link.resolve()

    def _make_elsewhere(self) -> Path:
        for place in dict.fromkeys(_OPEN_PLACES):
            if os.access(place, os.W_OK | os.X_OK) and _can_reach(Path(place), self.account):
                folder = Path(tempfile.mkdtemp(prefix="ordercomms-", dir=place))
                folder.chmod(0o711)
                return folder
        raise CannotStart(
            f"PostgreSQL does not run as root, and user nobody can reach neither {self.data_dir} "
            f"nor {', '.join(_OPEN_PLACES)}. Run as an ordinary user, or set DATABASE_URL."
        )

    def folder_for(self, name: str) -> Path:
        """Where the folder `name` is or shall be: PostgreSQL's account must reach it."""
        if _can_reach(self.data_dir, self.account):
            return self.data_dir / name
        why = f"PostgreSQL runs as user nobody, who cannot reach its data in {self.data_dir}"
        return self.elsewhere(why) / name

    def sockets(self, name: str, *, account: dict[str, Any], longest: str) -> Path:
        """A folder closed to all but the account, with a path short enough for a socket."""
        folder = self.folder_for(name) if account else self.data_dir / name
        if len(os.fsencode(folder / longest)) > SOCKET_PATH_LIMIT:
            folder = self.elsewhere(f"A socket's path under {self.data_dir} is too long") / name
        folder.mkdir(exist_ok=True)
        give(folder, account)
        folder.chmod(0o700)
        return folder

    def clear(self) -> None:
        """Remove the folder elsewhere, and the link; the caller removes the data folder."""
        if self.link.is_dir():
            shutil.rmtree(self.link.resolve())
        self.link.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    making = path.with_name(f"{path.name}.new")
    making.unlink(missing_ok=True)
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    making.replace(path)
