"""Partners' lists as tests write them: no more than is said."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from requesting.partner_lists import COLUMNS, ListKind


def partner_list(
    slug: str,
    rows: Iterable[tuple[str, ...]],
    *,
    kind: str = "orders",
    as_of: datetime | None = None,
    days: int = 30,
    count: int | None = None,
) -> bytes:
    """A file; each row as its columns: placer, accession, status, time, and the last one."""
    as_of = as_of or timezone.now()
    rows = list(rows)
    lines = [
        f"list,{kind}", f"partner,{slug}", f"as of,{as_of.isoformat()}",
        f"since,{(as_of - timedelta(days=days)).isoformat()}",
        f"rows,{len(rows) if count is None else count}",
        ",".join(COLUMNS[ListKind(kind)]),
    ]  # fmt: skip
    long_ago = (as_of - timedelta(hours=2)).isoformat()
    last = "" if kind == "orders" else "1"
    for row in rows:
        cells = [*row, *["", "", "", long_ago, last][len(row) :]]
        lines.append(",".join(cells))
    return ("\n".join(lines) + "\n").encode()
