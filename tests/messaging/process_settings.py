"""The settings of processes that tests start: the real ones, with the test's database and room."""

import json
import os

from ordercomms.settings import *  # noqa: F403, TID251
from ordercomms.settings import DATABASES, INSTALLED_APPS  # noqa: TID251

if "TEST_DATABASE" in os.environ:
    DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
HL7_ROUTING = os.environ.get("TEST_ROUTING", "tests.messaging.senders.ROUTES")
HL7_DELIVERY_EVENTS = MAIL_EVENTS = "tests.messaging.senders.DELIVERY"
if "CRASH_AFTER_STATEMENT" in os.environ:
    INSTALLED_APPS += ["tests.faults.dying.Dying"]
if os.environ.get("CLOCK"):
    INSTALLED_APPS += ["tests.faults.shifting.Shifting"]
LINK_CLOCKS = json.loads(os.environ.get("LINK_CLOCKS", "{}"))
if "DIES_AFTER_COMMIT" in os.environ:
    MIDDLEWARE = ["tests.faults.dying.DieAfterAnswer", *MIDDLEWARE]  # noqa: F405
if "TEST_MAIL_EVENTS" in os.environ:
    MAIL_EVENTS = os.environ["TEST_MAIL_EVENTS"]
