"""A patient's requests as bars in time: from asked to answered, or to today. Plain drawing.

The page has the same in words below it: the picture answers "where is it stuck" at a glance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from nhsuk.charts import INK, LINE
from nhsuk.formats import cdate_text, how_many, in_london

DONE = "#768692"
RULE = "#aeb7bd"
LABELS, WIDTH, ROW, HEAD, EDGE = 240, 900, 26, 26, 14
SHORTEST = timedelta(days=14)
ROOM = 32  # characters of a label


@dataclass(frozen=True)
class Bar:
    """One request: its lane, its words, and its instants. `until` None: still open."""

    lane: str
    label: str
    asked_at: datetime
    until: datetime | None
    steps: tuple[datetime, ...] = field(default=())


@dataclass(frozen=True)
class _Scale:
    first: datetime
    last: datetime

    def x(self, at: datetime) -> float:
        """Proportional in time; what lies outside stands at the edge."""
        share = (at - self.first) / (self.last - self.first)
        return round(LABELS + min(max(share, 0), 1) * (WIDTH - LABELS - EDGE), 1)


def draw(bars: Sequence[Bar], *, now: datetime) -> SafeString:
    """The lanes in the order in which they come; nothing where nothing was asked."""
    if not bars:
        return SafeString("")
    first = min(min(bar.asked_at for bar in bars), now - SHORTEST)
    last = max([now, *(step for bar in bars for step in bar.steps)]) + timedelta(days=1)
    scale = _Scale(first, last)
    rows, height = _rows(bars, scale, now)
    return format_html(
        '<svg class="app-order-timeline" viewBox="0 0 {w} {h}" width="{w}" height="{h}" role="img"'
        ' focusable="false" aria-label="{words}">{axis}{rows}{today}</svg>',
        w=WIDTH,
        h=height,
        words=_words(bars, first),
        axis=_axis(scale, height),
        rows=rows,
        today=_today(scale, now, height),
    )


def _words(bars: Sequence[Bar], first: datetime) -> str:
    still_open = sum(bar.until is None for bar in bars)
    return (
        f"{how_many(len(bars), 'request')} since {cdate_text(first)}, {still_open} still open."
        " The tables below say the same."
    )


def _rows(bars: Sequence[Bar], scale: _Scale, now: datetime) -> tuple[SafeString, int]:
    drawn, y = [], HEAD
    for lane in dict.fromkeys(bar.lane for bar in bars):
        drawn.append(_text(0, y + 18, lane, weight="600"))
        y += ROW
        for bar in bars:
            if bar.lane == lane:
                drawn.append(_bar(bar, scale, now, y))
                y += ROW
    return format_html_join("", "{}", ((each,) for each in drawn)), y + 6


def _bar(bar: Bar, scale: _Scale, now: datetime, y: int) -> SafeString:
    start, end = scale.x(bar.asked_at), scale.x(bar.until or now)
    middle = y + ROW / 2
    dots = format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="4.5" fill="{}" stroke="#ffffff"/>',
        ((scale.x(at), middle, INK) for at in (bar.asked_at, *bar.steps)),
    )
    return format_html(
        '{label}<rect x="{x}" y="{top}" width="{width}" height="8" rx="2" fill="{colour}"/>{dots}',
        label=_text(12, y + 18, _short(bar.label)),
        x=start,
        top=middle - 4,
        width=max(round(end - start, 1), 3),
        colour=DONE if bar.until else LINE,
        dots=dots,
    )


def _axis(scale: _Scale, height: int) -> SafeString:
    """A line and a full date at each quarter of the time shown."""
    span = scale.last - scale.first
    marks = [scale.first + span * quarter / 4 for quarter in range(4)]
    return format_html_join(
        "",
        '<line x1="{}" y1="20" x2="{}" y2="{}" stroke="{}"/>{}',
        (
            (scale.x(at), scale.x(at), height, RULE, _text(scale.x(at), 14, _day(at)))
            for at in marks
        ),
    )


def _today(scale: _Scale, now: datetime, height: int) -> SafeString:
    x = scale.x(now)
    return format_html(
        '<line x1="{x}" y1="20" x2="{x}" y2="{h}" stroke="{ink}" stroke-width="2"'
        ' stroke-dasharray="4 3"/>{word}',
        x=x,
        h=height,
        ink=INK,
        word=_text(x, 14, "Today", anchor="end", weight="600"),
    )


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "400"):  # type: ignore[no-untyped-def]
    return format_html(
        '<text x="{}" y="{}" fill="{}" font-size="14" font-weight="{}" text-anchor="{}"'
        ' aria-hidden="true">{}</text>',
        x, y, INK, weight, anchor, words,
    )  # fmt: skip


def _short(label: str) -> str:
    return label if len(label) <= ROOM else f"{label[: ROOM - 1]}…"


def _day(at: datetime) -> str:
    return cdate_text(in_london(at).date())
