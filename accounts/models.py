"""People, the places they work, their entitlements, and the record of what they looked at."""

import uuid

import pgtrigger
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import Q


class OrganisationKind(models.TextChoices):
    PRACTICE = "practice", "GP practice"
    COMMUNITY = "community", "Community service"
    PCN = "pcn", "Primary care network"
    TRUST = "trust", "Hospital trust"
    DEPARTMENT = "department", "Department"
    CENTRAL = "central", "Central team"


class Discipline(models.TextChoices):
    RADIOLOGY = "radiology", "Radiology"
    PATHOLOGY = "pathology", "Pathology"


class ServiceDesk(models.Model):
    """Who helps people of a borough's practices to get in, and what its ticket numbers are like."""

    name = models.CharField(max_length=80, unique=True)
    phone = models.CharField(max_length=60)
    email = models.EmailField(max_length=120)
    portal = models.CharField(max_length=120, blank=True)  # an address in words; never followed
    opening_hours = models.JSONField(default=dict)  # as of a Site
    ticket_pattern = models.CharField(max_length=60)  # a regular expression over the whole number
    ticket_example = models.CharField(max_length=20)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Borough(models.Model):
    """A borough, and the desk of its practices."""

    name = models.CharField(max_length=60, unique=True)
    desk = models.ForeignKey(ServiceDesk, models.PROTECT, related_name="boroughs")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Organisation(models.Model):
    """A place that people act for. A department belongs to a trust; codes are ODS-shaped."""

    ods_code = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, choices=OrganisationKind)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="parts")
    discipline = models.CharField(max_length=12, choices=Discipline, blank=True)
    may_request = models.BooleanField(default=False)
    vets_here = models.BooleanField(
        default=False, help_text="The department vets in this product and not in its own RIS."
    )
    phone = models.CharField(max_length=60, blank=True)
    help_phone = models.CharField(max_length=60, blank=True)
    borough = models.ForeignKey(
        Borough, models.PROTECT, null=True, blank=True, related_name="organisations"
    )
    serves = models.ManyToManyField("self", symmetrical=False, related_name="served_by", blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Site(models.Model):
    """A building where a department sees patients."""

    department = models.ForeignKey(Organisation, models.PROTECT, related_name="sites")
    ods_code = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=120)
    address = models.CharField(max_length=200)
    phone = models.CharField(max_length=60, blank=True)
    opening_hours = models.JSONField(default=dict)  # {"mon": ["08:30", "17:00"], ...}; absent: shut

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A named person. Shared codes never authenticate anybody."""

    title = models.CharField(max_length=12, blank=True)
    profession = models.CharField(max_length=60, blank=True)  # as shown: "GP", "Physiotherapist"
    registration_body = models.CharField(max_length=6, blank=True)  # GMC, NMC, HCPC, GPhC
    registration_number = models.CharField(max_length=12, blank=True)
    registration_checked_on = models.DateField(null=True, blank=True)
    undo_seconds = models.PositiveSmallIntegerField(default=10)  # 10, 20 or 30
    is_demo = models.BooleanField(default=False)  # invented; let in only where the demo runs

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(undo_seconds__in=(10, 20, 30)), name="undo_choices")
        ]

    @property
    def display_name(self) -> str:
        """`Dr A Patel`: title, first initial, family name."""
        initial = f"{self.first_name[:1]} " if self.first_name else ""
        return f"{self.title} {initial}{self.last_name}".strip() or self.username


class Membership(models.Model):
    """A person's role at one organisation. The role is a slug of `accounts.roles.ROLES`."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=24)
    supervisor = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="supervises"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation"],
                condition=Q(ended_at__isnull=True),
                name="one_current_role_per_place",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user_id} as {self.role} at {self.organisation_id}"


class Entitlement(models.Model):
    """What a non-medical referrer may ask of one trust's radiology (IR(ME)R 2017, reg. 6).

    Scope is plain: modality codes ("XR", "US") and, where narrower, the catalogue codes.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="entitlements")
    trust = models.ForeignKey(Organisation, models.PROTECT, related_name="entitlements")
    scope_words = models.CharField(max_length=120)  # "X-ray of limbs and chest"
    modalities = models.JSONField(default=list)
    service_codes = models.JSONField(default=list)  # empty: every service of those modalities
    granted_on = models.DateField()
    certificate_expires_on = models.DateField()  # the last day it is good
    suspended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "trust"], name="one_entitlement_per_trust")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} at {self.trust_id}: {self.scope_words}"


class LaunchUse(models.Model):
    """A launch link's nonce, kept so that the link opens once."""

    nonce = models.UUIDField(primary_key=True, default=uuid.uuid4)
    used_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.nonce)


class PackKey(models.Model):
    """What a place's downtime pack is sealed with. The passphrase itself is kept nowhere."""

    organisation = models.OneToOneField(Organisation, models.PROTECT, related_name="pack_key")
    salt = models.BinaryField()
    iterations = models.PositiveIntegerField()
    key = models.BinaryField()  # derived: accounts.sealing.key_from
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=150)

    def __str__(self) -> str:
        return f"pack key of {self.organisation_id}"


class Standby(models.Model):
    """How it goes with the downtime page and packs: one row, and one writer at a time."""

    since = models.DateTimeField()  # from when they ought to be there
    lease_token = models.UUIDField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)  # after a failure: not before
    as_of = models.DateTimeField(null=True, blank=True)  # when the last whole writing began
    generation = models.CharField(max_length=20, blank=True)  # its folder
    packs = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0)  # bytes of that generation
    seconds = models.FloatField(default=0)
    failing_since = models.DateTimeField(null=True, blank=True)
    sentence = models.CharField(max_length=300, blank=True)
    copied_as_of = models.DateTimeField(null=True, blank=True)  # what the other host has
    copy_failing_since = models.DateTimeField(null=True, blank=True)
    copy_sentence = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_standby")]

    def __str__(self) -> str:
        return "standby"


@pgtrigger.register(
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
)
class AccessEvent(models.Model):
    """Who saw or did what, where and when.

    No foreign keys: the record of a thing survives the thing. Append-only by trigger.
    """

    at = models.DateTimeField(auto_now_add=True)
    user_id = models.BigIntegerField(null=True)
    username = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=24, blank=True)
    organisation_code = models.CharField(max_length=12, blank=True)
    action = models.CharField(max_length=40)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=40, blank=True)
    patient_id = models.CharField(max_length=40, blank=True)
    outcome = models.CharField(max_length=12, default="ok")
    reason = models.CharField(max_length=200, blank=True)
    request_id = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["patient_id", "-at"]),
            models.Index(fields=["user_id", "-at"]),
        ]

    def __str__(self) -> str:
        return f"{self.at} {self.action} {self.outcome}"
