"""What `make run` starts: one list of processes and one of ports, for the supervisor and tests."""

import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from demo.embedded import CannotStart
from demo.processes import Child

ROOT = Path(__file__).resolve().parent.parent
HERE = "127.0.0.1"
INBOX_PROCESSES = 2  # results are filed by as many as there are: one Python uses one core
MOST_WEB_PROCESSES = 4  # on one person's machine; each takes 90 MB
QUEUES = ("hl7_in", "hl7_out", "mail", "timers", "images", "lanes_out", "lanes_in")


@dataclass(frozen=True)
class Port:
    """A port, the variable that changes it, and who listens there."""

    variable: str
    default: int
    whose: str

    @property
    def number(self) -> int:
        given = os.environ.get(self.variable, str(self.default))
        if not (given.isdecimal() and 0 < int(given) < 65536):
            raise CannotStart(f"{self.variable}={given} is not the number of a port.")
        return int(given)

    def is_taken(self) -> bool:
        with socket.socket() as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                door.bind((HERE, self.number))
            except OSError:
                return True
            return False


WEB = Port("PORT", 8000, "the web pages")
MLLP = Port("MLLP_PORT", 2575, "HL7 coming in")
HOSPITAL = Port("HOSPITAL_PORT", 8001, "the stand-in hospital's page")
HOSPITAL_MLLP = Port("HOSPITAL_MLLP_PORT", 2576, "HL7 to the stand-in hospital")
MAIL = Port("MAIL_PORT", 8025, "mail to the stand-in hospital")
DICOM = Port("DICOM_PORT", 11112, "images coming in")
HOSPITAL_DICOM = Port("HOSPITAL_DICOM_PORT", 11113, "images to the stand-in hospital")
PORTS = (WEB, MLLP, HOSPITAL, HOSPITAL_MLLP, MAIL, DICOM, HOSPITAL_DICOM)


def environment(
    data_dir: Path, *, database_url: str, redis_url: str, password: str
) -> dict[str, str]:
    """What every process of the demo, and a `manage.py` typed by hand beside it, is told."""
    ports = {port.variable: str(port.number) for port in PORTS}
    email_url = f"smtp://{HERE}:{MAIL.number}?tls=none"
    return ports | {
        "EMAIL_URL": os.environ.get("EMAIL_URL", email_url),
        "BOUNCES_URL": os.environ.get("BOUNCES_URL", f"maildir://{data_dir.resolve()}/bounces"),
        "DEBUG": "1",
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DEMO_PASSWORD": password,
    }


def children(data_dir: Path, env: dict[str, str]) -> list[Child]:
    """The product's processes, the stand-in hospital and its archive of images."""
    full = {**os.environ, **env, "PYTHONUNBUFFERED": "1"}
    logs = data_dir / "logs"

    def python(name: str, *words: str, orphaned: signal.Signals | None = None) -> Child:
        argv = [sys.executable, *words]
        log = logs / f"{name}.log"
        return Child(name, argv, log=log, env=full, cwd=ROOT, orphaned_signal=orphaned)

    # A worker whose parent was killed has no broker left to say goodbye to: it ends at once.
    workers = [
        python(f"worker-{name}", *words, orphaned=signal.SIGKILL)
        for name, words in worker_commands().items()
    ]
    return [
        python("web", *_web()),
        *workers,
        python("beat", *_beat(data_dir), orphaned=signal.SIGKILL),
        python("listener", "manage.py", "mllp_listen"),
        python("dicom", "manage.py", "dicom_listen"),
        python("hospital", "-m", "demo.hospital"),
        python("pacs", "-m", "demo.pacs"),
    ]


def _web() -> list[str]:
    """granian: a process per core, one thread each. An access log would hold query strings."""
    workers = str(min(os.cpu_count() or 1, MOST_WEB_PROCESSES))
    words = ["-m", "granian", "--interface", "wsgi", "--no-access-log", "--workers", workers]
    words += ["--blocking-threads", "1", "--host", HERE, "--port", str(WEB.number)]
    return [*words, "--respawn-failed-workers", "ordercomms.wsgi:application"]


def worker_commands() -> dict[str, list[str]]:
    """The workers by name: one for each queue, and the inbox's further ones."""
    more = {f"hl7_in-{number}": "hl7_in" for number in range(2, INBOX_PROCESSES + 1)}
    queues = {queue: queue for queue in QUEUES} | more
    return {name: _worker(queue, name) for name, queue in queues.items()}


def _worker(queue: str, name: str) -> list[str]:
    """Threads, since the work waits for sockets and the database; no chat between workers."""
    words = ["-m", "celery", "-A", "ordercomms", "worker", "--queues", queue]
    words += ["--pool", "threads", "--concurrency", "2", "--hostname", f"{name}@demo"]
    return [*words, "--without-gossip", "--without-mingle", "--loglevel", "INFO"]


def _beat(data_dir: Path) -> list[str]:
    schedule = str(data_dir / "beat-schedule")
    return ["-m", "celery", "-A", "ordercomms", "beat", "--schedule", schedule, "--pidfile="]
