"""What holds for whatever is typed into the test box, and for whoever is asked."""

import string
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.policies import SYSTEM
from catalogue import queries, services
from catalogue.applies import question_applies
from catalogue.importers import OUR_RELEASE, read_release
from catalogue.terms import terms_of
from catalogue.wording import asked, normalise, slip_counter, spellings

RELEASE = read_release(OUR_RELEASE)
SERVICES = list(RELEASE.services.values())
words = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=12)
shared_database = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


@pytest.fixture
def imported(db):
    services.import_release(RELEASE, by=SYSTEM)


@shared_database
@given(text=st.text(max_size=120))
def test_no_search_text_crashes_and_no_test_is_found_twice(imported, text):
    hits = queries.search(text)
    assert len(hits) <= 8
    assert len({hit.code for hit in hits}) == len(hits)
    assert {hit.code for hit in hits} <= set(RELEASE.services)


@shared_database
@given(service=st.sampled_from(SERVICES), case=st.sampled_from([str.lower, str.upper, str.title]))
def test_every_test_is_found_by_its_name_and_its_abbreviations(imported, service, case):
    for term in (service.name, *service.abbreviations):
        assert service.code in {hit.code for hit in queries.search(case(term))}, term


@given(st.text(max_size=200))
def test_comparing_words_is_settled_after_once(text):
    once = normalise(text)
    assert normalise(once) == once
    assert set(once) <= {c for c in once if c == " " or c.isalnum()}
    assert "  " not in once
    assert len(asked(text)) <= 3 * 80  # a ligature may become several letters


@given(st.sampled_from([term for service in SERVICES for term in service.synonyms]))
def test_a_term_of_ours_is_found_by_all_its_spellings(term):
    service = next(one for one in SERVICES if term in one.synonyms)
    texts = {text for text, _, _ in terms_of(service)}
    assert set(spellings(term)) <= texts


@given(words, st.data())
def test_one_swap_of_neighbours_is_one_slip_at_most(word, data):
    if len(word) < 4:
        return
    at = data.draw(st.integers(0, len(word) - 2))
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    assert slip_counter([swapped])(word) in {0, 1}


@given(words, words)
def test_what_begins_a_word_is_no_slip(beginning, rest):
    assert slip_counter([beginning])(f"other {beginning}{rest}") == 0


@given(st.sampled_from(SERVICES), st.one_of(st.none(), st.integers(0, 120)))
def test_pregnancy_is_asked_by_age_and_region_alone(service, age):
    question = SimpleNamespace(
        applies_when={"age_from": 12, "age_to": 55, "ionising": True, "region": "uterus"}
    )
    expected = service.irradiates_uterus_region and (age is None or 12 <= age <= 55)
    assert question_applies(question, age, service) is expected


@given(st.sampled_from([one for one in SERVICES if one.sides]), st.sampled_from("LRB"))
def test_a_side_never_leads_to_another_side_s_code(service, side):
    codes = [code for code in service.codes if code.side == side]
    assert len(codes) == (1 if side in service.sides else 0)
    if codes:
        ending = {"L": ("Lt", "Left"), "R": ("Rt", "Right"), "B": ("Both", "B")}[side]
        assert codes[0].display.endswith(ending)
