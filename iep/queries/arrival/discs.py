"""I8: discs by site and by state, the chart of a collection, and one disc's page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.http import Http404, HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import Discipline, Site
from accounts.policies import Acting
from accounts.roles import Permission as P
from iep import policies
from iep.models import Disc, DiscEventRow, ReceivedFile, Study, Ticket, TicketExam
from iep.queries.arrival.arrivals import Identity, identities_of
from iep.queries.exchange.transactions import sees_everywhere
from iep.states.discs import AT_DESK, BEFORE, TERMINAL, UPLOADABLE, DiscEvent, DiscState
from iep.states.studies import FileState, StudyState

S = DiscState
EVENTS = {
    DiscEvent.EXPECTED: "Expected",
    DiscEvent.DROPPED: "Dropped off",
    DiscEvent.LEFT: "Left in the box",
    DiscEvent.COLLECTED: "Collected",
    DiscEvent.UPLOADED: "Uploaded",
    DiscEvent.STOPPED: "Stopped",
    DiscEvent.RELEASED: "Released",
    DiscEvent.READ: "Read in",
    DiscEvent.UNREADABLE: "Cannot be read",
    DiscEvent.RETURNED: "Handed back",
    DiscEvent.CANCELLED: "Cancelled",
}
# What needs the desk first; a disc in a box stands under its site.
LISTS = (S.STOPPED, S.UNREADABLE, S.COLLECTED, S.READING, S.LEFT, S.EXPECTED, S.READ)
PAGE = 50


def discs_for(acting: Acting) -> QuerySet[Disc]:
    """Those of the person's own trust; all of them for who runs the service everywhere."""
    rows = Disc.objects.select_related("ticket", "site")
    if not acting.may(P.VIEW_EXCHANGE):
        return rows.none()
    if sees_everywhere(acting):
        return rows
    return rows.filter(ticket__organisation=policies.trust_of(acting))


def sites_of(acting: Acting) -> QuerySet[Site]:
    """The radiology receptions with a box."""
    rows = Site.objects.filter(department__discipline=Discipline.RADIOLOGY)
    if sees_everywhere(acting):
        return rows.filter(department__parent__isnull=False)
    return rows.filter(department__parent=policies.trust_of(acting))


@dataclass(frozen=True)
class Box:
    """What is in the box of a site, for its next collection."""

    site: Site
    discs: tuple[Disc, ...]


@dataclass(frozen=True)
class Group:
    state: str
    discs: tuple[Disc, ...]
    total: int


@dataclass(frozen=True)
class Lists:
    boxes: tuple[Box, ...]
    groups: tuple[Group, ...]
    reference: str  # that was looked for


def lists_for(acting: Acting, *, reference: str = "") -> Lists:
    """Everything that is not at its end. `reference` narrows it to a ticket (a barcode)."""
    rows = discs_for(acting).exclude(state__in=[each.value for each in TERMINAL])
    wanted = reference.strip().upper()
    if wanted:
        rows = rows.filter(ticket__reference=wanted)
    boxed = list(rows.filter(state=S.IN_BOX.value).order_by("collect_on", "ticket__reference"))
    return Lists(
        boxes=tuple(
            Box(site, tuple(each for each in boxed if each.site_id == site.pk))
            for site in sites_of(acting)
        ),
        groups=_groups(rows),
        reference=wanted,
    )


def _groups(rows: QuerySet[Disc]) -> tuple[Group, ...]:
    """The first of each state, and how many there are; one query."""
    order = [F("due_at").asc(), F("ticket__reference").asc(), F("number").asc()]
    counted = rows.filter(state__in=[each.value for each in LISTS]).annotate(
        place=Window(RowNumber(), partition_by=[F("state")], order_by=order),
        of=Window(Count("pk"), partition_by=[F("state")]),
    )
    found: dict[str, list[Disc]] = {each.value: [] for each in LISTS}
    totals: dict[str, int] = {}
    for disc in counted.filter(place__lte=PAGE).order_by("place"):
        found[disc.state].append(disc)
        totals[disc.state] = disc.of
    return tuple(Group(state, tuple(discs), totals.get(state, 0)) for state, discs in found.items())


def chart_of(acting: Acting, site_id: int) -> tuple[Site, list[Disc]]:
    """The collection chart of a site: who dropped what, for which day. Raises Http404."""
    site = sites_of(acting).filter(pk=site_id).first()
    if site is None:
        raise Http404
    on_it = Q(state=S.IN_BOX.value) | Q(state=S.LEFT.value)
    rows = discs_for(acting).filter(on_it, site=site)
    return site, list(rows.order_by("dropped_at"))


# --- One disc ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """An exam that the ticket asks for, and the study of the disc of that day and kind."""

    exam: TicketExam
    study: Study | None


@dataclass(frozen=True)
class Found:
    """What the heads of its images say, beside what was asked for."""

    people: tuple[Identity, ...]
    asked: tuple[Asked, ...]
    others: tuple[Study, ...]  # on the disc, and not asked for


@dataclass(frozen=True)
class Page:
    disc: Disc
    ticket: Ticket
    of: int
    found: Found
    refused: tuple[tuple[str, int], ...]
    left_out: tuple[tuple[str, int], ...]
    history: tuple[tuple[str, DiscEventRow], ...]
    sites: tuple[Site, ...]
    is_today: bool
    may_work: bool
    may_drop: bool
    may_bring: bool
    may_upload: bool
    may_collect: bool
    may_release: bool
    may_return: bool
    may_cancel: bool

    @property
    def share(self) -> int | None:
        """How much of it is unpacked, in percent; None while nobody knows."""
        if not self.disc.files_found:
            return None
        return 100 * self.disc.files_done // self.disc.files_found


def disc_for(
    acting: Acting, disc_id: UUID, *, action: str = "view_disc", request: HttpRequest | None = None
) -> Disc:
    """The disc; looking at it is written down. Raises Http404 for another trust's."""
    rows = discs_for(acting).select_related("ticket__patient__practice", "site")
    disc = rows.filter(pk=disc_id).first()
    if disc is None:
        raise Http404
    audit.record(
        acting=acting, action=action, object_type="iep.Disc", object_id=disc.pk,
        patient_id=disc.ticket.patient_id or "", request=request,
    )  # fmt: skip
    return disc


def page_of(disc: Disc, acting: Acting) -> Page:
    works = policies.may_work(acting, disc.ticket.organisation_id)
    own = acting.user is not None and acting.user.pk == disc.ticket.requester_id
    events = DiscEventRow.objects.filter(disc=disc).order_by("-pk")
    state = DiscState(disc.state)
    is_ready = state in AT_DESK and disc.is_complete
    return Page(
        disc=disc,
        ticket=disc.ticket,
        of=disc.ticket.discs or 1,
        found=found_beside(disc),
        refused=tuple(_refused(disc)),
        left_out=tuple(sorted(disc.left_out.items())),
        history=tuple((EVENTS[DiscEvent(each.event)], each) for each in events),
        sites=tuple(sites_of(acting)) if works or own else (),
        is_today=disc.collect_on == timezone.localdate(),
        may_work=works,
        may_drop=(works or own) and state in (S.EXPECTED, S.LEFT),
        may_bring=works and state in BEFORE | AT_DESK and not is_ready,
        may_upload=works and state in UPLOADABLE and disc.is_complete,
        may_collect=works and state == S.IN_BOX,
        may_release=works and state == S.STOPPED,
        may_return=works and state in (S.READ, S.UNREADABLE, S.STOPPED),
        may_cancel=works and state in BEFORE | {S.UNREADABLE, S.STOPPED},
    )


def _refused(disc: Disc) -> Iterable[tuple[str, int]]:
    reasons: dict[str, int] = {}
    for why in disc.files.filter(state=FileState.REFUSED.value).values_list("why", flat=True):
        reasons[why] = reasons.get(why, 0) + 1
    return sorted(reasons.items())


def found_beside(disc: Disc) -> Found:
    """What is on the disc beside what its ticket asks for: by date and modality, never guessed."""
    kept = ReceivedFile.objects.filter(disc=disc, state=FileState.KEPT.value)
    studies = list(disc.studies.exclude(state=StudyState.DISCARDED.value).order_by("acquired_on"))
    asked, left = [], list(studies)
    for exam in disc.ticket.exams.all():
        study = next((each for each in left if _is_of(each, exam)), None)
        if study is not None:
            left.remove(study)
        asked.append(Asked(exam, study))
    return Found(tuple(identities_of(kept)), tuple(asked), tuple(left))


def _is_of(study: Study, exam: TicketExam) -> bool:
    same_day: date | None = exam.acquired_on
    kinds = {part.strip().upper() for part in exam.modality.split("/") if part.strip()}
    return study.acquired_on == same_day and (not kinds or bool(kinds & set(study.modalities)))
