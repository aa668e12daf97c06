"""Practice forms of a drill as people see them: who sees which, what stands on one, how long is
left of a clock that may run faster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import Discipline, Organisation, OrganisationKind
from accounts.policies import Acting
from accounts.roles import Permission
from messaging.mail_states import MailPurpose
from messaging.models import Drill, Mailbox
from messaging.queries import drills
from messaging.queries.mail import mailbox_for
from nhsuk.formats import cdatetime_text, how_many
from requesting.drill_states import CASES, OPEN, STATUS_WORDS, Case, case_of
from requesting.errors import NotFound
from requesting.form_states import KEY_IN_WITHIN
from requesting.models import PracticeForm
from requesting.sheets import Ordered, Sheet

NOT_A_REQUEST = "DRILL. This is practice and not a request. Nobody is to be examined."
WITH = ("drill__partner", "organisation", "department__parent")
BOXES = ("DRILL: received (date and time)", "DRILL: received by", "DRILL: practice number",
         "DRILL: keyed in (date and time)")  # fmt: skip
NO_NUMBER = "None: DRILL, this is no patient"


def drill_or_404(acting: Acting, pk: int, *, request: HttpRequest | None = None) -> Drill:
    """The look is on record. Raises NotFound for absent and forbidden."""
    found = drills.drill_for(acting, pk)
    audit.record(
        acting=acting, action="view_drill", object_type="messaging.Drill", object_id=pk,
        outcome="ok" if found else "denied", reason="DRILL", request=request,
    )  # fmt: skip
    if found is None:
        raise NotFound
    return found


def visible_forms(acting: Acting) -> QuerySet[PracticeForm]:
    """The place that made it, the department, the central team."""
    place, rows = acting.organisation, PracticeForm.objects.select_related(*WITH)
    if place is None:
        return rows.none()
    if acting.may(Permission.DECLARE_DOWNTIME) and place.kind == OrganisationKind.CENTRAL:
        return rows
    return rows.filter(Q(organisation=place) | Q(department=place))


def practice_form(acting: Acting, pk: int, *, request: HttpRequest | None = None) -> PracticeForm:
    """Raises NotFound for absent and forbidden."""
    found = visible_forms(acting).filter(pk=pk).first()
    audit.record(
        acting=acting, action="view_practice_form", object_type="requesting.PracticeForm",
        object_id=pk, outcome="ok" if found else "denied", reason="DRILL", request=request,
    )  # fmt: skip
    if found is None:
        raise NotFound
    return found


@dataclass(frozen=True)
class PracticeRow:
    """A line of a drill's forms."""

    form: PracticeForm
    case: Case
    words: str  # how it stands
    left: str  # of the 72 hours, as the drill counts them; "" when it is over
    is_late: bool


def practice_rows(forms: Iterable[PracticeForm]) -> tuple[PracticeRow, ...]:
    return tuple(map(practice_row, forms))


def practice_row(form: PracticeForm) -> PracticeRow:
    left, late = time_left(form)
    case = case_of(form.case) or CASES[0]
    return PracticeRow(form, case, STATUS_WORDS[form.status], left, late)


def drill_hours(form: PracticeForm, since: timedelta) -> float:
    """A time of a drill in the hours of its clock."""
    return since.total_seconds() / form.drill.hour_seconds


def time_left(form: PracticeForm) -> tuple[str, bool]:
    """What is left of 72 hours in the drill's own hours, in words, and whether it is late."""
    if form.status not in OPEN or form.out_at is None:
        return "", False
    spent = drill_hours(form, timezone.now() - form.out_at)
    left = KEY_IN_WITHIN.total_seconds() / 3600 - spent
    words = how_many(int(abs(left)), "drill hour")
    return f"{words} {'late' if left < 0 else 'left'}", left < 0


def forms_of_drill(acting: Acting, drill: Drill) -> tuple[PracticeRow, ...]:
    """The drill's forms that this person may see: urgent first, then the oldest."""
    rows = practice_rows(visible_forms(acting).filter(drill=drill))
    return tuple(sorted(rows, key=lambda row: (not row.case.is_urgent, row.form.pk)))


def form_counts(acting: Acting) -> dict[int, tuple[int, int]]:
    """Of each drill: how many practice forms this person may see, and how many wait."""
    rows = visible_forms(acting).order_by().values("drill")
    counted = rows.annotate(made=Count("pk"), waiting=Count("pk", filter=Q(status__in=OPEN)))
    return {row["drill"]: (row["made"], row["waiting"]) for row in counted}


def to_key_in(acting: Acting) -> int:
    """How many practice forms of running drills wait at this person's department."""
    place = acting.organisation
    if place is None:
        return 0
    rows = PracticeForm.objects.filter(drill__in=drills.running_drills(), status__in=OPEN)
    return rows.filter(department=place, out_at__isnull=False).count()


def departments_of_drill(acting: Acting, drill: Drill) -> list[Organisation]:
    """Those of the drill that take requests from this person's place."""
    rows = drill.partner.departments.all()
    if acting.organisation is not None:
        rows = rows.filter(serves=acting.organisation)
    return list(rows.order_by("name"))


def cases_for(departments: Iterable[Organisation]) -> list[Case]:
    """Those that one of these departments could be asked for: imaging has a modality."""
    wanted = {each.discipline == Discipline.RADIOLOGY for each in departments}
    return [case for case in CASES if bool(case.modality) in wanted]


def form_called(acting: Acting, typed: str) -> PracticeForm | None:
    """By its reference, "DRILL-00012"."""
    kind, _, number = "".join(typed.split()).upper().partition("-")
    if kind != "DRILL" or not number.isdecimal() or len(number) > 12:
        return None
    return visible_forms(acting).filter(pk=int(number)).first()


def drill_mailbox(form: PracticeForm) -> Mailbox | None:
    """The one that was agreed for drills, and no other."""
    case = case_of(form.case)
    modality = case.modality if case else ""
    return mailbox_for(form.department, MailPurpose.DRILL, modality=modality)


# --- What stands on it ---------------------------------------------------------------------------


def practice_sheet(form: PracticeForm) -> Sheet:
    """The form in words, marked from its first to its last."""
    case, box = case_of(form.case) or CASES[0], drill_mailbox(form)
    made = cdatetime_text(form.made_at, relative=False)
    return Sheet(
        reference=form.reference,
        department=form.department.name,
        priority="DRILL, urgent" if case.is_urgent else "DRILL, routine",
        is_urgent=case.is_urgent,
        state=f"Made {made} by {form.made_by}",
        to_do=_to_do(form),
        send_to=(("DRILL mailbox", f"{box.display_name}, {box.address}" if box else "None"),),
        patient=(("Name", case.patient), ("Born", case.born), ("NHS number", NO_NUMBER)),
        requester=(("Name", f"DRILL: {form.made_by}"), ("Place", form.organisation.name)),
        results=(("Results to", "DRILL: nobody"),),
        tests=(Ordered(case.test, "DRILL", (("Clinical details", case.details),)),),
        boxes=BOXES,
        drill=NOT_A_REQUEST,
    )


def _to_do(form: PracticeForm) -> tuple[str, ...]:
    hour = _LENGTHS.get(form.drill.hour_seconds, how_many(form.drill.hour_seconds, "second"))
    return (
        "DRILL: examine nobody, take nothing, and enter nothing in a live system.",
        f"Do all else as in a downtime, within 72 drill hours. An hour of the drill is {hour}.",
        "Say on the page of the drill that it is keyed in, with a practice number.",
        f"Questions: ring {form.organisation.phone or form.organisation.name}, and begin with "
        "the word drill.",
    )


_LENGTHS = {3600: "an hour", 600: "ten minutes", 60: "one minute"}
