"""The directory of mailboxes: which one of a place receives what, and which to make sure of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import Http404
from django.utils import timezone

from accounts.models import Organisation, OrganisationKind
from accounts.policies import Acting
from messaging.mail_states import PURPOSE_WORDS, MailPurpose
from messaging.models import Mailbox
from messaging.policies import may_operate_mail, may_verify_mailbox


def mailbox_for(organisation: Organisation, purpose: str, *, modality: str = "") -> Mailbox | None:
    """The mailbox of that place for that purpose, of a department else its trust's; None: no mail.

    The one of the modality goes before the one for every modality. Only verified ones, and never
    a person's own.
    """
    places = [organisation.pk]
    if organisation.kind == OrganisationKind.DEPARTMENT and organisation.parent_id:
        places.append(organisation.parent_id)
    # Most places have none, and this is asked of each result that is filed.
    theirs = Q(organisation_id__in=places, purpose=purpose, is_personal=False)
    if not Mailbox.objects.filter(theirs).exists():
        return None
    wanted = usable_mailboxes().filter(theirs, modality__in={modality, ""})
    for place in places:
        found = wanted.filter(organisation_id=place).order_by("-modality", "pk").first()
        if found:
            return found
    return None


def usable_mailboxes() -> QuerySet[Mailbox]:
    """Valid today, and verified at least once."""
    today = timezone.localdate()
    still = Q(valid_to__isnull=True) | Q(valid_to__gt=today)
    rows = Mailbox.objects.select_related("organisation__parent")
    return rows.filter(still, valid_from__lte=today, verified_on__isnull=False)


@dataclass(frozen=True)
class Entry:
    """A line of the directory. `due_on`: when somebody should make sure of it again."""

    pk: int
    organisation: str
    purpose: str
    modality: str
    display_name: str
    address: str
    verified_on: date | None
    verified_by: str
    entered_by: str
    due_on: date | None
    is_due: bool
    may_verify: bool


def directory(acting: Acting) -> list[Entry]:
    """Every mailbox that stands, those that nobody has verified or not lately first."""
    if not may_operate_mail(acting):
        return []
    rows = Mailbox.objects.select_related("organisation").filter(valid_to__isnull=True)
    entries = [entry_of(row, acting) for row in rows]
    return sorted(entries, key=lambda each: (not each.is_due, each.organisation, each.purpose))


def entry_of(row: Mailbox, acting: Acting) -> Entry:
    due = row.verified_on + timedelta(days=settings.MAIL_VERIFY_DAYS) if row.verified_on else None
    return Entry(
        pk=row.pk,
        organisation=row.organisation.name,
        purpose=PURPOSE_WORDS[MailPurpose(row.purpose)],
        modality=row.modality,
        display_name=row.display_name,
        address=row.address,
        verified_on=row.verified_on,
        verified_by=row.verified_by,
        entered_by=row.entered_by,
        due_on=due,
        is_due=due is None or due <= timezone.localdate(),
        may_verify=may_verify_mailbox(acting, row),
    )


def mailbox_of(acting: Acting, pk: int) -> Mailbox:
    """One that stands. Raises Http404 for absent, ended and forbidden."""
    row = Mailbox.objects.select_related("organisation").filter(pk=pk, valid_to=None).first()
    if row is None or not may_operate_mail(acting):
        raise Http404
    return row


def places_that_may_have_one() -> list[tuple[str, str]]:
    """(ODS code, name) of every place, for the form."""
    return list(Organisation.objects.order_by("name").values_list("ods_code", "name"))


def place_by_code(code: str) -> Organisation | None:
    return Organisation.objects.filter(ods_code=code).first()
