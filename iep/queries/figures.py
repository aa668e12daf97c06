"""Compliance, twice a year and yearly (guideline section 4): volumes, times, the four hours of Blue
Light, failures and declines by reason, incomplete requests, purges.

Every number is the length of a list that can be opened: see behind.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from django.db.models import Count, Sum
from django.utils import timezone

from accounts.policies import Acting
from iep.models import Institution, Transfer
from iep.queries.behind import (
    BRINGS,
    TOOK,
    failures,
    incomplete,
    of_trust,
    spans,
    things,
)
from iep.queries.periods import Period, months
from iep.queries.transactions import visible_to
from iep.states.priorities import BLUE_LIGHT_CLOCK, PRIORITY_WORDS, Priority
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
    tables = (
        _volumes(acting, period),
        _by_month(acting, period),
        _institutions(acting, period),
        _times(acting, period),
        _four_hours(acting, period),
        _took(acting, period),
        _sizes(acting, period),
        _failed(acting, period),
        _declined(acting, period),
        _requests(acting, period),
        _purges(acting, period),
    )
    return Figures(period, _headline(acting, period), tables)


def _number(acting: Acting, period: Period, key: str) -> Number:
    return Number(key, things(acting, period, key).count())


def _headline(acting: Acting, period: Period) -> str:
    came, left = (_number(acting, period, key).count for key in ("in", "out"))
    within, late = (_number(acting, period, key).count for key in ("within", "late"))
    volumes = f"{came:,} in and {left:,} out."
    if within + late == 0:
        return f"{volumes} No Blue Light request has run its four hours."
    share = 100 * within / (within + late)
    return (
        f"{volumes} {within:,} of {within + late:,} Blue Light requests were delivered within "
        f"four hours ({share:.0f} %)."
    )


def _volumes(acting: Acting, period: Period) -> Table:
    lines = [
        Line(words, tuple(_number(acting, period, f"{way}:{kind.value}") for way in ("in", "out")))
        for kind, words in KIND_WORDS.items()
    ]
    total = Line("All", tuple(_number(acting, period, way) for way in ("in", "out")))
    return Table("Volumes by kind", ("Kind", "In", "Out"), (*lines, total), "")


def _by_month(acting: Acting, period: Period) -> Table:
    lines = [
        Line(each.words, tuple(_number(acting, period, f"{way}:{each.key}") for way in _WAYS))
        for each in months(period, timezone.localdate())
    ]
    return Table("Volumes by month", ("Month", "In", "Out"), tuple(lines), "", is_drawn=True)


_WAYS = ("month-in", "month-out")


def _institutions(acting: Acting, period: Period) -> Table:
    begin, end = period.bounds
    made = visible_to(acting).filter(created_at__gte=begin, created_at__lt=end)
    counted = made.values("institution").annotate(
        came=Count("pk", filter=BRINGS), left=Count("pk", filter=~BRINGS)
    )
    names = {each.pk: each.full_name for each in Institution.objects.all()}
    images = _images(acting, period)
    lines = [
        Line(
            names[each["institution"]],
            (
                Number(f"from:{each['institution']}", each["came"]),
                Number(f"to:{each['institution']}", each["left"]),
            ),
            tuple(f"{images.get((each['institution'], way), 0):,}" for way in ("in", "out")),
        )
        for each in counted
    ]
    lines.sort(key=lambda line: (-sum(each.count for each in line.numbers), line.words))
    columns = ("Institution", "In", "Out", "Images in", "Images out")
    return Table("Volumes by institution", columns, tuple(lines), "No transaction in this period.")


def _images(acting: Acting, period: Period) -> dict[tuple[int, str], int]:
    begin, end = period.bounds
    rows = Transfer.objects.filter(
        of_trust(acting), purpose__in=("in", "out"), transaction__isnull=False,
        transaction__created_at__gte=begin, transaction__created_at__lt=end,
    )  # fmt: skip
    summed = rows.values("transaction__institution", "purpose").annotate(done=Sum("images_done"))
    return {(each["transaction__institution"], each["purpose"]): each["done"] for each in summed}


def _times(acting: Acting, period: Period) -> Table:
    lines = []
    for priority in Priority:
        key = f"priority:{priority.value}"
        rows = things(acting, period, key)
        taken = spans(rows)
        number = Number(key, rows.count())
        more = (f"{len(taken):,}", duration(middle(taken)), duration(ninetieth(taken)))
        lines.append(Line(PRIORITY_WORDS[priority], (number,), more))
    columns = ("Priority", "Asked", "Delivered", "Half within", "Nine of ten within")
    return Table("Time from asking to delivered", columns, tuple(lines), "")


def _four_hours(acting: Acting, period: Period) -> Table:
    words = {
        "within": "Delivered within four hours",
        "late": "Later, or not at all",
        "open": "Under way, four hours not over",
    }
    lines = tuple(Line(said, (_number(acting, period, key),)) for key, said in words.items())
    return Table("Blue Light, four hours", ("", "Requests"), lines, "")


def _took(acting: Acting, period: Period) -> Table:
    """How near to the four hours: what lies beyond them is marked, and said."""
    line = int(BLUE_LIGHT_CLOCK.total_seconds() // 3600)
    lines = [
        Line(_hours(over, most), (_number(acting, period, f"took:{place}"),), is_over=over >= line)
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
    rows = list(done.values_list("images", "started_at", "finished_at"))
    lines = []
    for words, least, most in SIZES:
        taken = [
            (end_at - began).total_seconds()
            for images, began, end_at in rows
            if began and end_at and least <= images <= most
        ]
        lines.append(Line(words, (), (f"{len(taken):,}", duration(middle(taken)))))
    columns = ("Size of the study", "Transfers", "Half within")
    return Table("Time of a transfer by its size", columns, tuple(lines), "")


def _failed(acting: Acting, period: Period) -> Table:
    rows = failures(acting, period).values("family").annotate(count=Count("pk", distinct=True))
    lines = [
        Line(family_words(each["family"]), (Number(f"failed:{each['family']}", each["count"]),))
        for each in rows.order_by("-count", "family")
    ]
    columns = ("Reason", "Transfers")
    return Table("Failures by reason", columns, tuple(lines), "No transfer failed.", is_drawn=True)


def family_words(family: str) -> str:
    return FAMILY_WORDS.get(family, "Another reason")


def _declined(acting: Acting, period: Period) -> Table:
    lines = [
        Line(words, (_number(acting, period, f"declined:{reason.value}"),))
        for reason, words in DECLINE_WORDS.items()
    ]
    lines = [each for each in lines if each.numbers[0].count]
    return Table("Declined by reason", ("Reason", "Requests"), tuple(lines), "None was declined.")


def _requests(acting: Acting, period: Period) -> Table:
    asked = Number("incomplete", incomplete(acting, period).count())
    ended = Number("expired", incomplete(acting, period, expired=True).count())
    lines = (
        Line("Details had to be asked for", (asked,)),
        Line("Cancelled after two weeks without them", (ended,)),
    )
    return Table("Incomplete requests", ("", "Tickets"), lines, "")


def _purges(acting: Acting, period: Period) -> Table:
    lines = (
        Line("Purged after 15 days", (_number(acting, period, "purged"),)),
        Line("Taken up after a warning", (_number(acting, period, "saved"),)),
    )
    return Table("Purges", ("", "Transactions"), lines, "")


# --- Words ---------------------------------------------------------------------------------------


def middle(spans: Sequence[float]) -> float | None:
    return median(spans) if spans else None


def ninetieth(spans: Sequence[float]) -> float | None:
    """The smallest that at least nine of ten do not exceed (nearest rank)."""
    if not spans:
        return None
    ordered = sorted(spans)
    return ordered[max(0, -(-9 * len(ordered) // 10) - 1)]


def duration(seconds: float | None) -> str:
    """`45 s`, `12 min`, `3 h 05 min`, `2 days`; a dash in words where there is none."""
    if seconds is None:
        return "None"
    minutes, rest = divmod(int(seconds), 60)
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
