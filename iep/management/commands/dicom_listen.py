"""manage.py dicom_listen: take images on DICOM_HOST and DICOM_PORT until told to stop.

Where DICOM_TLS_PORT is set, there too: for nodes with a certificate. With DICOM_PROCESSES more than
one, so many processes share the ports; the kernel hands out the associations.
"""

import signal
import subprocess
import sys
import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from iep.dicom import serve
from iep.services.arrival.listening import House
from messaging import tls

log = structlog.get_logger(__name__)

AGAIN_SECONDS = 1.0  # before a process that ended is started again
END_SECONDS = 15.0


class Command(BaseCommand):
    help = "Listens for images over DICOM; keeps each before it answers that it has it."
    requires_system_checks: list[str] = []  # those of web pages are not its business

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.DICOM_HOST)
        parser.add_argument("--port", type=int, default=settings.DICOM_PORT)
        parser.add_argument("--tls-port", type=int, default=settings.DICOM_TLS_PORT)
        parser.add_argument("--processes", type=int, default=settings.DICOM_PROCESSES)

    def handle(self, *, host: str, port: int, tls_port: int, processes: int, **_: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda number, frame: stop.set())
        if processes > 1:
            words = ["--host", host, "--port", str(port), "--tls-port", str(tls_port)]
            _watch(processes, [*words, "--processes", "1"], stop)
        else:
            _serve(stop, host, port, tls_port)


def _serve(stop: threading.Event, host: str, port: int, tls_port: int) -> None:
    house = House()
    try:
        serve(
            house,
            stop,
            host=host,
            port=port,
            ae_title=settings.DICOM_AET,
            tls_port=tls_port,
            tls_key=settings.DICOM_TLS_KEY,
            most=settings.DICOM_ASSOCIATIONS,
            most_per_peer=settings.DICOM_ASSOCIATIONS_PER_PEER,
            most_bytes=settings.DICOM_MAX_OBJECT_BYTES,
        )
    except tls.BadCertificate as failure:
        raise CommandError(f"DICOM_TLS_PORT is set. {failure}") from None
    except OSError as failure:
        words = f"Cannot listen on {host}:{port} ({failure.strerror}). Set DICOM_PORT to another."
        raise CommandError(words) from None
    finally:
        house.directory.close()


def _watch(processes: int, words: list[str], stop: threading.Event) -> None:
    """So many listeners; one that ends is started again, and all end with this one."""
    children = [_start(words) for _ in range(processes)]
    while not stop.wait(AGAIN_SECONDS):
        for place, child in enumerate(children):
            if child.poll() is not None:
                log.warning("dicom_listener_ended", code=child.returncode)
                children[place] = _start(words)
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()


def _start(words: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, sys.argv[0], "dicom_listen", *words])  # noqa: S603 - ourselves
