"""Discs: opened with their ticket, labelled, dropped off, collected, read in, handed back.

The sources' rules (guideline B35/2018, appendices 5 and 6): the call reference stands on disc and
envelope, the form is in the envelope, the first four columns of the chart are complete; whatever is
not labelled or incomplete stays in the box. Collections are on Wednesdays.
"""

from __future__ import annotations

import time
import unicodedata
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.db.transaction import atomic
from django.utils import timezone

from accounts.models import Site
from accounts.policies import SYSTEM, Acting
from iep import hours, media, policies
from iep.dicom.header import day
from iep.errors import NoSuchMove, NotAccepted
from iep.models import Disc, ReceivedFile, Study, Ticket
from iep.services.arrival import grouping, unpacking
from iep.services.moving import locked, move, write_event
from iep.states.discs import AT_DESK, UPLOADABLE, WAITS, DiscEvent, DiscState
from iep.states.studies import FileState, StudyEvent, StudyState
from iep.states.tickets import TicketEvent, TicketKind, TicketState

WEDNESDAY = 2
NOT_LABELLED = "Not labelled, so left in the box."
INCOMPLETE = "Its form or the chart is incomplete, so it was left in the box."
TWO_PEOPLE = "The disc has images of more than one patient: they differ in {}."
SOMEBODY_ELSE = "The disc has not the ticket’s patient: {} differs."
SPOOL_KEPT = 24 * 3600.0  # seconds, for an upload that no disc knows of


# --- From the ticket to the box -------------------------------------------------------------------


def open_discs(ticket: Ticket, *, by: Acting) -> list[Disc]:
    """A row for each disc of a disc ticket; once, however often it is called."""
    if ticket.kind != TicketKind.DISC:
        return []
    now = timezone.now()
    with atomic():
        for number in range(1, (ticket.discs or 1) + 1):
            due = now + WAITS[DiscState.EXPECTED].limit
            disc, is_new = Disc.objects.get_or_create(
                ticket=ticket, number=number, defaults={"state_since": now, "due_at": due}
            )
            if is_new:
                write_event(disc, DiscEvent.EXPECTED, "", by=by)
        return list(ticket.disc_set.all())


def next_collection(after: date) -> date:
    """The next Wednesday on which the desk works, that day included."""
    day = after + timedelta(days=(WEDNESDAY - after.weekday()) % 7)
    while hours.holiday(day):
        day += timedelta(days=7)
    return day


def drop_off(
    disc: Disc,
    *,
    site: Site,
    dropped_by: str,
    labelled: bool,
    form_enclosed: bool,
    by: Acting,
) -> Disc:
    """A line on the chart of that site. What is not labelled or incomplete is left in the box.

    Raises NotAccepted: who (nobody is named), site (it is not the trust's); NoSuchMove.
    """
    if not dropped_by.strip():
        raise NotAccepted("who", "Enter the name of who drops the disc off.")
    with atomic():
        disc = _to_work_on(disc, by, requester_too=True)
        if site.department.parent_id != disc.ticket.organisation_id:
            raise NotAccepted("site", "Choose a radiology reception of this trust.")
        disc = move(
            disc, DiscEvent.DROPPED, by=by, words=f"{site.name}: {dropped_by.strip()}"[:300],
            site=site, dropped_by=dropped_by.strip()[:150], dropped_at=timezone.now(), why="",
            labelled=labelled, form_enclosed=form_enclosed,
            collect_on=next_collection(timezone.localdate()),
        )  # fmt: skip
        if not (labelled and form_enclosed):
            return _leave(disc, NOT_LABELLED if not labelled else INCOMPLETE, by)
        _tell_ticket(disc, TicketEvent.REQUESTED, f"Disc {disc.number} is in the box.", by)
    return disc


def leave(disc: Disc, *, labelled: bool, by: Acting) -> Disc:
    """Who collects leaves it in the box: not labelled, or incomplete. The requester is told."""
    with atomic():
        disc = _to_work_on(disc, by)
        disc.labelled, disc.form_enclosed = labelled, disc.form_enclosed and not labelled
        return _leave(disc, NOT_LABELLED if not labelled else INCOMPLETE, by)


def _leave(disc: Disc, why: str, by: Acting) -> Disc:
    from iep.services.ticketing import ticket_mail  # tickets open discs, and discs tell tickets

    disc = move(disc, DiscEvent.LEFT, by=by, words=why, why=why)
    count = disc.events.filter(event=DiscEvent.LEFT.value).count()
    text = (
        f"Disc {disc.number} of {disc.ticket.discs or 1}: {why} Please write the call reference "
        "on the disc and on the envelope, put the form into the envelope, complete the first four "
        "columns of the chart, and say on the page of the disc that it is in the box again."
    )
    ticket_mail.tell_requester(disc.ticket, f"left {disc.number}-{count}", text, by)
    return disc


def collect(disc: Disc, *, by: Acting) -> Disc:
    """Taken from the box on a Wednesday. What is not labelled is not taken (NotAccepted)."""
    with atomic():
        disc = _to_work_on(disc, by)
        if disc.state == DiscState.EXPECTED:
            raise NotAccepted("not_in_box", "This disc is on no chart. Was it brought to you?")
        _refuse_twice(disc)
        if not disc.is_complete:
            raise NotAccepted("not_labelled", "Leave it in the box: unlabelled or incomplete.")
        return move(disc, DiscEvent.COLLECTED, by=by)


def brought(
    disc: Disc, *, arranged: str, labelled: bool, form_enclosed: bool, by: Acting
) -> Disc:  # fmt: skip
    """Brought to the desk by arrangement, because it is urgent; labelled by now, with its form.

    Raises NotAccepted: arranged (with nobody), not_labelled; NoSuchMove.
    """
    if not arranged.strip():
        raise NotAccepted("arranged", "Say with whom it was arranged.")
    if not (labelled and form_enclosed):
        raise NotAccepted("not_labelled", "Label it and put its form into the envelope first.")
    with atomic():
        disc = _to_work_on(disc, by)
        _refuse_twice(disc)
        disc = move(
            disc, DiscEvent.COLLECTED, by=by, is_urgent=True, why="", labelled=True,
            form_enclosed=True, words=f"Brought by arrangement: {arranged.strip()}"[:300],
        )  # fmt: skip
        _tell_ticket(disc, TicketEvent.REQUESTED, f"Disc {disc.number} was brought.", by)
    return disc


def _refuse_twice(disc: Disc) -> None:
    """Of what is at the desk nothing is left to say, unless nobody said that it is labelled."""
    if disc.state in AT_DESK and disc.is_complete:
        raise NoSuchMove("disc", disc.state, DiscEvent.COLLECTED)


# --- Read in --------------------------------------------------------------------------------------


def uploaded(disc: Disc, *, upload_id: UUID, size: int, by: Acting) -> Disc:
    """Its files lie in media.spool(upload_id): a worker reads them. Raises NotAccepted, NoSuchMove.

    `size`: bytes as they came. What is not labelled or incomplete is not taken.
    """
    with atomic():
        disc = _to_work_on(disc, by)
        if disc.state in UPLOADABLE and not disc.is_complete:
            raise NotAccepted("not_labelled", "Not read in: unlabelled or incomplete.")
        return move(
            disc, DiscEvent.UPLOADED, by=by, upload_id=upload_id, upload_bytes=size,
            uploaded_by=by.label[:150], uploaded_at=timezone.now(), files_found=None,
            files_done=0, files_kept=None, files_refused=None, unpacked_at=None, left_out={},
            lease_token=None, lease_until=None, attempts=0, why="",
        )  # fmt: skip


def may_be_uploaded(disc: Disc, *, by: Acting) -> bool:
    """Asked before the first byte is taken."""
    ready = disc.state in UPLOADABLE and disc.is_complete
    return ready and policies.may_work(by, disc.ticket.organisation_id)


def read_discs(*, patience: float = 60.0) -> None:
    """The sweep: go through what was uploaded, and end what has been looked into."""
    unpacking.unpack_waiting(patience=patience)
    finish_read()
    _cancel_with_ticket()
    _clear_spool()


def finish_read() -> int:
    """Discs of which no file waits any more. How many."""
    rows = Disc.objects.filter(state=DiscState.READING.value, unpacked_at__isnull=False)
    rows = rows.exclude(files__state=FileState.QUARANTINED.value)
    count = 0
    for disc in rows:
        with atomic():
            disc = locked(disc)
            waits = disc.files.filter(state=FileState.QUARANTINED.value).exists()
            if disc.state == DiscState.READING and not waits:
                _finish(disc)
                count += 1
    return count


def _finish(disc: Disc) -> None:
    _leave_directories_out(disc)
    files = disc.files.order_by()
    kept = files.filter(state=FileState.KEPT.value).count()
    refused = files.filter(state=FileState.REFUSED.value).count()
    counts: dict[str, Any] = {"files_kept": kept, "files_refused": refused, "upload_id": None,
                              "lease_token": None, "lease_until": None}  # fmt: skip
    if not kept:
        why = "No image on it could be read."
        move(disc, DiscEvent.UNREADABLE, by=SYSTEM, words=why, why=why, **counts)
        return
    if why := _whose(disc):
        move(disc, DiscEvent.STOPPED, by=SYSTEM, words=why, why=why, **counts)
        for study in _studies(disc):
            if study.state != StudyState.STOPPED:
                grouping.stop(study, why)
        return
    move(disc, DiscEvent.READ, by=SYSTEM, words=f"{kept} images.", **counts)
    _go_on(disc, SYSTEM)


def _leave_directories_out(disc: Disc) -> None:
    """A DICOMDIR is the disc's own list: neither an image nor a fault."""
    for file in disc.files.filter(state=FileState.REFUSED.value, reason_code="dicomdir"):
        disc.left_out[file.why] = disc.left_out.get(file.why, 0) + 1
        grouping.drop(file, file.why)


def _studies(disc: Disc) -> list[Study]:
    rows = disc.studies.exclude(state=StudyState.DISCARDED.value).order_by("pk")
    return [locked(study) for study in rows]


def _go_on(disc: Disc, by: Acting) -> None:
    """Each study is whole: nothing more comes from this disc. The ticket is told."""
    for study in _studies(disc):
        if study.state == StudyState.ARRIVING:
            grouping.whole(study)
        elif study.state == StudyState.STOPPED and not _is_mixed(study):
            move(study, StudyEvent.RELEASED, by=by, why="", whole_at=timezone.now())
    _tell_ticket(disc, TicketEvent.ARRIVED, f"Disc {disc.number}: {disc.files_kept} images.", by)


def _is_mixed(study: Study) -> bool:
    return bool(grouping.differing(_identities(study.files.all())))


def _identities(files: Any) -> list[dict[str, Any]]:
    kept = files.filter(state=FileState.KEPT.value).order_by()
    return list(kept.values_list("header", flat=True).distinct())


def _whose(disc: Disc) -> str:
    """Why a person must look: two people on it, or another than the ticket's (hazard H41)."""
    people = _identities(ReceivedFile.objects.filter(disc=disc))
    if items := grouping.differing(people):
        return TWO_PEOPLE.format(grouping.listed(items))
    differs = _differs_from_ticket(disc.ticket, people[0])
    return SOMEBODY_ELSE.format(grouping.listed(differs)) if differs else ""


def _differs_from_ticket(ticket: Ticket, person: dict[str, Any]) -> list[str]:
    family, _, rest = person["name"].split("=")[0].partition("^")
    given = _folded(rest.replace("^", " "))
    found = []
    if _folded(family) != _folded(ticket.family_name):
        found.append("family name")
    if given[:1] != _folded(ticket.given_names)[:1]:  # twins have all the rest in common
        found.append("given name")
    if day(person["birth_date"]) != ticket.birth_date:
        found.append("date of birth")
    if person["nhs_number"] and ticket.nhs_number and person["nhs_number"] != ticket.nhs_number:
        found.append("NHS number")
    return found


def _folded(name: str) -> list[str]:
    """The words of a name without case and accents, hyphens and apostrophes."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    kept = "".join(each if each.isalnum() else " " if each in " -" else "" for each in plain)
    return kept.split()


def release(disc: Disc, *, why: str, by: Acting) -> Disc:
    """A person looked: the images are of whom they say. Raises NotAccepted, NoSuchMove.

    A study that has two people in itself stays stopped, and is decided on by itself.
    """
    if not why.strip():
        raise NotAccepted("why", "Say how you know whose images these are.")
    with atomic():
        disc = _to_work_on(disc, by)
        disc = move(disc, DiscEvent.RELEASED, by=by, words=why.strip(), why="")
        _go_on(disc, by)
    return disc


# --- Its end --------------------------------------------------------------------------------------


def hand_back(disc: Disc, *, by: Acting) -> Disc:
    """In the internal post, to the address on the form."""
    with atomic():
        return move(_to_work_on(disc, by), DiscEvent.RETURNED, by=by)


def cancel(disc: Disc, *, why: str, by: Acting) -> Disc:
    if not why.strip():
        raise NotAccepted("why", "Say why the disc is not read in.")
    with atomic():
        disc = _to_work_on(disc, by)
        return move(disc, DiscEvent.CANCELLED, by=by, words=why.strip(), why=why.strip()[:300])


def _cancel_with_ticket() -> None:
    """Discs that nobody has yet, and whose ticket is cancelled."""
    ended = Q(ticket__state__in=[TicketState.CANCELLED.value, TicketState.CLOSED.value])
    waiting = [DiscState.EXPECTED.value, DiscState.IN_BOX.value, DiscState.LEFT.value]
    for disc in Disc.objects.filter(ended, state__in=waiting)[:100]:
        with atomic():
            disc = locked(disc)
            if disc.state in waiting:
                move(disc, DiscEvent.CANCELLED, by=SYSTEM, words="Its ticket is cancelled.")


def _clear_spool() -> None:
    known = set(Disc.objects.filter(upload_id__isnull=False).values_list("upload_id", flat=True))
    for upload_id in media.spooled(time.time() - SPOOL_KEPT):
        if upload_id not in known:
            media.forget(upload_id)


# --- Whose ----------------------------------------------------------------------------------------


def _to_work_on(disc: Disc, by: Acting, *, requester_too: bool = False) -> Disc:
    """Locked, and the person's to work on: the desk's, or the requester's own."""
    disc = locked(disc)
    own = requester_too and by.user is not None and by.user.pk == disc.ticket.requester_id
    if not (by.is_system or own or policies.may_work(by, disc.ticket.organisation_id)):
        raise NotAccepted("not_yours", "This disc belongs to another trust.")
    return disc


def _tell_ticket(disc: Disc, event: TicketEvent, words: str, by: Acting) -> None:
    """What it means for the ticket; a ticket that is over, or waits for details, hears nothing."""
    from iep.services.ticketing import tickets  # tickets open discs, and discs tell tickets

    own = {}
    if event is TicketEvent.ARRIVED and disc.uploaded_by and not disc.ticket.uploaded_by:
        own = {"uploaded_by": disc.uploaded_by, "uploaded_at": disc.uploaded_at}
    try:
        tickets.record(disc.ticket, event, words=words, by=by, **own)
    except NoSuchMove:
        return
