"""Working hours: bank holidays, substitute days, and the days on which the clock changes."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from iep import hours

LONDON, UTC = ZoneInfo("Europe/London"), ZoneInfo("UTC")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


@pytest.mark.parametrize(("moment", "is_open"), [
    ("2026-11-23 07:59", False), ("2026-11-23 08:00", True), ("2026-11-23 17:29", True),
    ("2026-11-23 17:30", False),  # a Monday
    ("2026-11-22 07:59", False), ("2026-11-22 19:59", True), ("2026-11-22 20:00", False),  # Sunday
    ("2026-12-25 12:00", False), ("2026-12-24 12:00", True),
    ("2026-12-28 12:00", False),  # Boxing Day is a Saturday: its substitute
    ("2026-12-29 12:00", True),
    ("2027-12-27 12:00", False), ("2027-12-28 12:00", False),  # both on a weekend
    ("2027-01-01 12:00", False), ("2027-03-26 12:00", False), ("2027-03-29 12:00", False),
    ("2026-08-31 12:00", False),  # the summer bank holiday of England
])  # fmt: skip
def test_when_the_desk_is_open(moment, is_open):
    assert hours.is_open(at(moment)) is is_open


@pytest.mark.parametrize(("moment", "words"), [
    ("2026-11-23 09:00", "Open until 17:30"),
    ("2026-11-22 09:00", "Open until 20:00"),
    ("2026-11-23 06:00", "Closed until 08:00 today"),
    ("2026-11-23 18:00", "Closed until 08:00 tomorrow"),
    ("2026-12-25 10:00", "Closed for Christmas Day until 08:00 on Sunday 27 December"),
])  # fmt: skip
def test_the_words_for_people(moment, words):
    assert hours.words(at(moment)) == words


def test_boxing_day_of_2026_is_a_saturday_and_the_desk_is_shut_on_it_too():
    assert not hours.is_open(at("2026-12-26 12:00"))
    assert hours.is_open(at("2026-12-27 12:00"))


def test_hours_are_of_the_wall_clock_on_the_days_it_changes():
    """25 October 2026: 08:00 is GMT. 29 March 2026: 08:00 is BST. Both are Sundays."""
    autumn, spring = (
        hours.stretch_on(at("2026-10-25 12:00").date()),
        hours.stretch_on(at("2026-03-29 12:00").date()),
    )
    assert autumn.opens.astimezone(UTC).hour == 8
    assert spring.opens.astimezone(UTC).hour == 7
    assert spring.closes - spring.opens == timedelta(hours=12)
    assert not hours.is_open(datetime(2026, 10, 25, 7, 30, tzinfo=UTC))
    assert hours.is_open(datetime(2026, 3, 29, 7, 30, tzinfo=UTC))


def test_a_stretch_over_a_bank_holiday_counts_only_open_time():
    due = hours.working_time_after(at("2026-12-24 16:30"), timedelta(hours=4))
    assert due == at("2026-12-27 11:00")  # an hour on the 24th, three on Sunday the 27th


@pytest.mark.parametrize(("start", "days", "end"), [
    ("2026-10-20 10:00", 14, "2026-11-03 10:00"),  # 14 days and an hour of real time
    ("2026-03-25 10:00", 7, "2026-04-01 10:00"),  # an hour less
    ("2026-12-20 00:30", 14, "2027-01-03 00:30"),
])  # fmt: skip
def test_days_are_calendar_days(start, days, end):
    assert hours.days_later(at(start), days) == at(end)


def test_all_of_it_is_a_setting(settings):
    settings.IMAGE_DESK_HOLIDAYS = ""
    assert hours.is_open(at("2026-12-25 12:00"))
    settings.IMAGE_DESK_HOLIDAYS = "GB-SCT"
    assert not hours.is_open(at("2026-11-30 12:00"))  # St Andrew's Day
    settings.IMAGE_DESK_HOLIDAYS = "GB-ENG"
    settings.IMAGE_DESK_HOURS = {"mon": ("09:00", "12:00")}
    assert hours.next_open(at("2026-11-24 10:00")) == at("2026-11-30 09:00")
    settings.IMAGE_DESK_HOURS = {}
    assert hours.next_open(at("2026-11-24 10:00")) is None
    assert hours.words(at("2026-11-24 10:00")) == "Closed"
    assert not hours.is_open(at("2026-11-24 10:00"))
