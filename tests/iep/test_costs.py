"""What the pages of the exchange cost the database: as much with many rows as with few, at most 12.

Each world has rows of every kind that the page can show, with everything that a row can show.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.models import Site
from demo.people import KINGSMERE, radiology_of
from iep.models import (
    Disc,
    Lane,
    Node,
    Study,
    Ticket,
    TicketMail,
    Transaction,
    TransactionEventRow,
    Transfer,
    TransferEventRow,
    TransferInstance,
)
from iep.services.exchange import transactions
from iep.services.ticketing import tickets
from iep.states.discs import TERMINAL, DiscState
from iep.states.priorities import Priority
from iep.states.studies import StudyState
from iep.states.tickets import TicketKind
from iep.states.transactions import Direction, TransactionKind, TransactionState
from iep.states.transfers import TransferKind, TransferState
from tests.counting import cost_of
from tests.iep.tickets import asking
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = pytest.mark.django_db
BUDGET = 12  # product.md 5
_UNMATCHED = (StudyState.ARRIVING, StudyState.STOPPED, StudyState.FAILED_VERIFICATION)
_numbers = count(100)  # a disc ticket has its first disc already


def _far(**facts: Any) -> Node:
    """A machine of a hospital of its own."""
    number = next(_numbers)
    at = exchange.hospital(f"Far Hospital {number}", code=f"FAR{number}")
    return exchange.machine(at, ae_title=f"FAR{number}", **facts)


def _transfer(thing: Transaction | None, kind: TransferKind, state: TransferState) -> Transfer:
    """With a ledger of two series of which images are missing, to a hospital of its own."""
    now = timezone.now()
    is_running = state is TransferState.RUNNING
    lane = Lane.objects.get(name="out-2")
    made = Transfer.objects.create(
        kind=kind.value, purpose="out", direction="out" if kind in ("send", "push") else "in",
        node=_far(failures=2, failing_since=now, sentence="It is away."), transaction=thing,
        title="CT head", state=state.value, state_since=now - timedelta(hours=2), images=30,
        images_done=30 if state is TransferState.DELIVERED else 2, failures=3, family="refused",
        why="They said no.", not_before=None, lane=lane if is_running else None,
        lease_token=uuid4() if is_running else None, finished_at=now, started_at=now,
    )  # fmt: skip
    TransferInstance.objects.bulk_create(
        TransferInstance(transfer=made, position=n, sop_uid=f"1.2.{made.pk}.{n}",
                         series_uid=f"1.2.{n % 2}", state="refused" if n > 2 else "sent",
                         done_at=now)
        for n in range(30)
    )  # fmt: skip
    return made


def _lanes() -> None:
    for number in range(9):
        direction, at = ("out", number + 1) if number < 5 else ("in", number - 4)
        Lane.objects.update_or_create(
            name=f"{direction}-{at}",
            defaults={"direction": direction, "is_blue_only": number == 0, "is_paused": number > 2,
                      "paused_by": "Iris", "paused_at": timezone.now() - timedelta(hours=2)},
        )  # fmt: skip
    Lane.objects.filter(direction="in").update(said_full_at=timezone.now())


def _fill_transfers(world: World) -> None:
    """Each kind of transfer in each state, of a ticket's transaction and of none; our PACS away."""
    _lanes()
    ours = exchange.our_pacs(world)
    Node.objects.filter(pk=ours.pk).update(failures=3, failing_since=timezone.now())
    _far(is_paused=True, paused_at=timezone.now() - timedelta(hours=2), paused_by="Iris")
    ticket = exchange.import_ticket(world)
    for state in TransferState:
        for kind in TransferKind:
            thing = exchange.request(world, ticket=ticket)
            _transfer(thing, kind, state)
        _transfer(None, TransferKind.SEND, state)
    failed = exchange.request(world)
    Transaction.objects.filter(pk=failed.pk).update(state=TransactionState.FAILED.value)


def _fill_discs(world: World) -> None:
    """Two discs in each state, in the box of each site."""
    sites = list(Site.objects.filter(department=world.place(radiology_of(KINGSMERE))))
    for state in DiscState:
        ticket = tickets.open_ticket(asking.disc_form(), by=world.acting("mbp"))
        is_over = state in TERMINAL
        Disc.objects.filter(ticket=ticket).update(
            state=state.value, site=sites[next(_numbers) % len(sites)], dropped_by="K Porter",
            dropped_at=timezone.now(), due_at=None if is_over else timezone.now(),
            collect_on=timezone.localdate(),
        )  # fmt: skip


def _fill_ticket(world: World, ticket: Ticket) -> None:
    """Studies, mails, discs and what it says of itself; transactions, but for a disc's ticket."""
    _lanes()
    site = Site.objects.filter(department=world.place(radiology_of(KINGSMERE)))[0]
    for state in () if ticket.kind == TicketKind.DISC else TransferState:
        thing = exchange.request(world, ticket=ticket)
        transactions.say(thing, "Which side?", by=world.acting("mbp"))
        _transfer(thing, TransferKind.FETCH, state)
    for state in _UNMATCHED:
        number = next(_numbers)
        Study.objects.create(
            study_uid=f"1.2.{number}", organisation=ticket.organisation, origin="dicom",
            ticket=ticket, state=state.value, state_since=timezone.now(), matched_by="Iris",
            due_at=timezone.now(), acquired_on=timezone.localdate(), exam_code="CSKUH",
        )  # fmt: skip
        Disc.objects.create(ticket=ticket, number=number, state="in_box", site=site,
                            state_since=timezone.now(), due_at=timezone.now())  # fmt: skip
        TicketMail.objects.create(ticket=ticket, occasion=f"example-{number}", text="As before.")
        tickets.note(ticket, "Rang them.", by=world.acting("mbp"))


def _costs(world: World, fill: Any, address: str, *, who: str = "mbp") -> None:
    """The page costs as much with four times the rows, and no more than the budget."""
    client = world.client(who)

    def read() -> None:
        assert client.get(address).status_code == 200

    fill()
    cache.clear()
    few = cost_of(read)
    for _ in range(3):
        fill()
    many = cost_of(read)
    assert many <= few
    assert many <= BUDGET


def test_the_failures_page_costs_at_most_twelve_queries_however_much_failed(world: World) -> None:
    _costs(world, lambda: _fill_transfers(world), reverse("iep:failures"))


@pytest.mark.parametrize("query", ["", "?list=in", "?list=sent", "?wall=1"])
def test_the_board_costs_at_most_twelve_queries_however_much_waits(
    world: World, query: str
) -> None:
    _costs(world, lambda: _fill_transfers(world), reverse("iep:queues") + query)


def test_the_discs_cost_at_most_twelve_queries_however_many_there_are(world: World) -> None:
    _costs(world, lambda: _fill_discs(world), reverse("iep:discs"))


@pytest.mark.parametrize("kind", ["import", "export", "disc"])
def test_a_ticket_costs_at_most_twelve_queries_however_much_hangs_on_it(
    world: World, kind: str
) -> None:
    form = {"import": asking.form, "export": asking.export_form, "disc": asking.disc_form}[kind]
    ticket = tickets.open_ticket(form(), by=world.acting("mbp"))
    address = reverse("iep:ticket", args=[ticket.reference])
    _costs(world, lambda: _fill_ticket(world, ticket), address)


def _fill_transaction(world: World, thing: Transaction) -> None:
    """Transfers in each state, messages and studies, some of them matched to nobody."""
    _lanes()
    exchange.our_pacs(world)
    for state in TransferState:
        transactions.say(thing, "Which side?", by=world.acting("mbp"))
        row = _transfer(thing, TransferKind.FETCH, state)
        for event in ("claimed", "delayed", "retried"):
            TransferEventRow.objects.create(
                transfer=row, event=event, from_state="running", to_state="waiting",
                words="It was away.", by_name="Iris", at=timezone.now(),
            )  # fmt: skip
    for state in _UNMATCHED:
        Study.objects.create(
            study_uid=f"1.2.{next(_numbers)}", organisation=thing.organisation, origin="dicom",
            transaction=thing, state=state.value, state_since=timezone.now(),
            due_at=timezone.now(), acquired_on=timezone.localdate(),
        )  # fmt: skip


def test_a_transaction_costs_at_most_twelve_queries_however_much_hangs_on_it(
    world: World,
) -> None:
    thing = exchange.request(world, ticket=exchange.import_ticket(world))
    address = reverse("iep:transaction", args=[thing.number])
    _costs(world, lambda: _fill_transaction(world, thing), address)


def _fill_figures(world: World) -> None:
    """Transactions of every kind and priority, in each state, and what became of transfers."""
    _lanes()
    now = timezone.now()
    for kind in TransactionKind:
        for direction in Direction:
            for priority in Priority:
                far = _far().institution
                made = Transaction.objects.create(
                    number=10**6 + next(_numbers), kind=kind.value, direction=direction.value,
                    institution=far, organisation=world.place(KINGSMERE), state="delivered",
                    state_since=now, due_at=now, priority=priority.value, created_by="Iris",
                    eligibility="theatre", family_name="Testpatient", given_names="Agnes",
                )  # fmt: skip
                TransactionEventRow.objects.create(
                    transaction=made, event="delivered", to_state="delivered", by_name="Iris",
                    at=now + timedelta(hours=next(_numbers) % 8),
                )  # fmt: skip
    for state in (TransferState.FAILED, TransferState.DELIVERED):
        row = _transfer(made, TransferKind.SEND, state)
        TransferEventRow.objects.create(transfer=row, event="failed", to_state="failed", at=now,
                                        by_name="a lane")  # fmt: skip


@pytest.mark.parametrize("query", ["", "?of=in"])
def test_the_figures_cost_at_most_twelve_queries_however_much_they_count(
    world: World, query: str
) -> None:
    _costs(world, lambda: _fill_figures(world), reverse("iep:figures") + query, who="mbp-lead")
