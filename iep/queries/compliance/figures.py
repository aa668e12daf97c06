"""Compliance, twice a year and yearly (guideline section 4): volumes, times, the four hours of Blue
Light, failures and declines by reason, incomplete requests, purges.

Every number is the length of a list that can be opened: see behind.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from accounts.policies import Acting
from iep.models import Transfer
from iep.queries.behind import (
    BRINGS,
    TOOK,
    Spent,
    counted,
    counted_by_event,
    counted_failures,
    counted_tickets,
    made,
    of_trust,
    spans,
    spent,
)
from iep.queries.compliance.periods import Period, months
from iep.states.priorities import BLUE_LIGHT_CLOCK, PRIORITY_WORDS, Priority
from iep.states.tickets import TicketKind
from iep.states.transactions import DECLINE_WORDS, TransactionKind

KIND_WORDS = {
    TransactionKind.REQUEST: "Asked for",
    TransactionKind.TRANSFER: "Sent",
    TransactionKind.DIRECT: "Unasked (direct routing)",
}
FAMILY_WORDS = {
    "unreachable": "The other side could not be reached",
    "rejected": "The other side did not let us in",
    "aborted": "The line broke",
    "timeout": "No answer in time",
    "out_of_resources": "The other side had no room",
    "refused": "The other side refused images",
    "no_context": "The other side does not take this kind of image",
    "not_found": "Images were not found",
    "unconfirmed": "The other side did not confirm them",
    "ours": "A fault in our own system",
}
SIZES = (("Up to 100 images", 0, 100), ("101 to 1,000", 101, 1_000), ("More", 1_001, 10**9))


@dataclass(frozen=True)
class Number:
    """A count and the key of its list."""

    key: str
    count: int


@dataclass(frozen=True)
class Line:
    """A line of a table: its words, its numbers, and what else stands there."""

    words: str
    numbers: tuple[Number, ...]
    more: tuple[str, ...] = ()
    is_over: bool = False  # beyond a line that is not to be crossed


@dataclass(frozen=True)
class Table:
    """One table of the page."""

    title: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    empty: str
    is_drawn: bool = False  # a bar stands beside each number; the numbers say it all

    @property
    def most(self) -> int:
        """What the longest bar stands for."""
        return max((each.count for line in self.lines for each in line.numbers), default=0)


@dataclass(frozen=True)
class Figures:
    """All of a period."""

    period: Period
    headline: str
    tables: tuple[Table, ...]


def figures(acting: Acting, period: Period) -> Figures:
    """Eight queries, however many rows stand behind the numbers."""
    counts = _counts(acting, period)
    tables = (
        _volumes(counts),
        _tickets(counts),
        _by_month(counts, period),
        _institutions(acting, period),
        _times(counts, spans(acting, period)),
        _four_hours(counts),
        _took(counts),
        _sizes(acting, period),
        _failed(acting, period),
        _declined(counts),
        _requests(counts),
        _purges(counts),
    )
    return Figures(period, _headline(counts), tables)


Counts = dict[str, int]  # by the key of the list


def _counts(acting: Acting, period: Period) -> Counts:
    keys = [*_WAYS, "within", "late", "open"]
    keys += [f"{way}:{kind.value}" for way in _WAYS for kind in KIND_WORDS]
    keys += [f"month-{way}:{each.key}" for way in _WAYS for each in _months(period)]
    keys += [f"priority:{each.value}" for each in Priority]
    keys += [f"took:{place}" for place in range(len(TOOK))]
    return (
        counted(acting, period, keys)
        | counted_by_event(acting, period)
        | counted_tickets(acting, period)
    )


_WAYS = ("in", "out")


def _months(period: Period) -> list[Period]:
    return months(period, timezone.localdate())


def _number(counts: Counts, key: str) -> Number:
    return Number(key, counts.get(key, 0))


def _headline(counts: Counts) -> str:
    within, late = counts["within"], counts["late"]
    volumes = f"{counts['in']:,} in and {counts['out']:,} out."
    if within + late == 0:
        return f"{volumes} No Blue Light request has run its four hours."
    share = 100 * within / (within + late)
    return (
        f"{volumes} {within:,} of {within + late:,} Blue Light requests were delivered within "
        f"four hours ({share:.0f} %)."
    )


def _volumes(counts: Counts) -> Table:
    lines = [
        Line(words, tuple(_number(counts, f"{way}:{kind.value}") for way in _WAYS))
        for kind, words in KIND_WORDS.items()
    ]
    total = Line("All", tuple(_number(counts, way) for way in _WAYS))
    return Table("Volumes by kind", ("Kind", "In", "Out"), (*lines, total), "")


def _tickets(counts: Counts) -> Table:
    lines = tuple(Line(words, (_number(counts, key),)) for key, words in _TICKET_LINES.items())
    return Table("Tickets and discs", ("", "In all"), lines, "")


_TICKET_LINES = {
    f"ticket:{TicketKind.IMPORT.value}": "Tickets for images from another hospital",
    f"ticket:{TicketKind.EXPORT.value}": "Tickets for images to another hospital",
    f"ticket:{TicketKind.DISC.value}": "Tickets for discs",
    "discs": "Discs read in",
}


def _by_month(counts: Counts, period: Period) -> Table:
    lines = [
        Line(each.words, tuple(_number(counts, f"month-{way}:{each.key}") for way in _WAYS))
        for each in _months(period)
    ]
    return Table("Volumes by month", ("Month", "In", "Out"), tuple(lines), "", is_drawn=True)


def _institutions(acting: Acting, period: Period) -> Table:
    grouped = made(acting, period).order_by().values(
        "institution", "institution__name", "institution__city"
    ).annotate(came=Count("pk", filter=BRINGS), left=Count("pk", filter=~BRINGS))  # fmt: skip
    images = _images(acting, period)
    lines = [
        Line(
            _full_name(each["institution__name"], each["institution__city"]),
            (
                Number(f"from:{each['institution']}", each["came"]),
                Number(f"to:{each['institution']}", each["left"]),
            ),
            tuple(f"{images.get((each['institution'], way), 0):,}" for way in ("in", "out")),
        )
        for each in grouped
    ]
    lines.sort(key=lambda line: (-sum(each.count for each in line.numbers), line.words))
    columns = ("Institution", "In", "Out", "Images in", "Images out")
    return Table("Volumes by institution", columns, tuple(lines), "No transaction in this period.")


def _full_name(name: str, city: str) -> str:
    return ", ".join(part for part in (name, city) if part)


def _images(acting: Acting, period: Period) -> dict[tuple[int, str], int]:
    begin, end = period.bounds
    rows = Transfer.objects.filter(
        of_trust(acting), purpose__in=("in", "out"), transaction__isnull=False,
        transaction__created_at__gte=begin, transaction__created_at__lt=end,
    )  # fmt: skip
    summed = rows.values("transaction__institution", "purpose").annotate(done=Sum("images_done"))
    return {(each["transaction__institution"], each["purpose"]): each["done"] for each in summed}


def _times(counts: Counts, taken: dict[str, Spent]) -> Table:
    lines = []
    for priority in Priority:
        number, spent_there = (
            _number(counts, f"priority:{priority.value}"),
            taken[str(priority.value)],
        )
        both = (duration(spent_there.middle), duration(spent_there.ninetieth))
        lines.append(Line(PRIORITY_WORDS[priority], (number,), (f"{spent_there.count:,}", *both)))
    columns = ("Priority", "Asked", "Delivered", "Half within", "Nine of ten within")
    return Table("Time from asking to delivered", columns, tuple(lines), "")


def _four_hours(counts: Counts) -> Table:
    words = {
        "within": "Delivered within four hours",
        "late": "Later, or not at all",
        "open": "Under way, four hours not over",
    }
    lines = tuple(Line(said, (_number(counts, key),)) for key, said in words.items())
    return Table("Blue Light, four hours", ("", "Requests"), lines, "")


def _took(counts: Counts) -> Table:
    """How near to the four hours: what lies beyond them is marked, and said."""
    line = int(BLUE_LIGHT_CLOCK.total_seconds() // 3600)
    lines = [
        Line(_hours(over, most), (_number(counts, f"took:{place}"),), is_over=over >= line)
        for place, (over, most) in enumerate(TOOK)
    ]
    title = "Blue Light, how long it took"
    return Table(title, ("Asked to delivered", "Requests"), tuple(lines), "", is_drawn=True)


def _hours(over: int, most: int | None) -> str:
    beyond = ", over the four hours" if timedelta(hours=over) >= BLUE_LIGHT_CLOCK else ""
    if most is None:
        return f"More than {over} hours{beyond}"
    return f"Up to {most} hour" if over == 0 else f"{over} to {most} hours{beyond}"


def _sizes(acting: Acting, period: Period) -> Table:
    begin, end = period.bounds
    done = Transfer.objects.filter(
        of_trust(acting), finished_at__gte=begin, finished_at__lt=end, started_at__isnull=False,
        state="delivered",
    )  # fmt: skip
    groups = {words: Q(images__gte=least, images__lte=most) for words, least, most in SIZES}
    taken = spent(done, F("finished_at") - F("started_at"), groups)
    lines = [
        Line(words, (), (f"{each.count:,}", duration(each.middle))) for words, each in taken.items()
    ]
    columns = ("Size of the study", "Transfers", "Half within")
    return Table("Time of a transfer by its size", columns, tuple(lines), "")


def _failed(acting: Acting, period: Period) -> Table:
    counts = counted_failures(acting, period)
    lines = [
        Line(family_words(family), (Number(f"failed:{family}", counts[family]),))
        for family in sorted(counts, key=lambda family: (-counts[family], family))
    ]
    columns = ("Reason", "Transfers")
    return Table("Failures by reason", columns, tuple(lines), "No transfer failed.", is_drawn=True)


def family_words(family: str) -> str:
    return FAMILY_WORDS.get(family, "Another reason")


def _declined(counts: Counts) -> Table:
    lines = [
        Line(words, (_number(counts, f"declined:{reason.value}"),))
        for reason, words in DECLINE_WORDS.items()
    ]
    lines = [each for each in lines if each.numbers[0].count]
    return Table("Declined by reason", ("Reason", "Requests"), tuple(lines), "None was declined.")


def _requests(counts: Counts) -> Table:
    lines = (
        Line("Details had to be asked for", (_number(counts, "incomplete"),)),
        Line("Cancelled after two weeks without them", (_number(counts, "expired"),)),
    )
    return Table("Incomplete requests", ("", "Tickets"), lines, "")


def _purges(counts: Counts) -> Table:
    lines = (
        Line("Purged after 15 days", (_number(counts, "purged"),)),
        Line("Taken up after a warning", (_number(counts, "saved"),)),
    )
    return Table("Purges", ("", "Transactions"), lines, "")


# --- Words ---------------------------------------------------------------------------------------


def duration(taken: timedelta | None) -> str:
    """`45 s`, `12 min`, `3 h 05 min`, `2 days`; a dash in words where there is none."""
    if taken is None:
        return "None"
    minutes, rest = divmod(int(taken.total_seconds()), 60)
    if minutes < 1:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    if hours < 1:
        return f"{minutes} min"
    days = hours // 24
    return f"{hours} h {minutes_left:02d} min" if hours < 48 else f"{days} days"


def words_of(figures_shown: Figures, key: str) -> str:
    """The words of the line that the key stands in; empty for a key of no line."""
    for table in figures_shown.tables:
        for line in table.lines:
            if any(each.key == key for each in line.numbers):
                return ": ".join(part for part in (table.title, line.words) if part)
    return ""
