"""Rows of the image exchange for the bench of pages: a year that has ended, and some that waits.

Written past the services, in bulk: what is measured is how pages read, not how rows came to be.
The same number of rows is under way in each world; what has ended grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.utils import timezone

OPEN_ROWS = 500  # of each kind that wait for somebody or for a lane
HOSPITALS = 60
_WAITING = ("new", "accepted", "started", "uploading", "on_iep", "downloading", "failed")
_QUEUED = ("waiting", "waiting", "waiting", "paused", "failed", "partial", "unconfirmed")


def fill(trust: Any, count: int) -> list[str]:
    """`count` tickets, transactions and transfers; call references of some tickets."""
    from iep.models import Institution, Node, Ticket, Transaction, Transfer, TransferInstance

    chance, now = Random(1), timezone.now()  # the same rows every time
    hospitals = Institution.objects.bulk_create(
        Institution(code=f"BENCH{n}", name=f"Far Hospital {n}") for n in range(HOSPITALS)
    )
    nodes = Node.objects.bulk_create(
        Node(institution=each, name=each.code, kind="dimse", ae_title=each.code, host="127.0.0.1",
             port=1, is_default=True)
        for each in hospitals
    )  # fmt: skip
    common = {"organisation": trust, "family_name": "Testpatient", "given_names": "Agnes"}
    tickets = Ticket.objects.bulk_create(
        [Ticket(**_ticket(n, chance, now), institution=chance.choice(hospitals), **common)
         for n in range(count)], batch_size=2000,
    )  # fmt: skip
    things = Transaction.objects.bulk_create(
        [Transaction(**_thing(n, chance, now), institution=node.institution, node=node,
                     ticket=tickets[n] if n >= OPEN_ROWS and n % 2 else None, **common)
         for n, node in _each(count, nodes, chance)], batch_size=2000,
    )  # fmt: skip
    transfers = Transfer.objects.bulk_create(
        [Transfer(**_transfer(n, thing, chance), transaction=thing, node=thing.node)
         for n, thing in enumerate(things)], batch_size=2000,
    )  # fmt: skip
    TransferInstance.objects.bulk_create(
        TransferInstance(transfer=row, position=n, sop_uid=f"2.25.{row.pk}{n}", series_uid="2.25.1",
                         state="sent" if n == 0 else "refused")
        for row in transfers[:OPEN_ROWS] for n in range(3)
    )  # fmt: skip
    return [each.reference for each in tickets[:: max(1, count // 20)]]


def _each(count: int, nodes: list[Any], chance: Random) -> Iterator[tuple[int, Any]]:
    return ((n, chance.choice(nodes)) for n in range(count))


def _since(n: int, chance: Random, now: datetime) -> datetime:
    """Of what waits some days, of what has ended a year."""
    return now - timedelta(hours=chance.random() * (100 if n < OPEN_ROWS else 24 * 365))


def _ticket(n: int, chance: Random, now: datetime) -> dict[str, Any]:
    since, is_open = _since(n, chance, now), n < OPEN_ROWS
    return {
        "reference": f"IEP-{n // 1000:06d}-{n % 1000:03d}", "kind": "import", "opened_by": "bench",
        "state": chance.choice(("new", "accepted", "with_other", "arrived")) if is_open else "done",
        "state_since": since, "due_at": since + timedelta(days=14) if is_open else None,
        "told_at": None if is_open else since, "birth_date": "1958-03-02",
        "nhs_number": f"999{n:07d}", "s_number": f"S{n:07d}", "priority": 1, "reason": "mdt",
        "requester_name": "Dr Bench", "requester_email": "bench@kingsmere.nhs.example",
        "consultant": "Mr Bench", "department": "Bench",
    }  # fmt: skip


def _thing(n: int, chance: Random, now: datetime) -> dict[str, Any]:
    since, is_open = _since(n, chance, now), n < OPEN_ROWS
    return {
        "number": 5_000_000 + n, "kind": chance.choice(("request", "transfer")), "direction": "out",
        "state": chance.choice(_WAITING) if is_open else "fixed_up", "state_since": since,
        "due_at": since + timedelta(hours=24) if is_open else None, "priority": 1,
        "purge_at": since + timedelta(days=15), "nhs_number": f"999{n:07d}",
        "local_number": f"S{n:07d}", "created_by": "bench",
    }  # fmt: skip


def _transfer(n: int, thing: Any, chance: Random) -> dict[str, Any]:
    is_open = n < OPEN_ROWS
    return {
        "kind": "send", "purpose": "out", "direction": "out", "title": "CT head", "rank": n,
        "state": chance.choice(_QUEUED) if is_open else "delivered", "images": 3,
        "family": "refused" if is_open else "", "images_done": 1 if is_open else 3,
        "state_since": thing.state_since, "created_by": "bench",
        "finished_at": None if is_open else thing.state_since,
    }  # fmt: skip
