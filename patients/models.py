"""The patient as the hospital's PAS or the practice knows them, and how that came to be known.

Other rooms enter for foreign keys; they ask `queries` for anything else.
"""

import uuid
from typing import Any

import pgtrigger
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, Value

from accounts.models import Organisation

from . import matching
from .states import MergeState


class Gender(models.TextChoices):
    FEMALE = "F", "Female"
    MALE = "M", "Male"
    OTHER = "O", "Other"
    UNKNOWN = "U", "Not known"


def name_key(field: str) -> Func:
    """`matching.name_key` in PostgreSQL's words; a test holds the two together.

    Each step is immutable there, as a generated column demands.
    """
    apart = Func(F(field), template="normalize(%(expressions)s, NFKD)")
    dropped = (Value(matching.NOT_IN_A_KEY), Value(""), Value("g"))
    kept = Func(apart, *dropped, function="regexp_replace")
    letters = (Value(matching.UNMARKED_FROM), Value(matching.UNMARKED_TO))
    return Func(Func(kept, *letters, function="translate"), function="lower")


def key_of(field: str) -> models.GeneratedField:
    """A name as it is searched and compared. Collation C: its index serves prefix and order."""
    return models.GeneratedField(
        expression=name_key(field),
        output_field=models.CharField(max_length=400, db_collation="C"),
        db_persist=True,
    )


class Patient(models.Model):
    """One person. `merged_into` points at the survivor when two records were one person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    nhs_number = models.CharField(  # noqa: DJ001 - null is "not known", and may be so for many
        max_length=10, null=True, blank=True
    )
    nhs_number_verified = models.BooleanField(default=False)
    family_name = models.CharField(max_length=80)
    given_names = models.CharField(max_length=80, blank=True)
    title = models.CharField(max_length=20, blank=True)
    preferred_name = models.CharField(max_length=80, blank=True)
    birth_date = models.DateField()
    gender = models.CharField(max_length=1, choices=Gender, default=Gender.UNKNOWN)
    is_deceased = models.BooleanField(default=False)
    died_on = models.DateField(null=True, blank=True)  # may be unknown though the death is not
    address_lines = models.JSONField(default=list)
    postcode = models.CharField(max_length=10, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    mobile = models.CharField(max_length=40, blank=True)
    preferred_language = models.CharField(max_length=40, blank=True)
    access_needs = models.CharField(max_length=200, blank=True)
    is_restricted = models.BooleanField(default=False)  # PDS "S" flag: address and phone hidden
    practice = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="registered_patients"
    )
    practice_code = models.CharField(  # as last told to us, though we may not know the practice
        max_length=12, blank=True
    )
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged_from"
    )
    updated_at = models.DateTimeField(auto_now=True)
    family_key = key_of("family_name")
    given_key = key_of("given_names")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["nhs_number"],
                condition=Q(merged_into__isnull=True),
                name="one_living_record_per_nhs_number",
            ),
            models.CheckConstraint(
                condition=Q(nhs_number__isnull=True) | Q(nhs_number__regex=r"^[0-9]{10}$"),
                name="nhs_number_has_ten_digits",
            ),
            models.CheckConstraint(
                condition=Q(died_on__isnull=True) | Q(is_deceased=True),
                name="a_date_of_death_is_of_the_dead",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=F("id")),
                name="nobody_is_merged_into_themselves",
            ),
        ]
        indexes = [
            models.Index(
                fields=["nhs_number"],
                name="patient_retired_number",
                condition=Q(merged_into__isnull=False),
            ),
            models.Index(fields=["birth_date", "family_key"], name="patient_birth_date"),
            models.Index(fields=["family_key", "given_key"], name="patient_name"),
            GinIndex(name="patient_name_trgm", fields=["family_key"], opclasses=["gin_trgm_ops"]),
        ]

    def __str__(self) -> str:
        return f"Patient {self.pk}"  # never who it is: this reaches logs

    def save(self, **kwargs: Any) -> None:
        """A date of death is a death, whoever writes it."""
        self.is_deceased = self.is_deceased or self.died_on is not None
        super().save(**kwargs)


class Identifier(models.Model):
    """A number that somebody else gave the patient: issuer and value (HL7 CX)."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="identifiers")
    issuer = models.CharField(max_length=40)  # the trust's ODS code
    value = models.CharField(max_length=40)  # "S1234567"
    # The issuer has replaced it (A40, A47): it still finds the patient, and is not sent any more.
    former_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "value"], name="one_patient_per_number")
        ]
        indexes = [models.Index(fields=["value"], name="identifier_value")]

    def __str__(self) -> str:
        return f"Identifier {self.pk}"


class RelationshipKind(models.TextChoices):
    REQUESTER = "requester", "Asked for a test"
    DEPARTMENT = "department", "Was asked for a test"


class Relationship(models.Model):
    """Why an organisation may see a patient besides registration: it asked, or was asked."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="relationships")
    organisation = models.ForeignKey(Organisation, models.PROTECT)
    kind = models.CharField(max_length=12, choices=RelationshipKind)
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "organisation", "kind"], name="one_relationship_of_a_kind"
            )
        ]
        indexes = [models.Index(fields=["organisation", "patient"], name="relationship_reach")]

    def __str__(self) -> str:
        return f"Relationship {self.pk}: {self.kind}"


class SourceUpdate(models.Model):
    """How recent what a source told us of a patient is, so that its older news never wins."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="source_updates")
    source = models.CharField(max_length=80)  # the partner's slug
    recorded_at = models.DateTimeField()  # EVN-2; MSH-7 where that is empty
    sent_at = models.DateTimeField()  # MSH-7, which decides between two of the same second

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["patient", "source"], name="one_clock_per_source")
        ]

    def __str__(self) -> str:
        return f"SourceUpdate {self.pk}"


class ChangeKind(models.TextChoices):
    REGISTERED = "registered", "Registered"
    CORRECTED = "corrected", "Details changed"
    IDENTIFIED = "identified", "Hospital number added"
    OUT_OF_DATE = "out_of_date", "Older details arrived and were not used"
    RENUMBERED = "renumbered", "Hospital number replaced"
    MERGED = "merged", "Merged with another record"
    UNMERGED = "unmerged", "Merge with another record undone"


@pgtrigger.register(
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
)
class PatientChange(models.Model):
    """One change to a patient's record: what, from what, to what, by whom. Append-only.

    It is part of the record, so it holds values: `{"family_name": ["Okafor", "Okafor-Bell"]}`.
    The message is named by number, because messages may be cleared away and this may not.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="changes")
    kind = models.CharField(max_length=12, choices=ChangeKind)
    changes = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)
    by_name = models.CharField(max_length=150)
    by_user_id = models.BigIntegerField(null=True)
    message_id = models.BigIntegerField(null=True)  # messaging.InboundMessage

    class Meta:
        indexes = [models.Index(fields=["patient", "id"], name="patient_history")]

    def __str__(self) -> str:
        return f"PatientChange {self.pk}: {self.kind}"


class Merge(models.Model):
    """Two records were said to be one person: `retired` is read through `survivor` (HL7 A40).

    Neither record is changed by it but for `merged_into`. `before` says which rows each had when it
    was applied, `{"survivor": {"requests": [...]}, "retired": {...}}`, so that undoing puts back
    exactly those. Moved only by `patients.services`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    survivor = models.ForeignKey(Patient, models.PROTECT, related_name="merges_kept")
    retired = models.ForeignKey(Patient, models.PROTECT, related_name="merges_retired")
    state = models.CharField(max_length=12)
    reasons = models.JSONField(default=list)  # states.Why
    source = models.CharField(max_length=150)  # who told us
    message_id = models.BigIntegerField(null=True)  # messaging.InboundMessage
    told_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(null=True, blank=True)  # when a person should have decided
    settled_at = models.DateTimeField(null=True, blank=True)  # of the state that it has now
    settled_by = models.CharField(max_length=150, blank=True)
    words = models.CharField(max_length=300, blank=True)
    before = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in MergeState]),
                name="merge_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(state=MergeState.HELD.value, due_at__isnull=False)
                | (~Q(state=MergeState.HELD.value) & Q(due_at__isnull=True)),
                name="a_held_merge_has_a_clock",
            ),
            models.CheckConstraint(
                condition=~Q(survivor=F("retired")), name="a_merge_is_of_two_records"
            ),
            models.UniqueConstraint(
                fields=["retired"],
                condition=Q(state__in=[MergeState.HELD.value, MergeState.APPLIED.value]),
                name="one_merge_at_a_time_per_retired_record",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                name="merges_to_decide",
                condition=Q(state=MergeState.HELD.value),
            ),
            models.Index(fields=["state", "-told_at"], name="merges_by_state"),
        ]

    def __str__(self) -> str:
        return f"Merge {self.pk}"


@pgtrigger.register(
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
)
class MergeStep(models.Model):
    """One move of one merge: who, when, from where to where, in which words. Append-only."""

    merge = models.ForeignKey(Merge, models.PROTECT, related_name="steps")
    event = models.CharField(max_length=12)  # states.MergeEvent
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    at = models.DateTimeField()
    by_name = models.CharField(max_length=150)
    by_user_id = models.BigIntegerField(null=True)
    organisation_code = models.CharField(max_length=12, blank=True)
    words = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict)  # of undoing: which rows went where

    class Meta:
        indexes = [models.Index(fields=["merge", "id"], name="merge_steps")]

    def __str__(self) -> str:
        return f"MergeStep {self.pk}: {self.event}"
