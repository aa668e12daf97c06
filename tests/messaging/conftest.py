"""Two partners, and a room behind the door that takes their messages."""

import pytest
from django.core.cache import cache

from tests.messaging import senders


@pytest.fixture(autouse=True)
def _nothing_remembered_of_partners_that_are_gone():
    yield
    cache.delete("links_not_working")


@pytest.fixture(autouse=True)
def _a_room_that_takes_messages(settings):
    settings.HL7_ROUTING = "tests.messaging.senders.ROUTES"
    settings.HL7_DELIVERY_EVENTS = "tests.messaging.senders.DELIVERY"


@pytest.fixture
def ris(db):
    return senders.make_partner("ris")


@pytest.fixture
def lims(db):
    return senders.make_partner("lims")
