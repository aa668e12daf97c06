"""Small charts as inline SVG, drawn here and not in the browser: they print, and need no script.

Presentation attributes only (the page's policy forbids inline style). Points are visible, lines
straight, time proportional, the reference range a pale area, and the sentence says it all in words
(CUI GTAB-001, 085, 166, 174). PALETTE is every colour that carries meaning; a test holds its
contrast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from .formats import NO_DATA, cdate_text, how_many, missing

INK = "#212b32"
LINE = "#005eb8"
POINT = "#004281"
BAND = "#e3e9f0"
PAPER = "#ffffff"
PAGE = "#f0f4f5"


@dataclass(frozen=True)
class Pair:
    """A colour on a ground, and the least contrast that it needs (WCAG 1.4.3, 1.4.11)."""

    name: str
    ink: str
    ground: str
    least: float = 4.5


PALETTE = (
    Pair("line on paper", LINE, PAPER, 3),
    Pair("line on page", LINE, PAGE, 3),
    Pair("line on reference range", LINE, BAND, 3),
    Pair("point on reference range", POINT, BAND, 3),
    Pair("chart words", INK, PAPER),
    Pair("secondary words", "#4c6272", PAGE),
    Pair("secondary words on paper", "#4c6272", PAPER),
    Pair("ribbon", "#ffffff", "#4d3708"),
    Pair("status strip", INK, "#ffdc8e"),
    Pair("link on status strip", "#005eb8", "#ffdc8e"),
    Pair("banner", INK, "#d8e6f4"),
    Pair("banner link", "#004b93", "#d8e6f4"),
    Pair("banner, died, light stripe", INK, "#e8edee"),
    Pair("banner, died, dark stripe", INK, "#d8dde0"),
    Pair("banner link, died, dark stripe", "#004b93", "#d8dde0"),
    Pair("banner, not known", "#354550", "#d8e6f4"),
    Pair("banner, not known, died, dark stripe", "#354550", "#d8dde0"),
    Pair("advice", INK, "#fff8e1"),
    Pair("advice source", "#4c6272", "#fff8e1"),
    Pair("stop", INK, "#fdf0ef"),
    Pair("stop source", "#4c6272", "#fdf0ef"),
    Pair("interruption", "#ffffff", "#005eb8"),
    Pair("count", INK, "#d8dde0"),
    Pair("urgent count", "#ffffff", "#d5281b"),
    Pair("chip", "#004b93", "#ffffff"),
    Pair("button as a link", "#005eb8", PAGE),
    Pair("button as a link, pointed at", "#7c2855", PAGE),
    Pair("preview", INK, "#e8edee"),
    Pair("highlighted suggestion", "#ffffff", "#005eb8"),
    Pair("tag grey", "#354550", "#dbe0e3"),
    Pair("tag green", "#004c23", "#cce5d8"),
    Pair("tag aqua-green", "#00524d", "#ccedeb"),
    Pair("tag blue", "#004281", "#ccdff1"),
    Pair("tag purple", "#240050", "#d6cce3"),
    Pair("tag red", "#6b140e", "#f7d4d1"),
    Pair("tag orange", "#4d3708", "#ffdc8e"),
    Pair("tag yellow", "#4d4712", "#fff59d"),
    Pair("tag white", INK, "#ffffff"),
)


@dataclass(frozen=True)
class Point:
    """One result: when, how much, and whether it was only `<` or `>` that."""

    on: date
    value: float
    is_censored: bool = False


@dataclass(frozen=True)
class _Scale:
    """From dates and values to the pixels of one drawing."""

    first: date
    days: int
    low: float
    high: float
    width: float
    height: float
    edge: float = 4.0

    def x(self, on: date) -> float:
        """Proportional in time. A single date stands at the right, where the latest always is."""
        share = (on - self.first).days / self.days if self.days else 1.0
        return round(self.edge + share * (self.width - 2 * self.edge), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        kept = min(max(share, 0.0), 1.0)
        return round(self.height - self.edge - kept * (self.height - 2 * self.edge), 1)


def sparkline(
    points: Sequence[Point],
    *,
    low: float | None = None,
    high: float | None = None,
    units: str = "",
    width: int = 96,
    height: int = 28,
) -> SafeString:
    """96 by 28: the reference range, a line, a mark for each result, a larger one for the last.

    `low` and `high` are the reference range in the same units; either may be missing. Without
    points there is nothing to draw and the words `No data` stand there.
    """
    if not points:
        return missing(NO_DATA)
    ordered = sorted(points, key=lambda point: point.on)
    scale = _scale(ordered, low, high, width, height)
    places = [(scale.x(point.on), scale.y(point.value), point) for point in ordered]
    return format_html(
        '<svg class="app-sparkline" width="{w}" height="{h}" viewBox="0 0 {w} {h}" role="img"'
        ' focusable="false" aria-label="{words}">{band}{line}{marks}</svg>',
        w=width,
        h=height,
        words=in_words(ordered, low=low, high=high, units=units),
        band=_band(scale, low, high),
        line=_line(places),
        marks=_marks(places),
    )


def _scale(
    points: Sequence[Point], low: float | None, high: float | None, width: int, height: int
) -> _Scale:
    """The range with room around it, so that a steady result looks steady (GTAB-072)."""
    values = [point.value for point in points] + [v for v in (low, high) if v is not None]
    bottom, top = min(values), max(values)
    spare = (top - bottom) * 0.15 or max(abs(top) * 0.2, 1.0)
    days = (points[-1].on - points[0].on).days
    return _Scale(points[0].on, days, bottom - spare, top + spare, width, height)


def _band(scale: _Scale, low: float | None, high: float | None) -> SafeString:
    """Where the result should be. Open below or above where the laboratory gave one limit."""
    if low is None and high is None:
        return SafeString("")
    top = scale.y(high) if high is not None else 0.0
    bottom = scale.y(low) if low is not None else scale.height
    return format_html(
        '<rect x="0" y="{}" width="{}" height="{}" fill="{}"></rect>',
        top,
        scale.width,
        round(bottom - top, 1),
        BAND,
    )


def _line(places: Sequence[tuple[float, float, Point]]) -> SafeString:
    path = " ".join(f"{x},{y}" for x, y, _ in places)
    return format_html(
        '<polyline points="{}" fill="none" stroke="{}" stroke-width="1.5"></polyline>', path, LINE
    )


def _marks(places: Sequence[tuple[float, float, Point]]) -> SafeString:
    """A filled mark; a hollow one where the laboratory could only say less or more than."""
    last = len(places) - 1
    return format_html_join(
        "",
        '<circle cx="{}" cy="{}" r="{}" fill="{}" stroke="{}"></circle>',
        (
            (x, y, 3 if i == last else 1.6, PAPER if point.is_censored else POINT, POINT)
            for i, (x, y, point) in enumerate(places)
        ),
    )


def in_words(
    points: Sequence[Point],
    *,
    low: float | None = None,
    high: float | None = None,
    units: str = "",
) -> str:
    """`5 results. Latest 52 mmol/mol on 12-Aug-2026, above 20 to 42. Rising.`"""
    if not points:
        return "No data."
    ordered = sorted(points, key=lambda point: point.on)
    latest = ordered[-1]
    amount = f"{latest.value:g} {units}".strip()
    where = _against(latest.value, low, high)
    said = f"{how_many(len(points), 'result')}. Latest {amount} on {cdate_text(latest.on)}{where}."
    return f"{said} {_trend(ordered)}".strip()


def _against(value: float, low: float | None, high: float | None) -> str:
    """Said of the drawing's own range; the flag of the laboratory stands beside it in the page."""
    if low is None and high is None:
        return ""
    words = " to ".join(f"{limit:g}" for limit in (low, high) if limit is not None)
    if high is not None and value > high:
        return f", above {words}"
    if low is not None and value < low:
        return f", below {words}"
    return f", within {words}" if low is not None and high is not None else ""


def _trend(points: Sequence[Point]) -> str:
    """One word, and only where every step agrees: anything else is for the eye."""
    steps = [after.value - before.value for before, after in pairwise(points)]
    if len(steps) < 2:
        return ""
    if all(step > 0 for step in steps):
        return "Rising."
    return "Falling." if all(step < 0 for step in steps) else ""
