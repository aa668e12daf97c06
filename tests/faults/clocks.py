"""F15: the processes' clocks are wrong, step, and pass the nights on which clocks change.

The clock is moved inside our processes (tests/faults/shifting.py); the database's is right, and
leases go by the database's.
"""

from . import kills, oracle
from .report import Report
from .rig import Rig

HOUR = 3600
CLOCKS = {
    "an hour fast": {"hl7_out": f"{HOUR}", "hl7_in": f"{HOUR}"},
    "an hour slow": {"hl7_out": f"-{HOUR}", "hl7_in": f"-{HOUR}", "listener": f"-{HOUR}"},
    "five minutes back in the run": {"hl7_out": "step -300", "hl7_in": "step -300"},
    "the night the clocks go back": {"hl7_out": "at 2026-10-25T00:59:57+00:00",
                                     "hl7_in": "at 2026-10-25T00:59:57+00:00"},
    "the night the clocks go forward": {"hl7_out": "at 2027-03-28T00:59:57+00:00",
                                        "listener": "at 2027-03-28T00:59:57+00:00"},
    "the leap day": {"hl7_out": "at 2028-02-28T23:59:57+00:00",
                     "hl7_in": "at 2028-02-28T23:59:57+00:00"},
}  # fmt: skip


def wrong_clocks(rig: Rig, report: Report) -> None:
    """Two workers a queue, one with a wrong clock: no lease taken early, no effect twice."""
    rig.add_receiver(wait=0.01)
    rig.add_worker("hl7_out", "right-out")
    rig.add_worker("hl7_in", "right-in")
    ledgers, senders = [], []
    for number, (words, shifts) in enumerate(CLOCKS.items()):
        rig.add_listener(CLOCK=shifts.get("listener", ""))
        for queue in ("hl7_out", "hl7_in"):
            rig.add_worker(queue, CLOCK=shifts.get(queue, ""))
        ledger = rig.add_writer(f"w{number}", max(20, rig.size.out // 30), pace=0.05)
        sender = kills.Sender(rig.port, kills.results(f"c{number}x", max(20, rig.size.into // 30)))
        sender.start()
        writer = rig.children[f"w{number}"]
        done = rig.until(
            lambda w=writer, s=sender: w.exit_code == 0 and not s.is_alive() and oracle.is_quiet(),
            seconds=90,
        )
        report.check(f"{words}: all came to an end", done)
        ledgers.append(ledger)
        senders.append(sender)
    oracle.judge_outbound(report, rig.receivers[0], ledgers)
    oracle.judge_effects(report)
    oracle.judge_inbound(report, senders)
    oracle.judge_house(report, rig)
    repeats = len(rig.receivers[0].seen) - len(rig.receivers[0].first_seen)
    report.check("sent twice because a lease was taken early", repeats == 0, repeats)
