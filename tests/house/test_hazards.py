"""The hazard log is the tests' own, and every hazard of the rooms that exist is held by one."""

import tomllib

from tests.house.hazard_log import SAFETY, page
from tests.house.hazard_log import tests_by_hazard as held_by  # a name that is not collected


def test_the_hazard_page_is_what_the_tests_say():
    assert (SAFETY / "hazards.md").read_text() == page(), "Run `make hazards`."


def test_every_hazard_is_held_by_a_test_and_every_mark_names_a_hazard():
    hazards = set(tomllib.loads((SAFETY / "hazards.toml").read_text()))
    proofs = set(held_by())
    assert hazards - proofs == set(), "hazards without a test"
    assert proofs - hazards == set(), "marks that name no hazard"
