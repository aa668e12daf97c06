"""Files that the sandbox has read become studies: one per organisation, study UID and source.

A study of two people is stopped (hazard H41); an instance that comes twice is dropped where both
are the same, and refused where they are not; a study is whole when everything that was announced
is here, or, where nothing was announced, when nothing more has come for a while (hazard H40).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.db.transaction import atomic, on_commit
from django.utils import timezone

from accounts.policies import SYSTEM
from iep import storage
from iep.dicom.header import Header, day
from iep.models import Node, ReceivedFile, Study, Transfer
from iep.queries.exchange.gateway import expected_of
from iep.services.exchange import outcomes
from iep.services.moving import locked, move, write_event
from iep.states.priorities import Priority
from iep.states.studies import (
    QUIET_FOR,
    REFUSED,
    REFUSED_BLUE_LIGHT,
    WAITS,
    FileState,
    Origin,
    StudyEvent,
    StudyState,
)

OPEN = (StudyState.ARRIVING, StudyState.FAILED_VERIFICATION, StudyState.STOPPED)
OUT = (StudyState.OUTGOING, StudyState.STOPPED)
DONE = (StudyState.MATCHED, StudyState.FILED)  # the same image again is one too many
DECIDED = (*DONE, StudyState.TAKEN_OUT)  # of these a person said whose they are
COMING = (StudyState.ARRIVING.value, StudyState.OUTGOING.value)
ITEMS = {"name": "name", "birth_date": "date of birth", "sex": "sex", "patient_id": "patient ID"}
MORE_CAME = "More images came under this study’s identifier, and they name somebody else."
TWICE = "It came twice, and both are the same."
CONFLICT = "Another image has come under the same identifier, and it is not the same."


@dataclass(frozen=True)
class Source:
    """What makes a study one study: whose it is, which it is, and whence."""

    organisation_id: int
    study_uid: str
    origin: str
    node_id: int | None
    transaction_id: UUID | None
    disc_id: UUID | None

    @property
    def rows(self) -> QuerySet[Study]:
        rows = Study.objects.filter(
            organisation=self.organisation_id, study_uid=self.study_uid, origin=self.origin,
            node=self.node_id, disc=self.disc_id,
        )  # fmt: skip
        # What a peer sends goes on with whatever is open of it; what was asked for is its own.
        return rows.filter(transaction=self.transaction_id) if self.transaction_id else rows


def trust_of(file: ReceivedFile) -> int | None:
    """For whom it came: the ticket's or transaction's trust, else the one whose PACS is here."""
    if file.disc is not None:
        return file.disc.ticket.organisation_id
    if file.transaction is not None:
        return file.transaction.organisation_id
    ours = Node.objects.filter(is_our_pacs=True, institution__organisation__isnull=False)
    trusts = set(ours.values_list("institution__organisation", flat=True)[:2])
    return trusts.pop() if len(trusts) == 1 else None


def source_of(file: ReceivedFile, header: Header, organisation_id: int) -> Source:
    return Source(
        organisation_id, header.study_uid, file.origin, file.node_id, file.transaction_id,
        file.disc_id,
    )  # fmt: skip


def place(source: Source, read: Sequence[tuple[ReceivedFile, Header]]) -> None:
    """Put files of one source into its study. Commits; the files must still be the caller's."""
    with atomic():
        _one_at_a_time(source)
        study, finished = _study_for(source, *read[0])
        token = read[0][0].lease_token
        held = ReceivedFile.objects.filter(
            pk__in=[file.pk for file, _ in read], lease_token=token, state=FileState.QUARANTINED
        ).select_for_update()
        ours = set(held.values_list("pk", flat=True))
        mine = [(file, header) for file, header in read if file.pk in ours]
        kept = _sort_out(study, finished, mine)
        if not kept:
            if not study.received:
                _forget(study)
            return
        _add(study, kept)


def _one_at_a_time(source: Source) -> None:
    """Two workers must not make two studies of one: a lock until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 41))", [repr(source)])


def _study_for(source: Source, file: ReceivedFile, header: Header) -> tuple[Study, Study | None]:
    """The study that is open, or a new one; and the one that was finished before, if any."""
    states = OUT if source.origin == Origin.PACS else OPEN
    found = source.rows.filter(state__in=list(states)).order_by("-state_since").first()
    finished = source.rows.filter(state__in=list(DONE)).order_by("-state_since").first()
    if found is not None:
        found = locked(found)
        if found.state in states:
            return found, finished
    return _new_study(source, file, header), finished


def _new_study(source: Source, file: ReceivedFile, header: Header) -> Study:
    state = StudyState.OUTGOING if source.origin == Origin.PACS else StudyState.ARRIVING
    now = timezone.now()
    ticket = (
        file.disc.ticket if file.disc else file.transaction.ticket if file.transaction else None
    )
    study = Study(
        study_uid=source.study_uid, organisation_id=source.organisation_id, origin=source.origin,
        node_id=source.node_id, transaction_id=source.transaction_id, disc_id=source.disc_id,
        ticket=ticket, state=state.value, state_since=now, due_at=now + WAITS[state].limit,
        header_name=header.name, header_birth_date=day(header.birth_date), header_sex=header.sex,
        header_patient_id=header.patient_id, header_issuer=header.issuer,
        header_nhs_number=header.nhs_number, accession=header.accession,
        description=header.study_description, code=header.code, body_part=header.body_part,
        acquired_on=header.acquired_on, acquired_time=header.study_time,
        utc_offset=header.utc_offset, institution_name=header.institution,
    )  # fmt: skip
    study.save(force_insert=True)
    return study


def _forget(study: Study) -> None:
    """Nothing of it was kept, so it never began."""
    if not study.files.exists() and not study.events.exists():
        study.delete()


def _sort_out(
    study: Study, finished: Study | None, read: Iterable[tuple[ReceivedFile, Header]]
) -> list[tuple[ReceivedFile, Header]]:
    """Those to keep. The same again is dropped, another under the same identifier refused."""
    read = list(read)
    here = ReceivedFile.objects.filter(
        study__in=[each for each in (study, finished) if each is not None],
        state=FileState.KEPT, sop_uid__in=[header.sop_uid for _, header in read],
    )  # fmt: skip
    known = dict(here.values_list("sop_uid", "sha256"))
    kept = []
    for file, header in read:
        if header.sop_uid not in known:
            known[header.sop_uid] = file.sha256
            kept.append((file, header))
            continue
        fill(file, header, study.organisation_id)
        if known[header.sop_uid] == file.sha256:
            drop(file, TWICE)
        else:
            file.study = study
            refuse(file, "conflict", CONFLICT)
    return kept


def fill(file: ReceivedFile, header: Header, organisation_id: int | None) -> None:
    """What the sandbox read, onto the row (not saved)."""
    for name in ("study_uid", "series_uid", "sop_uid", "sop_class", "transfer_syntax", "modality",
                 "series_number", "series_description", "instance_number", "frames", "rows",
                 "columns"):  # fmt: skip
        setattr(file, name, getattr(header, name))
    file.header = header.identity
    file.organisation_id = organisation_id


def drop(file: ReceivedFile, why: str) -> None:
    """Its bytes go; the row stays to say why."""
    _end(file, FileState.DISCARDED, why=why)
    on_commit(lambda: storage.discard(file.pk))


def refuse(file: ReceivedFile, code: str, words: str) -> None:
    """Not taken, and its bytes are kept for a person."""
    _end(file, FileState.REFUSED, why=words, code=code, due_at=_until(file))


def _until(file: ReceivedFile) -> datetime:
    """By when a person must have looked: sooner where the images are of a Blue Light."""
    carried = Transfer.objects.filter(pk=file.transfer_id or 0)
    priorities = {*carried.values_list("priority", flat=True)}
    priorities |= {file.transaction.priority} if file.transaction is not None else set()
    is_blue = Priority.BLUE_LIGHT in priorities
    return timezone.now() + (REFUSED_BLUE_LIGHT if is_blue else REFUSED).limit


def _end(
    file: ReceivedFile, state: FileState, *, why: str = "", code: str = "",
    due_at: datetime | None = None,
) -> None:  # fmt: skip
    file.state, file.why, file.reason_code = state.value, why[:300], code[:30]
    file.lease_token = file.lease_until = None
    file.due_at = due_at
    file.save()


def _add(study: Study, kept: Sequence[tuple[ReceivedFile, Header]]) -> None:
    first = study.received == 0
    known = _identities(study)
    for file, header in kept:
        file.study = study
        fill(file, header, study.organisation_id)
        _end(file, FileState.KEPT)
    _count(study, kept, timezone.now())
    if first:
        write_event(study, StudyEvent.STARTED, "", by=SYSTEM)
    _begin_again(study)
    _judge(study, known, [header.identity for _, header in kept])
    _judge_finished(study)
    settle(study)


def _identities(study: Study) -> list[dict[str, Any]]:
    """Every identity that the study's images have had so far: one, unless it was stopped."""
    files = study.files.filter(state=FileState.KEPT)
    if study.events.filter(event=StudyEvent.DIFFERED.value).exists():
        return list(files.order_by().values_list("header", flat=True).distinct())
    return list(files.order_by().values_list("header", flat=True)[:1])


def _count(study: Study, kept: Sequence[tuple[ReceivedFile, Header]], now: datetime) -> None:
    study.received += len(kept)
    study.last_file_at = now
    study.modalities = sorted({*study.modalities, *(header.modality for _, header in kept)} - {""})
    expected = _announced(kept[-1][0])
    study.expected = expected or study.expected
    study.save()


def _announced(file: ReceivedFile) -> int | None:
    """How many the transfer that brought it is to bring, or their gateway's manifest names."""
    transfers = Transfer.objects.filter(pk=file.transfer_id or 0)
    images = transfers.values_list("images", flat=True).first()
    if not images and file.origin == Origin.GATEWAY and file.transaction is not None:
        return expected_of(file.transaction, file.study_uid)
    return images or None


def _begin_again(study: Study) -> None:
    if study.state == StudyState.FAILED_VERIFICATION:
        move(study, StudyEvent.STARTED, by=SYSTEM, words="More of it came.", whole_at=None)
    elif study.whole_at is not None:
        study.whole_at = None
        study.save(update_fields=["whole_at"])


def differing(identities: Sequence[dict[str, Any]]) -> list[str]:
    """Which items are not the same in all of them, in words; an NHS number only where two are."""
    found = [
        words for name, words in ITEMS.items() if len({each.get(name) for each in identities}) > 1
    ]
    numbers = {each.get("nhs_number") for each in identities} - {"", None}
    return [*found, "NHS number"] if len(numbers) > 1 else found


def _judge(study: Study, known: list[dict[str, Any]], came: list[dict[str, Any]]) -> None:
    """Stop it where an image names somebody that no image named before (hazard H41)."""
    unknown = [each for each in came if each not in known]
    items = differing([*known, *unknown]) if unknown else []
    if items:
        stop(study, f"Its images differ in {listed(items)}.")


def _judge_finished(study: Study) -> None:
    """A study of the same identifier that a person has matched, and this one names another."""
    rows = Study.objects.filter(
        study_uid=study.study_uid, organisation=study.organisation_id, origin=study.origin,
        node=study.node_id, disc=study.disc_id, state__in=list(DECIDED),
    )  # fmt: skip
    for before in rows.exclude(pk=study.pk):
        items = differing([*_identities(before), *_identities(study)])
        if not items:
            continue
        stop(study, f"It differs in {listed(items)} from a study of the same identifier.")
        before = locked(before)
        if before.state in (StudyState.MATCHED, StudyState.TAKEN_OUT):
            move(before, StudyEvent.DIFFERED, by=SYSTEM, words=MORE_CAME, why=MORE_CAME)
        elif not before.events.filter(words=MORE_CAME).exists():
            move(before, StudyEvent.NOTED, by=SYSTEM, words=MORE_CAME)


def stop(study: Study, why: str) -> None:
    """A person's. The words say what differs and never the values."""
    if study.state != StudyState.STOPPED or study.why != why:
        move(study, StudyEvent.DIFFERED, by=SYSTEM, words=why, why=why)


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def settle(study: Study) -> None:
    """It is whole once everything is here that was announced."""
    if study.state in COMING and study.expected and study.received >= study.expected:
        whole(study)


def whole(study: Study, words: str = "") -> None:
    """Everything of it is here, as far as anybody can know. The study is locked."""
    words = words or f"{study.received} images."
    if study.state == StudyState.ARRIVING:
        move(study, StudyEvent.ARRIVED, by=SYSTEM, words=words, whole_at=timezone.now())
    else:
        move(study, StudyEvent.NOTED, by=SYSTEM, words=words, whole_at=timezone.now())
    outcomes.study_arrived(study)


def settle_quiet() -> int:
    """Studies of which nothing was announced, and nothing more has come. How many are whole now."""
    quiet = Q(expected__isnull=True, last_file_at__lt=Now() - QUIET_FOR)
    rows = Study.objects.filter(whole_at__isnull=True, state__in=COMING, received__gt=0)
    rows = rows.filter(quiet & ~Q(origin=Origin.DISC.value) | Q(expected__lte=F("received")))
    settled = 0
    for study in rows.order_by("last_file_at")[:200]:
        settled += _settle_quiet(study, rows)
    return settled


def _settle_quiet(study: Study, rows: QuerySet[Study]) -> bool:
    with atomic():
        study = locked(study)
        waits = ReceivedFile.objects.filter(
            state=FileState.QUARANTINED, node=study.node_id, transaction=study.transaction_id
        )
        if waits.exists() or not rows.filter(pk=study.pk).exists():
            return False
        whole(study)
        return True
