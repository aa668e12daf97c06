"""One test over time: the same code, the same code system and the same units, and nothing else.

Values of different units are never joined (H28): they are series of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from accounts.policies import Acting
from nhsuk.charts import Point
from nhsuk.formats import in_london
from patients.models import Patient
from results.models import Observation, Report
from results.policies import reach_of_reports
from results.ranges import Mark, mark_of, number_of, read_range
from results.states import RANKS, WITHOUT_VALUE, Rank

YEARS = {"3m": 91, "1y": 366, "2y": 731, "5y": 1827}  # days; never "all" (GTAB-067, 096, 098)
USUAL = "2y"
_WITHDRAWN = [code for code, rank in RANKS.items() if rank is Rank.WITHDRAWN]

Key = tuple[UUID, str, str, str]  # patient, code, code system, units


def key_of(each: Observation) -> Key:
    return each.patient_id, each.code, each.code_system, each.units


def current_values(patients: Collection[UUID], codes: Collection[str]) -> QuerySet[Observation]:
    """The values that people read now: of current versions, not withdrawn, oldest first."""
    return (
        Observation.objects.filter(patient__in=patients, code__in=codes)
        .filter(version__report__current=F("version_id"))
        .exclude(version__report__result_status__in=_WITHDRAWN)
        .exclude(status__in=WITHOUT_VALUE)
        .exclude(value="")
        .select_related("version")
        .order_by("observed_at", "id")
    )


def series_of(values: Iterable[Observation]) -> dict[Key, list[Observation]]:
    """Every value of the last years that belongs on one line with one of these; one query."""
    wanted = {key_of(each) for each in values if each.code}
    since = timezone.now() - timedelta(days=YEARS[USUAL])
    rows = current_values({key[0] for key in wanted}, {key[1] for key in wanted})
    found: dict[Key, list[Observation]] = defaultdict(list)
    for row in rows.filter(observed_at__gte=since) if wanted else []:
        if key_of(row) in wanted:
            found[key_of(row)].append(row)
    return found


def points_of(values: Iterable[Observation], *, until: datetime | None = None) -> tuple[Point, ...]:
    """The numbers among them as a chart draws them."""
    points = []
    for each in values:
        number = number_of(each.value, each.value_type)
        if number is not None and (until is None or each.observed_at <= until):
            day = in_london(each.observed_at).date()
            points.append(Point(day, float(number.value), number.is_censored))
    return tuple(points)


def limits_of(each: Observation) -> tuple[float | None, float | None]:
    """The reference range of a value, where we can read it."""
    limits = read_range(each.reference_range)
    if limits is None:
        return None, None
    return _float(limits.low), _float(limits.high)


def _float(value: object) -> float | None:
    return None if value is None else float(str(value))


def mark_for(each: Observation) -> Mark:
    return mark_of(
        flags=each.flags,
        value=each.value,
        value_type=each.value_type,
        reference_range=each.reference_range,
        level=each.level,
    )


# --- R10 -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TimedValue:
    """One row of the table."""

    observed_at: datetime
    value: str
    mark: Mark
    reference_range: str
    note: str
    report_id: UUID


@dataclass(frozen=True)
class Series:
    """One line: values of one unit, newest first, and the points of its drawing."""

    units: str
    values: tuple[TimedValue, ...]
    points: tuple[Point, ...]
    low: float | None
    high: float | None
    reference_range: str


@dataclass(frozen=True)
class OverTime:
    """One test of one patient. More than one series where the units changed."""

    name: str
    code: str
    period: str
    series: tuple[Series, ...]


def over_time(acting: Acting, patient: Patient, code: str, *, period: str = USUAL) -> OverTime:
    """R10. The caller has the patient by `patients.queries.patient_for`, which was audited."""
    period = period if period in YEARS else USUAL
    since = timezone.now() - timedelta(days=YEARS[period])
    readable = current_values([patient.pk], [code]).filter(observed_at__gte=since)
    seen = Report.objects.filter(reach_of_reports(acting), pk=OuterRef("version__report"))
    rows = list(readable.filter(Exists(seen)))
    by_line: dict[Key, list[Observation]] = defaultdict(list)
    for row in rows:
        by_line[key_of(row)].append(row)
    newest_first = sorted(by_line.values(), key=lambda line: line[-1].observed_at, reverse=True)
    return OverTime(
        name=rows[-1].name if rows else "",
        code=code,
        period=period,
        series=tuple(_series(line) for line in newest_first),
    )


def _series(line: list[Observation]) -> Series:
    low, high = limits_of(line[-1])
    return Series(
        units=line[-1].units,
        values=tuple(_timed(each) for each in reversed(line)),
        points=points_of(line),
        low=low,
        high=high,
        reference_range=line[-1].reference_range,
    )


def _timed(each: Observation) -> TimedValue:
    return TimedValue(
        observed_at=each.observed_at,
        value=each.value,
        mark=mark_for(each),
        reference_range=each.reference_range,
        note=each.note,
        report_id=each.version.report_id,
    )
