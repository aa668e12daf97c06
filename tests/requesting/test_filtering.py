"""The filters of a list: days as people type them, and what is said when they cannot be read."""

from datetime import date

import pytest

from requesting import filtering


@pytest.mark.parametrize("typed", ["22-Nov-2026", "22/11/2026", "22 11 2026", "2026-11-22"])
def test_a_day_narrows_however_it_is_typed_and_is_shown_as_the_screens_write_it(typed):
    data = {"since": typed, "until": ""}
    filters, problems = filtering.read(data)
    assert (filters.since, filters.until, problems) == (date(2026, 11, 22), None, [])
    assert filtering.typed(data, filters) == {"since": "22-Nov-2026", "until": ""}


@pytest.mark.parametrize(("field", "which"), [("since", "first"), ("until", "last")])
def test_what_is_no_day_does_not_narrow_and_stays_in_its_field_to_be_corrected(field, which):
    filters, problems = filtering.read({field: "31/02/2026"})
    assert (filters.since, filters.until) == (None, None)
    assert problems == [{"text": f"Enter the {which} day like 22-Nov-2026", "href": f"#{field}"}]
    assert filtering.typed({field: "31/02/2026"}, filters)[field] == "31/02/2026"


def test_a_last_day_before_the_first_is_said():
    _, problems = filtering.read({"since": "22-Nov-2026", "until": "21-Nov-2026"})
    assert problems == [{"text": "The last day is before the first", "href": "#until"}]


def test_the_tracker_says_beside_the_field_how_a_day_is_written(world):
    page = world.client("gp").get("/requests/", {"since": "soon"}).content.decode()
    assert page.count("Enter the first day like 22-Nov-2026") == 2  # the summary, and the field
    assert 'value="soon"' in page
    assert 'type="date"' not in page
