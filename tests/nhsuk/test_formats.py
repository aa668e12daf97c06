"""Formats, each line of the table of ux 2.1.2 and of CUI tables 7 and 8."""

from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace

import pytest
import time_machine

from nhsuk import formats as f

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def person(family: str = "", given: str = "", title: str = "") -> SimpleNamespace:
    return SimpleNamespace(family_name=family, given_names=given, title=title)


def test_staff_dates_have_a_month_in_letters_and_a_leading_zero() -> None:
    assert f.cdate_text(date(2026, 11, 2)) == "02-Nov-2026"
    assert f.cdate_text(date(2026, 11, 22), day=True) == "Sun 22-Nov-2026"


def test_a_staff_date_is_one_time_element_that_does_not_wrap() -> None:
    html = '<time class="app-nowrap" datetime="2026-11-02">02-Nov-2026</time>'
    assert f.cdate(date(2026, 11, 2)) == html


@pytest.mark.hazard("H60")
def test_the_date_of_an_instant_is_london_s_date() -> None:
    just_after_midnight_in_summer = datetime(2026, 7, 1, 23, 30, tzinfo=UTC)
    assert f.cdate_text(just_after_midnight_in_summer) == "02-Jul-2026"
    assert f.ctime_text(just_after_midnight_in_summer) == "00:30"


@pytest.mark.hazard("H60")
@pytest.mark.parametrize(("utc_hour", "words"), [(0, "01:30 BST"), (1, "01:30 GMT"), (2, "02:30")])
def test_the_hour_that_happens_twice_in_october_says_which_it_is(utc_hour: int, words: str) -> None:
    assert f.ctime_text(datetime(2026, 10, 25, utc_hour, 30, tzinfo=UTC)) == words


@pytest.mark.hazard("H60")
@pytest.mark.parametrize(("utc_hour", "words"), [(0, "00:30"), (1, "02:30")])
def test_the_hour_that_is_skipped_in_march_is_never_shown(utc_hour: int, words: str) -> None:
    assert f.ctime_text(datetime(2026, 3, 29, utc_hour, 30, tzinfo=UTC)) == words


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=20), "22-Nov-2026 12:00 (just now)"),
        (timedelta(minutes=12), "22-Nov-2026 12:00 (12 min ago)"),
        (timedelta(hours=3, minutes=50), "22-Nov-2026 12:00 (3hr ago)"),
        (timedelta(days=1), "22-Nov-2026 12:00"),
        (timedelta(minutes=-5), "22-Nov-2026 12:00"),
    ],
)
def test_relative_words_stand_beside_the_date_within_a_day_only(
    passed: timedelta, words: str
) -> None:
    with time_machine.travel(NOON + passed, tick=False):
        assert f.cdatetime_text(NOON) == words


def test_a_name_is_family_in_capitals_then_given_then_title() -> None:
    lertchai = person("Treetawtchaiwong", "Lertchai", "Mr")
    assert f.cname(lertchai) == "TREETAWTCHAIWONG, Lertchai (Mr)"
    assert f.spoken_name(lertchai) == "Mr Treetawtchaiwong"
    assert f.pname(lertchai) == "Mr Lertchai Treetawtchaiwong"


@pytest.mark.parametrize(
    ("parts", "clinical", "spoken"),
    [
        (("Smith", "", ""), "SMITH", "Smith"),
        (("Smith", "Ann", ""), "SMITH, Ann", "Ann Smith"),
        (("O'Brien", "", "Dr"), "O'BRIEN (Dr)", "Dr O'Brien"),
        (("", "", ""), "Not known", "Not known"),
    ],
)
def test_a_name_with_parts_missing_has_no_stray_commas(
    parts: tuple[str, str, str], clinical: str, spoken: str
) -> None:
    assert f.cname(person(*parts)) == clinical
    assert f.spoken_name(person(*parts)) == spoken


def test_a_long_name_is_never_cut() -> None:
    assert len(f.cname(person("A" * 80, "B" * 80, "C" * 20))) == 80 + 2 + 80 + 3 + 20


@pytest.mark.parametrize("written", ["9991234567", "999 123 4567", "999-1234567"[:3] + "1234567"])
def test_an_nhs_number_is_shown_three_three_four(written: str) -> None:
    assert f.nhsno_text(written) == "999 123 4567"


def test_a_missing_number_is_not_known_and_a_short_one_is_not_reshaped() -> None:
    assert f.nhsno_text(None) == "Not known"
    assert f.nhsno_text("12345") == "12345"
    assert "Not known" in f.nhsno(None)


@pytest.mark.parametrize(
    ("born", "on", "words"),
    [
        (date(2026, 11, 22), date(2026, 11, 22), "0d"),
        (date(2026, 11, 1), date(2026, 11, 28), "27d"),
        (date(2026, 11, 1), date(2026, 11, 29), "4w 0d"),
        (date(2025, 11, 23), date(2026, 11, 22), "52w 0d"),
        (date(2025, 11, 22), date(2026, 11, 22), "12m 0d"),
        (date(2025, 10, 17), date(2026, 11, 22), "13m 5d"),
        (date(2024, 11, 23), date(2026, 11, 22), "23m 30d"),
        (date(2024, 11, 22), date(2026, 11, 22), "2y 0m"),
        (date(2022, 10, 1), date(2026, 11, 22), "4y 1m"),
        (date(2008, 11, 23), date(2026, 11, 22), "17y 11m"),
        (date(2008, 11, 22), date(2026, 11, 22), "18y"),
        (date(1965, 7, 14), date(2026, 11, 22), "61y"),
        (date(1904, 2, 29), date(2026, 2, 28), "121y"),
        (date(1904, 2, 29), date(2026, 3, 1), "122y"),
        (date(2026, 1, 31), date(2027, 3, 1), "13m 1d"),
        (date(2026, 11, 23), date(2026, 11, 22), "Not known"),
    ],
)
def test_age_is_grouped_as_cui_table_7(born: date, on: date, words: str) -> None:
    assert f.age(born, on) == words


@pytest.mark.parametrize(
    ("lived", "words"),
    [
        (timedelta(minutes=45), "45min"),
        (timedelta(minutes=119), "119min"),
        (timedelta(hours=2), "2hr"),
        (timedelta(hours=47, minutes=59), "47hr"),
        (timedelta(hours=48), "2d"),
        (timedelta(minutes=-1), "Not known"),
    ],
)
def test_a_newborn_with_a_time_of_birth_is_minutes_or_hours_old(
    lived: timedelta, words: str
) -> None:
    assert f.age(NOON, NOON + lived) == words


def test_no_birth_date_is_not_known() -> None:
    assert f.age(None) == "Not known"


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "0min"), (32, "32min"), (60, "1hr"), (272, "4hr 32min"), (72 * 60, "3d")],
)
def test_durations_are_whole_numbers_of_the_units_that_matter(minutes: int, words: str) -> None:
    assert f.duration(timedelta(minutes=minutes)) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (time(17, 30), "5:30pm"),
        (time(9, 5), "9:05am"),
        (time(17, 0), "5pm"),
        (time(12, 0), "midday"),
        (time(0, 0), "midnight"),
        (time(0, 10), "12:10am"),
        (time(12, 10), "12:10pm"),
    ],
)
def test_patients_read_a_twelve_hour_clock(at: time, words: str) -> None:
    assert f.ptime(at) == words


def test_patients_read_dates_in_full() -> None:
    assert f.pdate(date(2026, 11, 22)) == "22 November 2026"
    assert f.pdate(date(2026, 11, 2), day=True) == "Monday 2 November 2026"
    assert f.pduration(timedelta(hours=4, minutes=32)) == "4 hours 32 minutes"
    assert f.pduration(timedelta(hours=1)) == "1 hour"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (f.cdate, "Not recorded"),
        (f.ctime, "Not recorded"),
        (f.cdatetime, "Not recorded"),
        (f.duration, "Not recorded"),
        (f.pdate, "We do not have this"),
        (f.ptime, "We do not have this"),
    ],
)
def test_what_is_missing_is_said_and_never_left_blank(function: object, words: str) -> None:
    assert words in function(None)  # type: ignore[operator]


def test_markup_in_a_value_is_shown_and_not_obeyed() -> None:
    assert "<b>" not in str(f.missing("<b>"))
    assert "<b>" not in str(f.nhsno("<b>"))


@pytest.mark.parametrize(
    ("count", "words"), [(0, "No requests"), (1, "1 request"), (3, "3 requests")]
)
def test_counts_agree_with_their_noun(count: int, words: str) -> None:
    assert f.how_many(count, "request") == words


def test_opening_hours_are_said_by_runs_of_days_that_are_alike():
    hours = {day: ["08:30", "17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
    assert f.popening(hours) == "Monday to Friday 8:30am to 5pm"
    assert f.popening(hours | {"sat": ["09:00", "12:00"]}) == (
        "Monday to Friday 8:30am to 5pm, Saturday 9am to midday"
    )
    assert f.popening({}) == "Ring for opening times"


def test_no_date_of_a_sentence_breaks_at_its_hyphens_and_the_rest_is_escaped():
    said = f.dates_whole("<b> by 27-Nov-2026.")
    assert said == '&lt;b&gt; by <span class="app-nowrap">27-Nov-2026</span>.'
