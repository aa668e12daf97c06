"""The patient as the hospital's PAS or the practice knows them."""

import uuid

from accounts.models import Organisation
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q


class Gender(models.TextChoices):
    FEMALE = "F", "Female"
    MALE = "M", "Male"
    OTHER = "O", "Other"
    UNKNOWN = "U", "Not known"


class Patient(models.Model):
    """One person. `merged_into` points at the survivor when two records were one person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    nhs_number = models.CharField(max_length=10, null=True, blank=True)
    nhs_number_verified = models.BooleanField(default=False)
    family_name = models.CharField(max_length=80)
    given_names = models.CharField(max_length=80, blank=True)
    title = models.CharField(max_length=20, blank=True)
    preferred_name = models.CharField(max_length=80, blank=True)
    birth_date = models.DateField()
    gender = models.CharField(max_length=1, choices=Gender, default=Gender.UNKNOWN)
    died_on = models.DateField(null=True, blank=True)
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
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="merged_from"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["nhs_number"],
                condition=Q(merged_into__isnull=True),
                name="one_living_record_per_nhs_number",
            )
        ]
        indexes = [
            models.Index(fields=["birth_date", "family_name"]),
            GinIndex(name="patient_name_trgm", fields=["family_name"], opclasses=["gin_trgm_ops"]),
        ]


class Identifier(models.Model):
    """A number that somebody else gave the patient: issuer and value (HL7 CX)."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="identifiers")
    issuer = models.CharField(max_length=40)  # the trust's ODS code
    value = models.CharField(max_length=40)  # "S1234567"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "value"], name="one_patient_per_number")
        ]


class Relationship(models.Model):
    """Why an organisation may see a patient besides registration: it asked, or was asked."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="relationships")
    organisation = models.ForeignKey(Organisation, models.PROTECT)
    kind = models.CharField(max_length=12)  # "requester", "department"
    since = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["patient", "organisation", "kind"], name="one_relationship_of_a_kind"
            )
        ]
