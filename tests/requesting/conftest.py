"""The surgery at work: catalogue, hospitals with their systems, rules; once for a file of tests."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from demo.catalogue import seed_catalogue
from demo.people import seed_people
from demo.rules import seed_rules

from .surgery import Surgery, seed_partners


def seed_surgery() -> None:
    """Everything that is the same for every test."""
    seed_people()
    seed_catalogue()
    seed_rules()
    seed_partners()


@pytest.fixture(scope="module")
def _surgery(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        seed_surgery()
        yield
        transaction.set_rollback(True)


@pytest.fixture
def surgery(_surgery, db) -> Surgery:
    """Northgate Surgery; what a test does is undone after it."""
    return Surgery()
