"""What the database must say after hostile messages, whatever they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from django.db import connection
from django.db.models import Count

from messaging.models import InboundMessage

from .talking import Tally

# docs/hl7/transport.md, section 2: what is not taken, how it is answered and where it is then.
DOCUMENTED = {
    **dict.fromkeys(("header", "delimiters", "not_proven", "cleartext"), ("AR", "parked")),
    **dict.fromkeys(
        ("charset", "segment", "second_header", "framing", "too_many_segments"), ("AE", "parked")
    ),
    **dict.fromkeys(
        ("unknown_sender", "too_large", "control_id", "processing_id", "unsupported_type"),
        ("AR", "refused"),
    ),
}


def broken_promises(tally: Tally) -> Iterator[tuple[str, bool, object]]:
    """Each promise, whether it was kept, and the figure."""
    yield (
        "one answer to each frame",
        tally.answers == tally.frames,
        (f"{tally.answers} answers, {tally.frames} frames"),
    )
    yield (
        "each answer well formed, with the frame's own MSH-10",
        not tally.complaints,
        (dict(tally.complaints) or 0),
    )
    stored = Counter(InboundMessage.objects.values_list("sha256", "acknowledgement"))
    differ = (stored - tally.answered) + (tally.answered - stored)
    yield "stored as often as answered, and as it was answered", not differ, differ.total()
    spoilt = _changed_bytes()
    yield "stored with other bytes than came", spoilt == 0, spoilt
    wrong = list(_outside_the_table())
    yield "states and reasons that the table of answers does not have", not wrong, wrong or 0
    states = Counter(dict(_by_state()))
    total = states.total()
    yield "I10 the states add up", total == tally.frames, f"{total}: {dict(states)}"
    yield "still waiting to be processed", states["received"] == 0, states["received"]
    failed = Counter(
        InboundMessage.objects.filter(reason_code__in=("failed", "gave_up")).values_list(
            "reason", flat=True
        )
    )
    yield "handlers that failed", not failed, dict(failed) or 0


def _changed_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM messaging_inboundmessage "
            "WHERE encode(sha256(raw), 'hex') <> sha256"
        )
        return int(cursor.fetchone()[0])


def _by_state() -> Iterator[tuple[str, int]]:
    rows = InboundMessage.objects.values_list("state").annotate(n=Count("pk")).order_by()
    yield from rows


def _outside_the_table() -> Iterator[tuple[str, str, str]]:
    """Of what was not taken at the door; a repeat has the answer of what it repeats."""
    rows = InboundMessage.objects.order_by().values_list("acknowledgement", "reason_code", "state")
    for code, reason, state in rows.distinct():
        if code == "AA":
            if state not in ("processed", "parked", "repeat"):
                yield code, reason, state
        elif DOCUMENTED.get(reason) != (code, "parked" if state == "repeat" else state):
            yield code, reason, state
