"""manage.py mllp_listen: take HL7 messages on MLLP_HOST and MLLP_PORT until told to stop.

Where MLLP_TLS_PORT is set, there too: for who has a certificate that was agreed.
"""

import asyncio
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from messaging import mllp, tls
from messaging.listener import Listener


class Command(BaseCommand):
    help = "Listens for HL7 messages over MLLP; stores each before it acknowledges it."
    requires_system_checks: list[str] = []  # those of web pages are not its business

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default=settings.MLLP_HOST)
        parser.add_argument("--port", type=int, default=settings.MLLP_PORT)
        parser.add_argument("--tls-port", type=int, default=settings.MLLP_TLS_PORT)
        parser.add_argument("--frame-seconds", type=float, default=mllp.FRAME_SECONDS)

    def handle(
        self, *, host: str, port: int, tls_port: int, frame_seconds: float, **_: Any
    ) -> None:
        listener = Listener(
            connections_per_peer=settings.MLLP_CONNECTIONS_PER_PEER, frame_seconds=frame_seconds
        )
        try:
            asyncio.run(self._listen(listener, host, port, tls_port))
        except tls.BadCertificate as failure:
            raise CommandError(f"MLLP_TLS_PORT is set. {failure}") from None
        except OSError as failure:
            words = (
                f"Cannot listen on {host}:{port} ({failure.strerror}). Set MLLP_PORT to another."
            )
            raise CommandError(words) from None

    async def _listen(self, listener: Listener, host: str, port: int, tls_port: int) -> None:
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await listener.serve(host, port, stop, tls_port=tls_port, tls_key=settings.MLLP_TLS_KEY)
