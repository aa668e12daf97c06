"""In the demo every practice can ask for the usual tests, somewhere, in some way."""

import pytest

from accounts.models import Entitlement, Organisation
from catalogue import queries
from catalogue.errors import NotOffered
from catalogue.models import Offering
from demo.catalogue import seed_catalogue
from demo.people import seed_people

pytestmark = pytest.mark.django_db


@pytest.fixture
def seeded(settings):
    settings.DEMO_PASSWORD = "demo-password-of-the-tests"
    seed_people()
    seed_catalogue()


def places_that_request() -> list[Organisation]:
    return list(Organisation.objects.filter(may_request=True))


def test_seeding_again_changes_nothing(seeded):
    before = list(Offering.objects.order_by("pk").values())
    seed_catalogue()
    assert list(Offering.objects.order_by("pk").values()) == before


def test_every_place_that_may_request_can_ask_for_every_test(seeded):
    wanted = set(queries.orderable().values_list("code", flat=True))
    for organisation in places_that_request():
        offered = queries.orderable(organisation=organisation).values_list("code", flat=True)
        assert set(offered) == wanted, organisation


@pytest.mark.parametrize(
    ("code", "age", "attendance"),
    [
        ("chest-xray", 61, "walk_in"),
        ("chest-xray", 8, "booked"),
        ("us-abdomen", 61, "booked"),
        ("ct-head", 61, "booked"),
        ("mri-knee", 61, "booked"),
        ("fbc", 61, "practice"),
        ("gtt", 30, "booked"),
    ],
)
def test_plain_x_rays_are_walk_in_for_adults_and_scans_are_booked(seeded, code, age, attendance):
    service = queries.service(code)
    for organisation in places_that_request():
        found = queries.offering_for(service, organisation=organisation, age_years=age)
        assert found.attendance == attendance
        assert (found.site is None) == (attendance == "practice")


def test_what_a_demo_referrer_may_ask_for_is_in_the_catalogue(seeded):
    codes = {code for leave in Entitlement.objects.all() for code in leave.service_codes}
    assert codes
    assert set(queries.services_by_code(codes)) == codes


def test_a_trust_that_serves_nobody_here_is_offered_to_nobody(seeded):
    stranger = Organisation.objects.create(ods_code="Y99999", name="Far Practice", kind="practice")
    with pytest.raises(NotOffered):
        queries.offering_for(queries.service("chest-xray"), organisation=stranger)
