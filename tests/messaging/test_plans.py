"""With many messages behind it, no query of the wire reads them all."""

import pytest
from django.db import connection

from messaging import services
from messaging.models import Partner
from messaging.queries import lists, metrics, streams
from messaging.queries.evidence import due_partners
from tests.messaging import operating

pytestmark = pytest.mark.django_db
MANY = 30_000  # enough that the planner prefers an index wherever one helps

_INBOUND = """
    INSERT INTO messaging_inboundmessage (partner_id, feed_id, peer, sending_application,
        sending_facility, control_id, message_type, raw, sha256, state, acknowledgement,
        reason_code, reason, ordering_key, attempts, handled_by, handled_how, received_at)
    SELECT %s, %s, '', 'LIMS', 'RX1', 'old' || n, 'ORU^R01', 'x', md5(n::text), 'processed', 'AA',
        '', '', md5(n::text), 1, '', '', now() - interval '90 days' + n * interval '2 minutes'
    FROM generate_series(1, %s) AS n
"""
_OUTBOUND = """
    INSERT INTO messaging_outboundmessage (partner_id, control_id, kind, subject_type, subject_id,
        stream, sequence, raw, state, attempts, failures, acknowledgement, reason, is_told_failing,
        created_at, first_sent_at, last_sent_at, acknowledged_at, handled_by, handled_how)
    SELECT %s, 'old' || n, 'OMG^O19 NW', 'tests.Order', n::text, n::text, 1, 'x', 'acknowledged',
        1, 0, 'AA', '', false, at, at, at, at, '', ''
    FROM (SELECT n, now() - interval '90 days' + n * interval '2 minutes' AS at
          FROM generate_series(1, %s) AS n) AS old
"""


@pytest.fixture
def partner(world):
    partner = operating.laboratory(world)
    with connection.cursor() as cursor:
        cursor.execute(_INBOUND, [partner.pk, partner.feeds.get().pk, MANY])
        cursor.execute(_OUTBOUND, [partner.pk, MANY])
        cursor.execute("ANALYZE messaging_inboundmessage, messaging_outboundmessage")
    operating.park("now")
    operating.bury(partner, "now")
    operating.enqueue(partner, "later")
    return partner


class Plans:
    """Asks for the plan of every statement that passes."""

    def __init__(self):
        self.scans = []
        self.seen = 0

    def __call__(self, execute, sql, params, many, context):
        if "messaging_" in sql and sql.lstrip().upper().startswith(("SELECT", "WITH")):
            self.seen += 1
            execute(f"EXPLAIN {sql}", params, many, context)
            plan = "\n".join(row[0] for row in context["cursor"].cursor.fetchall())
            for table in ("messaging_inboundmessage", "messaging_outboundmessage"):
                if f"Seq Scan on {table}" in plan:
                    self.scans.append(f"{sql}\n{plan}")
        return execute(sql, params, many, context)


ASKED = {
    "in": lambda acting, partner: services.process_waiting(),
    "out": lambda acting, partner: services.deliver(partner.pk),
    "judge": lambda acting, partner: services.judge_links(),
    "alerts": lambda acting, partner: services.watch_queues(),
    "weigh": lambda acting, partner: services.weigh_waiting(),
    "unanswered": lambda acting, partner: services.give_up_waiting(),
    "due": lambda acting, partner: due_partners(),
    "metrics": lambda acting, partner: metrics.measure(),
    "streams": lambda acting, partner: streams.streams_for(acting),
    "lists": lambda acting, partner: [
        lists.lists_for(acting, shown=each, page=1) for each in lists.List
    ],
}


@pytest.mark.parametrize("who", ["central", "lab"])
def test_nothing_that_is_asked_often_reads_every_message(world, partner, who):
    for name, ask in ASKED.items():
        Partner.objects.update(retry_at=None)
        plans = Plans()
        with connection.execute_wrapper(plans):
            ask(world.acting(who), partner)
        assert plans.seen, name
        assert not plans.scans, f"{name}: {plans.scans[0]}"
