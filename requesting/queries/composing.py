"""The request screen (ux.md R2): every chosen test with what it needs, and what is missing.

The names are those that the page reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from django.utils.timezone import localdate

from accounts.models import Discipline, Site, User
from accounts.policies import Acting
from catalogue.models import Attendance, Offering, Question
from catalogue.search import where_words
from nhsuk.charts import Point
from nhsuk.formats import cdate_text
from requesting import clocks, drafts
from requesting.drafts import COLLECTION_WORDS, Content, Line
from requesting.errors import Problem
from requesting.hl7.words import clinical_information
from requesting.models import Draft, PreviousResult, Priority, RequestItem
from requesting.reasons import GO_ON, REJECTIONS
from requesting.rules import Box, Given

from .as_sent import AGREED, answers_of, line_as_sent
from .at_hand import Desk, people_of
from .examining import Examined, Known, examine, look_up, trust_code
from .missing import options, people_words, problems_of

MOST_POINTS = 8
SIDE_WORDS = {"L": "Left", "R": "Right", "B": "Both"}
# Worded as NHS England does for suspected cancer; the criteria are the referral guideline's.
PRIORITY_WORDS = {
    Priority.ROUTINE: "Routine",
    Priority.URGENT: "Urgent",
    Priority.TWO_WEEK_WAIT: "2WW: cancer suspected, meets the urgent referral criteria",
}


@dataclass(frozen=True)
class Context:
    """The line under a test's title: what it last showed (L0). `points` oldest first."""

    words: str
    points: tuple[Point, ...]
    report_id: str
    is_abnormal: bool


@dataclass(frozen=True)
class ReasonChoice:
    code: str
    text: str
    ticked: bool


@dataclass(frozen=True)
class QuestionChoice:
    """A question that this patient and this test need. `options` is empty for words and dates."""

    code: str
    text: str
    hint: str
    kind: str
    options: tuple[tuple[str, str], ...]
    value: str
    is_required: bool
    from_record: date | None = None


@dataclass(frozen=True)
class ChosenTest:
    """A card of the page, and its line of the summary."""

    examined: Examined
    code: str
    name: str
    title: str
    where: str
    hours: str
    take_from: date | None
    context: Context | None
    box: Box
    sides: tuple[tuple[str, str], ...]
    side: str
    why: str
    reasons: tuple[ReasonChoice, ...]
    questions: tuple[QuestionChoice, ...]
    details: str
    details_needed: bool
    details_hint: str
    collections: tuple[tuple[str, str], ...]
    collection: str
    fasting: bool
    preview: str
    reader: str
    problems: tuple[Problem, ...] = field(default=())  # of the last attempt to send

    def error(self, part: str) -> str:
        """The words beside a field after an attempt to send: `reason`, `q.pregnant`."""
        field_name = f"{self.code}.{part}"
        return next((each.sentence for each in self.problems if each.field == field_name), "")

    def given(self, rule_key: str) -> str:
        given = self.examined.line.alerts.get(rule_key)
        return given.reason if given else ""

    def given_words(self, rule_key: str) -> str:
        given = self.examined.line.alerts.get(rule_key)
        return given.words if given else ""

    @property
    def kept(self) -> tuple[tuple[str, Given], ...]:
        """The answers whose box is not there any more: the page has to go on posting them."""
        shown = self.box.alert.rule_key if self.box.alert else ""
        return tuple(pair for pair in self.examined.line.alerts.items() if pair[0] != shown)


@dataclass(frozen=True)
class Recipient:
    id: int
    words: str


@dataclass(frozen=True)
class Composition:
    """The whole page. `missing` is what stands between this draft and Send."""

    draft: Draft
    lines: tuple[ChosenTest, ...]
    hospitals: tuple[tuple[str, str], ...]  # to choose from; empty where there is no choice
    hospital: str
    priority: str
    priorities: tuple[tuple[str, str], ...]
    recipients: tuple[Recipient, ...]
    results_to: int | None
    copy_choices: tuple[Recipient, ...]
    copy_to: tuple[int, ...]
    missing: tuple[Problem, ...]
    replaces: RequestItem | None
    undo_seconds: int
    is_deceased: bool
    reasons_to_go_on: tuple[tuple[str, str], ...] = tuple(GO_ON.items())

    @property
    def version(self) -> int:
        return self.draft.version

    @property
    def saved_at(self) -> datetime | None:
        return self.draft.saved_at if self.draft.version else None

    @property
    def needs_check_page(self) -> bool:
        """R3 comes first when there is much to read, or a reason is still wanted."""
        unanswered = any(line.box.alert and line.box.alert.stops_sending for line in self.lines)
        return len(self.lines) > 4 or unanswered


def compose(
    draft: Draft, acting: Acting, *, problems: Iterable[Problem] = (), of: Desk | None = None
) -> Composition:
    """All that the page shows, in as many queries for one test as for thirty.

    `problems` are those of an attempt to send, so that each is beside its field.
    """
    content = drafts.read(draft.content)
    known = look_up(content.codes, draft.patient, acting, not_counting=draft.replaces_id, of=of)
    people = recipients(acting, of=of)
    content = with_recipient(content, acting, people)
    tests = examine(content, known)
    shown = tuple(problems)
    ids = frozenset(user.pk for user in people)
    me = acting.user.pk if acting.user else None
    return Composition(
        draft=draft,
        lines=tuple(_chosen(test, known, draft, shown) for test in tests),
        hospitals=_hospitals(known),
        hospital=_hospital(content, tests),
        priority=content.priority,
        priorities=tuple((value, words) for value, words in PRIORITY_WORDS.items()),
        recipients=tuple(Recipient(user.pk, people_words(user, me)) for user in people),
        results_to=content.results_to,
        copy_choices=tuple(
            Recipient(user.pk, people_words(user, me))
            for user in people
            if user.pk != content.results_to
        ),
        copy_to=content.copy_to,
        missing=problems_of(content, tests, ids, known.today),
        replaces=draft.replaces,
        undo_seconds=_undo_seconds(acting),
        is_deceased=draft.patient.is_deceased,
    )


def _hospitals(known: Known) -> tuple[tuple[str, str], ...]:
    """The trusts that do any of the chosen tests for this place, when there are several."""
    trusts = {
        trust_code(each): (each.department.parent or each.department).name
        for service in known.services.values()
        for each in known.offerings.get(service.pk, ())
    }
    return tuple(sorted(trusts.items())) if len(trusts) > 1 else ()


def _hospital(content: Content, tests: tuple[Examined, ...]) -> str:
    used = [trust_code(test.offering) for test in tests if test.offering]
    return content.hospital if content.hospital in used or not used else used[0]


def recipients(acting: Acting, *, of: Desk | None = None) -> list[User]:
    """Who may get the results: the clinicians of this place who can act on them, first the one who
    gets them when nobody is named.

    That is who supervises, where they work here too (hazard H12). A result is on the lists of the
    place that asked, so it never goes to somebody who does not work there: they would not see it.
    """
    if acting.organisation is None or acting.user is None:
        return []
    people = of.people if of else people_of(acting.organisation)
    supervisor = acting.supervisor.pk if acting.supervisor else None
    is_here = any(user.pk == supervisor for user in people)
    first = supervisor if is_here else acting.user.pk
    return sorted(people, key=lambda user: user.pk != first)


def with_recipient(
    content: Content, acting: Acting, people: Sequence[User] | None = None
) -> Content:
    """Who the results go to when the person has not said. `people` saves asking for them again."""
    if content.results_to is not None or acting.user is None:
        return content
    people = recipients(acting) if people is None else people
    return replace(content, results_to=people[0].pk) if people else content


def _chosen(
    test: Examined, known: Known, draft: Draft, problems: tuple[Problem, ...]
) -> ChosenTest:
    service, line = test.service, test.line
    is_imaging = test.is_imaging
    takes_sample = service.discipline == Discipline.PATHOLOGY
    return ChosenTest(
        examined=test,
        code=service.code,
        name=service.name,
        title=test.name,
        where=where(known.offerings.get(service.pk, []), test),
        hours=hours_today(test.offering.site if test.offering else None, known.today),
        take_from=line.take_from,
        context=context_of(test.previous, service.short_name),
        box=test.box,
        sides=tuple((side, SIDE_WORDS[side]) for side in service.sides),
        side=line.side,
        why=f"Why is {_a(service.name)} needed?",
        reasons=tuple(
            ReasonChoice(each.code, each.text, each.code in line.reasons)
            for each in service.reasons.all()
        ),
        questions=(*(_question(each, line) for each in test.questions), *_agreed(test)),
        details=line.details,
        details_needed=is_imaging and not service.reasons.all(),
        details_hint=_hint(draft.replaces),
        collections=tuple(COLLECTION_WORDS.items()) if takes_sample else (),
        collection=line.collection or ("patient_books" if takes_sample else ""),
        fasting=any(need.fasting for need in service.specimens.all()),
        preview=preview(test, known),
        reader="radiology" if is_imaging else "the laboratory",
        problems=tuple(each for each in problems if each.field.startswith(f"{service.code}.")),
    )


def _question(question: Question, line: Line) -> QuestionChoice:
    return QuestionChoice(
        code=question.code,
        text=question.text,
        hint=question.hint,
        kind=question.kind,
        options=options(question),
        value=line.answers.get(question.code, ""),
        is_required=question.is_required,
    )


def _agreed(test: Examined) -> Iterator[QuestionChoice]:
    """Who agreed it: once the box that asked has gone, the name stays to be seen and changed."""
    for each in answers_of(test):
        if each.code.endswith(AGREED):
            yield QuestionChoice(each.code, each.question, "", each.kind, (), each.value, True)


def _hint(replaces: RequestItem | None) -> str:
    """What the department asked for when it refused (ux.md R7)."""
    rejection = REJECTIONS.get(replaces.reason_code) if replaces else None
    return rejection.asks_for if rejection else ""


def _undo_seconds(acting: Acting) -> int:
    return int(clocks.undo_time(acting.user.undo_seconds).total_seconds()) if acting.user else 0


def _a(name: str) -> str:
    lower = f"{name[0].lower()}{name[1:]}" if name[1:2].islower() else name
    spoken_you = lower.startswith(("ur", "eu"))  # a urine culture
    article = (
        "an" if (lower[0] in "aeiou" and not spoken_you) or lower[:3] in ("MRI", "X-r") else "a"
    )
    return f"{article} {lower}"


# --- What the patient and the reader are told ----------------------------------------------------


def where(offered: list[Offering], test: Examined) -> str:
    """`Walk-in, any site`; `Booked at Queen Mary's`; `Practice bloods`."""
    if test.offering is None:
        return "Not done for you here"
    attendance = test.offering.attendance
    words = where_words(attendance, takes_blood=test.service.takes_blood)
    same = [
        each for each in offered
        if each.attendance == attendance and each.department_id == test.offering.department_id
    ]  # fmt: skip
    if attendance == Attendance.WALK_IN:
        return f"{words}, any site" if len(same) > 1 else f"{words}, {_place(test.offering)}"
    if attendance == Attendance.BOOKED:
        return f"{words}: {test.offering.department.name} contacts the patient"
    return words


def hours_today(site: Site | None, today: date) -> str:
    """`Open today 08:30 to 17:00.`"""
    if site is None or not site.opening_hours:
        return ""
    hours = site.opening_hours.get(f"{today:%a}".lower())
    return f"Open today {hours[0]} to {hours[1]}." if hours else "Closed today."


def _place(offering: Offering) -> str:
    return offering.site.name if offering.site else offering.department.name


def context_of(previous: tuple[PreviousResult, ...], name: str) -> Context | None:
    """`Last HbA1c 52 mmol/mol ↑ 12-Aug-2026`, or the last examination and its first line."""
    if not previous:
        return None
    last = previous[0]
    on = cdate_text(last.observed_at)
    if last.value:
        value = f"{last.value} {last.units}".strip()
        words = " ".join(part for part in (f"Last {name}", value, arrow(last.flag), on) if part)
    else:
        place = f", {last.place}" if last.place else ""
        quoted = f": ‘{last.headline}’" if last.headline else ""
        words = f"Last {name} {on}{place}{quoted}"
    abnormal = last.significance in ("critical", "unexpected", "abnormal")
    return Context(words, _points(previous), str(last.report_id), abnormal)


def arrow(flag: str) -> str:
    return {"H": "↑", "HH": "↑", "L": "↓", "LL": "↓"}.get(flag, "")


def _points(previous: tuple[PreviousResult, ...]) -> tuple[Point, ...]:
    """Only values in the same units make a line (hazard H28)."""
    units = previous[0].units
    alike = [row for row in previous if row.units == units and _is_number(row.value)]
    return tuple(
        Point(localdate(row.observed_at), float(row.value)) for row in reversed(alike[:MOST_POINTS])
    )


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def preview(test: Examined, known: Known) -> str:
    """`61-year-old man. Cough for more than 3 weeks. Ex-smoker.`"""
    said = clinical_information(line_as_sent(test))
    return f"{person(known.age, known.patient.gender)}. {said}".strip()


def person(age: int, gender: str) -> str:
    words = {"M": ("man", "boy"), "F": ("woman", "girl")}.get(gender, ("person", "child"))
    return f"{age}-year-old {words[0] if age >= 18 else words[1]}"
