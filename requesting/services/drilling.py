"""A practised downtime: practice forms of invented patients, made, sent and keyed in.

Nothing here reads or writes a request, an order, a message of the outbox or a downtime form: what
is real goes its usual way while people practise (docs/adr/015-drills.md).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, OrganisationKind
from accounts.policies import SYSTEM, Acting
from accounts.roles import Permission
from messaging.drill_states import DRILL_OVER, DrillState
from messaging.errors import NotSendable
from messaging.mail_states import MailPurpose
from messaging.models import Drill, DrillSight
from messaging.queries.drills import is_running, name_of, running_drills, takes_part
from messaging.services import mail
from messaging.services.drills import REMEMBERED, note_sight
from requesting.drill_states import (
    OPEN,
    PracticeEvent,
    PracticeStatus,
    after_practice,
    case_of,
)
from requesting.errors import FormMoved, NoForm, Refused
from requesting.models import PracticeEventRow, PracticeForm
from requesting.paper import pdf_of
from requesting.queries.practice import cases_for, drill_mailbox, practice_sheet

SUBJECT = "requesting.PracticeForm"
OVER = "The drill is over. Nothing is practised any more."
# Sentence, since, what becomes of it, an address, the words that lead there.
Line = tuple[str, datetime | None, str, str, str]


# --- The strip of every page ---------------------------------------------------------------------


def drill_strip(acting: Acting | None) -> list[Line]:
    """settings.STATUS_SOURCES: for who takes part, that it is a drill; who saw it first is kept.

    Read once in five seconds. A link that does not work in earnest has no line here.
    """
    if acting is None or acting.organisation is None:
        return []
    found = cache.get(REMEMBERED)
    if found is None:
        found = [_line(drill) for drill in running_drills()]
        cache.set(REMEMBERED, found, 5)
    return [_seen(key, line, acting) for key, line, places in found if _is_told(acting, places)]


def _line(drill: Drill) -> tuple[int, Line, frozenset[int]]:
    places = {*drill.places.values_list("pk", flat=True)}
    places |= {*drill.partner.departments.values_list("pk", flat=True)}
    words = (
        f"DRILL. This is practice: act as if requests to {name_of(drill)} were not getting through."
    )
    then = "Real requests are sent as usual, and no patient waits."
    line = (words, drill.started_at, then, reverse("requesting:drill", args=[drill.pk]),
            "Take part in the drill")  # fmt: skip
    return drill.pk, line, frozenset(places)


def _is_told(acting: Acting, places: frozenset[int]) -> bool:
    place = acting.organisation
    if place is None:
        return False
    return place.kind == OrganisationKind.CENTRAL or place.pk in places


def _seen(key: int, line: Line, acting: Acting) -> Line:
    """Written at the first look of a place; a page never fails for it."""
    place = acting.organisation
    if place is not None and cache.add(f"drill_seen_{key}_{place.pk}", True, 300):
        drill = Drill.objects.filter(pk=key).first()
        if drill is not None:
            note_sight(drill, what=DrillSight.What.STRIP, by=acting)
    return line


# --- A practice form -----------------------------------------------------------------------------


def make_practice_form(
    drill: Drill, *, department: Organisation, case: str, by: Acting
) -> PracticeForm:
    """A form of one of CASES, for a department of the drill. Raises Refused."""
    if by.organisation is None or not may_practise(by, drill):
        raise Refused("Only a clinician of a place that takes part practises.", rule="drill")
    chosen = case_of(case)
    if chosen is None:
        raise Refused("Choose a practice patient.", rule="case")
    if not drill.partner.departments.filter(pk=department.pk).exists():
        raise Refused("Choose a department of the drill.", rule="department")
    if chosen not in cases_for([department]):
        raise Refused("Choose a test of that department.", rule="case")
    with transaction.atomic():
        _refuse_over(drill)
        form = PracticeForm.objects.create(
            drill=drill, organisation=by.organisation, department=department, case=chosen.slug,
            made_at=timezone.now(), made_by=by.label[:150],
        )  # fmt: skip
        _write_event(form, PracticeEvent.MADE, "", PracticeStatus.MADE, by, "")
        return form


def may_practise(acting: Acting, drill: Drill) -> bool:
    """Make and send a practice form: who could make a real one there."""
    return acting.may(Permission.REQUEST_TESTS) and takes_part(acting, drill)


def may_key_in_practice(acting: Acting, form: PracticeForm) -> bool:
    """The department; the central team in its place."""
    place = acting.organisation
    if place is None or not acting.may(Permission.KEY_IN_FORMS):
        return False
    return place.kind == OrganisationKind.CENTRAL or place.pk == form.department_id


def open_practice_form(drill: Drill, *, by: Acting) -> None:
    """Somebody opened the page where a form is made: the first of the place is kept."""
    if is_running(drill):
        note_sight(drill, what=DrillSight.What.FORM, by=by)


def email_practice_form(form: PracticeForm, *, by: Acting) -> PracticeForm:
    """To the department's mailbox that was agreed for drills. Raises NoForm where there is none."""
    with transaction.atomic():
        row = _locked(form, by)
        box = drill_mailbox(row)
        if box is None:
            raise NoForm("address", "No mailbox was agreed for drills. Print the form instead.")
        sheet = practice_sheet(row)
        try:
            mail.post(
                purpose=MailPurpose.DRILL, to=box, by=by, reference=row.reference,
                subject=f"DRILL: practice form {row.reference}. Not a request",
                text=f"{sheet.cover}\n\n{sheet.as_text()}",
                attachments=[
                    mail.Attachment(f"{row.reference}.pdf", "application/pdf", pdf_of(sheet))
                ],
                subject_type=SUBJECT, subject_id=row.pk,
            )  # fmt: skip
        except NotSendable as refusal:
            raise NoForm("address", f"{refusal.sentence} Print the form instead.") from refusal
        now = timezone.now()
        return _move(row, PracticeEvent.EMAILED, by=by, words=box.address, emailed_at=now,
                     out_at=row.out_at or now, mail_state="waiting",
                     mail_to=box.address)  # fmt: skip


def print_practice_form(form: PracticeForm, *, by: Acting) -> PracticeForm:
    """Printed, to be handed over as in a real downtime."""
    with transaction.atomic():
        row, now = _locked(form, by), timezone.now()
        return _move(row, PracticeEvent.PRINTED, by=by, printed_at=now, out_at=row.out_at or now)


def key_in_practice_form(form: PracticeForm, *, number: str, by: Acting) -> PracticeForm:
    """The department did what it would do. Nothing is to be entered in a live system."""
    words = " ".join(number.split())
    if not may_key_in_practice(by, form):
        raise Refused("Only the department keys in its forms.", rule="drill")
    if not words or len(words) > 40:
        raise Refused("Enter a practice number, 40 characters at most.", rule="number")
    with transaction.atomic():
        row = _locked(form)
        return _move(row, PracticeEvent.KEYED_IN, by=by, words=words, number=words,
                     keyed_in_at=timezone.now(), keyed_in_by=by.label[:150])  # fmt: skip


def _refuse_over(drill: Drill) -> None:
    """With the drill's row held, so that it does not end in between."""
    Drill.objects.select_for_update(of=("self",)).get(pk=drill.pk)
    if not is_running(drill):
        raise Refused(OVER, rule="drill")


def _locked(form: PracticeForm, by: Acting | None = None) -> PracticeForm:
    """The drill first, then the form: as when the drill ends."""
    if by is not None and (by.organisation is None or not _is_ours(form, by)):
        raise Refused("Only the place that made it sends a practice form.", rule="drill")
    _refuse_over(form.drill)
    rows = PracticeForm.objects.select_for_update(of=("self",))
    return rows.select_related("drill", "department__parent", "organisation").get(pk=form.pk)


def _is_ours(form: PracticeForm, by: Acting) -> bool:
    ours = by.organisation is not None and form.organisation_id == by.organisation.pk
    return ours and by.may(Permission.REQUEST_TESTS)


# --- What the mail and the drill say -------------------------------------------------------------


def record_practice_mail(subject_id: str, outcome: str, words: str) -> None:
    """What came of a practice form's mail (settings.MAIL_EVENTS): for the report, and no request's
    news. The mail itself stays on the list of mails, and is not counted there as real work."""
    with transaction.atomic():
        form = PracticeForm.objects.select_for_update().get(pk=int(subject_id))
        state = "sent" if outcome == "sent" else "failed"
        if form.mail_state in ("", state, "failed"):
            return
        event = PracticeEvent.MAIL_SENT if state == "sent" else PracticeEvent.MAIL_FAILED
        _move(form, event, by=SYSTEM, words=words, mail_state=state, mail_words=words[:300])


def on_drill(drill_id: int, after: DrillState) -> None:
    """settings.DRILL_EVENTS: with the drill, what nobody keyed in is left over, and no mail of it
    goes any more."""
    if after not in DRILL_OVER:
        return
    forms = PracticeForm.objects.filter(drill=drill_id).order_by("pk")
    for key in forms.exclude(emailed_at=None).values_list("pk", flat=True):
        mail.withdraw(subject_type=SUBJECT, subject_id=key, by=SYSTEM)
    for form in forms.select_for_update().filter(status__in=OPEN):  # mails first, then forms
        _move(form, PracticeEvent.DRILL_OVER, by=SYSTEM)


def _move(
    form: PracticeForm, event: PracticeEvent, *, by: Acting, words: str = "", **changes: Any
) -> PracticeForm:
    """The one way by which a practice form moves. Its row is locked by the caller."""
    before = PracticeStatus(form.status)
    after = after_practice(before, event)
    if after is None:
        raise FormMoved(before)
    PracticeForm.objects.filter(pk=form.pk).update(status=after.value, **changes)
    _write_event(form, event, before, after, by, words)
    form.refresh_from_db()
    return form


def _write_event(
    form: PracticeForm, event: PracticeEvent, before: str, after: str, by: Acting, words: str
) -> None:
    audit.record(
        acting=by, action=f"drill.{event}", object_type=SUBJECT, object_id=form.pk, reason="DRILL"
    )
    PracticeEventRow.objects.create(
        form=form, event=event, from_status=before, to_status=after, by_name=by.label[:150],
        words=words[:300],
    )  # fmt: skip
