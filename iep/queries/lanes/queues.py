"""The board of nine lanes, and what waits for them. Titles only: no name, no number.

A transfer of another trust is not found; the lanes are everybody's, and a lane that carries
another trust's work says so without saying what.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Case, Count, F, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber
from django.http import Http404
from django.utils import timezone

from accounts.policies import Acting
from iep import policies
from iep.models import Lane, Node, Transfer, TransferInstance
from iep.queries.lanes.pauses import label_of, paused_among
from iep.queries.lanes.progress import MINUTE, Pace, is_stalled, pace_of, time_left, volume
from iep.states.nights import is_night
from iep.states.priorities import PRIORITY_WORDS, Priority
from iep.states.transactions import Direction
from iep.states.transfers import NOT_RUN, TransferEvent, TransferState

STATE_WORDS: dict[TransferState, str] = {
    TransferState.WAITING: "Waiting",
    TransferState.RUNNING: "Transferring",
    TransferState.PAUSED: "Paused",
    TransferState.UNCONFIRMED: "Sent, unconfirmed",
    TransferState.DELIVERED: "Delivered",
    TransferState.PARTIAL: "Incomplete",
    TransferState.FAILED: "Failed",
    TransferState.CANCELLED: "Cancelled",
}
PAGE = 50
_ALIVE = timedelta(seconds=10)  # a worker says every 1.5 s that it is there
_WORRYING = timedelta(minutes=1)  # that a blue light waits (hazard H38)
_STARVED = timedelta(hours=1)  # that standard work waits behind blue light


@dataclass(frozen=True)
class Row:
    """One transfer as a list or the board shows it."""

    pk: int
    title: str
    peer: str
    direction: str
    priority: int
    priority_words: str
    state: str
    words: str
    images: int
    images_done: int
    continued_from: int
    volume: str  # "1.2 of 2.1 GB", "" where unknown
    why: str
    since: datetime
    not_before: datetime | None = None
    ahead: int | None = None
    left: str = ""  # "about 6 min"
    pace: Pace | None = None
    stalled_for: timedelta | None = None
    is_ours: bool = True

    @property
    def is_blue_light(self) -> bool:
        return self.priority == Priority.BLUE_LIGHT


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
    following: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Board:
    """All of it at one moment."""

    at: datetime
    lanes: list[LaneNow]
    counts: list[tuple[str, str, int]]  # code, words, how many
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


def board(acting: Acting) -> Board:
    """Nine lanes, counts per status, and what somebody should know. A dozen queries."""
    now, mine = timezone.now(), transfers_for(acting)
    running = _running(acting, now)
    following = _following(mine)
    blue = {
        each: tuple(row for row in rows if row.is_blue_light) for each, rows in following.items()
    }
    lanes = sorted(Lane.objects.all(), key=lambda row: (row.direction == "in", row.name))
    shown = [
        _lane(row, running, (blue if row.is_blue_only else following)[row.direction], now)
        for row in lanes
    ]
    notes = _notes(lanes, acting, now)
    return Board(now, shown, _counts(mine, now), notes, is_night(now, settings.LANES_NIGHT))


def _running(acting: Acting, now: datetime) -> dict[int | None, Row]:
    """What each lane carries; another trust's without its title."""
    ours = Case(When(_ours(acting), then=True), default=False)
    running = Transfer.objects.filter(state=TransferState.RUNNING).annotate(is_ours=ours)
    rows = list(running.select_related("node__institution"))
    moments = _moments([row.pk for row in rows], now)
    return {
        row.lane_id: row_of(row, now=now, moments=moments.get(row.pk, []), is_ours=row.is_ours)
        for row in rows
    }


def _moments(running: list[int], now: datetime) -> dict[int, list[datetime]]:
    """When the images of the last minute moved."""
    found: dict[int, list[datetime]] = {}
    rows = TransferInstance.objects.filter(transfer__in=running, done_at__gt=now - MINUTE)
    for transfer, moment in rows.values_list("transfer", "done_at"):
        if moment is not None:
            found.setdefault(transfer, []).append(moment)
    return found


def _following(mine: QuerySet[Transfer]) -> dict[str, tuple[Row, ...]]:
    """The next three of each direction."""
    order = [F("priority").asc(), F("rank").asc(), F("pk").asc()]
    place = Window(RowNumber(), partition_by=[F("direction")], order_by=order)
    rows = mine.filter(state=TransferState.WAITING).annotate(place=place).filter(place__lte=3)
    found: dict[str, tuple[Row, ...]] = {"out": (), "in": ()}
    for each in rows.order_by("place"):
        found[each.direction] += (row_of(each),)
    return found


def _lane(
    lane: Lane, running: dict[int | None, Row], following: tuple[Row, ...], now: datetime
) -> LaneNow:
    return LaneNow(
        pk=lane.pk,
        name=lane.name,
        label=label_of(lane),
        is_blue_only=lane.is_blue_only,
        is_paused=lane.is_paused,
        paused_by=lane.paused_by,
        paused_at=lane.paused_at,
        paused_because=lane.paused_because,
        is_running=lane.seen_at is not None and now - lane.seen_at < _ALIVE,
        full_since=lane.said_full_at,
        now=running.get(lane.pk),
        following=following,
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


def _notes(lanes: list[Lane], acting: Acting, now: datetime) -> list[str]:
    """What somebody should know: what is paused, full disks, waiting blue lights, starving work,
    failing nodes."""
    troubled = Node.objects.filter(Q(is_paused=True) | Q(failures__gte=2))
    nodes = list(troubled.select_related("institution").order_by("failing_since"))
    notes = [each.sentence for each in paused_among(lanes, nodes, acting)]
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


# --- Rows ----------------------------------------------------------------------------------------


def row_of(
    transfer: Transfer,
    *,
    now: datetime | None = None,
    moments: list[datetime] | None = None,
    ahead: int | None = None,
    is_ours: bool = True,
) -> Row:
    """A transfer as people see it."""
    now = now or timezone.now()
    pace = pace_of(moments, began=transfer.state_since, now=now) if moments is not None else None
    stalled = _stalled_for(transfer, now)
    left = (
        "" if pace is None or stalled else time_left(transfer.images - transfer.images_done, pace)
    )
    return Row(
        pk=transfer.pk,
        title=transfer.title if is_ours else "Another trust's transfer",
        peer=str(transfer.node.institution) if is_ours else "",
        direction=transfer.direction,
        priority=transfer.priority,
        priority_words=PRIORITY_WORDS[Priority(transfer.priority)],
        state=transfer.state,
        words=_words(transfer, ahead=ahead, is_stalled=stalled is not None),
        images=transfer.images,
        images_done=min(transfer.images_done, transfer.images),
        continued_from=transfer.continued_from,
        volume=_volume(transfer),
        why=transfer.why if is_ours else "",
        since=transfer.state_since,
        not_before=transfer.not_before,
        ahead=ahead,
        left=left,
        pace=pace,
        stalled_for=stalled,
        is_ours=is_ours,
    )


def _stalled_for(transfer: Transfer, now: datetime) -> timedelta | None:
    last, since = transfer.last_image_at, transfer.state_since
    if not is_stalled(transfer.state, last_image_at=last, since=since, now=now):
        return None
    return now - (max(last, since) if last else since)


def _words(transfer: Transfer, *, ahead: int | None, is_stalled: bool) -> str:
    """Waiting (n ahead), Preparing, Uploading, Checking, Delivered, Failed (ux 2.9)."""
    state = TransferState(transfer.state)
    if state == TransferState.RUNNING:
        if is_stalled:
            return "Stalled"
        if not transfer.images or transfer.images_done <= transfer.continued_from:
            return "Preparing"
        return "Uploading" if transfer.direction == Direction.OUT else "Downloading"
    if state == TransferState.WAITING and ahead is not None:
        return f"Waiting, {ahead} ahead" if ahead else "Next"
    if state == TransferState.UNCONFIRMED and not transfer.failures:
        return "Checking"
    return STATE_WORDS[state]


def _volume(transfer: Transfer) -> str:
    if not transfer.bytes_total:
        return volume(transfer.bytes_done) if transfer.bytes_done else ""
    return f"{volume(transfer.bytes_done)} of {volume(transfer.bytes_total)}"


@dataclass(frozen=True)
class Waiting:
    """A page of one direction's queue, in the order in which lanes take it."""

    direction: str
    rows: list[Row]
    total: int
    page: int
    pages: int


def waiting(acting: Acting, direction: str, page: int = 1) -> Waiting:
    """What waits (and is paused), by whose turn it is."""
    states = (TransferState.WAITING, TransferState.PAUSED)
    rows = transfers_for(acting).filter(direction=direction, state__in=states)
    pages = Paginator(rows.order_by("priority", "rank", "pk"), PAGE)
    shown = pages.get_page(page)
    first = (shown.number - 1) * PAGE
    return Waiting(
        direction,
        [row_of(each, ahead=first + number) for number, each in enumerate(shown)],
        pages.count,
        shown.number,
        pages.num_pages,
    )


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
