"""F8: reports twice, out of order, under an id that was used, and with gaps in their numbers."""

import itertools
from datetime import UTC, datetime, timedelta

from django.test.utils import override_settings

from messaging import wire
from messaging.models import InboundMessage
from messaging.services import accept, process_waiting
from requesting.models import RequestItem
from results.models import Report as ResultReport
from tests.results.clinic import Clinic, potassium
from tests.world import World

from .report import Report
from .rig import Rig

# What a laboratory may say of one result, in order.
STEPS = (
    ("P", "6.8", "HH"), ("F", "4.2", "N"), ("C", "5.6", "H"), ("C", "4.3", "N"), ("C", "4.4", "N"),
    ("X", "4.4", "N"),
)  # fmt: skip
PERMUTED = {"small": 3, "usual": 4, "long": 6}  # how many of them; all their permutations
START = datetime(2026, 11, 20, 9, tzinfo=UTC)


def shuffled_versions(rig: Rig, report: Report) -> None:
    """Every permutation of a report's versions, each with a repeat: the view of the right order."""
    count = PERMUTED[rig.size.name]
    with override_settings(HL7_ROUTING="ordercomms.routing.ROUTES"):
        clinic = Clinic(World())
        orders = list(itertools.permutations(range(count)))
        views = [_view_after(clinic, order, again=rig.chance.randrange(count)) for order in orders]
        differing = sum(view != views[0] for view in views)
        report.check(
            "views unlike the one in order", differing == 0, f"{differing} of {len(views)}"
        )
        _judge_ids(clinic, report, len(orders))


def _view_after(clinic: Clinic, order: tuple[int, ...], *, again: int) -> tuple:
    """What a reader sees when the versions came in this order, one of them twice."""
    item = clinic.sent("ue")
    letters = [_version(clinic, item, number) for number in range(len(order))]
    for number in (*order, again):
        clinic.arrives(letters[number])
    filed = ResultReport.objects.select_related("current", "leading").get(item=item)
    leading = (filed.leading.value, filed.leading.flags) if filed.leading else None
    return (
        (filed.current.result_status, filed.current.issued_at, filed.current.content_sha256),
        (filed.result_status, filed.significance, filed.list_group, filed.is_amended, leading),
        filed.versions.count(),
    )


def _version(clinic: Clinic, item: RequestItem, number: int) -> wire.Message:
    status, value, flag = STEPS[number]
    at = START + timedelta(minutes=10 * number)
    return clinic.letter(
        item, potassium(value, flag, status=status), status=status, issued=at, sent=at
    )


def _judge_ids(clinic: Clinic, report: Report, reports: int) -> None:
    """Each report's repeat had no effect; another message under a used id waits for a person."""
    repeats = InboundMessage.objects.filter(state="repeat").count()
    report.check("repeats without effect", repeats == reports, f"{repeats} of {reports}")
    used = _version(clinic, clinic.sent("ue"), 0)
    clinic.arrives(used)
    accept(used.raw.replace(b"6.8", b"6.9"), peer="127.0.0.1")
    process_waiting()
    parked = InboundMessage.objects.filter(reason_code="same_id_other_content", state="parked")
    report.check("same id, other content, parked", parked.count() == 1, parked.count())
    waiting = InboundMessage.objects.filter(state="received").count()
    report.check("messages that still wait", waiting == 0, waiting)
