"""A change of what was agreed with a partner: proposed by one person, decided by another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import Organisation, User
from accounts.policies import Acting
from messaging.agreement import (
    CODE_COLUMNS,
    SYNTHETIC_FIELDS,
    Agreement,
    BadAgreement,
    Difference,
    Value,
    agreement_of,
    defaults,
    differences,
    feed_defaults,
    feeds_in,
    read_codes,
    read_differences,
    split_path,
)
from messaging.agreement_rules import problems_of
from messaging.errors import NoSuchMove, NothingChanged, ReasonMissing
from messaging.models import Feed, Link, Partner, PartnerChange, PartnerCode
from messaging.policies import may_change_partners

from .outbox import ring_for

_LONGEST_REASON = 300


class SamePerson(Exception):
    """Whoever proposed a change cannot decide on it."""


class ChangedMeanwhile(Exception):
    """What a change was to change is no longer as its proposer saw it."""


def standing(slug: str) -> Agreement:
    """The agreement with the partner of that name; nothing when it is new."""
    partner = Partner.objects.filter(slug=slug).first()
    return agreement_of(partner) if partner else {}


def completed(wanted: Mapping[str, Value], slug: str) -> Agreement:
    """A whole agreement from what a folder says: what it leaves out is as by default.

    A feed that it no longer has is closed, not forgotten: messages hang on it.
    """
    full = defaults()
    for name in feeds_in(wanted):
        full |= {f"feed {name}.{field}": value for field, value in feed_defaults().items()}
    full |= wanted
    for name, fields in feeds_in(standing(slug)).items():
        if name not in feeds_in(wanted):
            full |= {f"feed {name}.{field}": value for field, value in fields.items()}
            full[f"feed {name}.is_open"] = False
    return full


@transaction.atomic
def propose_change(
    slug: str, wanted: Mapping[str, Value], *, why: str, by: Acting
) -> PartnerChange:
    """Write down what is to be different. `wanted` is the whole agreement as it is to be.

    Raises BadAgreement, NothingChanged, ReasonMissing.
    """
    proposer = _allowed(by)
    if not why.strip():
        raise ReasonMissing
    if problems := wrong_with(slug, wanted):
        raise BadAgreement(problems)
    found = differences(standing(slug), wanted)
    if not found:
        raise NothingChanged
    change = PartnerChange.objects.create(
        partner=Partner.objects.filter(slug=slug).first(),
        slug=slug,
        differences=[each.as_json() for each in found],
        why=why.strip()[:_LONGEST_REASON],
        proposed_by=proposer,
    )
    _record(by, "propose_partner_change", change)
    return change


@transaction.atomic
def apply_change(change: PartnerChange, *, by: Acting) -> Partner:
    """Make it so, all at once. Raises SamePerson, ChangedMeanwhile, BadAgreement, NoSuchMove."""
    locked = _pending(change, by)
    Partner.objects.select_for_update(no_key=True).filter(slug=locked.slug).first()
    held, wanted = standing(locked.slug), read_differences(locked.differences)
    if any(held.get(each.path) != each.before for each in wanted):
        raise ChangedMeanwhile
    new = held | {each.path: each.after for each in wanted}
    if problems := wrong_with(locked.slug, new):
        raise BadAgreement(problems)
    locked.partner = write_agreement(locked.slug, wanted)
    _decide(locked, PartnerChange.State.APPLIED, "", by)
    _record(by, "apply_partner_change", locked)
    transaction.on_commit(partial(ring_for, locked.partner.pk))
    return locked.partner


@transaction.atomic
def refuse_change(change: PartnerChange, *, reason: str, by: Acting) -> PartnerChange:
    """Leave it as it is, and say why."""
    locked = _pending(change, by)
    if not reason.strip():
        raise ReasonMissing
    _decide(locked, PartnerChange.State.REFUSED, reason.strip()[:_LONGEST_REASON], by)
    _record(by, "refuse_partner_change", locked)
    return locked


@transaction.atomic
def withdraw_change(change: PartnerChange, *, by: Acting) -> PartnerChange:
    """Take back what one has proposed oneself; PermissionDenied for anybody else."""
    proposer = _allowed(by)
    locked = _undecided(change)
    if locked.proposed_by_id != proposer.pk:
        raise PermissionDenied
    _decide(locked, PartnerChange.State.WITHDRAWN, "", by)
    _record(by, "withdraw_partner_change", locked)
    return locked


@transaction.atomic
def load_first(slug: str, wanted: Mapping[str, Value], *, by: Acting) -> Partner:
    """A partner that nobody has yet: written at once. Raises BadAgreement, NoSuchMove."""
    if Partner.objects.filter(slug=slug).exists():
        raise NoSuchMove("be loaded for the first time", "known already", "partner")
    if problems := wrong_with(slug, wanted):
        raise BadAgreement(problems)
    partner = write_agreement(slug, differences({}, wanted))
    audit.record(
        acting=by, action="load_partner", object_type="messaging.Partner", object_id=partner.pk
    )
    return partner


def wrong_with(slug: str, wanted: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Everything that is wrong with an agreement, by itself and beside all others."""
    return [*problems_of(wanted), *_wrong_places(wanted), *_taken_names(slug, wanted)]


def _allowed(by: Acting) -> User:
    if by.user is None or not may_change_partners(by):
        raise PermissionDenied
    return by.user


def _pending(change: PartnerChange, by: Acting) -> PartnerChange:
    """The row, locked, when this person may decide on it."""
    decider = _allowed(by)
    locked = _undecided(change)
    if locked.proposed_by_id == decider.pk:
        raise SamePerson
    return locked


def _undecided(change: PartnerChange) -> PartnerChange:
    locked = PartnerChange.objects.select_for_update(of=("self",)).get(pk=change.pk)
    if locked.state != PartnerChange.State.PENDING:
        raise NoSuchMove("be decided", locked.state, "change")
    return locked


def _decide(change: PartnerChange, state: str, reason: str, by: Acting) -> None:
    change.state, change.decided_by, change.decided_at = state, by.user, timezone.now()
    change.decided_because = reason
    change.save()


def _record(by: Acting, action: str, change: PartnerChange) -> None:
    audit.record(
        acting=by, action=action, object_type="messaging.PartnerChange", object_id=change.pk
    )


def _wrong_places(wanted: Mapping[str, Value]) -> list[tuple[str, str]]:
    codes = str(wanted.get("departments") or "").split()
    known = set(
        Organisation.objects.filter(ods_code__in=codes, kind="department").values_list(
            "ods_code", flat=True
        )
    )
    return [
        ("departments", f"There is no department {code} here.")
        for code in codes
        if code not in known
    ]


def _taken_names(slug: str, wanted: Mapping[str, Value]) -> list[tuple[str, str]]:
    """MSH-3 and MSH-4 say who somebody is: two partners cannot have the same."""
    others = Feed.objects.exclude(partner__slug=slug)
    problems = []
    for name, feed in feeds_in(wanted).items():
        same = others.filter(application=feed["application"], facility=feed["facility"])
        if taken := same.select_related("partner").first():
            words = f"{taken.partner.name} has this MSH-3 and MSH-4 already."
            problems.append((f"feed {name}.application", words))
    same_names = Partner.objects.exclude(slug=slug).filter(
        their_application=wanted.get("their_application"),
        their_facility=wanted.get("their_facility"),
    )
    if taken_by := same_names.first():
        problems.append(("their_application", f"{taken_by.name} has this MSH-5 and MSH-6 already."))
    return problems


# --- Into the tables -----------------------------------------------------------------------------


def write_agreement(slug: str, wanted: list[Difference]) -> Partner:
    """Write what differs. Values were looked at before; the caller holds the transaction."""
    partner = Partner.objects.filter(slug=slug).first() or Partner(slug=slug)
    own = {each.path: each.after for each in wanted if not split_path(each.path)[0]}
    departments = own.pop("departments", None)
    synthetic = {field: own.pop(field) for field in SYNTHETIC_FIELDS if field in own}
    for field, value in own.items():
        setattr(partner, field, value)
    partner.save()
    partner.refresh_from_db()
    if synthetic:
        Link.objects.get_or_create(partner=partner)
        Link.objects.filter(partner=partner).update(**synthetic)
    if departments is not None:
        found = Organisation.objects.filter(ods_code__in=str(departments).split())
        partner.departments.set(found)
    for name, fields in feeds_in({each.path: each.after for each in wanted}).items():
        Feed.objects.update_or_create(partner=partner, slug=name, defaults=fields)
    for each in wanted:
        kind, name, _ = split_path(each.path)
        if kind == "codes":
            _write_map(partner, name, str(each.after or ""))
    return partner


def _write_map(partner: Partner, kind: str, text: str) -> None:
    PartnerCode.objects.filter(partner=partner, kind=kind).delete()
    PartnerCode.objects.bulk_create(
        PartnerCode(
            partner=partner,
            kind=kind,
            **{column: row[column] or None for column in CODE_COLUMNS if column == "valid_to"},
            **{column: row[column] for column in CODE_COLUMNS if column != "valid_to"},
        )
        for row in read_codes(kind, text)
    )
