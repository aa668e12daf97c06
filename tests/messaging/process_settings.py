"""The settings of processes that tests start: the real ones, with the test's database and room."""

import os

from ordercomms.settings import *  # noqa: F403, TID251
from ordercomms.settings import DATABASES  # noqa: TID251

if "TEST_DATABASE" in os.environ:
    DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
HL7_ROUTING = os.environ.get("TEST_ROUTING", "tests.messaging.senders.ROUTES")
HL7_DELIVERY_EVENTS = "tests.messaging.senders.DELIVERY"
