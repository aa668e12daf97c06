"""A link that comes and goes while people use forms: nothing is done twice, nothing is lost (H51).

Workers deliver over a real socket, people press twice at the same moment, the department keys in,
lets go and cancels, and processes die between two steps. What counts at the other end is what the
department has: by message, or keyed in by hand.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from accounts.policies import Acting
from demo.processes import wait_until
from messaging import crash, wire
from messaging.models import Link, OutboundMessage, Partner
from messaging.services import deliver
from requesting import services
from requesting.errors import FormMoved, MoveRefused, NoForm, Refused
from requesting.models import DowntimeForm, Request, RequestItem
from requesting.queries import forms
from tests.messaging import peer
from tests.requesting.conftest import seed_surgery
from tests.requesting.downtime import RADIOLOGY, forget, radiographer
from tests.requesting.surgery import Surgery

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TOGGLES, ORDERS, SEED = 10, 4, 51
NOT_NOW = (NoForm, FormMoved, Refused, MoveRefused, OperationalError)


@pytest.fixture
def hospital() -> Iterator[peer.Peer]:
    """Kingsmere's radiology at the other end of the wire."""
    seed_surgery()
    with peer.listening() as other:
        Partner.objects.filter(departments__ods_code=RADIOLOGY).update(
            host="127.0.0.1",
            port=other.port,
            acknowledgement_seconds=5,
            cleartext_until=timezone.now() + timedelta(days=1),
            cleartext_because="It is a test.",
        )
        Partner.objects.exclude(departments__ods_code=RADIOLOGY).delete()
        yield other


def toggle(state: str) -> None:
    """The link's state as traffic would have made it; with DOWN the worker goes on trying."""
    partner = Partner.objects.get(departments__ods_code=RADIOLOGY)
    Link.objects.update_or_create(partner=partner, defaults={"state": state})
    Partner.objects.update(retry_at=None, failing_since=None)
    forget()


def apart(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            with suppress(*NOT_NOW):
                work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def together(*works: Callable[[], object]) -> None:
    for thread in [apart(work) for work in works]:
        thread.join(timeout=60)


@contextmanager
def delivering() -> Iterator[None]:
    """A worker that delivers without end."""
    partner, stop = Partner.objects.get(departments__ods_code=RADIOLOGY), threading.Event()

    def work() -> None:
        while not stop.is_set():
            with suppress(OperationalError):
                deliver(partner.pk)

    thread = apart(work)
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=60)


def by_message(hospital: peer.Peer) -> Counter[str]:
    """How often each order reached the other machine, a repeat under its control id once."""
    seen = {}
    for raw in list(hospital.received):
        message = wire.parse(raw)
        orders = [each for each in message.all("ORC") if each.get(1) == "NW"]
        seen[message.control_id] = [each.get(2) for each in orders]
    return Counter(number for numbers in seen.values() for number in numbers)


def by_hand() -> Counter[str]:
    """How often each was keyed in, by what the department said."""
    rows = RequestItem.objects.filter(events__event="keyed_in")
    return Counter(rows.values_list("placer_number", flat=True))


def presses(item: RequestItem, *people: Acting) -> list[Callable[[], object]]:
    """The same form, wanted by several people at the same moment."""

    def press(by: Acting) -> object:
        request = Request.objects.get(pk=item.request_id)
        return services.choose_form(request, department=item.department, how="print", by=by)

    return [lambda by=by: press(by) for by in people]


def act(form: DowntimeForm, chance: random.Random) -> Callable[[], object]:
    """What somebody of the department does with the form."""
    by = radiographer()
    numbers = {str(item.pk): f"A{item.placer_number[-6:]}" for item in forms.items_of(form)}
    return chance.choice(
        [
            lambda: services.key_in(form, numbers=numbers, by=by),
            lambda: services.let_form_go(form, by=by),
            lambda: services.cancel_form(form, reason="Duplicate", by=by),
            lambda: None,
        ]
    )


def assert_in_one_place() -> None:
    """Each request is queued, on a form, or reconciled; never in two of them, never in none."""
    states = dict(OutboundMessage.objects.values_list("control_id", "state"))
    for form in DowntimeForm.objects.select_related("order"):
        state = states[form.order.control_id]
        allowed = {
            "queued": {"waiting", "sending"}, "emailed": {"held"}, "printed": {"held"},
            "reconciled": {"acknowledged"} if form.outcome == "sent" else {"handled"},
        }  # fmt: skip
        assert state in allowed[form.status], (form.status, form.outcome, state)


@pytest.mark.hazard("H51")
def test_ten_toggles_of_the_link_double_no_request_and_lose_none(hospital):
    surgery, chance = Surgery(), random.Random(SEED)
    gp, gp2 = surgery.acting("gp"), surgery.acting("gp2")
    made: list[RequestItem] = []
    for _ in range(TOGGLES):
        toggle("down")
        requests = [surgery.ask() for _ in range(ORDERS)]
        Request.objects.filter(released_at__isnull=True).update(
            release_at=timezone.now() - timedelta(seconds=1)
        )
        items = [request.items.get() for request in requests]
        made += items
        services.release_due()
        for item in items[::2]:
            together(*presses(item, gp, gp2, gp))
        with delivering():
            for item in items[1::2]:
                toggle("down")
                together(*presses(item, gp, gp2))
            for form in DowntimeForm.objects.filter(clock_at__isnull=False):
                deed = act(form, chance)
                together(deed, deed, act(form, chance))
            toggle("up")
    finish(hospital)
    messages, hands = by_message(hospital), by_hand()
    assert_in_one_place()
    assert set(messages.values()) <= {1}
    assert set(hands.values()) <= {1}
    assert set(messages) & set(hands) == set()
    off = RequestItem.objects.filter(status="cancelled")
    ended = set(off.values_list("placer_number", flat=True))
    assert ended & (set(messages) | set(hands)) == set()
    assert {item.placer_number for item in made} == set(messages) | set(hands) | ended
    assert hands
    assert ended
    assert messages


def finish(hospital: peer.Peer) -> None:
    """The link is back: what is out is keyed in, what waits goes."""
    toggle("up")
    by = radiographer()
    for form in DowntimeForm.objects.filter(clock_at__isnull=False):
        numbers = {str(item.pk): "A-END" for item in forms.items_of(form)}
        services.key_in(form, numbers=numbers, by=by)
    partner = Partner.objects.get(departments__ods_code=RADIOLOGY)
    OutboundMessage.objects.update(not_before=None)
    assert wait_until(lambda: deliver(partner.pk) >= 0 and not _to_go(), seconds=60), _to_go()


def _to_go() -> list[tuple]:
    """What has not gone, and why."""
    rows = OutboundMessage.objects.filter(state__in=["waiting", "sending"])
    return list(rows.values_list("state", "failures", "not_before", "reason", "lease_until")[:5])


class Died(BaseException):
    """The process was killed."""


@pytest.mark.hazard("H51")
@pytest.mark.parametrize("where", ["hold", "items", "form"])
def test_a_process_that_dies_while_a_form_is_chosen_leaves_the_request_in_the_queue(
    hospital, monkeypatch, where
):
    """Killed between any two steps: the transaction is not there, and the next press does it."""
    toggle("down")
    surgery = Surgery()
    item = surgery.released()
    step = {"hold": "hold", "items": "locked", "form": "move_form"}[where]

    def die(*args: object, **others: object) -> None:
        raise Died(where)

    with monkeypatch.context() as broken:
        broken.setattr(f"requesting.services.downtime.{step}", die)
        with pytest.raises(Died):
            services.choose_form(
                item.request, department=item.department, how="print", by=surgery.acting()
            )
    assert OutboundMessage.objects.get().state == "waiting"
    assert not DowntimeForm.objects.exists()
    services.choose_form(item.request, department=item.department, how="print", by=surgery.acting())
    assert_in_one_place()


@pytest.mark.hazard("H51")
def test_a_worker_that_dies_with_the_message_on_the_wire_keeps_the_form_away(hospital, monkeypatch):
    """Nobody knows whether it arrived: while its lease runs there is no form."""
    toggle("up")
    surgery = Surgery()
    item = surgery.released()
    partner = Partner.objects.get(departments__ods_code=RADIOLOGY)

    def die(point: str) -> None:
        if point == "delivery.claimed":
            raise Died(point)

    with monkeypatch.context() as broken:
        broken.setattr(crash, "point", die)
        with pytest.raises(Died):
            deliver(partner.pk)
    toggle("down")
    with pytest.raises(NoForm) as refusal:
        services.choose_form(
            item.request, department=item.department, how="print", by=surgery.acting()
        )
    assert refusal.value.why == "busy"
    OutboundMessage.objects.update(lease_until=timezone.now() - timedelta(minutes=1))
    form = services.choose_form(
        item.request, department=item.department, how="print", by=surgery.acting()
    )
    assert form.may_have_arrived
    assert_in_one_place()
