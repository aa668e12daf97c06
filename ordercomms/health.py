"""Is this process alive, and can the product do its work? For machines and for "All services"."""

import socket
from collections.abc import Callable
from dataclasses import dataclass

import redis
from django.conf import settings
from django.db import DatabaseError, connection

from iep import scanner
from iep.queries.lanes.state import lanes_away
from messaging.queries.mails import mail_health
from requesting.queries.checks import checks_in_force


@dataclass(frozen=True)
class Part:
    """A part that the product stands on, whether it answers, and what fails without it."""

    name: str
    works: bool
    sentence: str
    needed: bool  # without it nothing can be done here; else the work waits and catches up
    is_off: bool = False  # on purpose: nobody has set it up here

    @property
    def word(self) -> str:
        """For machines."""
        return "off" if self.is_off else "ok" if self.works else "away"


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
        Part(
            "DICOM listener",
            listener_answers(settings.DICOM_HOST, settings.DICOM_PORT),
            "Takes in images. While it is away, other hospitals keep theirs.",
            needed=False,
        ),
        _lanes(),
        _scanner(),
        _mail(),
    ]


def checks() -> list[Part]:
    """What is checked while a request is written. It needs the database and its rules alone."""
    found = checks_in_force()
    sound = not found.unreadable
    return [
        _check("duplicate checks", found.duplicates, sound, "earlier and open requests"),
        _check("appropriateness checks", found.appropriateness, sound, "the test and the patient"),
    ]


def _check(name: str, rules: int, sound: bool, against: str) -> Part:
    count = f"{rules} rule{'' if rules == 1 else 's'}"
    if rules and sound:
        words = f"Each test is compared with {against} as it is chosen: {count} in force."
        return Part(name, works=True, sentence=words, needed=False)
    words = f"Not running ({count} in force). Compare each test with {against} yourself."
    return Part(name, works=False, sentence=words, needed=False)


def _lanes() -> Part:
    """Each lane says every second that it is there: one question to the database."""
    words = "Carry images in and out. While they are away everything waits in its queue."
    try:
        missing = lanes_away()
    except DatabaseError:
        missing = ["all"]
    if missing:
        words = f"{words} Not running: {', '.join(missing)}."
    return Part("image lanes", not missing, words, needed=False)


def _scanner() -> Part:
    """The virus scanner: asked, where there is one."""
    if not scanner.is_set():
        words = "None is set: images and reports from elsewhere are taken without its word."
        return Part("virus scanner", works=True, sentence=words, needed=False, is_off=True)
    words = "Looks into images and reports from elsewhere. While it is away, they wait."
    return Part("virus scanner", scanner.answers(), words, needed=False)


def _mail() -> Part:
    """The mail server by its last answers: asking it costs a conversation."""
    if settings.EMAIL_SERVER is None:
        words = "Switched off: no mail server is set. What it would tell is on the lists."
        return Part("e-mail", works=True, sentence=words, needed=False, is_off=True)
    words = "Tells places what waits for them. It closes nothing: the lists have it all the same."
    try:
        works = mail_health().tag == "working"
    except DatabaseError:
        works = False
    return Part("e-mail", works, words, needed=False)


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
