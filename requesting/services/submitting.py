"""Send: the draft becomes a request, once, or says everything that is missing."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.policies import Acting
from accounts.roles import Permission
from patients.models import Patient
from patients.services import note_relationship
from requesting import drafts, queries
from requesting.clocks import undo_time
from requesting.drafts import Content
from requesting.errors import Conflict, Incomplete, NoCodeFor, Problem, Refused
from requesting.models import (
    AlertOutcome,
    Answer,
    Draft,
    Request,
    RequestItem,
)
from requesting.queries.as_sent import answers_of, reasons_of
from requesting.queries.examining import Examined
from requesting.states import Event, Status, due_at

from .counting import count_answers
from .doorbell import ring_at
from .moving import write_event
from .numbers import next_placer_number, next_reference
from .orders import NotWritable, partner_of, rehearse

PATIENT_LOCK = 1965  # the class of our advisory locks on patients


def submit(draft: Draft, *, idempotency_key: UUID, by: Acting) -> Request:
    """Send what the draft says. See `send`."""
    return send(
        draft.patient, content=draft.content, idempotency_key=idempotency_key,
        replaces=draft.replaces, by=by,
    )  # fmt: skip


def send(
    patient: Patient,
    *,
    content: dict[str, Any],
    idempotency_key: UUID,
    replaces: RequestItem | None = None,
    by: Acting,
) -> Request:
    """The request, held until its undo time is over. The same key and content again give the same
    request (H04); it is there when this returns, and not before (H05).

    Raises Refused; Incomplete with every problem; Conflict for the same key with other content.
    """
    user, place = _who(by)
    meant = queries.with_recipient(drafts.read(content), by)
    body = drafts.fingerprint(meant, user.pk, place.pk, patient.pk)
    try:
        with transaction.atomic():
            _lock_patient(patient)
            if before := _sent_before(idempotency_key, body):
                _drafts(patient, by).filter(content=meant.as_json()).delete()
                return before
            return _create(patient, meant, idempotency_key, body, replaces, by)
    except IntegrityError:
        # The same key for another patient, in the same moment: the unique key decided.
        if again := _sent_before(idempotency_key, body):
            return again
        raise


def _who(by: Acting) -> tuple[User, Organisation]:
    if by.user is None or by.organisation is None or not by.may(Permission.REQUEST_TESTS):
        raise Refused("You cannot request tests here.", rule="role")
    return by.user, by.organisation


def _lock_patient(patient: Patient) -> None:
    """One request for a patient at a time, so that each sees the other as a duplicate (H03)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [PATIENT_LOCK, str(patient.pk)]
        )


def _sent_before(key: UUID, body: str) -> Request | None:
    before = Request.objects.filter(idempotency_key=key).first()
    if before is not None and before.body_sha256 != body:
        raise Conflict(before)
    return before


def _create(
    patient: Patient,
    content: Content,
    key: UUID,
    body: str,
    replaces: RequestItem | None,
    by: Acting,
) -> Request:
    queries.check_within_reach(patient, by)
    if replaces is None:
        replaces = _draft_of(patient, by).replaces
    tests = _complete(patient, content, replaces, by)
    request = _request(patient, content, key, body, replaces, by)
    items = [_item(request, test, place, by) for place, test in enumerate(tests)]
    _rehearse(request, items)
    for item in items:
        write_event(item, Event.SUBMITTED, None, Status.HELD, by=by, at=request.requested_at)
    note_relationship(patient, organisation=request.organisation, kind="requester", by=by)
    count_answers(_draft_of(patient, by), tests)
    Draft.objects.filter(user=by.user, organisation=by.organisation, patient=patient).delete()
    ring_at(request.release_at, request.pk)
    return request


def _drafts(patient: Patient, by: Acting) -> QuerySet[Draft]:
    return Draft.objects.filter(user=by.user, organisation=by.organisation, patient=patient)


def _draft_of(patient: Patient, by: Acting) -> Draft:
    return queries.draft_for(by, patient)


def _complete(
    patient: Patient, content: Content, replaces: RequestItem | None, by: Acting
) -> tuple[Examined, ...]:
    """The tests, when nothing is missing. Asked again under the patient's lock: another request
    may have come in between the screen and the button."""
    known = queries.look_up(
        content.codes, patient, by, not_counting=replaces.pk if replaces else None
    )
    tests = queries.examine(content, known)
    people = frozenset(user.pk for user in queries.recipients(by))
    problems = queries.problems_of(content, tests, people, known.today)
    if problems:
        raise Incomplete(problems)
    return tests


def _request(
    patient: Patient,
    content: Content,
    key: UUID,
    body: str,
    replaces: RequestItem | None,
    by: Acting,
) -> Request:
    now = timezone.now()
    user, place = _who(by)
    request = Request.objects.create(
        reference=next_reference(),
        patient=patient,
        requester=user,
        organisation=place,
        results_to_id=content.results_to or user.pk,
        priority=content.priority,
        idempotency_key=key,
        body_sha256=body,
        composed=content.as_json(),
        replaces=replaces,
        requested_at=now,
        release_at=now + undo_time(user.undo_seconds),
    )
    request.copy_to.set(content.copy_to)
    return request


def _item(request: Request, test: Examined, position: int, by: Acting) -> RequestItem:
    """One test, with its words and codes frozen as they were shown."""
    offering, code, line = test.offering, test.code, test.line
    if offering is None or code is None:
        raise Incomplete((Problem("find", f"{test.name} cannot be requested here", "a place"),))
    item = RequestItem.objects.create(
        request=request,
        position=position,
        patient=request.patient,
        organisation=request.organisation,
        requester=request.requester,
        requested_at=request.requested_at,
        priority=request.priority,
        service=test.service,
        side=line.side,
        service_name=test.name,
        code=code.code,
        code_system=code.system,
        code_display=code.display,
        department=offering.department,
        attendance=offering.attendance,
        take_from=line.take_from,
        collection="" if test.is_imaging else line.collection or "patient_books",
        reasons=[
            {"code": each.code, "text": each.text, "sentence": each.sentence}
            for each in reasons_of(test)
        ],
        clinical_details=line.details,
        placer_number=next_placer_number(),
        status=Status.HELD,
        status_at=request.requested_at,
        status_by=by.label[:150],
        due_at=due_at(Status.HELD, since=request.requested_at),
    )
    freeze(item, test)
    return item


def freeze(item: RequestItem, test: Examined) -> None:
    """Keep the answers, and the boxes that were seen, with their words."""
    Answer.objects.bulk_create(
        Answer(item=item, question_code=each.code, question_text=each.question, kind=each.kind,
               value=each.value, label=each.label)
        for each in answers_of(test)
    )  # fmt: skip
    AlertOutcome.objects.bulk_create(
        AlertOutcome(
            item=item,
            rule_key=alert.rule_key,
            rule_version=alert.rule_version,
            level=alert.level,
            heading=alert.heading[:200],
            body=alert.body[:400],
            source=alert.source,
            evidence=dict(alert.evidence),
            reason_code=alert.answered.reason if alert.answered else "",
            reason_words=alert.answered.words if alert.answered else "",
        )
        for alert in test.alerts
    )


def _rehearse(request: Request, items: list[RequestItem]) -> None:
    """What could not be sent is told now, with the form still there, and not when nobody looks."""
    by_department: dict[int, list[RequestItem]] = defaultdict(list)
    for item in items:
        by_department[item.department_id].append(item)
    for group in by_department.values():
        try:
            _rehearse_one(request, group)
        except (NotWritable, NoCodeFor) as refusal:
            where = f"{group[0].service.code}.details"
            raise Incomplete((Problem(where, str(refusal), "what can be sent"),)) from refusal


def _rehearse_one(request: Request, items: list[RequestItem]) -> None:
    department = items[0].department
    partner = partner_of(department)
    if partner is not None:
        rehearse(request, items, partner)
    elif not department.vets_here:
        raise NotWritable(f"{department.name} takes no requests from here yet")
