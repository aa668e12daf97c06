"""The board of nine lanes, and what waits for them. Titles only: no name, no number.

A transfer of another trust is not found; the lanes are everybody's, and a lane that carries
another trust's work says so without saying what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Case, Count, OuterRef, Q, QuerySet, Subquery, When, Window
from django.db.models.functions import Coalesce, RowNumber
from django.http import Http404
from django.utils import timezone

from accounts.policies import Acting
from iep import policies
from iep.models import Lane, Node, Transfer, TransferInstance
from iep.queries.lanes.blue_light import late_words, recent_alarms
from iep.queries.lanes.pauses import label_of, paused_among
from iep.queries.lanes.progress import MINUTE
from iep.queries.lanes.rows import STATE_WORDS, Row, row_of
from iep.queries.lanes.turns import Rules, is_alive, rules_of, waits
from iep.states.nights import is_night
from iep.states.priorities import Priority
from iep.states.transactions import Direction
from iep.states.transfers import NOT_RUN, TransferEvent, TransferState

PAGE = 50
_ORDER = ("priority", "rank", "pk")
_NEXT = 3  # of a lane
_WORRYING = timedelta(minutes=1)  # that a blue light waits (hazard H38)
_STARVED = timedelta(hours=1)  # that standard work waits behind blue light


@dataclass(frozen=True)
class LaneNow:
    """One lane: what it carries, or why it carries nothing."""

    pk: int
    name: str
    label: str
    is_blue_only: bool
    is_paused: bool
    paused_by: str
    paused_at: datetime | None
    paused_because: str
    is_running: bool  # a worker has it
    full_since: datetime | None
    now: Row | None
    following: tuple[Row, ...] = ()  # what it may take next
    held: tuple[Row, ...] = ()  # the first of what waits for something else than a lane


@dataclass(frozen=True)
class Moved:
    """How far a transfer of ours is, in quarters: what is said aloud when it grows (ux 2.9)."""

    pk: int
    quarter: int  # 4: all of it is sent; 5: it ended otherwise
    words: str


@dataclass(frozen=True)
class Board:
    """All of it at one moment."""

    at: datetime
    lanes: list[LaneNow]
    counts: list[tuple[str, str, int]]  # code, words, how many
    rules: Rules
    moved: tuple[Moved, ...] = ()
    notes: list[str] = field(default_factory=list)
    is_night: bool = False


# --- Whose ---------------------------------------------------------------------------------------


def transfers_for(acting: Acting) -> QuerySet[Transfer]:
    """Those of the person's trust, and those that belong to nobody in particular."""
    return Transfer.objects.filter(_ours(acting)).select_related("node__institution", "lane")


def _ours(acting: Acting) -> Q:
    trust = policies.trust_of(acting)
    of_trust = Q(transaction__organisation=trust) | Q(transaction=None, study__organisation=trust)
    return of_trust | Q(transaction=None, study=None)


def transfer_for(acting: Acting, pk: int) -> Transfer:
    """Raises Http404: there is none, or it is another trust's."""
    found = transfers_for(acting).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


# --- The board -----------------------------------------------------------------------------------


def board(acting: Acting, *, is_wall: bool = False) -> Board:
    """Nine lanes, counts per status, and what somebody should know. A dozen queries.

    On a wall everybody reads it: the reasons that people typed are left out.
    """
    now, mine = timezone.now(), transfers_for(acting)
    lanes = sorted(Lane.objects.all(), key=lambda row: (row.direction == "in", row.name))
    rules, rows = rules_of(lanes, now), _rows(acting, now)
    running = {lane: row for lane, row in rows if row.state == TransferState.RUNNING}
    nexts, notes = _nexts(mine, rules, now), _notes(lanes, acting, now, is_wall=is_wall)
    if is_wall:  # which has no strip
        notes = [each for each in [late_words(recent_alarms(acting))] if each] + notes
        for each in lanes:
            each.paused_because = ""
    return Board(
        at=now,
        lanes=[_lane(row, running, nexts, now) for row in lanes],
        counts=_counts(mine, now),
        rules=rules,
        moved=tuple(_moved(row) for _, row in rows if row.is_ours),
        notes=notes,
        is_night=is_night(now, settings.LANES_NIGHT),
    )


def _rows(acting: Acting, now: datetime) -> list[tuple[int | None, Row]]:
    """What each lane carries, and what ended a moment ago; another trust's without its title."""
    ours = Case(When(_ours(acting), then=True), default=False)
    is_running, ended = Q(state=TransferState.RUNNING), Q(state__in=_ENDED)
    found = Transfer.objects.filter(is_running | (ended & Q(state_since__gt=now - MINUTE)))
    rows = list(found.annotate(is_ours=ours).select_related("node__institution"))
    running = [row.pk for row in rows if row.state == TransferState.RUNNING]
    moments = _moments(running, now)
    return [
        (row.lane_id, row_of(row, now=now, moments=moments.get(row.pk, []), is_ours=row.is_ours))
        for row in rows
    ]


def _moved(row: Row) -> Moved:
    if row.state == TransferState.RUNNING:
        quarter = row.images_done * 4 // row.images if row.images else 0
    else:
        quarter = 4 if row.state in (TransferState.UNCONFIRMED, TransferState.DELIVERED) else 5
    return Moved(row.pk, quarter, f"{row.title}: {_QUARTERS[quarter]}")


_ENDED: Final = (
    TransferState.UNCONFIRMED, TransferState.DELIVERED, TransferState.PARTIAL, TransferState.FAILED,
)  # fmt: skip
_QUARTERS: Final = (
    "begun", "a quarter of the images", "half of the images", "three quarters of the images",
    "all images", "did not get through",
)  # fmt: skip


def _moments(running: list[int], now: datetime) -> dict[int, list[datetime]]:
    """When the images of the last minute moved."""
    found: dict[int, list[datetime]] = {}
    rows = TransferInstance.objects.filter(transfer__in=running, done_at__gt=now - MINUTE)
    for transfer, moment in rows.values_list("transfer", "done_at"):
        if moment is not None:
            found.setdefault(transfer, []).append(moment)
    return found


def _nexts(mine: QuerySet[Transfer], rules: Rules, now: datetime) -> list[Row]:
    """Of each direction the next three that a lane may take, and the first three that it may not;
    Blue Light counts apart, so that its own lane has its own."""
    parts = ["direction", "may_go", "is_blue"]
    place = Window(RowNumber(), partition_by=parts, order_by=list(_ORDER))
    rows = mine.filter(state=TransferState.WAITING).annotate(
        may_go=Case(When(rules.takes(now), then=True), default=False),
        is_blue=Case(When(priority=Priority.BLUE_LIGHT, then=True), default=False),
        place=place,
    )
    found = rows.filter(place__lte=_NEXT).order_by("direction", *_ORDER)
    return [row_of(each, now=now, held=rules.why_not(waits(each), now)) for each in found]


def _lane(
    lane: Lane, running: dict[int | None, Row], nexts: Sequence[Row], now: datetime
) -> LaneNow:
    its = [each for each in nexts if each.direction == lane.direction]
    if lane.is_blue_only:
        its = [each for each in its if each.is_blue_light]
    return LaneNow(
        pk=lane.pk,
        name=lane.name,
        label=label_of(lane),
        is_blue_only=lane.is_blue_only,
        is_paused=lane.is_paused,
        paused_by=lane.paused_by,
        paused_at=lane.paused_at,
        paused_because=lane.paused_because,
        is_running=is_alive(lane, now),
        full_since=lane.said_full_at,
        now=running.get(lane.pk),
        following=tuple(each for each in its if not each.held)[:_NEXT],
        held=tuple(each for each in its if each.held)[:_NEXT],
    )


def _counts(mine: QuerySet[Transfer], now: datetime) -> list[tuple[str, str, int]]:
    """What is not over, and what was delivered since midnight: to or from another hospital. What
    only moved to or from our own PACS was delivered to nobody."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    shown = Q(state__in=[*NOT_RUN, TransferState.RUNNING])
    is_between = Q(purpose__in=["out", "in"])
    shown |= is_between & Q(state=TransferState.DELIVERED, finished_at__gte=midnight)
    rows = mine.filter(shown).values("state").annotate(n=Count("pk")).order_by()
    found = {row["state"]: row["n"] for row in rows}
    words = STATE_WORDS | {TransferState.DELIVERED: "Delivered today"}
    order = [each for each in TransferState if each != TransferState.CANCELLED]
    return [(each.value, words[each], found.get(each.value, 0)) for each in order]


def _notes(lanes: list[Lane], acting: Acting, now: datetime, *, is_wall: bool) -> list[str]:
    """What somebody should know: what is paused, full disks, waiting blue lights, starving work,
    failing nodes."""
    troubled = Node.objects.filter(Q(is_paused=True) | Q(failures__gte=2))
    nodes = list(troubled.select_related("institution").order_by("failing_since"))
    paused = paused_among(lanes, nodes, acting)
    notes = [each.wall_sentence if is_wall else each.sentence for each in paused]
    if full := min((row.said_full_at for row in lanes if row.said_full_at), default=None):
        notes.append(
            f"The disk for images is nearly full since {timezone.localtime(full):%H:%M}. Only Blue "
            "Light comes in. Standard work goes on by itself when there is room."
        )
    for direction, waited in _waits(now).items():
        notes.append(f"{waited} {direction}.")
    failing = [each for each in nodes if each.failures >= 2 and not each.is_paused]
    return notes + [_failing(each) for each in failing[:5]]


def _failing(node: Node) -> str:
    since = f" since {timezone.localtime(node.failing_since):%H:%M}" if node.failing_since else ""
    return f"{node.name} does not answer{since}. {node.sentence}"


def _waits(now: datetime) -> dict[str, str]:
    """Blue light that waits for more than a minute, standard work that starves behind it."""
    rows = Transfer.objects.filter(state__in=(TransferState.WAITING, TransferState.RUNNING))
    is_ready = Q(state=TransferState.WAITING, not_before=None)
    is_blue, is_running = Q(priority=Priority.BLUE_LIGHT), Q(state=TransferState.RUNNING)
    grouped = rows.order_by().values("direction").annotate(
        late=Count("pk", filter=is_ready & is_blue & Q(state_since__lt=now - _WORRYING)),
        old=Count("pk", filter=is_ready & Q(priority=Priority.NORMAL,
                                            state_since__lt=now - _STARVED)),
        running=Count("pk", filter=is_running), others=Count("pk", filter=is_running & ~is_blue),
    )  # fmt: skip
    counts = {row["direction"]: row for row in grouped}
    found: dict[str, str] = {}
    for direction, words in ((Direction.OUT, "to go out"), (Direction.IN, "to come in")):
        counted = counts.get(direction.value)
        if counted is None:
            continue
        if counted["late"]:
            found[words] = f"{counted['late']} Blue Light waits for more than a minute"
        elif counted["old"] and counted["running"] and not counted["others"]:
            found[words] = "Every lane is on Blue Light. Standard work waits for over an hour"
    return found


# --- Lists ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Waiting:
    """A page of one direction's queue, in the order in which lanes take it."""

    direction: str
    rows: list[Row]
    total: int
    page: int
    pages: int


def waiting(acting: Acting, direction: str, rules: Rules, page: int = 1) -> Waiting:
    """What waits (and is paused), by whose turn it is; how many of all trusts go before each."""
    now = timezone.now()
    states = (TransferState.WAITING, TransferState.PAUSED)
    rows = transfers_for(acting).filter(direction=direction, state__in=states)
    ahead = _ahead(Transfer.objects.filter(rules.takes(now), direction=direction))
    pages = Paginator(rows.annotate(taken_before=ahead).order_by(*_ORDER), PAGE)
    shown = pages.get_page(page)
    return Waiting(
        direction,
        [_waiting(each, rules, now) for each in shown],
        pages.count,
        shown.number,
        pages.num_pages,
    )


def _ahead(takes: QuerySet[Transfer]) -> Coalesce:
    """How many of these are taken before a row: in the order of `_ORDER`."""
    same = Q(priority=OuterRef("priority"))
    before = Q(priority__lt=OuterRef("priority")) | same & Q(rank__lt=OuterRef("rank"))
    before |= same & Q(rank=OuterRef("rank"), pk__lt=OuterRef("pk"))
    counted = takes.filter(before).order_by().values("direction").annotate(n=Count("pk"))
    return Coalesce(Subquery(counted.values("n")), 0)


def _waiting(transfer: Any, rules: Rules, now: datetime) -> Row:
    held = rules.why_not(waits(transfer), now) if transfer.state == TransferState.WAITING else ""
    return row_of(transfer, now=now, ahead=transfer.taken_before, held=held)


def unconfirmed(acting: Acting) -> list[Row]:
    """Sent, and not confirmed yet, the oldest first."""
    rows = transfers_for(acting).filter(state=TransferState.UNCONFIRMED)
    return [row_of(each) for each in rows.order_by("priority", "state_since")[:PAGE]]


def told(transfer: Transfer) -> str:
    """What has just been done with it, in words, for the page that comes next."""
    last = transfer.events.order_by("-pk").first()
    return (
        f"{transfer.title}: {DONE_WORDS.get(TransferEvent(last.event), 'changed')}." if last else ""
    )


DONE_WORDS: dict[TransferEvent, str] = {
    TransferEvent.PAUSED: "paused",
    TransferEvent.RESUMED: "goes on",
    TransferEvent.RETRIED: "is tried again",
    TransferEvent.CANCELLED: "cancelled",
    TransferEvent.NOTED: "moved",
}
