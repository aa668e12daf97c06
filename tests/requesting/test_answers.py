"""Every answer that a department can give, in every status that an item can have."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone

from messaging import wire
from messaging.errors import Park
from requesting import queries, services
from requesting.models import RequestEvent, RequestItem
from requesting.services.hearing import RESULT_STATUSES, SPEAK, STEPS

from .surgery import CHEST, line

SCAN = line("us-abdomen", reasons=["jaundice"])
CT_HEAD = {4: ["CSKUH", "CT Head", "NICIP"]}
NO = ["CHUN", "", "L", "", "No red flag"]
# What each column of the table says, as ORC-1 with its fields.
SAYS = {
    "OK": ("OK", {}), "NA": ("NA", {}), "UA": ("UA", {"reason": NO}), "RE": ("RE", {}),
    "SC booked": ("SC", {"status": "SC", "obr": {36: "20270105092000+0000"}}),
    "SC begun": ("SC", {"status": "IP"}), "OC": ("OC", {"reason": ["CHPP", "", "L"]}),
    "OD": ("OD", {"reason": ["CHAE", "", "L"]}), "CR": ("CR", {}), "UC": ("UC", {}),
    "XX": ("XX", {"obr": CT_HEAD}), "XR": ("XR", {}), "UX": ("UX", {}),
    "OH": ("OH", {"reason": ["", "", "L", "", "Earlier images"]}),
}  # fmt: skip
PARK = "park"
# "." stays what it is, "-" waits for a person; else where it goes.
GOES = {
    "A": "accepted", "R": "received", "X": "rejected", "P": "progress", "B": "booked",
    "C": "cancelled", "-": PARK,
}  # fmt: skip
PAGE = Path(__file__).parents[2].joinpath("docs/hl7/orders.md").read_text()
GRID = PAGE.split("```grid\n")[1].split("\n```")[0]  # its first line names the columns
TABLE = {row.split()[0]: row.split()[1:] for row in GRID.splitlines()[1:]}
A, B, C, P, X, W = "accepted", "booked", "cancelled", "progress", "rejected", "walkin"
KINDS = [
    ("ORG", "O20", "ORG_O20"), ("ORL", "O22", "ORL_O22"), ("ORL", "O34", "ORL_O34"),
    ("ORR", "O02", "ORR_O02"), ("OMG", "O19", "OMG_O19"), ("OML", "O21", "OML_O21"),
    ("OML", "O33", "OML_O33"), ("ORM", "O01", "ORM_O01"),
]  # fmt: skip


def in_status(surgery, status: str) -> RequestItem:
    """An item that came to that status as items do."""
    if status in ("held", "sent"):
        return surgery.item(SCAN) if status == "held" else surgery.released(SCAN)
    item = surgery.released(SCAN)
    if status == "queued":
        surgery.acknowledge(item, "failing", "no answer")
        return surgery.fresh(item)
    surgery.acknowledge(item)
    before = {
        "received": [], "accepted": ["OK"], "booked": ["SC booked"], "progress": ["SC begun"],
        "rejected": ["UA"], "cancelled": ["OC"], "dna": [], "reported": [], "reviewed": [],
    }  # fmt: skip
    for said in before[status]:
        control, fields = SAYS[said]
        surgery.says(item, control, **fields)
    if status == "dna":
        surgery.says(item, "OC", reason=["DNA", "", "L"])
    if status in ("reported", "reviewed"):
        surgery.report(item)
    if status == "reviewed":
        services.mark_reviewed(item, by=surgery.acting())
    return surgery.fresh(item)


@pytest.mark.parametrize("status", list(TABLE))
def test_every_answer_in_every_status_does_what_the_table_says(surgery, status):
    item = in_status(surgery, status)
    assert item.status == status
    wrong = {}
    for said, cell in zip(SAYS, TABLE[status], strict=True):
        place = transaction.savepoint()
        expected = GOES.get(cell, status)
        if (got := heard(surgery, item, said)) != expected:
            wrong[said] = (got, expected)
        if got != PARK:
            events = RequestEvent.objects.filter(item=item).count()
            assert heard(surgery, item, said) == expected  # said again, it changes nothing
            assert RequestEvent.objects.filter(item=item).count() == events, said
        transaction.savepoint_rollback(place)
    assert wrong == {}


def heard(surgery, item, said: str) -> str:
    """What the item is after this was said of it; PARK when it waits for a person."""
    control, fields = SAYS[said]
    try:
        with transaction.atomic():
            surgery.says(item, control, **fields)
    except Park as parked:
        return PARK if parked.reason_code == "contradiction" else parked.reason_code
    return surgery.fresh(item).status


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[0]}^{kind[1]}")
@pytest.mark.parametrize(("said", "status"), [("OK", A), ("UA", X), ("SC booked", B), ("OC", C)])
def test_every_message_that_carries_an_answer_is_understood(surgery, kind, said, status):
    item = surgery.delivered(SCAN)
    control, fields = SAYS[said]
    surgery.says(item, control, kind=kind, **fields)
    assert surgery.fresh(item).status == status


# --- On hold -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("control", "status"), [("OH", ""), ("HR", ""), ("HD", ""), ("SC", "HD")])
def test_what_is_on_hold_there_says_so_has_a_clock_and_ends_with_the_next_step(
    surgery, control, status
):
    item = surgery.delivered(SCAN)
    since = timezone.now().replace(microsecond=0)
    surgery.says(item, control, status=status, reason=["", "", "L", "", "Earlier images"])
    item = surgery.fresh(item)
    assert item.status == "received"
    assert "On hold" in queries.next_sentence(item)
    assert "Earlier images" in queries.next_sentence(item)
    assert item.held_since >= since
    assert item.due_at <= item.held_since + timedelta(days=3)
    surgery.says(item, "OK")
    item = surgery.fresh(item)
    assert (item.status, item.held_since, item.held_for) == ("accepted", None, "")


def test_a_hold_ends_too_when_they_say_only_what_we_know(surgery):
    item = surgery.delivered(SCAN)
    surgery.says(item, "OK")
    surgery.says(item, "OH", reason=["", "", "L", "", "Earlier images"])
    surgery.says(item, "OK")
    item = surgery.fresh(item)
    assert (item.held_since, item.events.latest("id").event) == (None, "hold_ended")


# --- Late, and only as OBR-25 --------------------------------------------------------------------


@pytest.mark.hazard("H18")
def test_a_step_that_happened_before_the_last_one_never_moves_it_back(surgery):
    item, now = surgery.delivered(SCAN), timezone.now()
    surgery.says(item, "SC", status="IP", at=now, happened=now)
    when = {36: wire.timestamp(now + timedelta(days=2))}
    surgery.says(
        item, "SC", status="SC", at=now + timedelta(minutes=1), obr=when,
        happened=now - timedelta(hours=1),
    )  # fmt: skip
    assert surgery.fresh(item).status == "progress"
    surgery.says(
        item, "OC", at=now + timedelta(minutes=2), reason=["CHPP", "", "L"],
        happened=now - timedelta(hours=2),
    )  # fmt: skip
    assert surgery.fresh(item).status == "cancelled"  # an end is never thrown away for its time


@pytest.mark.parametrize(
    ("code", "status"),
    [("I", P), ("A", P), ("P", P), ("R", P), ("F", P), ("C", P), ("S", B), ("X", C)],
)
def test_a_status_that_only_the_result_status_says_is_understood(surgery, code, status):
    item = surgery.delivered(SCAN)
    surgery.says(item, "SC", obr={25: code}, reason=["CHPP", "", "L"] if code == "X" else None)
    assert surgery.fresh(item).status == status


# --- The page ------------------------------------------------------------------------------------


def test_every_answer_is_on_the_page():
    cells = set(re.findall(r"`([A-Z]{1,2})`", PAGE))
    assert {*SPEAK, *STEPS, *RESULT_STATUSES} <= cells


def test_a_walk_in_that_is_accepted_is_ready(surgery):
    item = surgery.delivered(CHEST)
    surgery.says(item, "OK")
    assert surgery.fresh(item).status == W
