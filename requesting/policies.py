"""Who may ask for what, and who may do what with what was asked.

Templates, views and services ask the same predicates. Other rooms may enter.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from django.utils import timezone

from accounts.models import Discipline, Organisation, OrganisationKind
from accounts.policies import Acting
from accounts.queries import EntitlementCard, entitlements_of
from accounts.roles import Permission
from messaging.policies import may_operate_partner

from .models import Difference, DowntimeForm, Request, RequestItem
from .reconciling import MAY_RESEND
from .rules import ALLOWED, Decision, day
from .states import LANES, ON_THE_WIRE, WITH_DEPARTMENT, Lane, Status

P, S = Permission, Status


class Orderable(Protocol):
    """What a decision needs to know of a service."""

    code: str
    name: str
    discipline: str
    modality: str


# --- May this person ask for this test? ----------------------------------------------------------


def may_request(
    acting: Acting,
    service: Orderable,
    department: Organisation,
    *,
    on: date | None = None,
    cards: Sequence[EntitlementCard] | None = None,
) -> Decision:
    """Allowed, or the first rule that refuses, in the words of its box.

    `on` is a day in London, today unless given; a certificate is good to the end of its last day.
    `cards` saves a query where many services are asked about at once.
    """
    if acting.user is None or acting.organisation is None:
        return Decision(False, "role", "Only a person may request tests.", "Sign in first")
    refused = _refused_by_place(acting) or _refused_by_registration(acting)
    if refused or service.discipline != Discipline.RADIOLOGY or _is_doctor(acting):
        return refused or ALLOWED
    on = on or timezone.localdate()
    cards = entitlements_of(acting.user, on=on) if cards is None else cards
    trust = department.parent or department
    card = next((each for each in cards if each.trust.pk == trust.pk), None)
    return _refused_by_entitlement(card, service, trust)


def _refused_by_place(acting: Acting) -> Decision | None:
    place = acting.organisation
    if place is None or not place.may_request:
        name = place.name if place else "This place"
        return Decision(
            False, "organisation", f"{name} cannot request here yet.",
            "Requesting is not switched on for it. Ask the central team when it will be",
        )  # fmt: skip
    if not acting.may(P.REQUEST_TESTS):
        return Decision(
            False, "role", "Your role cannot request tests.",
            "It can see what was requested. Ask a clinician of your practice",
        )  # fmt: skip
    return None


def _refused_by_registration(acting: Acting) -> Decision | None:
    """Every order names a registered person; for anyone but a doctor somebody checked it."""
    user = acting.user
    has_number = bool(user and user.registration_body and user.registration_number)
    if user and has_number and (user.registration_checked_on or _is_doctor(acting)):
        return None
    missing = "has not been checked" if has_number else "is not on record"
    return Decision(
        False, "registration", f"Your registration number {missing}.",
        "No department may act on a request without it. Ask your practice manager",
    )  # fmt: skip


def _is_doctor(acting: Acting) -> bool:
    """A GP needs no entitlement of a trust (IR(ME)R 2017: only other professions are listed)."""
    user = acting.user
    return acting.role == "gp" and bool(user and user.registration_body == "GMC")


def _refused_by_entitlement(
    card: EntitlementCard | None, service: Orderable, trust: Organisation
) -> Decision:
    cannot = f"You cannot request {service.name}."
    if card is None:
        words = f"{trust.name} has not entitled you to refer for imaging"
        return Decision(False, "not_entitled", cannot, words)
    if card.state == "suspended":
        return Decision(False, "suspended", cannot, f"{trust.name} has suspended your entitlement")
    if card.state == "future":
        words = f"Your entitlement starts on {day(card.granted_on)}"
        return Decision(False, "not_yet", cannot, words)
    if not card.is_in_force:
        return Decision(
            False, "expired", f"Your IR(ME)R certificate ran out on {day(card.expires_on)}.",
            "You can still request blood tests. Send your new certificate to your practice manager",
        )  # fmt: skip
    if not _in_scope(card, service):
        words = f"Your entitlement covers {card.scope_words} until {day(card.expires_on)}"
        return Decision(False, "scope", cannot, words)
    return ALLOWED


def _in_scope(card: EntitlementCard, service: Orderable) -> bool:
    if service.modality not in card.modalities:
        return False
    return not card.service_codes or service.code in card.service_codes


# --- Who may see, and do, what with what was asked -----------------------------------------------


def may_see(acting: Acting, item: RequestItem) -> bool:
    """The place that asked; who answers for it; the department, once it has been sent."""
    return (
        asked_here(acting, item)
        or _answers_for(acting, item)
        or (was_released(item.request) and asked_of_us(acting, item))
    )


def _answers_for(acting: Acting, item: RequestItem) -> bool:
    is_theirs = acting.user is not None and item.request.results_to_id == acting.user.pk
    return is_theirs and (acting.may(P.TRACK_REQUESTS) or acting.may(P.REQUEST_TESTS))


def was_released(request: Request) -> bool:
    return request.released_at is not None


def asked_here(acting: Acting, item: RequestItem) -> bool:
    """Whether it is this person's place that asked."""
    here = acting.organisation is not None and item.organisation_id == acting.organisation.pk
    return here and (acting.may(P.TRACK_REQUESTS) or acting.may(P.REQUEST_TESTS))


def asked_of_us(acting: Acting, item: RequestItem) -> bool:
    ours = acting.organisation is not None and item.department_id == acting.organisation.pk
    return ours and (acting.may(P.VIEW_DEPARTMENT_REQUESTS) or acting.may(P.VET_REQUESTS))


def _may_change(acting: Acting, item: RequestItem) -> bool:
    """A clinician of the place that asked: colleagues stand in for each other."""
    return acting.may(P.REQUEST_TESTS) and asked_here(acting, item)


def may_undo(acting: Acting, request: Request) -> bool:
    """Only who sent it, and only while the undo time runs (which the row decides)."""
    is_theirs = acting.user is not None and request.requester_id == acting.user.pk
    return is_theirs and acting.may(P.REQUEST_TESTS)


def may_cancel(acting: Acting, item: RequestItem) -> bool:
    stages = ON_THE_WIRE | WITH_DEPARTMENT | {S.HELD, S.VETTING, S.INFO}
    return _may_change(acting, item) and item.status in stages and not item.cancel_requested_at


def may_amend(acting: Acting, item: RequestItem) -> bool:
    """Sent, and not acknowledged by the department's system: after that they have it, and ring.

    What went on a downtime form is on paper there, and cannot be changed from here either.
    """
    is_asked_off = bool(item.cancel_requested_at or item.downtime_due_at)
    return _may_change(acting, item) and item.status in ON_THE_WIRE and not is_asked_off


def is_cancelled_by_message(item: RequestItem) -> bool:
    """Whether the department has it, or may have it: then only they can say that it is off."""
    return item.status in (ON_THE_WIRE | WITH_DEPARTMENT) and not item.order_due_at


def may_close(acting: Acting, item: RequestItem) -> bool:
    return _may_change(acting, item) and item.status in {S.REJECTED, S.DNA}


may_fix = may_rebook = may_close


def may_answer(acting: Acting, item: RequestItem) -> bool:
    return _may_change(acting, item) and item.status == S.INFO


def may_collect(acting: Acting, item: RequestItem) -> bool:
    """A sample is taken at the practice; imaging is not."""
    stages = ON_THE_WIRE | {S.RECEIVED, S.ACCEPTED, S.WALKIN, S.BOOKED}
    is_blood = item.service.discipline == Discipline.PATHOLOGY
    return _may_change(acting, item) and is_blood and item.status in stages


def may_mark_seen(acting: Acting, item: RequestItem) -> bool:
    return _may_change(acting, item) and bool(item.attention)


def may_vet(acting: Acting, item: RequestItem) -> bool:
    """A vetter of the very department; what they do is stamped with name, role and time."""
    return acting.may(P.VET_REQUESTS) and asked_of_us(acting, item) and was_released(item.request)


def may_review(acting: Acting, item: RequestItem) -> bool:
    ours = asked_here(acting, item) or _answers_for(acting, item)
    return acting.may(P.REVIEW_RESULTS) and ours


def may_open_department_list(acting: Acting) -> bool:
    return acting.may(P.VIEW_DEPARTMENT_REQUESTS) or acting.may(P.VET_REQUESTS)


def actions(acting: Acting, item: RequestItem) -> tuple[str, ...]:
    """The verbs that this person has for this item now, in the order of the page."""
    verbs = {
        "answer": may_answer,
        "fix": lambda who, what: may_fix(who, what) and what.status == S.REJECTED,
        "rebook": lambda who, what: may_rebook(who, what) and what.status == S.DNA,
        "close": may_close,
        "amend": may_amend,
        "collect": may_collect,
        "cancel": may_cancel,
        "seen": may_mark_seen,
    }
    return tuple(verb for verb, may in verbs.items() if may(acting, item))


# --- Downtime forms ------------------------------------------------------------------------------


def may_use_form(acting: Acting, request: Request) -> bool:
    """A clinician of the place that asked, while that place may request at all (O14)."""
    place = acting.organisation
    ours = place is not None and request.organisation_id == place.pk and place.may_request
    return ours and acting.may(P.REQUEST_TESTS)


def may_key_in(acting: Acting, department: Organisation) -> bool:
    """The department that was asked; the central team for every one."""
    place = acting.organisation
    if place is None or not acting.may(P.KEY_IN_FORMS):
        return False
    return place.kind == OrganisationKind.CENTRAL or place.pk == department.pk


def may_mend_form(acting: Acting, form: DowntimeForm) -> bool:
    """Hand it over, print it, take it back: the place that asked."""
    place = acting.organisation
    deed = P.OPEN_TICKETS if form.ticket_id else P.REQUEST_TESTS
    if place is None or not acting.may(deed):
        return False
    is_central = place.kind == OrganisationKind.CENTRAL and bool(form.ticket_id)
    return is_central or (form.organisation_id == place.pk and place.may_request)


def may_open_ticket(acting: Acting, organisation: Organisation) -> bool:
    """A colleague at the place, or the central team; only for a place that may request (O14)."""
    place = acting.organisation
    if place is None or not acting.may(P.OPEN_TICKETS) or not organisation.may_request:
        return False
    return place.kind == OrganisationKind.CENTRAL or place.pk == organisation.pk


def is_open(item: RequestItem) -> bool:
    return item.status not in LANES[Lane.DONE]


def may_resend(acting: Acting, difference: Difference, item: RequestItem) -> bool:
    """An order that the partner seems not to have, while it is still wanted and nobody there has
    spoken of it: whoever looks after the partner's messages."""
    unspoken = item.status == S.RECEIVED and not item.cancel_requested_at
    is_theirs = may_operate_partner(acting, difference.partner)
    return unspoken and is_theirs and difference.kind in MAY_RESEND
