"""Whatever people and machines do, in whatever order: one event a move, and nothing half done."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from messaging.errors import Park
from requesting import services
from requesting.errors import MoveRefused, Refused, TooLateToUndo, VettingTaken
from requesting.models import RequestItem
from requesting.states import TRANSITIONS, Event, Status
from tests.requesting.conftest import _surgery, surgery  # noqa: F401 - fixtures
from tests.requesting.surgery import EASTMARSH, FBC, Surgery, line

REFUSALS = (Refused, MoveRefused, TooLateToUndo, VettingTaken, Park)
ULTRASOUND = line("us-abdomen", reasons=["jaundice"])


def _release(_: Surgery, item: RequestItem) -> None:
    services.release_due(request_id=item.request_id)


def _later(_: Surgery, item: RequestItem) -> None:
    services.order_due(now=timezone.now() + timedelta(seconds=11))


def _told(*args: str, **fields: object) -> Callable:
    return lambda s, item: s.says(item, *args, **fields)


def _delivery(outcome: str) -> Callable:
    def act(s: Surgery, item: RequestItem) -> None:
        if item.order_messages.exists():
            s.acknowledge(item, outcome, "No such receiver")

    return act


VERBS: dict[str, Callable] = {
    "release": _release,
    "later": _later,
    "undo": lambda s, i: services.undo(i.request, by=s.acting()),
    "cancel": lambda s, i: services.cancel(i, reason="Moved", by=s.acting()),
    "close": lambda s, i: services.close(i, by=s.acting()),
    "fix": lambda s, i: services.fix(i, by=s.acting()),
    "rebook": lambda s, i: services.rebook(i, by=s.acting()),
    "seen": lambda s, i: services.seen(i, by=s.acting()),
    "answer": lambda s, i: services.answer(i, text="Six weeks", by=s.acting()),
    "collect": lambda s, i: services.collect(i, by=s.acting()),
    "stranger": lambda s, i: services.cancel(i, reason="", by=s.acting("practice-admin")),
    "open": lambda s, i: services.vet_open(i, by=s.acting("radiology-admin")),
    "accept": lambda s, i: services.vet_accept(i, by=s.acting("radiologist")),
    "ask": lambda s, i: services.vet_ask(i, question="Why?", by=s.acting("radiologist")),
    "reject": lambda s, i: services.vet_reject(i, reason="detail", by=s.acting("radiologist")),
    "take back": lambda s, i: services.vet_undo(i, by=s.acting("radiologist")),
    "delivered": _delivery("delivered"),
    "failing": _delivery("failing"),
    "refused": _delivery("refused"),
    "OK": _told("OK"),
    "UA": _told("UA", reason=["CHUN", "", "L"]),
    "SC": _told("SC", status="SC", obr={36: "202612240920"}),
    "IP": _told("SC", status="IP"),
    "DNA": _told("SC", status="HD", reason=["DNA", "", "L"]),
    "OC": _told("OC", status="CA", reason=["CP", "", "L"]),
    "CR": _told("CR"),
    "UC": _told("UC"),
    "XX": _told("XX", obr={4: ["CSKUH", "CT Head", "NICIP"]}),
    "report": lambda s, i: s.report(i, significance="abnormal"),
    "critical": lambda s, i: s.report(i, significance="critical"),
    "review": lambda s, i: services.mark_reviewed(i, by=s.acting()),
}


def _check(before: RequestItem, item: RequestItem, events: int, refused: bool) -> None:
    moves = list(item.events.order_by("id"))
    if refused:
        assert RequestItem.objects.filter(pk=item.pk).values().get() == {
            key: value for key, value in before.__dict__.items() if not key.startswith("_")
        }
        assert len(moves) == events
        return
    assert moves[-1].to_status == item.status
    for one, following in pairwise(moves):
        assert one.to_status == following.from_status
        assert TRANSITIONS[Status(following.from_status), Event(following.event)] == (
            following.to_status
        )
    assert item.due_at is not None or item.status in ("reviewed", "cancelled")
    if item.status == "cancelled":
        assert item.cancel_requested_at is None


@pytest.mark.hazard("H36")
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.sampled_from([FBC, ULTRASOUND, line("chest-xray", details="Cough")]),
    hospital=st.sampled_from(["", EASTMARSH]),
    verbs=st.lists(st.sampled_from(sorted(VERBS)), min_size=1, max_size=14),
)
def test_any_walk_leaves_an_item_that_the_table_knows(surgery, first, hospital, verbs):  # noqa: F811
    with transaction.atomic():
        start = timezone.now()
        item = surgery.item(first, hospital=hospital, key=uuid.uuid4())
        for step, verb in enumerate(["release", *verbs], start=1):
            with time_machine.travel(start + timedelta(seconds=20 + step), tick=False):
                before = RequestItem.objects.get(pk=item.pk)
                events, refused = before.events.count(), False
                try:
                    with transaction.atomic():
                        VERBS[verb](surgery, surgery.fresh(item))
                except REFUSALS:
                    refused = True
                item = surgery.fresh(item)
                _check(before, item, events, refused)
        transaction.set_rollback(True)
