"""Is this process alive, and can the product do its work? For machines and for "All services"."""

import socket
from collections.abc import Callable
from dataclasses import dataclass

import redis
from django.conf import settings
from django.db import DatabaseError, connection


@dataclass(frozen=True)
class Part:
    """A part that the product stands on, whether it answers, and what fails without it."""

    name: str
    works: bool
    sentence: str
    needed: bool  # without it nothing can be done here; else the work waits and catches up


def parts() -> list[Part]:
    """Ask each, a second at most."""
    return [
        Part("database", database_answers(), "Everything is kept here.", needed=True),
        Part(
            "broker",
            broker_answers(),
            "Wakes the workers. While it is away they look for work every few seconds.",
            needed=False,
        ),
        Part(
            "HL7 listener",
            listener_answers(settings.MLLP_HOST, settings.MLLP_PORT),
            "Takes in results and patient details. While it is away, senders keep theirs.",
            needed=False,
        ),
    ]


def database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except DatabaseError:
        return False


def broker_answers() -> bool:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1, retry=None
    )
    return _did(client.ping, client.close)


def listener_answers(host: str, port: int) -> bool:
    """Whether somebody accepts connections there. Nothing is sent."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _did(ask: Callable[[], object], finish: Callable[[], object]) -> bool:
    try:
        return bool(ask())
    except redis.RedisError:
        return False
    finally:
        finish()
