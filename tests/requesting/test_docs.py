"""docs/hl7/orders.md says what is sent and what is understood."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ordercomms import routing
from ordercomms.routing import ROUTES
from requesting import inbound, reasons
from requesting.hl7 import PRIORITIES, render

from .test_hl7 import CHEST, FBC, UE, order

PAGE = Path(__file__).parents[2].joinpath("docs/hl7/orders.md").read_text()
SAMPLES = re.findall(r"```text\n(MSH.*?)\n```", PAGE, re.DOTALL)
SHORT = replace(CHEST, details="Ex-smoker", reasons=CHEST.reasons[:1])
LIMS = {"receiver": ("LIMS", "RZ1")}
CANCELS = {"control": "CA", "reason_code": "CHNR", "reason": "Patient moved away"}


@pytest.mark.parametrize(
    ("place", "asked"),
    [
        (0, order(SHORT)),
        (1, order(FBC, UE, kind="OML^O21", control_id="OC10000000010", **LIMS)),
        (2, order(FBC, UE, kind="OML^O33", control_id="OC10000000011", receiver=("LIMS", "RZ2"))),
        (3, order(SHORT, control_id="OC10000000012", **CANCELS)),
    ],
)
def test_each_sample_of_the_page_is_what_is_sent(place, asked):
    assert SAMPLES[place].split("\n") == render(asked).decode().rstrip("\r").split("\r")


def test_every_message_that_is_routed_here_is_on_the_page():
    ours = {f"{code}^{trigger}" for (code, trigger), handler in ROUTES.items()
            if handler is routing.hear_status}  # fmt: skip
    assert len(ours) == 8
    assert {each for each in ours if each not in PAGE} == set()


def test_every_reason_of_the_code_is_on_the_page():
    parked = {
        inbound.UNKNOWN_REQUEST, inbound.IDENTITY_MISMATCH, inbound.OTHER_DEPARTMENT,
        inbound.UNKNOWN_CODE, inbound.CONTRADICTION, inbound.NO_ORDER, inbound.TIME,
    }  # fmt: skip
    codes = parked | set(reasons.WIRE_REASONS) | set(PRIORITIES.values())
    assert {code for code in codes if f"`{code}`" not in PAGE} == set()
