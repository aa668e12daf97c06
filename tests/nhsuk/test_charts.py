"""The sparkline draws what it is given and says the same in words; every colour can be seen."""

import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nhsuk.charts import BAND, PALETTE, Pair, Point, in_words, sparkline

HBA1C = [
    Point(date(2025, 1, 10), 44),
    Point(date(2025, 4, 2), 46),
    Point(date(2026, 8, 12), 52),
]


def drawn(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  our own drawing


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.hazard("H59")
@pytest.mark.parametrize("pair", PALETTE, ids=lambda pair: pair.name)
def test_every_colour_stands_out_from_its_ground(pair: Pair) -> None:
    light, dark = sorted((luminance(pair.ink), luminance(pair.ground)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= pair.least


def test_every_colour_of_the_stylesheet_is_held_by_the_palette_or_is_decoration() -> None:
    decoration = {
        "#aeb7bd",
        "#768692",
        "#ffb81c",
        "#fff",
        "#ffeb3b",
        "#212b32",
        "#d8dde0",
        "#ed8b00",
    }
    css = Path("static/app.css").read_text()
    used = set(re.findall(r"#[0-9a-f]{3,6}\b", css))
    held = {colour for pair in PALETTE for colour in (pair.ink, pair.ground)}
    assert used - held - decoration == set()


def test_a_sparkline_has_a_mark_for_each_result_and_the_last_is_larger() -> None:
    marks = drawn(sparkline(HBA1C)).findall("circle")
    assert [mark.get("r") for mark in marks] == ["1.6", "1.6", "3"]


def test_time_is_proportional_and_runs_to_the_right() -> None:
    xs = [float(m.get("cx")) for m in drawn(sparkline(HBA1C)).findall("circle")]
    days = [(point.on - HBA1C[0].on).days for point in HBA1C]
    assert (xs[1] - xs[0]) / (xs[2] - xs[0]) == pytest.approx(days[1] / days[2], abs=0.01)


def test_points_are_drawn_in_time_s_order_whatever_order_they_come_in() -> None:
    assert sparkline(HBA1C[::-1]) == sparkline(HBA1C)


def test_a_higher_result_is_drawn_higher() -> None:
    ys = [float(m.get("cy")) for m in drawn(sparkline(HBA1C)).findall("circle")]
    assert ys == sorted(ys, reverse=True)


def test_a_steady_result_is_not_blown_up_to_look_wild() -> None:
    steady = [Point(date(2026, 1, 1), 140.0), Point(date(2026, 2, 1), 141.0)]
    ys = [float(m.get("cy")) for m in drawn(sparkline(steady, low=120, high=160)).findall("circle")]
    assert abs(ys[0] - ys[1]) < 2


def test_the_reference_range_is_a_pale_area_open_where_there_is_no_limit() -> None:
    both = drawn(sparkline(HBA1C, low=20, high=42)).find("rect")
    below_only = drawn(sparkline(HBA1C, high=42)).find("rect")
    assert both.get("fill") == BAND
    bottom = float(below_only.get("y")) + float(below_only.get("height"))
    assert bottom == 28
    assert drawn(sparkline(HBA1C)).find("rect") is None


def test_less_than_and_more_than_have_a_hollow_mark() -> None:
    marks = drawn(sparkline([Point(date(2026, 1, 1), 3, is_censored=True)])).findall("circle")
    assert marks[0].get("fill") != marks[0].get("stroke")


def test_one_result_and_equal_results_can_be_drawn() -> None:
    same_day = [Point(date(2026, 1, 1), 0), Point(date(2026, 1, 1), 0)]
    assert len(drawn(sparkline(same_day)).findall("circle")) == 2
    assert len(drawn(sparkline([Point(date(2026, 1, 1), 0)])).findall("circle")) == 1


def test_no_results_are_said_and_not_drawn() -> None:
    assert "No data" in sparkline([])


def test_a_chart_carries_no_style_that_the_page_s_policy_would_refuse() -> None:
    assert "style" not in sparkline(HBA1C, low=20, high=42)


def test_units_with_markup_in_them_are_text() -> None:
    svg = sparkline(HBA1C, units='"><script>')
    assert "<script>" not in svg
    assert '"><script>' in drawn(svg).get("aria-label")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([44, 46, 52], "3 results. Latest 52 mmol/mol on 12-Aug-2026, above 20 to 42. Rising."),
        ([52, 46, 30], "3 results. Latest 30 mmol/mol on 12-Aug-2026, within 20 to 42. Falling."),
        ([30, 46, 10], "3 results. Latest 10 mmol/mol on 12-Aug-2026, below 20 to 42."),
    ],
)
def test_the_chart_is_said_in_words(values: list[float], words: str) -> None:
    points = [Point(p.on, value) for p, value in zip(HBA1C, values, strict=True)]
    assert in_words(points, low=20, high=42, units="mmol/mol") == words


def test_two_results_are_no_trend() -> None:
    assert "ising" not in in_words(HBA1C[:2])
