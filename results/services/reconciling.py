"""A partner's file beside what we hold: orders by number, reports by accession number; and results
that come less than usual. What is found goes to the one list of differences (`requesting`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from accounts.models import Organisation
from accounts.policies import SYSTEM, Acting
from messaging import wire
from messaging.errors import Unparseable
from messaging.models import InboundMessage, Partner
from messaging.states import InState
from requesting import services as requesting
from requesting.errors import Refused
from requesting.partner_lists import LARGEST, ListKind, NotAList, PartnerList, read_list
from requesting.queries.reconciling import partner_by_slug
from requesting.reconciling import Found, Kind, OurReport, compare_reports
from requesting.services.reconciling import Compared
from results.models import Report
from results.queries.rates import rates_of
from results.rates import Verdict
from results.states import RANKS, Rank

RATE_KINDS = {Verdict.FEWER: Kind.FEWER, Verdict.STOPPED: Kind.STOPPED}
LISTS_EVERY, RATES_EVERY = 60, 900  # seconds


def reconcile(partner: Partner, raw: bytes, *, by: Acting) -> Compared:
    """Compare a file of this partner's with what we hold. Raises NotAList, Refused."""
    theirs = read_list(raw)
    if theirs.partner != partner.slug:
        raise NotAList(f"The list is of “{theirs.partner}”, not of “{partner.slug}”.")
    if theirs.as_of > timezone.now():
        raise NotAList("The list is of a time that has not come yet.")
    if theirs.kind is ListKind.ORDERS:
        return requesting.reconcile_orders(theirs, partner, raw=raw, by=by)
    with transaction.atomic():
        rows = tuple(replace(row, status=_plain(row.status)) for row in theirs.rows)
        theirs = replace(theirs, rows=rows)
        found = compare_reports(theirs, _ours(partner, theirs), parked=_parked(partner))
        return requesting.note_list(theirs, partner, found, raw=raw, by=by)


def _plain(status: str) -> str:
    """Preliminary, final or withdrawn. A correction is told by its version: a “final” report with
    a corrected value in it is a corrected one here (results.states.overall_status)."""
    rank = RANKS[status]
    plain = {Rank.PRELIMINARY: "preliminary", Rank.WITHDRAWN: "withdrawn"}
    return plain.get(rank, "final")


def _ours(partner: Partner, theirs: PartnerList) -> Iterator[OurReport]:
    """What we filed of the partner, by order and accession number, as of their list."""
    named = [row.placer for row in theirs.rows if row.placer]
    accessions = {row.accession for row in theirs.rows if not row.placer}
    sent = Q(versions__sent_at__lte=theirs.as_of)
    reports = (
        Report.objects.filter(department__partners=partner)
        .filter(Q(issued_at__gte=theirs.since) | Q(item__placer_number__in=named)
                | Q(item__filler_number__in=accessions))
        .annotate(count=Count("versions", filter=sent))
        .select_related("item")
        .order_by("pk")
    )  # fmt: skip
    together: dict[tuple[str, str], OurReport] = {}
    for each in reports:
        accession = each.key.rsplit(" ", 1)[0] if " " in each.key else each.item.filler_number
        new = OurReport(
            each.item.placer_number, accession, _plain(each.result_status), each.issued_at,
            each.arrived_at, each.count,
        )  # fmt: skip
        key = new.placer, new.accession
        # Several examinations of one accession number: they are as far as the furthest.
        together[key] = max(together.get(key, new), new, key=lambda one: (one.count, one.issued_at))
    yield from together.values()


def _parked(partner: Partner) -> frozenset[str]:
    """Order and accession numbers of results that are here and not filed: they are not lost."""
    waiting = InboundMessage.objects.filter(
        partner=partner, state__in=[InState.PARKED, InState.RECEIVED], message_type="ORU^R01"
    )
    found: set[str] = set()
    for message in waiting.only("raw").iterator():
        found |= _numbers_in(bytes(message.raw), partner.character_set)
    return frozenset(found - {""})


def _numbers_in(raw: bytes, charset: str) -> set[str]:
    try:
        message = wire.parse(raw, default_charset=charset)
    except Unparseable:
        return set()
    segments = [each for each in message.segments if each.name in ("ORC", "OBR")]
    return {each.get(field) for each in segments for field in (2, 3)}


# --- Results that come less than usual -----------------------------------------------------------


def watch_rates(now: datetime | None = None, **enough: int) -> int:
    """Practices whose results of a sender stopped or fell go on the list; how many are new."""
    now, new = now or timezone.now(), 0
    for partner in Partner.objects.filter(departments__isnull=False).distinct().order_by("pk"):
        alarms = [each for each in rates_of(partner, now, **enough) if each.verdict in RATE_KINDS]
        found = [Found(RATE_KINDS[each.verdict], each.code) for each in alarms]
        places = Organisation.objects.in_bulk([each.practice_id for each in alarms])
        with transaction.atomic():
            came, _ = requesting.note_differences(
                partner, found, kinds=(Kind.FEWER, Kind.STOPPED), by=SYSTEM,
                practices={place.ods_code: place for place in places.values()},
            )  # fmt: skip
        new += came
    return new


# --- Files that are put into a folder ------------------------------------------------------------


def take_files(folder: Path | None = None) -> int:
    """Compare each file that lies in the folder, oldest first, and put it away; how many.

    A file that cannot be compared is kept in `refused`, with the reason beside it.
    """
    folder = folder or Path(settings.RECONCILE_DIR)
    if not folder.is_dir():
        return 0
    files = sorted(folder.glob("*.csv"), key=lambda path: (path.stat().st_mtime, path.name))
    return sum(_take(path) for path in files)


def _take(path: Path) -> bool:
    taken = path.parent / "taken" / path.name
    taken.parent.mkdir(exist_ok=True)
    try:
        path.rename(taken)  # whoever renames it first has it
    except FileNotFoundError:
        return False
    why = _compare_file(taken)
    end = path.parent / ("refused" if why else "done") / path.name
    end.parent.mkdir(exist_ok=True)
    if why:
        end.with_suffix(".why").write_text(why)
    shutil.move(taken, end)
    return True


def _compare_file(path: Path) -> str:
    """Why it could not be compared; nothing when it was."""
    try:
        with path.open("rb") as file:
            reconcile_file(file.read(LARGEST + 1), by=SYSTEM)
    except (NotAList, Refused) as refusal:
        return refusal.sentence
    return ""


def reconcile_file(raw: bytes, *, by: Acting) -> Compared:
    """As `reconcile`, of the partner whom the file names."""
    slug = read_list(raw).partner
    partner = partner_by_slug(slug)
    if partner is None:
        raise NotAList(f"No partner is called “{slug}”.")
    return reconcile(partner, raw, by=by)


def refused_files(folder: Path | None = None) -> list[tuple[str, str]]:
    """Files that could not be compared, with the reason, the last first; until they are moved."""
    refused = (folder or Path(settings.RECONCILE_DIR)) / "refused"
    reasons = sorted(refused.glob("*.why"), key=lambda path: -path.stat().st_mtime)[:20]
    return [(path.with_suffix(".csv").name, path.read_text()) for path in reasons]


def keep_watch() -> None:
    """A turn of the clock: files as they come, our own clocks each minute, rates each quarter."""
    take_files()
    if cache.add("reconcile_overdue", 1, LISTS_EVERY):
        requesting.list_overdue()
    if cache.add("reconcile_rates", 1, RATES_EVERY):
        watch_rates()
