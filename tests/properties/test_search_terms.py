"""The search box never fails on anything that can be typed, and reads every date as it is."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from patients import search_terms
from patients.search_terms import NotSearchable

TODAY = date(2026, 11, 22)
FORMS = ["%d %m %Y", "%d/%m/%Y", "%d-%b-%Y", "%d %B %Y", "%Y-%m-%d", "%d%m%Y", "%d.%m.%Y"]


@given(st.dates(date(1870, 1, 1), TODAY), st.sampled_from(FORMS))
def test_every_date_is_read_in_every_form(born, form):
    # strftime pads the years before 1000 only, so %Y is always four digits here.
    assert search_terms.read(born.strftime(form), today=TODAY).birth_dates == (born,)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(text):
    try:
        term = search_terms.read(text, today=TODAY)
    except NotSearchable as error:
        assert str(error).startswith(("Enter", "That", "A birth date", "An NHS"))  # noqa: PT017
    else:
        assert term.nhs_number or term.hospital_numbers or term.names or term.birth_dates
        assert all(family for family, _ in term.names)
        assert all(born <= TODAY for born in term.birth_dates)
