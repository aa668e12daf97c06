"""The oracle: what the outside world saw against what the database says, when all is quiet.

I1 told saved ⊆ orders ⊆ delivered · I2 acknowledged to the sender ⊆ inbox · I3 one effect each ·
I4 order kept within a stream · I5 every row on a list · I7 nothing leased for ever · I8 no identity
in logs or broker · I9 the database is whole · I10 the states add up (reliability.md 3.1).
"""

import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.db import connection
from django.db.models import Count

from messaging.models import InboundMessage, OutboundMessage
from messaging.states import IN_LISTS, OUT_LISTS, OutState
from tests.messaging.senders import taken

from .outside import Receiver, Sender
from .report import Report
from .rig import Rig
from .writer import CANARY


def is_quiet() -> bool:
    """Nothing waits, nothing is on its way."""
    busy = OutboundMessage.objects.filter(state__in=(OutState.WAITING, OutState.SENDING))
    return not busy.exists() and not InboundMessage.objects.filter(state="received").exists()


def judge_outbound(
    report: Report, receiver: Receiver, ledgers: Iterable[Path] = (), *, through_proxy: bool = False
) -> None:
    """Orders: saved, delivered, once in effect, in order. A proxy keeps lines open."""
    told_saved = {line for ledger in ledgers for line in ledger.read_text().split()}
    orders = list(OutboundMessage.objects.order_by("stream", "sequence"))
    saved = Counter(order.subject_id for order in orders)
    lost = told_saved - set(saved)
    report.check("I1 told saved and not there", not lost, len(lost))
    twice = sum(times - 1 for times in saved.values())
    report.check("I1 saved twice", twice == 0, twice)
    _judge_delivery(report, receiver, orders)
    if not through_proxy:
        most = receiver.most_at_once
        report.check("most connections in use at once", most <= 2, most)


def _judge_delivery(report: Report, receiver: Receiver, orders: Sequence[OutboundMessage]) -> None:
    acknowledged = {order.control_id for order in orders if order.state == "acknowledged"}
    false = acknowledged - receiver.stored
    report.check("H14 falsely marked delivered", not false, len(false))
    ended = {order.control_id for order in orders if order.state in ("acknowledged", "dead")}
    missing = {order.control_id for order in orders} - ended
    report.check("I1 not delivered and not a dead letter", not missing, len(missing))
    raws = {order.control_id: bytes(order.raw) for order in orders}
    strange = [each for each in receiver.seen if each.raw != raws.get(each.control_id)]
    report.check("bytes on the wire that are not the order's", not strange, len(strange))
    report.check("I4 out of order within a stream", not _inverted(receiver, orders), "0")
    repeats = len(receiver.seen) - len(receiver.first_seen)
    report.note(f"{len(orders)} orders, {repeats} repeats on the wire, each with the same MSH-10")


def _inverted(receiver: Receiver, orders: Sequence[OutboundMessage]) -> list[str]:
    """Streams whose messages were first seen in another order than they were saved in."""
    place = {control_id: n for n, control_id in enumerate(receiver.first_seen)}
    last: dict[str, int] = {}
    wrong = []
    for order in orders:
        if order.control_id in place:
            if place[order.control_id] < last.get(order.stream, -1):
                wrong.append(order.stream)
            last[order.stream] = place[order.control_id]
    return wrong


def judge_effects(report: Report) -> None:
    """I3: the room that ordered was told once of each order's delivery."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT object_id) FROM accounts_accessevent "
            "WHERE action = 'told_delivered'"
        )
        told, of = cursor.fetchone()
    delivered = OutboundMessage.objects.filter(state="acknowledged").count()
    report.check(
        "I3 one effect for each delivery", told == of == delivered, f"{told} of {delivered}"
    )


def judge_inbound(report: Report, senders: Sequence[Sender]) -> None:
    """Results: what was acknowledged is stored, and has its effect once."""
    accepted = [each for sender in senders for each in sender.accepted]
    stored = Counter(
        InboundMessage.objects.exclude(state="repeat").values_list("control_id", flat=True)
    )
    lost = set(accepted) - set(stored)
    report.check("I2 acknowledged and not stored", not lost, len(lost))
    effects = Counter(taken())
    missing = set(accepted) - set(effects)
    report.check("I3 effects missing", not missing, f"{len(missing)} of {len(effects)}")
    twice = [each for each, times in effects.items() if times > 1]
    report.check("I3 effects twice", not twice, len(twice))
    everything = sum(len(sender.messages) for sender in senders)
    report.check(
        "every message was acknowledged in the end", len(accepted) >= everything, everything
    )
    slowest = max((sender.slowest for sender in senders), default=0.0)
    tries = sum(sender.tries for sender in senders)
    report.note(f"{len(accepted)} results, {tries} sendings, slowest {slowest:.1f} s")


def judge_house(report: Report, rig: Rig) -> None:
    """What must be true after any fault."""
    unlisted = _states(OutboundMessage) - {*OUT_LISTS} | _states(InboundMessage) - {*IN_LISTS}
    report.check("I5 states on no list", not unlisted, sorted(unlisted) or 0)
    leased = OutboundMessage.objects.filter(state="sending").count()
    report.check("I7 still being sent", leased == 0, leased)
    report.check("I8 names in logs or broker", not (leaks := _leaks(rig)), leaks or 0)
    report.check("I9 the database is whole", not (words := _amcheck(rig)), words or "yes")
    if rig.kills:
        report.note(
            "killed: " + ", ".join(f"{n} × {name}" for name, n in sorted(rig.kills.items()))
        )


def _states(model: type) -> set[str]:
    rows = model.objects.values("state").annotate(n=Count("pk")).order_by()  # type: ignore[attr-defined]
    return {row["state"] for row in rows}


def _leaks(rig: Rig) -> list[str]:
    files = [*rig.all_logs(), *(rig.servers.folder / "logs").glob("*.log")]
    files += [each for each in (rig.servers.folder / "valkey").rglob("*") if each.is_file()]
    return [file.name for file in files if CANARY.encode() in file.read_bytes()]


def _amcheck(rig: Rig) -> str:
    """pg_amcheck's complaints; "" when there is none."""
    postgres = rig.servers.postgres
    words = [str(postgres.programs / "pg_amcheck"), "--install-missing", "-d", rig.name]
    words += ["-h", str(postgres.sockets), "-U", "postgres", "--no-dependent-toast"]
    environment = {"PGPASSWORD": postgres._password(), "LC_ALL": "C"}
    done = subprocess.run(words, env=environment, capture_output=True, check=False, text=True)
    return "" if done.returncode == 0 else (done.stdout + done.stderr)[-400:]
