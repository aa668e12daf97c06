"""Who may act where, who can help, and what a referrer is entitled to. Other rooms may enter."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.core.cache import cache
from django.db.models import DateTimeField, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from .models import (
    Entitlement,
    Membership,
    Organisation,
    OrganisationKind,
    PackKey,
    Site,
    Standby,
    User,
)
from .policies import Acting
from .roles import ROLES, Permission

EXPIRES_SOON_DAYS = 60


def memberships_of(user_id: int) -> QuerySet[Membership]:
    """A person's current roles, with their places, in the order of the places' names."""
    return (
        Membership.objects.filter(user_id=user_id, ended_at__isnull=True, role__in=ROLES)
        .select_related("user", "organisation__parent", "supervisor")
        .order_by("organisation__name")
    )


def current_membership(membership_id: int) -> Membership | None:
    """One role that somebody has now; None when it ended."""
    rows = Membership.objects.filter(pk=membership_id, ended_at__isnull=True, role__in=ROLES)
    return rows.select_related("user", "organisation__parent", "supervisor").first()


def acting_as(membership: Membership) -> Acting:
    """What the role may do, less what its organisation may not do yet."""
    permissions = ROLES[membership.role].permissions
    if not membership.organisation.may_request:
        permissions -= {Permission.REQUEST_TESTS}
        if membership.organisation.kind != OrganisationKind.CENTRAL:
            permissions -= {Permission.OPEN_TICKETS}
    return Acting(
        user=membership.user,
        organisation=membership.organisation,
        role=membership.role,
        permissions=permissions,
        supervisor=membership.supervisor,
    )


def acting_at(user: User, ods_code: str) -> Acting | None:
    """The person acting for that organisation; None when they have no current role there."""
    membership = memberships_of(user.pk).filter(organisation__ods_code=ods_code).first()
    return acting_as(membership) if membership else None


def user_by_username(username: str) -> User | None:
    """An account that is in use; None when there is none of that name."""
    return User.objects.filter(username=username, is_active=True).first()


def colleagues(organisation: Organisation, permission: Permission) -> QuerySet[User]:
    """People with a role at the organisation that has the permission, by family name."""
    roles = [slug for slug, role in ROLES.items() if permission in role.permissions]
    return User.objects.filter(
        memberships__organisation=organisation,
        memberships__role__in=roles,
        memberships__ended_at__isnull=True,
        is_active=True,
    ).order_by("last_name", "first_name")


def roles_that_may(*permissions: Permission) -> list[str]:
    """The labels of the roles that have one of these, as the refusal page names them."""
    return [role.label for role in ROLES.values() if role.permissions.intersection(permissions)]


@dataclass(frozen=True)
class EntitlementCard:
    """One trust's leave to refer, as it stands on one day. `state` is a code of nhsuk.tags."""

    trust: Organisation
    scope_words: str
    modalities: tuple[str, ...]
    service_codes: tuple[str, ...]
    granted_on: date
    expires_on: date
    state: str
    days_left: int

    @property
    def is_in_force(self) -> bool:
        return self.state in ("active", "soon")


def entitlements_of(user: User, *, on: date | None = None) -> list[EntitlementCard]:
    """Every trust that entitled this person, by the trust's name."""
    held = Entitlement.objects.filter(user=user).select_related("trust").order_by("trust__name")
    return [_card(entitlement, on or timezone.localdate()) for entitlement in held]


def entitlement_at(
    user: User, trust: Organisation, *, on: date | None = None
) -> EntitlementCard | None:
    """This trust's leave for this person; None when it never gave any."""
    held = Entitlement.objects.filter(user=user, trust=trust).select_related("trust").first()
    return _card(held, on or timezone.localdate()) if held else None


def _card(held: Entitlement, on: date) -> EntitlementCard:
    return EntitlementCard(
        trust=held.trust,
        scope_words=held.scope_words,
        modalities=tuple(held.modalities),
        service_codes=tuple(held.service_codes),
        granted_on=held.granted_on,
        expires_on=held.certificate_expires_on,
        state=_state(held, on),
        days_left=(held.certificate_expires_on - on).days,
    )


def _state(held: Entitlement, on: date) -> str:
    """The certificate is good to the end of its last day."""
    if held.suspended_at:
        return "suspended"
    if held.granted_on > on:
        return "future"
    days_left = (held.certificate_expires_on - on).days
    if days_left < 0:
        return "expired"
    return "soon" if days_left <= EXPIRES_SOON_DAYS else "active"


def certificates_running_out(acting: Acting | None) -> list[tuple[str, datetime | None]]:
    """For the status strip: a referrer's certificate that ends within 60 days. Read once in five
    seconds; who may ask for what is read anew wherever it decides."""
    if acting is None or acting.user is None or acting.role != "ahp":
        return []
    key, user = f"certificates_running_out_{acting.user.pk}", acting.user
    days = cache.get_or_set(key, lambda: _days_left(user), 5)
    return [(_runs_out(min(days)), None)] if days else []


def _days_left(user: User) -> list[int]:
    """Of each certificate that ends soon."""
    return [card.days_left for card in entitlements_of(user) if card.state == "soon"]


def _runs_out(days: int) -> str:
    when = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
    return f"Your IR(ME)R certificate runs out {when}."


# --- The downtime page and packs -----------------------------------------------------------------


@dataclass(frozen=True)
class StandbyTurn:
    """A writer's turn: whose, and the instant that it began, by the database's clock."""

    token: UUID
    as_of: datetime


@dataclass(frozen=True)
class StandbyState:
    """How old what is kept for a downtime is. `age` counts from when it should have been there,
    where nothing was written yet."""

    age: timedelta
    as_of: datetime | None
    generation: str
    packs: int
    size: int
    seconds: float
    failing_since: datetime | None
    sentence: str
    copied_as_of: datetime | None
    copy_age: timedelta
    copy_sentence: str


def standby_state() -> StandbyState | None:
    """None: nothing was ever asked of it."""
    row = Standby.objects.annotate(now=Now(output_field=DateTimeField())).first()
    if row is None:
        return None
    return StandbyState(
        age=row.now - (row.as_of or row.since),
        as_of=row.as_of,
        generation=row.generation,
        packs=row.packs,
        size=row.size,
        seconds=row.seconds,
        failing_since=row.failing_since,
        sentence=row.sentence,
        copied_as_of=row.copied_as_of,
        copy_age=row.now - (row.copied_as_of or row.since),
        copy_sentence=row.copy_sentence,
    )


def places_that_ask() -> QuerySet[Organisation]:
    """Everybody who ought to have a downtime pack, by name."""
    return Organisation.objects.filter(may_request=True)


def pack_keys() -> QuerySet[PackKey]:
    """The keys of those who have one, by the place's code."""
    return (
        PackKey.objects.filter(organisation__may_request=True)
        .select_related("organisation__borough__desk", "organisation__parent")
        .order_by("organisation__ods_code")
    )


def pack_key_of(place: Organisation) -> PackKey | None:
    return PackKey.objects.filter(organisation=place).first()


def departments() -> QuerySet[Organisation]:
    """Every department, by its trust's name and its own."""
    return (
        Organisation.objects.filter(kind=OrganisationKind.DEPARTMENT)
        .select_related("parent")
        .prefetch_related("sites")
        .order_by("parent__name", "name")
    )


def sites_of(department: Organisation) -> list[Site]:
    """Its buildings, by name."""
    return list(department.sites.all())
