"""The demo's places and people: invented, the same each time, and fit for what they are for."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.db import models
from django.utils import timezone

from accounts.models import Entitlement, Membership, Organisation, OrganisationKind, Site, User
from accounts.queries import entitlement_at
from accounts.roles import ROLES
from demo import people
from demo.people import DEMO_USERS, PEOPLE, PLACES, SITES, seed_people

WATCHED = (Organisation, Site, User, Membership, Entitlement)


def rows(model: type[models.Model]) -> list[dict]:
    return list(model.objects.order_by("pk").values())


def test_a_second_seeding_changes_nothing(db: None) -> None:
    seed_people()
    before = [rows(model) for model in WATCHED]
    seed_people()
    assert [rows(model) for model in WATCHED] == before


def test_seeding_puts_back_what_somebody_changed_and_deletes_nothing(db: None) -> None:
    seed_people()
    Organisation.objects.filter(ods_code=people.NORTHGATE).update(name="Renamed")
    mine = Organisation.objects.create(ods_code="Y99999", name="Mine", kind="practice")
    seed_people()
    assert Organisation.objects.get(ods_code=people.NORTHGATE).name == "Northgate Surgery"
    assert Organisation.objects.filter(pk=mine.pk).exists()


def test_one_password_opens_for_every_person_and_a_new_one_replaces_it(
    db: None, settings: object, rf: object
) -> None:
    for password in ("the first of them", "another one entirely"):
        settings.DEMO_PASSWORD = password
        seed_people()
        for username, _, _ in DEMO_USERS:
            user = authenticate(rf.post("/sign-in"), username=username, password=password)
            assert user is not None
            assert user.is_demo


def test_without_a_password_nobody_can_sign_in(db: None, settings: object) -> None:
    settings.DEMO_PASSWORD = ""
    seed_people()
    assert not any(user.has_usable_password() for user in User.objects.all())


def test_there_are_the_places_that_the_demo_needs(db: None) -> None:
    seed_people()
    count = {kind: Organisation.objects.filter(kind=kind).count() for kind in OrganisationKind}
    assert count == {
        "practice": 3, "community": 1, "pcn": 1, "trust": 3, "department": 6, "central": 1,
    }  # fmt: skip
    assert Organisation.objects.filter(vets_here=True, discipline="radiology").count() == 1
    assert set(
        Organisation.objects.filter(may_request=False).exclude(kind__in=("trust", "department"))
        .values_list("kind", flat=True)
    ) == {"pcn", "central"}  # fmt: skip
    for trust in Organisation.objects.filter(kind="trust"):
        assert set(trust.parts.values_list("discipline", flat=True)) == {"radiology", "pathology"}
        assert all(part.sites.exists() for part in trust.parts.all())


def test_every_telephone_number_is_of_a_range_kept_for_drama() -> None:
    numbers = [text for place in PLACES for text in (place.phone, place.help_phone) if text]
    numbers += [site.phone for site in SITES]
    drama = re.compile(r"(?:01632 960\d{3}|020 7946 0\d{3})(?: ext \d+)?")
    assert [number for number in numbers if not drama.fullmatch(number)] == []


def test_opening_hours_are_days_with_a_start_before_an_end() -> None:
    for site in SITES:
        for day, (start, end) in site.opening_hours.items():
            assert day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
            assert re.fullmatch(r"\d\d:\d\d", start)
            assert start < end


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.username)
def test_every_person_has_a_known_role_and_something_to_try(person: people.Person) -> None:
    assert person.try_this
    assert all(role in ROLES for _, role in person.roles)


def test_certificates_are_in_and_out_of_date_whenever_the_demo_is_seeded(db: None) -> None:
    for today in (timezone.localdate(), timezone.localdate() + timedelta(days=1000)):
        seed_people(today=today)
        trust = Organisation.objects.get(ods_code=people.KINGSMERE)
        good = entitlement_at(User.objects.get(username="ahp"), trust, on=today)
        ended = entitlement_at(User.objects.get(username="ahp-expired"), trust, on=today)
        assert (good.state, ended.state) == ("active", "expired")


def test_every_test_in_scope_is_one_of_the_catalogue() -> None:
    lines = Path("catalogue/data/radiology.csv").read_text().splitlines()
    codes = {line.split(",")[0] for line in lines}
    assert set(people.LIMBS_AND_CHEST) - codes == set()
