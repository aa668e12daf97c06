"""Quarantined files are claimed, scanned, looked into in the sandbox, and put into their studies.

Where a virus scanner is set, nothing leaves quarantine that it has not called clean (hazard H48).

Whoever has the lease writes; a worker that died loses it, and the next one goes on. Nothing here
parses a file.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now
from django.db.transaction import atomic

from iep import scanner, storage
from iep.dicom.header import Header
from iep.models import ReceivedFile
from iep.sandbox import Answer, Sandbox
from iep.services.arrival import grouping
from iep.states.priorities import Priority
from iep.states.studies import FileState

LEASE = timedelta(seconds=120)
RENEW_AFTER = 30.0  # seconds
BATCH = 64  # files
MOST_ATTEMPTS = 5
MOST_BYTES = 4 * 1024**3  # of one file
RETRY_AFTER = timedelta(seconds=60)  # for one file that the scanner could not look into
NO_SCANNER, NOT_SCANNED = "no_scanner", "not_scanned"
WAITS_FOR_IT = "The virus scanner does not answer. It is tried again."
logger = logging.getLogger(__name__)

Read = list[tuple[ReceivedFile, Answer]]


def read_waiting(*, patience: float = 60.0) -> int:
    """Look into what waits, for about `patience` seconds, and settle what is whole.

    How many files were looked into. Safe in any number of processes at once, and when it is late.
    """
    until, count = time.monotonic() + patience, 0
    with Sandbox() as sandbox:
        while time.monotonic() < until and (files := _claim()):
            count += len(files)
            if not _look_into(sandbox, files):
                break
    grouping.settle_quiet()
    return count


def _claim() -> list[ReceivedFile]:
    """The most urgent that nobody has, discs last. A lease of the database's time says whose."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
    rows = ReceivedFile.objects.filter(free, state=FileState.QUARANTINED)
    with atomic():
        ids = list(
            rows.annotate(
                priority=Coalesce("transaction__priority", Priority.NORMAL.value),
                is_of_disc=Q(disc__isnull=False),
            )
            .order_by("priority", "is_of_disc", "received_at", "pk")
            .select_for_update(skip_locked=True, of=("self",))
            .values_list("pk", flat=True)[:BATCH]
        )
        ReceivedFile.objects.filter(pk__in=ids).update(
            lease_token=uuid4(), lease_until=Now() + LEASE, attempts=F("attempts") + 1
        )
    claimed = ReceivedFile.objects.select_related("disc__ticket", "transaction__ticket")
    by_id = claimed.in_bulk(ids)
    return [by_id[each] for each in ids]


def _look_into(sandbox: Sandbox, files: Sequence[ReceivedFile]) -> bool:
    """False when the machine cannot start a sandbox: the files wait, and lose nothing."""
    renewed, read = time.monotonic(), Read()
    for file in files:
        try:
            read.append((file, _answer(sandbox, file)))
        except scanner.NotScanned as refusal:
            _put_off(file, refusal.words)
        except (OSError, scanner.ScannerAway) as error:
            logger.warning("No file can be looked into: %s", type(error).__name__)
            _give_back(files, is_scanner=isinstance(error, scanner.ScannerAway))
            return False
        if time.monotonic() - renewed > RENEW_AFTER:
            renewed = time.monotonic()
            mine = ReceivedFile.objects.filter(lease_token=file.lease_token)
            mine.update(lease_until=Now() + LEASE)
    _write(read)
    return True


def _answer(sandbox: Sandbox, file: ReceivedFile) -> Answer:
    if file.attempts > MOST_ATTEMPTS and file.reason_code == NOT_SCANNED:
        return Answer(code=NOT_SCANNED, words=file.why)
    if file.attempts > MOST_ATTEMPTS:
        return Answer(code="attempts", words="Looking into the file was begun again and again.")
    if file.size > MOST_BYTES:
        return Answer(code="too_large", words="The file is larger than any that is taken here.")
    try:
        return _infected(file) or sandbox.read(storage.path_of(file.pk))
    except FileNotFoundError:
        return Answer(code="missing", words="The bytes of the file are not there.")


def _infected(file: ReceivedFile) -> Answer | None:
    """What the scanner found. Raises ScannerAway, NotScanned, OSError."""
    if not scanner.is_set():
        return None
    with storage.path_of(file.pk).open("rb") as content:
        found = scanner.scan(content)
    words = f"The virus scanner found {found} in it."
    return Answer(code="infected", words=words) if found else None


def _put_off(file: ReceivedFile, words: str) -> None:
    """It stays in quarantine and is tried again; after MOST_ATTEMPTS it is a person's."""
    why = f"The virus scanner cannot look into it: {words}."
    mine = ReceivedFile.objects.filter(pk=file.pk, lease_token=file.lease_token)
    mine.update(lease_token=None, lease_until=Now() + RETRY_AFTER, reason_code=NOT_SCANNED, why=why)


def _give_back(files: Sequence[ReceivedFile], *, is_scanner: bool = False) -> None:
    """To be tried again soon, and this does not count as an attempt."""
    said = {"reason_code": NO_SCANNER, "why": WAITS_FOR_IT} if is_scanner else {}
    mine = ReceivedFile.objects.filter(
        pk__in=[file.pk for file in files], lease_token=files[0].lease_token
    )
    mine.update(lease_until=None, lease_token=None, attempts=F("attempts") - 1, **said)


def _write(read: Read) -> None:
    groups: dict[grouping.Source, list[tuple[ReceivedFile, Header]]] = {}
    trusts: dict[tuple[object, object], int | None] = {}
    for file, answer in read:
        key = (file.disc_id, file.transaction_id)
        trust = trusts[key] if key in trusts else trusts.setdefault(key, grouping.trust_of(file))
        file.organisation_id = trust
        refusal = _refusal(file, answer, trust)
        if refusal is not None:
            _refuse(file, refusal)
        elif answer.header is not None and trust is not None:
            source = grouping.source_of(file, answer.header, trust)
            groups.setdefault(source, []).append((file, answer.header))
    for source, members in groups.items():
        grouping.place(source, members)


def _refusal(file: ReceivedFile, answer: Answer, trust: int | None) -> Answer | None:
    """Why it is not taken; None when it is."""
    if answer.header is None:
        return answer
    if trust is None:
        return Answer(code="no_trust", words="Nobody here is set up to receive images.")
    if file.sop_uid and file.sop_uid != answer.header.sop_uid:
        return Answer(code="uid_differs", words="It is not the image that the sender said it is.")
    if file.study_uid and file.study_uid != answer.header.study_uid:
        return Answer(code="other_study", words="It is not of the study that was asked for.")
    return None


def _refuse(file: ReceivedFile, answer: Answer) -> None:
    with atomic():
        mine = ReceivedFile.objects.filter(
            pk=file.pk, lease_token=file.lease_token, state=FileState.QUARANTINED
        )
        if mine.select_for_update().exists():
            grouping.refuse(file, answer.code, answer.words)
