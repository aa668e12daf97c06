"""What a drill taught: who noticed it and when, what was made, how long each step took.

Computed from rows that nobody can change, so that the report stays as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from accounts.models import Organisation
from messaging.drill_states import DRILL_WORDS
from messaging.models import Drill, DrillNote, DrillSight
from messaging.queries import drills
from requesting.drill_states import PracticeStatus
from requesting.form_states import ALARMS
from requesting.models import PracticeForm

from .practice import drill_hours


@dataclass(frozen=True)
class Noticed:
    """The first person of a place, and how long after the beginning."""

    at: datetime
    by: str
    after: timedelta


@dataclass(frozen=True)
class PlaceLine:
    """A place that took part."""

    name: str
    noticed: Noticed | None
    opened: Noticed | None
    made: int
    emailed: int
    printed: int
    keyed_in: int
    bounced: int

    @property
    def made_none(self) -> bool:
        return self.made == 0


@dataclass(frozen=True)
class Step:
    """From one thing to the next: how often, the middle and the slowest; None where never."""

    name: str
    count: int
    median: timedelta | None
    slowest: timedelta | None


@dataclass(frozen=True)
class Bounced:
    """A mailbox that did not take a practice form."""

    address: str
    words: str
    forms: int


@dataclass(frozen=True)
class Report:
    """All that the page and the file say."""

    drill: Drill
    destination: str
    state: str
    lasted: timedelta | None
    places: tuple[PlaceLine, ...]
    steps: tuple[Step, ...]
    bounced: tuple[Bounced, ...]
    unreconciled: tuple[PracticeForm, ...]
    late: tuple[tuple[int, int], ...]  # (hours of the clock, forms that took longer)
    notes: tuple[DrillNote, ...]

    @property
    def made_none(self) -> tuple[str, ...]:
        return tuple(place.name for place in self.places if place.made_none)

    @property
    def total(self) -> PlaceLine:
        """All places together; nobody noticed for all."""
        names = ("made", "emailed", "printed", "keyed_in", "bounced")
        sums = {name: sum(getattr(place, name) for place in self.places) for name in names}
        return PlaceLine("All", None, None, **sums)


def report_of(drill: Drill) -> Report:
    """Of a drill that runs: as far as it is."""
    forms = list(drill.forms.select_related("drill", "organisation").order_by("pk"))
    sights = list(drill.sights.select_related("place").order_by("at", "pk"))
    over = drill.over_at
    return Report(
        drill=drill,
        destination=drills.name_of(drill),
        state=DRILL_WORDS[drill.state],
        lasted=over - drill.started_at if over and drill.started_at else None,
        places=tuple(_place(drill, place, forms, sights) for place in drill.places.all()),
        steps=tuple(_steps(drill, forms, sights)),
        bounced=tuple(_bounced(forms)),
        unreconciled=tuple(f for f in forms if f.status != PracticeStatus.KEYED_IN),
        late=tuple((hours, _slower(forms, hours)) for hours in ALARMS),
        notes=tuple(drill.notes.select_related("place").order_by("at", "pk")),
    )


def _place(
    drill: Drill, place: Organisation, forms: list[PracticeForm], sights: list[DrillSight]
) -> PlaceLine:
    mine = [form for form in forms if form.organisation_id == place.pk]
    seen = {sight.what: sight for sight in sights if sight.place_id == place.pk}
    return PlaceLine(
        name=place.name,
        noticed=_noticed(drill, seen.get(DrillSight.What.STRIP)),
        opened=_noticed(drill, seen.get(DrillSight.What.FORM)),
        made=len(mine),
        emailed=sum(form.emailed_at is not None for form in mine),
        printed=sum(form.printed_at is not None for form in mine),
        keyed_in=sum(form.keyed_in_at is not None for form in mine),
        bounced=sum(form.mail_state == "failed" for form in mine),
    )


def _noticed(drill: Drill, sight: DrillSight | None) -> Noticed | None:
    if sight is None or drill.started_at is None:
        return None
    return Noticed(sight.at, sight.by, max(sight.at - drill.started_at, timedelta()))


def _steps(drill: Drill, forms: list[PracticeForm], sights: list[DrillSight]) -> Iterator[Step]:
    begun = drill.started_at
    strip = {s.place_id: s.at for s in sights if s.what == DrillSight.What.STRIP}
    opened = {s.place_id: s.at for s in sights if s.what == DrillSight.What.FORM}
    first: dict[int, datetime] = {}
    for form in forms:
        first.setdefault(form.organisation_id, form.made_at)
    yield _step("From the start until a place noticed", [(begun, at) for at in strip.values()])
    yield _step("Until it opened the form", [(strip.get(key), at) for key, at in opened.items()])
    yield _step("Until it made its first", [(opened.get(key), at) for key, at in first.items()])
    yield _step("From made to e-mailed or printed", [(f.made_at, f.out_at) for f in forms])
    yield _step("From there to keyed in", [(f.out_at, f.keyed_in_at) for f in forms])


def _step(name: str, pairs: Iterable[tuple[datetime | None, datetime | None]]) -> Step:
    took = [max(b - a, timedelta()) for a, b in pairs if a is not None and b is not None]
    if not took:
        return Step(name, 0, None, None)
    middle = timedelta(seconds=median(each.total_seconds() for each in took))
    return Step(name, len(took), middle, max(took))


def _bounced(forms: Sequence[PracticeForm]) -> Iterator[Bounced]:
    failed = [form for form in forms if form.mail_state == "failed"]
    for address in sorted({form.mail_to for form in failed}):
        mine = [form for form in failed if form.mail_to == address]
        yield Bounced(address, mine[-1].mail_words, len(mine))


def _slower(forms: Sequence[PracticeForm], hours: int) -> int:
    """How many were out for longer, by the drill's clock."""
    spans = ((f, f.out_at, f.keyed_in_at or f.drill.over_at) for f in forms)
    return sum(
        out is not None and end is not None and drill_hours(f, end - out) > hours
        for f, out, end in spans
    )


# --- As a file -----------------------------------------------------------------------------------


def minutes(time: timedelta | None) -> str:
    """Minutes and seconds: "3:07"; "" for none."""
    if time is None:
        return ""
    seconds = int(time.total_seconds())
    return f"{seconds // 60}:{seconds % 60:02d}"


def rows_of(report: Report) -> Iterator[tuple[str, ...]]:
    """The report line by line: what it is about, of which place, and the value. Each says DRILL."""
    for row in _rows(report):
        yield ("DRILL", *row)


def _rows(report: Report) -> Iterator[tuple[str, str, str, str]]:
    drill = report.drill
    yield "drill", report.destination, "state", report.state
    yield "drill", report.destination, "reason", drill.reason
    for name in ("starts_at", "ends_at", "started_at", "over_at"):
        at = getattr(drill, name)
        yield "drill", report.destination, name, at.isoformat(timespec="seconds") if at else ""
    yield "drill", report.destination, "ended because", drill.over_because
    for place in (*report.places, report.total):
        yield from _place_rows(place)
    for step in report.steps:
        yield "step", step.name, "times", str(step.count)
        yield "step", step.name, "median min:s", minutes(step.median)
        yield "step", step.name, "slowest min:s", minutes(step.slowest)
    for hours, number in report.late:
        yield "clock", f"longer than {hours} drill hours", "forms", str(number)
    for each in report.bounced:
        yield "mailbox that did not take it", each.address, "forms", str(each.forms)
    for form in report.unreconciled:
        yield "not keyed in", form.organisation.name, "form", form.reference
    for note in report.notes:
        yield "note", note.place.name, note.by, note.words


def _place_rows(place: PlaceLine) -> Iterator[tuple[str, str, str, str]]:
    if place.name != "All":
        for what, seen in (("noticed", place.noticed), ("opened the form", place.opened)):
            yield "place", place.name, f"{what} after min:s", minutes(seen.after if seen else None)
            yield "place", place.name, f"{what} first", seen.by if seen else "Nobody"
    for name in ("made", "emailed", "printed", "keyed_in", "bounced"):
        yield "place", place.name, name.replace("_", " "), str(getattr(place, name))
