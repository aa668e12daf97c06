"""Uploaded discs are gone through by a worker, file by file, into quarantine.

A lease says whose a disc is, and how far it is stands in its row. The next worker goes on there;
the few files that come twice after a death are dropped (services.arrival.grouping).
"""

from __future__ import annotations

import errno
import logging
import time
import zipfile
import zlib
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from typing import IO
from uuid import uuid4

from django.db.models import F, Q
from django.db.models.functions import Now
from django.db.transaction import atomic

from accounts.policies import SYSTEM
from iep import media, storage
from iep.models import Disc
from iep.services.arrival import arrivals
from iep.services.moving import locked, move
from iep.states.discs import DiscEvent, DiscState
from iep.states.priorities import Priority
from iep.states.studies import Origin

LEASE = timedelta(seconds=120)
RETRY_AFTER = timedelta(seconds=60)  # for a disc that there is no room for
SAID_EVERY = 1.0  # seconds between two words of progress
MOST_ATTEMPTS = 5
CHUNK = 256 * 1024
NOT_DICOM = "It is not a DICOM file."
ARCHIVE = "It is an archive inside the archive, which is not opened."
DAMAGED = "It is damaged, and cannot be unpacked."
TOO_LARGE = "It is larger than it says."
NO_ROOM = "There is no room on the server now. It goes on by itself when there is."
logger = logging.getLogger(__name__)
Broken = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError)


class _Lost(Exception):
    """Another worker has the disc now."""


class _NoRoom(Exception):
    """The next file has no room beside what is kept for blue light."""


def unpack_waiting(*, patience: float = 60.0) -> None:
    """Go through uploaded discs that nobody has, for about so many seconds; the rest waits."""
    until = time.monotonic() + patience
    while time.monotonic() < until and (disc := _claim()) is not None:
        try:
            _unpack(disc, until)
        except media.Unreadable as refusal:
            unreadable(disc, refusal.sentence)
        except _Lost:
            continue
        except _NoRoom:
            _wait_for_room(disc)
        except OSError as error:  # the disk: the lease runs out, and it is tried again
            logger.warning("A disc cannot be unpacked now: %s", type(error).__name__)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                _wait_for_room(disc)
            break


def _claim() -> Disc | None:
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
    rows = Disc.objects.filter(
        free, state=DiscState.READING.value, upload_id__isnull=False, unpacked_at__isnull=True
    )
    with atomic():
        disc = (
            rows.order_by("-is_urgent", "uploaded_at").select_for_update(skip_locked=True).first()
        )
        if disc is None:
            return None
        Disc.objects.filter(pk=disc.pk).update(
            lease_token=uuid4(), lease_until=Now() + LEASE, attempts=F("attempts") + 1
        )
    return Disc.objects.select_related("ticket").get(pk=disc.pk)


def _unpack(disc: Disc, until: float) -> None:
    """On from where it was left; to the end, or until it is another's turn."""
    if disc.upload_id is None:
        return
    if disc.attempts > MOST_ATTEMPTS:
        raise media.Unreadable("attempts", "Reading it was begun again and again. Upload it again.")
    left_out, done = Counter[str](disc.left_out), disc.files_done
    with ExitStack() as stack:
        entries = media.entries_of(media.spool(disc.upload_id), stack)
        _say(disc, left_out, files_found=len(entries))
        said = time.monotonic()
        for entry in entries[disc.files_done :]:
            if not entry.why and not _has_room(disc, entry):
                _say(disc, left_out, files_done=done)
                raise _NoRoom
            why = entry.why or _take(disc, entry)
            left_out.update([why] if why else [])
            done, now = done + 1, time.monotonic()
            if now > until:
                break
            if now - said > SAID_EVERY:
                said = now
                _say(disc, left_out, files_done=done)
    if done < len(entries):
        _say(disc, left_out, files_done=done, attempts=F("attempts") - 1)
        Disc.objects.filter(pk=disc.pk, lease_token=disc.lease_token).update(lease_until=None)
        return
    _say(disc, left_out, files_done=done, unpacked_at=Now())
    media.forget(disc.upload_id)


def _say(disc: Disc, left_out: Counter[str], **facts: object) -> None:
    """How far it is, that nothing holds it up, and that it is still ours. Raises _Lost."""
    mine = Disc.objects.filter(pk=disc.pk, lease_token=disc.lease_token)
    if not mine.update(lease_until=Now() + LEASE, left_out=dict(left_out), why="", **facts):
        raise _Lost


def _has_room(disc: Disc, entry: media.Entry) -> bool:
    is_blue = disc.ticket.priority == Priority.BLUE_LIGHT
    return storage.room(for_blue_light=is_blue, size=entry.size)


def _wait_for_room(disc: Disc) -> None:
    """It is tried again, however often that takes, and goes on where it was; others have a turn."""
    mine = Disc.objects.filter(pk=disc.pk, lease_token=disc.lease_token)
    mine.update(lease_until=Now() + RETRY_AFTER, attempts=F("attempts") - 1, why=NO_ROOM)


def _take(disc: Disc, entry: media.Entry) -> str:
    """Into quarantine; or why it is left out."""
    try:
        with entry.open() as stream:
            head = stream.read(storage.PREAMBLE + 4)
            if head[storage.PREAMBLE :] != b"DICM":
                return ARCHIVE if head.startswith(b"PK\x03\x04") else NOT_DICOM
            return _keep(disc, entry, head, stream)
    except Broken:
        return DAMAGED


def _keep(disc: Disc, entry: media.Entry, head: bytes, stream: IO[bytes]) -> str:
    written = storage.writer()
    try:
        written.write(head)
        while chunk := stream.read(CHUNK):
            written.write(chunk)
            if written.size > entry.size:
                return TOO_LARGE
        arrivals.receive(written, origin=Origin.DISC, disc=disc)
    finally:
        written.drop()
    return ""


def unreadable(disc: Disc, why: str) -> None:
    """Nothing of it can be used: a person's."""
    with atomic():
        disc = locked(disc)
        if disc.state != DiscState.READING:
            return
        upload_id = disc.upload_id
        move(
            disc, DiscEvent.UNREADABLE, by=SYSTEM, words=why, why=why,
            upload_id=None, lease_token=None, lease_until=None,
        )  # fmt: skip
    if upload_id is not None:
        media.forget(upload_id)
