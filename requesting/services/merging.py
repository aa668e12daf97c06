"""What follows a patient whose record is merged into another: requests, drafts, downtime forms.

Called by `patients.services` through settings.MERGE_FOLLOWERS. Requests move with everything that
hangs on them, so that every list keeps its one index; `patients` remembers which went where.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation
from accounts.policies import Acting
from patients.errors import NotCancelled
from patients.following import AskedTest, Follower, Held, keys_in
from patients.models import Patient, RelationshipKind
from requesting import policies, reasons
from requesting.drafts import merged, read
from requesting.errors import NoCodeFor
from requesting.models import (
    DowntimeForm,
    Draft,
    OrderMessage,
    PreviousResult,
    Request,
    RequestItem,
)
from requesting.queries.examining import group_of
from requesting.states import DUPLICATED_WHILE, Attention, Event, Status

from .moving import locked, move
from .orders import NotWritable, write_order
from .submitting import PATIENT_LOCK


class Requests(Follower):
    """Kinds: "requests", "drafts", "forms" (without a request), "previous" (without an item)."""

    def lock(self, patients: Iterable[UUID]) -> None:
        """Nobody sends a request for them meanwhile: the lock that `send` takes, in one order.

        Then what they have, in the order of everybody else: requests, then items by their key.
        """
        keys = sorted(patients, key=str)
        with connection.cursor() as cursor:
            for key in keys:
                cursor.execute(
                    "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [PATIENT_LOCK, str(key)]
                )
        for rows in (Request.objects, RequestItem.objects):
            theirs = rows.select_for_update(no_key=True).filter(patient__in=keys).order_by("pk")
            list(theirs.values_list("pk", flat=True))

    def holdings(self, patient: Patient) -> Held:
        forms = DowntimeForm.objects.filter(patient=patient, request__isnull=True)
        return {
            "requests": _keys(Request.objects.filter(patient=patient)),
            "drafts": _keys(Draft.objects.filter(patient=patient)),
            "forms": _keys(forms),
            "previous": _keys(PreviousResult.objects.filter(patient=patient, item__isnull=True)),
        }

    def move(self, held: Held, *, to: Patient) -> None:
        requests = keys_in(held, "requests")
        Request.objects.filter(pk__in=requests).update(patient=to)
        RequestItem.objects.filter(request__in=requests).update(patient=to)
        DowntimeForm.objects.filter(
            Q(request__in=requests) | Q(pk__in=keys_in(held, "forms"))
        ).update(patient=to)
        PreviousResult.objects.filter(
            Q(item__request__in=requests) | Q(pk__in=held.get("previous", ()))
        ).update(patient=to)
        _move_drafts(keys_in(held, "drafts"), to)

    def tests(self, patient: Patient) -> Sequence[AskedTest]:
        items = RequestItem.objects.filter(patient=patient).select_related(
            "service", "organisation", "department", "request"
        )
        return [_asked(item) for item in items.order_by("-requested_at", "-id")]

    def cancel(self, test: str, *, reason: str, by: Acting) -> None:
        """For somebody who merges two records and finds the test asked twice.

        Where the department has it, they are asked to cancel; either way the requester has to look.
        """
        rows = locked([UUID(test)])
        for item in rows:
            if not _may_cancel(item):
                raise NotCancelled(f"{item.service_name} cannot be cancelled now.", field="cancel")
            if policies.is_cancelled_by_message(item):
                _ask_department(item, reason, by)
            else:
                move(
                    item, Event.CANCELLED, by=by, reason_code=reasons.BY_REQUESTER, reason=reason,
                    order_due_at=None, attention=Attention.CANCELLED,
                )  # fmt: skip
            audit.record(
                acting=by, action="cancel_duplicate", object_type="requesting.RequestItem",
                object_id=item.pk, patient_id=item.patient_id,
            )  # fmt: skip

    def others(
        self, patient: Patient, known: frozenset[str]
    ) -> Sequence[tuple[str, str, datetime | None]]:
        drafts = Draft.objects.filter(patient=patient).select_related("user")
        forms = DowntimeForm.objects.filter(patient=patient, request__isnull=True)
        rows = [
            (f"drafts:{each.pk}", f"Not sent yet, begun by {each.user.display_name}", each.saved_at)
            for each in drafts.order_by("saved_at")
        ] + [
            (f"forms:{each.pk}", f"Downtime form {each.reference}", each.made_at)
            for each in forms.order_by("made_at")
        ]
        return [row for row in rows if row[0] not in known]

    def reasons_to_see(self, patient: Patient) -> Sequence[tuple[Organisation, str]]:
        items = RequestItem.objects.filter(patient=patient, request__undone_at__isnull=True)
        asked = items.values("organisation").order_by()
        reached = items.filter(request__released_at__isnull=False).values("department").order_by()
        return [
            *((place, RelationshipKind.REQUESTER) for place in _places(asked)),
            *((place, RelationshipKind.DEPARTMENT) for place in _places(reached)),
        ]


FOLLOWER = Requests()


def _keys(rows: QuerySet[Any]) -> list[str]:
    return [str(pk) for pk in rows.order_by("pk").values_list("pk", flat=True)]


def _places(keys: Any) -> QuerySet[Organisation]:
    return Organisation.objects.filter(pk__in=keys).order_by("pk")


def _move_drafts(keys: Sequence[UUID], to: Patient) -> None:
    """Of a person's two drafts for one patient the lines come together in the one that is there;
    the other stays with its record, out of sight, and is theirs again if the merge is undone."""
    for draft in Draft.objects.select_for_update().filter(pk__in=keys).exclude(patient=to):
        theirs = Draft.objects.select_for_update().filter(
            user=draft.user_id, organisation=draft.organisation_id, patient=to
        )
        there = theirs.first()
        if there is None:
            Draft.objects.filter(pk=draft.pk).update(patient=to)
            continue
        there.content = merged(read(there.content), read(draft.content)).as_json()
        there.version += 1  # a page that is open on it says so before it saves
        there.save(update_fields=["content", "version"])


def _asked(item: RequestItem) -> AskedTest:
    return AskedTest(
        key=str(item.pk),
        request=str(item.request_id),
        name=item.service_name,
        asked_by=item.organisation.name,
        department=item.department.name,
        phone=item.department.phone,
        asked_at=item.requested_at,
        status=item.status,
        exam=f"{group_of(item.service)} {item.side}".strip(),
        is_open=item.status in DUPLICATED_WHILE,
        may_cancel=_may_cancel(item),
    )


def _may_cancel(item: RequestItem) -> bool:
    """As the requester could; not while the undo time runs, which is theirs."""
    stages = DUPLICATED_WHILE - {Status.HELD, Status.DNA}
    return item.status in stages and not item.cancel_requested_at


def _ask_department(item: RequestItem, reason: str, by: Acting) -> None:
    move(
        item, Event.CANCEL_ASKED, by=by, reason_code=reasons.BY_REQUESTER, reason=reason,
        cancel_requested_at=timezone.now(), attention=Attention.CANCELLED,
    )  # fmt: skip
    try:
        write_order(
            item.request, [item], control=OrderMessage.Control.CANCEL, reason_code="CHNR",
            reason=reason,
        )  # fmt: skip
    except (NotWritable, NoCodeFor) as refusal:
        words = f"{refusal} Ring {item.department.phone}."
        raise NotCancelled(words, field="cancel") from refusal
