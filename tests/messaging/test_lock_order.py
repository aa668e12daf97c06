"""Rows are locked in one order everywhere (docs/hl7/transport.md 4): so nobody waits in a ring."""

import re
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from messaging import services
from messaging.models import OutboundMessage, Partner
from messaging.services import holding
from tests.messaging import operating, peer
from tests.messaging.test_corrections import correct, mended

pytestmark = pytest.mark.django_db(transaction=True)

ORDER = (
    "partnerchange", "replay", "inboundmessage", "outboundmessage", "correction", "partner",
    "link", "drill",
)  # fmt: skip
_LOCKS = re.compile(
    r"UPDATE (?:\"|)messaging_(\w+)|FROM \"messaging_(\w+)\".* FOR (?:NO KEY )?UPDATE", re.DOTALL
)


class Watch:
    """Which tables' rows each transaction locks, and where a later one comes before an earlier."""

    def __init__(self):
        self.taken = []
        self.wrong = []
        self.seen = set()

    def __call__(self, execute, sql, params, many, context):
        if not connection.in_atomic_block:
            self.taken = []
        found = _LOCKS.search(sql)
        table = next((name for name in found.groups() if name), "") if found else ""
        if table in ORDER and "SKIP LOCKED" not in sql:
            rank = ORDER.index(table)
            # To write again what one holds already is no new lock.
            if connection.in_atomic_block and table not in self.taken:
                if any(ORDER.index(held) > rank for held in self.taken):
                    self.wrong.append([*self.taken, table])
                self.taken.append(table)
            self.seen.add(table)
        return execute(sql, params, many, context)


def _answered(world, partner, code):
    operating.enqueue(partner, "s")
    with peer.listening(peer.says(code)) as other:
        Partner.objects.update(port=other.port, retry_at=None)
        services.deliver(partner.pk)


def _unanswered(world, partner):
    for n in range(2):
        operating.enqueue(partner, f"s{n}")
        Partner.objects.update(port=1, retry_at=None)
        services.deliver(partner.pk)


def _held(world, partner):
    message = operating.enqueue(partner, "s")
    with transaction.atomic():
        holding.hold(message.control_id, reason="form", by=world.acting("central"))
    with transaction.atomic():
        holding.let_go(message.control_id, reason="form", by=world.acting("central"))


def _declared(world, partner):
    services.declare_down(partner, reason="planned", by=world.acting("central"))
    services.judge_links()
    services.declare_over(partner, reason="over", by=world.acting("central"))


def _corrected(world, partner):
    parked = operating.park("P1")
    correction = correct(world, parked, mended(parked))
    services.approve_correction(correction, by=world.acting("central"))
    services.process_waiting()
    again = operating.park("P2")
    correct(world, again, mended(again))
    services.retry_inbound(again, by=world.acting("central"))


def _agreed(world, partner):
    by = [world.acting("central"), world.acting(world.stranger("central").username)]
    wanted = services.standing(partner.slug) | {"synthetic_seconds": 60, "port": 2600}
    wanted |= {"synthetic_patient": "9999999999", "synthetic_code": "SYNTHETIC"}
    soon = (timezone.now() + timedelta(days=30)).isoformat(timespec="seconds")
    wanted |= {"cleartext_until": soon, "feed all.cleartext_until": soon}
    services.apply_change(
        services.propose_change(partner.slug, wanted, why="try", by=by[0]), by=by[1]
    )


@pytest.mark.parametrize(
    ("deed", "tables"),
    [
        (lambda *to: _answered(*to, b"AA"), {"outboundmessage", "partner"}),
        (lambda *to: _answered(*to, b"AR"), {"outboundmessage", "partner"}),
        (lambda *to: _answered(*to, b"AE"), {"outboundmessage", "partner"}),
        (_unanswered, {"outboundmessage", "partner", "link"}),
        (_held, {"outboundmessage"}),
        (_declared, {"link"}),
        (_corrected, {"inboundmessage", "correction"}),
        (_agreed, {"partnerchange", "partner", "link"}),
    ],
    ids=["delivered", "rejected", "error", "silent", "held", "declared", "corrected", "agreed"],
)
def test_no_transaction_locks_an_earlier_kind_of_row_after_a_later_one(world, deed, tables):
    partner = operating.laboratory(world)
    watch = Watch()
    with connection.execute_wrapper(watch):
        deed(world, partner)
    assert tables <= watch.seen
    assert not watch.wrong, watch.wrong
    assert not OutboundMessage.objects.filter(state="sending").exists()
