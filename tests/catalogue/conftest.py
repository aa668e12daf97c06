"""Our release in the database, once per file of tests: importing it takes most of a second."""

from collections.abc import Iterator

import pytest
from django.db import transaction

from accounts.policies import SYSTEM
from catalogue import services
from catalogue.importers import OUR_RELEASE, read_release


@pytest.fixture(scope="module")
def _imported(django_db_setup, django_db_blocker) -> Iterator[None]:
    with django_db_blocker.unblock(), transaction.atomic():
        services.import_release(read_release(OUR_RELEASE), by=SYSTEM)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def our_catalogue(_imported, db) -> None:
    """Our release, imported. What a test does to it is undone after the test."""
