"""F9: the receiver is away for long, and comes back slower than we could send."""

import json
import time

from messaging.models import OutboundMessage

from . import oracle
from .report import Report
from .rig import Rig

# Eight hours in a minute: the clocks of the link run faster by as much, their order is kept.
FAST = {"probe_every": 3.0}
RATE = 20  # messages a second that the receiver takes when it is back


def long_outage(rig: Rig, report: Report) -> None:
    """Orders wait, probes are few, everything is delivered in order when it is back."""
    receiver = rig.add_receiver(wait=1 / RATE)
    receiver.is_away = True
    rig.add_worker("hl7_out", LINK_CLOCKS=json.dumps(FAST))
    ledger = rig.add_writer("writer-1", rig.size.outage)
    writer = rig.children["writer-1"]
    rig.until(lambda: writer.exit_code == 0, seconds=60 + rig.size.outage / 40)
    before = _attempts()
    rig.until(lambda: False, seconds=15)
    probes = _attempts() - before
    report.check(
        "attempts in 15 s while it is away", probes <= 15 / FAST["probe_every"] + 1, probes
    )
    receiver.is_away, began = False, time.monotonic()
    first = rig.until(lambda: bool(receiver.seen), seconds=30)
    report.check("the first arrives after its return", first, f"{time.monotonic() - began:.1f} s")
    began = time.monotonic()
    done = rig.until(oracle.is_quiet, seconds=120 + 2 * rig.size.outage / RATE)
    rate = rig.size.outage / (time.monotonic() - began)
    report.check("all came to an end", done)
    report.check(
        "drained at the receiver's rate", rate <= RATE * 1.1, f"{rate:.1f} of {RATE} a second"
    )
    oracle.judge_outbound(report, receiver, [ledger])
    oracle.judge_effects(report)
    oracle.judge_house(report, rig)


def _attempts() -> int:
    from django.db.models import Sum

    return OutboundMessage.objects.aggregate(n=Sum("attempts"))["n"] or 0
