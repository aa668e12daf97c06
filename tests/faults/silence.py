"""F29: what is lost without a sound is found by comparing lists, and nothing else is "found".

Six kinds of loss are seeded among many more orders to which nothing happened. The hospital's lists
are written from its own ledger, which knows nothing of our tables.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import time_machine
from django.db import transaction
from django.utils import timezone

from .report import Report
from .rig import Rig

LATER = timedelta(hours=1)  # the lists are written when nothing is on its way any more
CONTROLS = 3  # healthy orders for each loss


@dataclass
class Ledger:
    """What the hospital knows: orders and reports by department, as rows of its lists."""

    orders: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    reports: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    lost: dict[str, tuple[str, str]] = field(default_factory=dict)  # number → loss, kind of finding
    healthy: set[str] = field(default_factory=set)
    _numbers: int = 0

    def number(self) -> str:
        self._numbers += 1
        return f"ACC{self._numbers:06d}"

    def order(self, item: Any, status: str, accession: str = "") -> None:
        slug = _slug(item)
        self.orders.setdefault(slug, []).append((item.placer_number, accession, status))

    def report(self, item: Any, accession: str, *, status: str, count: int, placer: bool) -> None:
        row = (item.placer_number if placer else "", accession, status, "", str(count))
        self.reports.setdefault(_slug(item), []).append(row)


def silent_losses(rig: Rig, report: Report) -> None:
    """Seed them, compare the hospital's lists with what is here, and judge what was found."""
    from tests.requesting.conftest import seed_surgery
    from tests.requesting.surgery import Surgery

    seed_surgery()
    surgery, ledger = Surgery(), Ledger()
    deeds = [(name, LOSSES[name]) for name in LOSSES for _ in range(rig.size.losses)]
    deeds += [("", deed) for deed in HEALTHY for _ in range(rig.size.losses * CONTROLS)]
    rig.chance.shuffle(deeds)
    for name, deed in deeds:
        with transaction.atomic():
            deed(surgery, ledger, name)
    _compare(surgery, ledger)
    _judge(report, ledger, len(deeds))
    _judge_practice(report, surgery, ledger)


# --- What goes wrong without a sound -------------------------------------------------------------


def _order_dropped(surgery: Any, ledger: Ledger, name: str) -> None:
    """AA, and then it is lost inside the RIS: their list has never heard of it."""
    ledger.lost[_delivered(surgery, "chest").placer_number] = name, "not_there"


def _result_never_sent(surgery: Any, ledger: Ledger, name: str) -> None:
    item = _delivered(surgery, "fbc")
    accession = _reported_there(ledger, item)
    ledger.lost[f"{item.placer_number} {accession}"] = name, "report_not_here"


def _result_to_nobody(surgery: Any, ledger: Ledger, name: str) -> None:
    """Sent to another system, and their list has lost the order number with it."""
    item, accession = _delivered(surgery, "fbc"), ledger.number()
    ledger.order(item, "progress")
    surgery.says(item, "SC", status="IP", filler="")
    ledger.report(item, accession, status="F", count=1, placer=False)
    ledger.lost[accession] = name, "report_not_here"


def _share_of_a_practice(surgery: Any, ledger: Ledger, name: str) -> None:
    item = _delivered(surgery, "fbc", by="ahp")
    accession = _reported_there(ledger, item)
    ledger.lost[f"{item.placer_number} {accession}"] = name, "report_not_here"


def _status_lost(surgery: Any, ledger: Ledger, name: str) -> None:
    item = _delivered(surgery, "chest")
    ledger.order(item, "cancelled" if len(ledger.lost) % 2 else "booked", ledger.number())
    ledger.lost[item.placer_number] = name, "status"


def _version_lost(surgery: Any, ledger: Ledger, name: str) -> None:
    item, accession = _delivered(surgery, "fbc"), ledger.number()
    _file(surgery, item, accession)
    ledger.order(item, "reported", accession)
    ledger.report(item, accession, status="C", count=2, placer=True)
    ledger.lost[f"{item.placer_number} {accession}"] = name, "version"


# --- What goes right -----------------------------------------------------------------------------


def _waits_there(surgery: Any, ledger: Ledger, name: str) -> None:
    item = _delivered(surgery, "chest")
    ledger.order(item, "received")
    ledger.healthy.add(item.placer_number)


def _booked_there(surgery: Any, ledger: Ledger, name: str) -> None:
    item, accession = _delivered(surgery, "chest"), ledger.number()
    surgery.says(item, "SC", status="SC", filler=accession)
    ledger.order(item, "booked", accession)
    ledger.healthy.add(item.placer_number)


def _reported_and_filed(surgery: Any, ledger: Ledger, name: str) -> None:
    item, accession = _delivered(surgery, "fbc"), ledger.number()
    _file(surgery, item, accession)
    ledger.order(item, "reported", accession)
    ledger.report(item, accession, status="F", count=1, placer=True)
    ledger.healthy.add(item.placer_number)


def _reported_to_the_other_practice(surgery: Any, ledger: Ledger, name: str) -> None:
    item, accession = _delivered(surgery, "fbc", by="ahp"), ledger.number()
    _file(surgery, item, accession)
    ledger.order(item, "reported", accession)
    ledger.report(item, accession, status="F", count=1, placer=True)
    ledger.healthy.add(item.placer_number)


Deed = Callable[[Any, Ledger, str], None]
LOSSES: dict[str, Deed] = {
    "order dropped inside the RIS": _order_dropped,
    "result never sent": _result_never_sent,
    "result sent to nobody here": _result_to_nobody,
    "one practice’s share lost": _share_of_a_practice,
    "status lost": _status_lost,
    "report version lost": _version_lost,
}
HEALTHY: tuple[Deed, ...] = (
    _waits_there, _booked_there, _reported_and_filed, _reported_to_the_other_practice,
)  # fmt: skip


def _delivered(surgery: Any, what: str, by: str = "gp") -> Any:
    from tests.requesting.surgery import CHEST, FBC

    return surgery.delivered(CHEST if what == "chest" else FBC, by=by)


def _reported_there(ledger: Ledger, item: Any) -> str:
    """They reported it and we heard nothing: by their list of orders it is in progress still."""
    accession = ledger.number()
    ledger.order(item, "received")
    ledger.report(item, accession, status="F", count=1, placer=True)
    return accession


def _file(surgery: Any, item: Any, accession: str) -> None:
    from messaging.models import InboundMessage, Partner
    from patients.hl7 import pid_segment
    from tests.results import letters

    number, now = item.placer_number, timezone.now()
    message = letters.oru(
        pid_segment(item.patient),
        letters.orc(number, accession),
        letters.obr(number, accession, item.code, item.service_name, issued=now),
        letters.obx(),
        control_id=f"S{accession}",
        sent=now,
        facility="RZ1",
    )
    row = surgery.hear(message.raw, Partner.objects.get(departments=item.department))
    InboundMessage.objects.filter(pk=row.pk).update(state="processed")  # as the worker leaves it


def _slug(item: Any) -> str:
    from messaging.models import Partner

    return Partner.objects.get(departments=item.department_id).slug


# --- The comparison, and the judgement -----------------------------------------------------------


def _compare(surgery: Any, ledger: Ledger) -> None:
    from messaging.models import Partner
    from results import services
    from tests.requesting.lists import partner_list

    with time_machine.travel(timezone.now() + LATER, tick=False):
        for kind, lists in (("orders", ledger.orders), ("reports", ledger.reports)):
            for slug, rows in lists.items():
                partner = Partner.objects.get(slug=slug)
                raw = partner_list(slug, rows, kind=kind)
                services.reconcile(partner, raw, by=surgery.acting("central"))


def _judge(report: Report, ledger: Ledger, orders: int) -> None:
    from ordercomms.lists import unlisted
    from requesting.models import Difference

    rows = Difference.objects.filter(state="open")
    found = {(row.key, row.kind) for row in rows}
    seeded = {(key, kind): name for key, (name, kind) in ledger.lost.items()}
    total = Counter(seeded.values())
    met = Counter(name for pair, name in seeded.items() if pair in found)
    for name, count in total.items():
        report.check(f"found: {name}", met[name] == count, f"{met[name]} of {count}")
    false = sorted(key for key, kind in found - set(seeded))
    report.check("0 false", not false, f"{len(false)} of {orders - len(seeded)} healthy orders")
    lost = sum(unlisted().values())
    report.check("I5 every row on a list", lost == 0, lost)
    late = [row for row in rows if row.due_at <= row.found_at]
    report.check("each difference has a clock", not late, len(late))


def _judge_practice(report: Report, surgery: Any, ledger: Ledger) -> None:
    """The differences of the practice whose share was lost name that practice."""
    from requesting.models import Difference

    name = "one practice’s share lost"
    keys = [key for key, (loss, _) in ledger.lost.items() if loss == name]
    here = surgery.acting("ahp").organisation
    of_practice = Difference.objects.filter(key__in=keys, item__organisation=here).count()
    report.check("its practice is named", of_practice == len(keys), f"{of_practice} of {len(keys)}")
