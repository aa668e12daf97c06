"""The hospital's lists of what it holds, for reconciliation: docs/hl7/reconciliation.md.

Written from the hospital's own journal alone. Numbers and states; no patient.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .departments import Department
    from .memory import Memory
    from .orders import Order

STATUSES = {
    "new": "received", "accepted": "accepted", "booked": "booked", "did not attend": "missed",
    "in progress": "progress", "done": "progress", "reported": "reported",
    "rejected": "rejected", "cancelled": "cancelled",
}  # fmt: skip
COLUMNS = {
    "orders": ("placer", "accession", "status", "received", "changed"),
    "reports": ("placer", "accession", "status", "issued", "count"),
}
EVERY = timedelta(days=1)


def partner_of(department: Department) -> str:
    """What the product calls us: `RIS/RZ1` is `rz1-ris`."""
    return f"{department.facility}-{department.application}".lower()


def written(memory: Memory, department: Department, kind: str) -> bytes:
    """The list of a department, from its first order on."""
    with memory.lock:
        orders = [  # what was made elsewhere is no request that anybody here was asked
            each
            for each in memory.orders.values()
            if each.department == department.key and not each.is_import
        ]
        as_of = memory.clock()
        spoken = _spoken(memory)
    rows = [
        row
        for order in orders
        for row in (_order(order, spoken) if kind == "orders" else _reports(order))
    ]
    begun = [datetime.fromisoformat(each.received_at) for each in orders if each.received_at]
    since = min([*begun, as_of - timedelta(minutes=1)])
    head = (
        ("list", kind), ("partner", partner_of(department)), ("as of", as_of.isoformat()),
        ("since", since.isoformat()), ("rows", str(len(rows))), COLUMNS[kind],
    )  # fmt: skip
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([*head, *rows])
    return file.getvalue().encode()


def _spoken(memory: Memory) -> dict[str, str]:
    """When each order was last spoken of, either way: what is on its way is marked as fresh."""
    return {placer: line.at for line in memory.log.values() for placer in line.placers}


def _order(order: Order, spoken: dict[str, str]) -> list[tuple[str, ...]]:
    changed = spoken.get(order.placer, "")
    return [(order.placer, order.filler, STATUSES[order.status], order.received_at, changed)]


def _reports(order: Order) -> list[tuple[str, ...]]:
    if not order.reports:
        return []
    last = order.reports[-1]
    count = str(len(order.reports))
    return [(order.placer, order.filler, last.status, last.issued_at, count)]


def drop(memory: Memory, folder: Path) -> None:
    """Both lists of every department into the folder; whole files only, so first under another
    name."""
    folder.mkdir(parents=True, exist_ok=True)
    day = f"{memory.clock():%Y%m%d-%H%M}"
    for department in memory.departments:
        for kind in COLUMNS:
            path = folder / f"{day}-{partner_of(department)}-{kind}.part"
            path.write_bytes(written(memory, department, kind))
            path.rename(path.with_suffix(".csv"))
