"""The A to Z of institutions, the names people call them by, and their machines."""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from iep.states.transactions import DestinationKind


class Institution(models.Model):
    """Who images come from or go to: a hospital, a company or an individual."""

    code = models.CharField(max_length=12, unique=True)  # ODS; ours to give where there is none
    kind = models.CharField(max_length=12, default=DestinationKind.INSTITUTION.value)
    name = models.CharField(max_length=120)
    city = models.CharField(max_length=60, blank=True)
    phone = models.CharField(max_length=60, blank=True)
    email = models.EmailField(max_length=120, blank=True)
    usual_hours = models.PositiveSmallIntegerField(null=True, blank=True)  # usual turnaround
    # The organisation that is us; an installation serves one or several.
    organisation = models.OneToOneField(
        Organisation, models.PROTECT, null=True, blank=True, related_name="institution"
    )
    is_trauma_centre = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    entered_by = models.CharField(max_length=150, blank=True)
    entered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "city"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[kind.value for kind in DestinationKind]),
                name="institution_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def full_name(self) -> str:
        """With the city, as a person must confirm it: `Spire Leicester, Leicester`."""
        return ", ".join(part for part in (self.name, self.city) if part)


class Alias(models.Model):
    """Another name by which people look for an institution: `QMC`."""

    institution = models.ForeignKey(Institution, models.CASCADE, related_name="aliases")
    name = models.CharField(max_length=120)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["institution", "name"], name="an_alias_once")
        ]

    def __str__(self) -> str:
        return self.name


class NodeKind(models.TextChoices):
    DIMSE = "dimse", "DICOM (DIMSE)"
    GATEWAY = "gateway", "Gateway (HTTPS)"


class Node(models.Model):
    """A machine of an institution: a PACS that speaks DIMSE, or another installation's gateway."""

    institution = models.ForeignKey(Institution, models.PROTECT, related_name="nodes")
    name = models.CharField(max_length=40, unique=True)  # "UHLPACSWFM01"
    kind = models.CharField(max_length=8, choices=NodeKind)
    is_default = models.BooleanField(default=False)  # of its institution
    is_our_pacs = models.BooleanField(default=False)
    # DIMSE: where it listens, what it and we are called; who may call us, and from where.
    ae_title = models.CharField(max_length=16, blank=True)
    our_ae_title = models.CharField(max_length=16, blank=True)  # "" is settings.DICOM_AET
    host = models.CharField(max_length=120, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    may_call = models.BooleanField(default=False)
    calls_from = models.JSONField(default=list, blank=True)  # addresses; [] is any
    fetches_by_move = models.BooleanField(default=False)  # C-MOVE; else C-GET
    commits = models.BooleanField(default=True)  # storage commitment; else counts are asked for
    # TLS, as of an HL7 partner: key pairs lie in settings.TLS_DIR by name.
    uses_tls = models.BooleanField(default=False)
    trust_anchors = models.TextField(blank=True)  # PEM
    server_name = models.CharField(max_length=120, blank=True)
    key_name = models.CharField(max_length=40, blank=True)
    # Gateway
    base_url = models.URLField(max_length=200, blank=True)
    secret_name = models.CharField(max_length=40, blank=True)  # a file of settings.GATEWAY_DIR
    their_key_sha256 = models.CharField(max_length=64, blank=True)  # of the key they show us
    # How it goes
    is_paused = models.BooleanField(default=False)
    paused_by = models.CharField(max_length=150, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_because = models.CharField(max_length=200, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)  # no attempt before
    phase = models.CharField(max_length=20, blank=True)  # what failed: connect, associate, store
    sentence = models.CharField(max_length=300, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["institution__name", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution"],
                condition=Q(is_default=True),
                name="one_default_node_per_institution",
            ),
            models.UniqueConstraint(
                fields=["ae_title"], condition=Q(may_call=True), name="one_caller_per_ae_title"
            ),
        ]

    def __str__(self) -> str:
        return self.name
