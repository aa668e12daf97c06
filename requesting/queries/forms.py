"""Downtime forms as people see them: the door to one, the lists, the addresses, what is late."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Case, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone

from accounts import audit
from accounts.models import OrganisationKind
from accounts.policies import Acting
from accounts.roles import Permission
from catalogue import queries as catalogue
from messaging.link_states import LinkStatus
from messaging.mail_states import MailPurpose
from messaging.models import Link, Mailbox
from messaging.queries.links import is_down
from messaging.queries.mail import mailbox_for
from nhsuk.formats import how_many
from requesting import policies
from requesting.errors import NotFound
from requesting.form_states import KEY_IN_WITHIN, FormStatus
from requesting.models import DowntimeForm, FormEventRow, OrderMessage, Request, RequestItem
from requesting.states import ON_THE_WIRE, Status

from .doors import as_uuid

PER_PAGE = 50
_URGENT_FIRST = Case(When(priority="routine", then=Value(1)), default=Value(0))
WITH = (
    "department__parent", "organisation", "requester", "patient__practice", "order__partner",
    "request__results_to", "ticket__desk",
)  # fmt: skip


# --- Where it goes -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """Where the tests of one kind go. `mailbox` is None where the directory has no checked one."""

    what: str  # "X-ray", "Blood tests"
    mailbox: Mailbox | None
    words: str


def addresses_of(form: DowntimeForm) -> tuple[Address, ...]:
    """By the trust and the modality of each test (domain.md O13)."""
    if form.request is None:
        modalities = [form.written.get("modality", "")]
    else:
        modalities = sorted({item.service.modality for item in items_of(form)})
    return tuple(_address(form, modality) for modality in modalities)


def _address(form: DowntimeForm, modality: str) -> Address:
    what = catalogue.examination_words(modality) if modality else "Blood tests"
    found = mailbox_for(form.department, MailPurpose.DOWNTIME, modality=modality)
    if found is not None:
        return Address(what, found, f"{found.display_name}, {found.address}")
    unchecked = Mailbox.objects.filter(
        organisation__in=[form.department_id, form.department.parent_id],
        purpose=MailPurpose.DOWNTIME, modality__in=[modality, ""], valid_to__isnull=True,
    ).exists()  # fmt: skip
    why = "nobody has checked its address yet" if unchecked else "the directory has no address"
    return Address(what, None, f"No e-mail for {what}: {why}")


def items_of(form: DowntimeForm) -> list[RequestItem]:
    """The tests of the form that still count, in the request's order."""
    if form.request is None:
        return []
    items = form.request.items.filter(department=form.department_id)
    if form.order is not None:
        items = items.filter(order_messages=form.order)
    live = items.exclude(status__in=[Status.CANCELLED, Status.REJECTED])
    rows = live if form.status != FormStatus.RECONCILED else items
    return list(rows.select_related("service", "site").prefetch_related("answers")
                .order_by("position"))  # fmt: skip


# --- May it be offered? --------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """Whether an item's request may go on a form now, and the form that it has already."""

    is_offered: bool
    is_urgent: bool  # urgent ones are offered first, and as a button
    form: DowntimeForm | None


def offer_for(acting: Acting, item: RequestItem) -> Offer | None:
    """For the pages of the item; None where no form is to be spoken of."""
    form = None
    if item.status in {*ON_THE_WIRE, Status.HELD}:
        if not policies.may_use_form(acting, item.request):
            return None
        form = DowntimeForm.objects.filter(order__items=item, clock_at__isnull=False).first()
    elif item.downtime_how:
        form = DowntimeForm.objects.filter(order__items=item).first()
    is_open = form is None and item.status in {*ON_THE_WIRE, Status.HELD} and link_is_down(item)
    if form is None and not is_open:
        return None
    return Offer(is_open, item.priority != "routine", form)


def link_is_down(item: RequestItem) -> bool:
    """Of the department's own system; one that vets here needs none to have the request."""
    if item.department.vets_here:
        return False
    partner = item.department.partners.order_by("pk").first()
    return partner is not None and is_down(partner.pk)


def order_of_item(item: RequestItem) -> OrderMessage | None:
    """The newest order that asked for the item."""
    orders = item.order_messages.filter(control=OrderMessage.Control.NEW)
    return orders.select_related("department", "partner", "request").order_by("-pk").first()


def desk_help(acting: Acting) -> str:
    """What the desk says to a patient whose request is not found (domain.md O13)."""
    place = acting.organisation
    found = mailbox_for(place, MailPurpose.DOWNTIME) if place else None
    to = f" to {found.address}" if found else ""
    return f"Ask the patient to ring their practice, and have the request e-mailed{to}."


def preview(item: RequestItem) -> DowntimeForm:
    """The form as it would be: not saved, with its order where that is written already."""
    request = item.request
    order = request.order_messages.filter(
        department=item.department, control=OrderMessage.Control.NEW
    ).order_by("-pk").first()  # fmt: skip
    return DowntimeForm(
        reference=request.reference, department=item.department, request=request, order=order,
        organisation=request.organisation, requester=request.requester, patient=item.patient,
        priority=request.priority, made_at=timezone.now(), status_at=timezone.now(),
    )  # fmt: skip


def queued_here(acting: Acting) -> QuerySet[RequestItem]:
    """What this person's place asked for and waits for a link that is down: urgent first."""
    if not acting.may(Permission.REQUEST_TESTS) or acting.organisation is None:
        return RequestItem.objects.none()
    down = Link.objects.filter(state=LinkStatus.DOWN).values("partner__departments")
    rows = RequestItem.objects.filter(
        organisation=acting.organisation, due_at__isnull=False, status=Status.QUEUED,
        downtime_due_at__isnull=True, department__in=down, department__vets_here=False,
    )  # fmt: skip
    whole = rows.select_related("patient", "service", "department", "request", "requester")
    return whole.order_by(_URGENT_FIRST, "requested_at", "id")


def forms_out_of(acting: Acting) -> list[DowntimeForm]:
    """The forms of this person's place that no department has dealt with yet, oldest first."""
    rows = DowntimeForm.objects.filter(organisation=acting.organisation, clock_at__isnull=False)
    return list(rows.select_related(*WITH).order_by("clock_at")[:200])


# --- The door ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FormPage:
    """One form with everything about it."""

    form: DowntimeForm
    items: tuple[RequestItem, ...]
    addresses: tuple[Address, ...]
    events: tuple[FormEventRow, ...]
    left: str  # "61 hours left", "2 hours late"
    is_late: bool
    may_mend: bool
    may_key_in: bool
    cancel_asked: bool
    arrived: tuple[RequestItem, ...]  # the department's system has spoken of these by message


def visible_forms(acting: Acting) -> QuerySet[DowntimeForm]:
    """Those of the place that asked, of the department that was asked, and all for the centre."""
    place = acting.organisation
    if place is None:
        return DowntimeForm.objects.none()
    keys_in = acting.may(Permission.KEY_IN_FORMS)
    if keys_in and place.kind == OrganisationKind.CENTRAL:
        return DowntimeForm.objects.all()
    asked = acting.may(Permission.TRACK_REQUESTS) or acting.may(Permission.OPEN_TICKETS)
    of_ours = Q(organisation=place) if asked else Q(pk__isnull=True)
    return DowntimeForm.objects.filter(of_ours | Q(department=place) if keys_in else of_ours)


def form_for(
    acting: Acting, form_id: UUID | str, *, request: HttpRequest | None = None
) -> FormPage:
    """The form; the look is on record. Raises NotFound."""
    form = form_row(acting, form_id, request=request)
    items = tuple(items_of(form))
    left = time_left(form)
    return FormPage(
        form=form,
        items=items,
        addresses=addresses_of(form),
        events=tuple(form.events.order_by("-id")),
        left=left[0],
        is_late=left[1],
        may_mend=policies.may_mend_form(acting, form),
        may_key_in=policies.may_key_in(acting, form.department),
        cancel_asked=any(item.cancel_requested_at for item in items),
        arrived=tuple(item for item in items if _has_arrived(item)),
    )


def _has_arrived(item: RequestItem) -> bool:
    return item.told_at is not None or item.status not in ON_THE_WIRE


def form_row(
    acting: Acting, form_id: UUID | str, *, request: HttpRequest | None = None
) -> DowntimeForm:
    """Only the form, for a verb; the look is on record. Raises NotFound."""
    key = as_uuid(form_id)
    form = visible_forms(acting).select_related(*WITH).filter(pk=key).first() if key else None
    audit.record(
        acting=acting, action="view_form", object_type="requesting.DowntimeForm",
        object_id=key or "", patient_id=(form.patient_id or "") if form else "",
        outcome="ok" if form else "denied", request=request,
    )  # fmt: skip
    if form is None:
        raise NotFound
    return form


def time_left(form: DowntimeForm) -> tuple[str, bool]:
    """Of the 72 hours, in words; and whether they are over."""
    if form.clock_at is None:
        return "", False
    left = form.clock_at + KEY_IN_WITHIN - timezone.now()
    late = left < timedelta(0)
    hours, minutes = int(abs(left).total_seconds() // 3600), int(abs(left).total_seconds() // 60)
    words = how_many(hours, "hour") if hours else how_many(minutes, "minute")
    return f"{words} {'late' if late else 'left'}", late


# --- V3 ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FormRow:
    """A line of the list of forms."""

    form: DowntimeForm
    tests: str
    left: str
    is_late: bool


def forms_to_key_in(acting: Acting, *, page: int = 1) -> tuple[tuple[FormRow, ...], int]:
    """What is out to this department (the centre: to all), urgent first, then the oldest."""
    out = visible_forms(acting).filter(clock_at__isnull=False)
    if acting.organisation and acting.organisation.kind != OrganisationKind.CENTRAL:
        out = out.filter(department=acting.organisation)
    rows = out.select_related(*WITH).prefetch_related("order__items")
    rows = rows.order_by(_URGENT_FIRST, "clock_at", "pk")
    start = (max(page, 1) - 1) * PER_PAGE
    return form_rows(rows[start : start + PER_PAGE]), out.count()


def form_rows(forms: Iterable[DowntimeForm]) -> tuple[FormRow, ...]:
    return tuple(FormRow(form, _tests(form), *time_left(form)) for form in forms)


def _tests(form: DowntimeForm) -> str:
    if form.order is None:
        return str(form.written.get("test") or "Written by hand")
    return ", ".join(item.service_name for item in form.order.items.all())


def ended_lately(acting: Acting, *, most: int = 20) -> tuple[FormRow, ...]:
    """The last forms that this department dealt with."""
    rows = visible_forms(acting).filter(ended_at__isnull=False)
    if acting.organisation and acting.organisation.kind != OrganisationKind.CENTRAL:
        rows = rows.filter(department=acting.organisation)
    whole = rows.select_related(*WITH).prefetch_related("order__items")
    return form_rows(whole.order_by("-ended_at")[:most])


@dataclass(frozen=True)
class Found:
    """What a reference names: forms, and requests to this department without one."""

    typed: str
    forms: tuple[FormRow, ...]
    items: tuple[RequestItem, ...]

    @property
    def nothing(self) -> bool:
        return not self.forms and not self.items


def look_up(acting: Acting, typed: str, *, request: HttpRequest | None = None) -> Found:
    """A walk-in's request by its reference, its order number, or the department's own number.

    Exactly, in any case; queued, on a form, and reconciled (hazard H50). The look is on record.
    """
    wanted = "".join(typed.split()).upper()[:40]
    forms = _forms_called(acting, wanted) if wanted else ()
    items = _items_called(acting, wanted, {row.form.order_id for row in forms}) if wanted else ()
    for each in items:
        audit.record(
            acting=acting, action="look_up_request", object_type="requesting.RequestItem",
            object_id=each.pk, patient_id=each.patient_id, request=request,
        )  # fmt: skip
    if wanted and not items and not forms:
        audit.record(acting=acting, action="look_up_request", outcome="denied", request=request)
    return Found(typed.strip()[:40], forms, items)


def _forms_called(acting: Acting, wanted: str) -> tuple[FormRow, ...]:
    named = Q(reference=wanted) | Q(accession__iexact=wanted)
    named |= Q(order__items__placer_number=wanted)
    rows = visible_forms(acting).filter(named).distinct().select_related(*WITH)
    return form_rows(rows.prefetch_related("order__items").order_by("-made_at")[:20])


def _items_called(
    acting: Acting, wanted: str, on_forms: set[int | None]
) -> tuple[RequestItem, ...]:
    """By what is indexed first; by the department's own number only where nothing was found."""
    requests = list(Request.objects.filter(reference=wanted).values_list("pk", flat=True))
    ours = Q(request__in=requests) | Q(placer_number=wanted)
    theirs = Q(filler_number__iexact=wanted, filler_number__gt="")
    return _items_named(acting, ours, on_forms) or _items_named(acting, theirs, on_forms)


def _items_named(acting: Acting, named: Q, on_forms: set[int | None]) -> tuple[RequestItem, ...]:
    rows = RequestItem.objects.filter(named, request__released_at__isnull=False)
    if acting.organisation is None or acting.organisation.kind != OrganisationKind.CENTRAL:
        rows = rows.filter(department=acting.organisation)
    rows = rows.exclude(order_messages__in=[key for key in on_forms if key])
    whole = rows.select_related("patient", "service", "department", "request", "organisation")
    return tuple(whole.order_by("position")[:20])
