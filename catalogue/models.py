"""Reference data with valid-from and valid-to: nothing is deleted, only retired."""

from accounts.models import Discipline, Organisation, Site
from django.contrib.postgres.indexes import GinIndex
from django.db import models


class Dated(models.Model):
    """A row of reference data holds from one date until before another."""

    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        abstract = True


class Service(Dated):
    """A test or examination that can be asked for."""

    code = models.SlugField(max_length=40, unique=True)  # ours, stable: "chest-xray", "fbc"
    name = models.CharField(max_length=120)  # as a clinician says it: "Chest X-ray"
    short_name = models.CharField(max_length=40)  # "FBC"
    discipline = models.CharField(max_length=12, choices=Discipline)
    modality = models.CharField(max_length=4, blank=True)  # XR CT US MR NM RF MG DX; "" for bloods
    body_region = models.CharField(max_length=40, blank=True)
    sides = models.CharField(max_length=3, blank=True)  # "LRB": which sides may be asked; "" none
    is_ionising = models.BooleanField(default=False)
    irradiates_uterus_region = models.BooleanField(default=False)  # diaphragm to knees
    min_age = models.PositiveSmallIntegerField(null=True, blank=True)
    duplicate_group = models.CharField(max_length=40, blank=True)  # same group: same examination
    usual_days = models.PositiveSmallIntegerField(default=2)  # asked to reported, as a rule

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ServiceCode(Dated):
    """A service's code in somebody's system, by side: NICIP XKNEL is the left knee."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="codes")
    system = models.CharField(max_length=12)  # "NICIP", "SNOMED", "LOCAL"
    side = models.CharField(max_length=1, blank=True)  # L R B or ""
    code = models.CharField(max_length=20)
    display = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["service", "system", "side", "valid_from"], name="one_code_per_side"
            )
        ]
        indexes = [models.Index(fields=["system", "code"])]


class SearchTerm(models.Model):
    """A word by which a service is found: its name, a synonym, an abbreviation, a symptom."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="terms")
    text = models.CharField(max_length=120)  # lower case
    kind = models.CharField(max_length=12)  # name synonym abbreviation symptom code
    rank = models.PositiveSmallIntegerField(default=5)  # lower comes first

    class Meta:
        indexes = [
            GinIndex(name="term_trgm", fields=["text"], opclasses=["gin_trgm_ops"]),
            models.Index(fields=["text"]),
        ]


class Reason(Dated):
    """A reason for a service that is ticked, not typed."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="reasons")
    code = models.SlugField(max_length=40)
    text = models.CharField(max_length=120)
    sentence = models.CharField(max_length=160)  # as radiology will read it
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]


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
    # Who is asked: {"age_from": 12, "age_to": 55, "region": "uterus"}; all must hold.
    applies_when = models.JSONField(default=dict)
    services = models.ManyToManyField(Service, related_name="questions", blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["code", "valid_from"], name="one_question_version")
        ]


class Container(models.Model):
    """A tube or pot. Colours differ between suppliers, so the name is the local one."""

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=60)  # "Lavender (EDTA)"
    additive = models.CharField(max_length=60, blank=True)
    colour = models.CharField(max_length=7, blank=True)  # "#9b7fc4"
    draw_order = models.PositiveSmallIntegerField(default=9)


class SpecimenNeed(models.Model):
    """What a laboratory test needs taken."""

    service = models.ForeignKey(Service, models.CASCADE, related_name="specimens")
    container = models.ForeignKey(Container, models.PROTECT)
    specimen = models.CharField(max_length=40)  # "Venous blood", "Urine"
    specimen_code = models.CharField(max_length=20, blank=True)  # SNOMED CT
    volume_ml = models.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    fasting = models.BooleanField(default=False)
    handling = models.CharField(max_length=120, blank=True)


class Offering(Dated):
    """A department does this service; at a site patients walk in or are booked."""

    class Attendance(models.TextChoices):
        WALK_IN = "walk_in", "Walk-in"
        BOOKED = "booked", "Booked"
        PRACTICE = "practice", "Practice bloods"

    service = models.ForeignKey(Service, models.CASCADE, related_name="offerings")
    department = models.ForeignKey(Organisation, models.PROTECT, related_name="offerings")
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True, related_name="offerings")
    attendance = models.CharField(max_length=10, choices=Attendance)


class OrderSet(Dated):
    """Several services asked for together: "Diabetes annual"."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    services = models.ManyToManyField(Service, related_name="order_sets")
