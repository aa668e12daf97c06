"""Reference data with valid-from and valid-to: nothing is deleted, only retired.

Other rooms hold foreign keys to these rows and read them by `catalogue.queries`; the rows are
written by `catalogue.services` alone.
"""

from datetime import date
from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from accounts.models import Discipline, Organisation, Site


class DatedQuerySet(models.QuerySet):
    """Rows that can be asked which of them hold."""

    def on(self, day: date) -> Self:
        """The rows that hold on a day."""
        open_then = Q(valid_to__isnull=True) | Q(valid_to__gt=day)
        return self.filter(open_then, valid_from__lte=day)


class Dated(models.Model):
    """A row of reference data holds from one date until before another."""

    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    objects = DatedQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")),
                name="%(class)s_ends_after_it_begins",
            )
        ]

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


class Attendance(models.TextChoices):
    """How a patient comes to a test."""

    WALK_IN = "walk_in", "Walk-in"
    BOOKED = "booked", "Booked"
    PRACTICE = "practice", "Practice bloods"


class Release(models.Model):
    """A catalogue release that was imported."""

    version = models.CharField(max_length=20)
    valid_from = models.DateField()
    digest = models.CharField(max_length=64)  # SHA-256 over its files
    imported_at = models.DateTimeField(auto_now_add=True)
    imported_by = models.CharField(max_length=150)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "digest"], name="one_import_per_content")
        ]

    def __str__(self) -> str:
        return self.version


class Service(Dated):
    """A test or examination that can be asked for: one row for life, with its present facts.

    Requests, results and entitlements point here, so a change of facts must not make another
    test of it; what the facts were on an earlier day is in `ServiceVersion`.
    """

    code = models.SlugField(max_length=40, unique=True)  # ours, stable: "chest-xray", "fbc"
    name = models.CharField(max_length=120)  # as a clinician says it: "Chest X-ray"
    short_name = models.CharField(max_length=40)  # "FBC"
    discipline = models.CharField(max_length=12, choices=Discipline)
    modality = models.CharField(max_length=4, blank=True)  # XR CT US MR NM RF MG DX; "" for bloods
    body_region = models.CharField(max_length=40, blank=True)  # one side's, in words: "knee"
    region_both = models.CharField(max_length=40, blank=True)  # "knees"
    sides = models.CharField(max_length=3, blank=True)  # "LRB": which sides may be asked; "" none
    is_ionising = models.BooleanField(default=False)
    irradiates_uterus_region = models.BooleanField(default=False)  # diaphragm to knees
    uses_contrast = models.BooleanField(default=False)  # injected
    takes_blood = models.BooleanField(default=False)
    min_age = models.PositiveSmallIntegerField(null=True, blank=True)
    duplicate_group = models.CharField(max_length=40, blank=True)  # same group: same examination
    usual_days = models.PositiveSmallIntegerField(default=2)  # asked to reported, as a rule
    usual_attendance = models.CharField(
        max_length=10, choices=Attendance, default=Attendance.BOOKED
    )

    class Meta(Dated.Meta):
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ServiceVersion(Dated):
    """What a service said between two dates, for whoever looks back at an old request.

    `facts` has the fields of `Service` by name.
    """

    service = models.ForeignKey(Service, models.CASCADE, related_name="versions")
    facts = models.JSONField()

    class Meta(Dated.Meta):
        constraints = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(fields=["service", "valid_from"], name="one_service_version"),
        ]

    def __str__(self) -> str:
        return f"{self.service_id} from {self.valid_from}"


class ServiceCode(Dated):
    """A service's code in somebody's system, by side: NICIP XKNEL is the left knee."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="codes")
    system = models.CharField(max_length=12)  # "NICIP", "SNOMED", "LOCAL"
    side = models.CharField(max_length=1, blank=True)  # L R B or ""
    code = models.CharField(max_length=20)
    display = models.CharField(max_length=120)

    class Meta(Dated.Meta):
        constraints = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(
                fields=["service", "system", "side", "valid_from"], name="one_code_per_side"
            ),
        ]
        indexes = [models.Index(fields=["system", "code"])]

    def __str__(self) -> str:
        return f"{self.system} {self.code}"


class SearchTerm(models.Model):
    """A word by which a service is found. An index over the services, not reference data."""

    class Kind(models.TextChoices):
        NAME = "name"
        ABBREVIATION = "abbreviation"
        CODE = "code"
        SYNONYM = "synonym"
        SYMPTOM = "symptom"
        WORDS = "words"  # every word of the others, so that words of several may be typed

    service = models.ForeignKey(Service, models.CASCADE, related_name="terms")
    text = models.CharField(max_length=500)  # as `catalogue.wording.normalise` leaves it
    kind = models.CharField(max_length=12, choices=Kind)
    rank = models.PositiveSmallIntegerField(default=5)  # lower comes first

    class Meta:
        indexes = [
            GinIndex(name="term_trgm", fields=["text"], opclasses=["gin_trgm_ops"]),
            models.Index(name="term_prefix", fields=["text"], opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.text


class Reason(Dated):
    """A reason for a service that is ticked, not typed."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="reasons")
    code = models.SlugField(max_length=40)
    text = models.CharField(max_length=120)
    sentence = models.CharField(max_length=160)  # as radiology will read it
    position = models.PositiveSmallIntegerField(default=0)

    class Meta(Dated.Meta):
        ordering = ["position"]
        constraints = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(
                fields=["service", "code", "valid_from"], name="one_reason_version"
            ),
        ]

    def __str__(self) -> str:
        return self.text


class Question(Dated):
    """Something that a service must know about some patients before it is sent."""

    class Kind(models.TextChoices):
        YES_NO = "yes_no", "Yes or no"
        YES_NO_UNSURE = "yes_no_unsure", "Yes, no or not sure"
        CHOICE = "choice", "One of several"
        DATE = "date", "A date"
        TEXT = "text", "Words"

    code = models.SlugField(max_length=40)
    text = models.CharField(max_length=160)
    hint = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=16, choices=Kind)
    choices = models.JSONField(default=list)  # [["ambulant", "Walks"], ...]
    is_required = models.BooleanField(default=True)
    # Who is asked, as `catalogue.applies` reads it: {"age_from": 12, "region": "uterus"}.
    applies_when = models.JSONField(default=dict)
    services = models.ManyToManyField(Service, related_name="questions", blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta(Dated.Meta):
        ordering = ["position"]
        constraints = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(fields=["code", "valid_from"], name="one_question_version"),
        ]

    def __str__(self) -> str:
        return self.text


class Container(Dated):
    """A tube or pot. Colours differ between suppliers, so the name is the local one."""

    code = models.SlugField(max_length=20)
    name = models.CharField(max_length=60)  # "Lavender (EDTA)"
    additive = models.CharField(max_length=60, blank=True)
    colour = models.CharField(max_length=7, blank=True)  # "#9b7fc4"
    draw_order = models.PositiveSmallIntegerField(default=9)  # 9: not blood

    class Meta(Dated.Meta):
        ordering = ["draw_order", "name"]
        constraints = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(fields=["code", "valid_from"], name="one_container_version"),
        ]

    def __str__(self) -> str:
        return self.name


class SpecimenNeed(Dated):
    """What a laboratory test needs taken."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="specimens")
    container = models.ForeignKey(Container, models.PROTECT)
    specimen = models.CharField(max_length=40)  # "Venous blood", "Urine"
    specimen_code = models.CharField(max_length=20, blank=True)  # SNOMED CT
    volume_ml = models.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    fasting = models.BooleanField(default=False)
    handling = models.CharField(max_length=120, blank=True)

    class Meta(Dated.Meta):
        constraints = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(
                fields=["service", "specimen", "valid_from"], name="one_need_version"
            ),
        ]

    def __str__(self) -> str:
        return self.specimen


class Offering(Dated):
    """A department does this service; at a site patients walk in or are booked."""

    Attendance = Attendance

    service = models.ForeignKey(Service, models.CASCADE, related_name="offerings")
    department = models.ForeignKey(Organisation, models.PROTECT, related_name="offerings")
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="offerings")
    attendance = models.CharField(max_length=10, choices=Attendance)
    min_age = models.PositiveSmallIntegerField(null=True, blank=True)  # "walk-in from 17"

    class Meta(Dated.Meta):
        constraints = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(
                fields=["service", "department", "site", "attendance", "valid_from"],
                name="one_offering_version",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return self.get_attendance_display()


class OrderSet(Dated):
    """Several services asked for together: "Diabetes annual". A change of them is a new row."""

    code = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    service_codes = models.JSONField(default=list)  # in the order they are shown
    services = models.ManyToManyField(Service, related_name="order_sets")  # the same
    position = models.PositiveSmallIntegerField(default=0)

    class Meta(Dated.Meta):
        ordering = ["position", "name"]
        constraints = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(fields=["code", "valid_from"], name="one_order_set_version"),
        ]

    def __str__(self) -> str:
        return self.name
