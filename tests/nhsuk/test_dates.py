"""What a person types for a date is read as the screens write it, the day before the month."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhsuk.dates import LIKE_DAY, LIKE_MOMENT, read_day, read_moment
from nhsuk.formats import LONDON, cdate_text, cdatetime_text

# Years of four digits; the clocks of London have been what they are since 1972.
DAYS = st.dates(date(1972, 1, 1), date(9990, 12, 31))


@pytest.mark.parametrize(
    "text",
    [
        "22-Nov-2026", "22 nov 2026", "22 November 2026", "22/11/2026", "22 11 2026", "22.11.2026",
        "22-11-2026", " 22-NOV-2026 ", "2026-11-22",
    ],
)  # fmt: skip
def test_a_date_is_read_however_it_is_written(text: str) -> None:
    assert read_day(text) == date(2026, 11, 22)


def test_the_day_comes_before_the_month() -> None:
    assert read_day("03/04/2026") == date(2026, 4, 3)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "31-Feb-2026", "22/13/2026", "22-Nov-26", "11/22/2026", "22 Novem 2026"],
)
def test_what_is_no_date_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|day|month"):
        read_day(text)


@given(DAYS)
def test_every_date_that_a_screen_shows_can_be_typed_back(day: date) -> None:
    assert read_day(cdate_text(day)) == day


@pytest.mark.parametrize(
    "text", ["22-Nov-2026 09:05", "22/11/2026 9:05", "22 11 2026, 09.05", "2026-11-22T09:05"]
)
def test_a_moment_is_a_date_and_a_24_hour_time(text: str) -> None:
    assert read_moment(text) == datetime(2026, 11, 22, 9, 5, tzinfo=LONDON)


@pytest.mark.parametrize("text", ["", "soon", "22-Nov-2026", "09:05", "22-Nov-2026 25:00"])
def test_half_a_moment_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|hour"):
        read_moment(text)


def test_the_examples_that_the_screens_give_are_as_the_screens_write() -> None:
    assert cdate_text(read_day(LIKE_DAY)) == LIKE_DAY
    assert cdatetime_text(read_moment(LIKE_MOMENT), relative=False) == LIKE_MOMENT
