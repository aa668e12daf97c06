"""Partners: the systems that we send orders to, and what was agreed with each.

What they send us is a `Feed`, how codes are spelled there a `PartnerCode`. None of it is changed by
one person alone: see `PartnerChange`. Pausing is the exception.
"""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation

MOST_BYTES = 16 * 1024 * 1024  # of one message, in either direction
ORDER_MESSAGES = ("OMG^O19", "ORM^O01", "OML^O21", "OML^O33")
VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1")
PROCESSING_IDS = ("P", "T", "D")


class Partner(models.Model):
    """Another system that speaks HL7 with us, and how it likes to be spoken to."""

    class Acknowledgement(models.TextChoices):
        """HL7 v2.4 2.9: one answer that says all, or first "I have it" and later what of it."""

        ORIGINAL = "original"
        ENHANCED = "enhanced"

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    departments = models.ManyToManyField(Organisation, related_name="partners", blank=True)
    host = models.CharField(max_length=120, default="127.0.0.1")
    port = models.PositiveIntegerField(default=2576)
    order_message = models.CharField(max_length=8, default="OMG^O19")  # one of ORDER_MESSAGES
    version = models.CharField(max_length=8, default="2.4")  # one of VERSIONS
    character_set = models.CharField(max_length=20, default="UNICODE UTF-8")  # MSH-18
    processing_id = models.CharField(max_length=1, default="T")  # P, T or D; never mixed
    our_application = models.CharField(max_length=40, default="ORDERCOMMS")  # MSH-3 we send
    our_facility = models.CharField(max_length=40, default="OC1")  # MSH-4 we send
    their_application = models.CharField(max_length=40)  # MSH-5 we send
    their_facility = models.CharField(max_length=40)
    acknowledgement_mode = models.CharField(
        max_length=8, choices=Acknowledgement, default=Acknowledgement.ORIGINAL
    )
    acknowledgement_seconds = models.PositiveSmallIntegerField(default=30)
    application_minutes = models.PositiveSmallIntegerField(default=60)  # enhanced: for AA after CA
    messages_a_second = models.PositiveSmallIntegerField(default=0)  # 0: as fast as it answers
    largest_bytes = models.PositiveIntegerField(default=MOST_BYTES)

    # The line. Whom we believe is written here; which key is ours is a name in settings.TLS_DIR.
    uses_tls = models.BooleanField(default=False)
    trust_anchors = models.TextField(blank=True)  # PEM: who may vouch for them, and for our clients
    server_name = models.CharField(max_length=120, blank=True)  # in their certificate
    key_name = models.CharField(max_length=40, blank=True)  # TLS_DIR/<name>.crt and <name>.key
    cleartext_until = models.DateTimeField(null=True, blank=True)  # without TLS, not after this
    cleartext_because = models.CharField(max_length=300, blank=True)

    is_paused = models.BooleanField(default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=150, blank=True)
    paused_because = models.CharField(max_length=300, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    failing_phase = models.CharField(max_length=16, blank=True)  # resolve connect send acknowledge
    failures = models.PositiveIntegerField(default=0)  # in a row
    retry_at = models.DateTimeField(null=True, blank=True)  # no attempt before
    foreign_answers = models.PositiveIntegerField(default=0)  # late, or to nothing that we asked
    foreign_answer_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["their_application", "their_facility"], name="one_partner_per_sender"
            ),
            models.CheckConstraint(
                condition=Q(processing_id__in=PROCESSING_IDS), name="partner_processing_id"
            ),
            models.CheckConstraint(
                condition=Q(cleartext_until=None) | ~Q(cleartext_because=""),
                name="partner_cleartext_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def asks(self) -> tuple[str, str]:
        """MSH-15 and MSH-16 of what we send."""
        is_enhanced = self.acknowledgement_mode == self.Acknowledgement.ENHANCED
        return ("AL", "AL") if is_enhanced else ("", "")


class Feed(models.Model):
    """One sender of a partner: who it says it is, how it proves it, and what we take from it."""

    class Answers(models.TextChoices):
        """Which acknowledgement it gets: what MSH-15 and MSH-16 ask for, or always AA, AE, AR."""

        AS_ASKED = "as-asked"
        ORIGINAL = "original"

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="feeds")
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=80)
    application = models.CharField(max_length=40)  # MSH-3 they send, its first component
    facility = models.CharField(max_length=40)  # MSH-4
    message_types = models.CharField(max_length=400, blank=True)  # "ORU^R01 ADT^A08"; "": any
    character_set = models.CharField(max_length=20, default="UNICODE UTF-8")  # where MSH-18 is not
    processing_id = models.CharField(max_length=1, default="T")
    answers = models.CharField(max_length=8, choices=Answers, default=Answers.AS_ASKED)
    largest_bytes = models.PositiveIntegerField(default=MOST_BYTES)
    most_connections = models.PositiveSmallIntegerField(default=8)
    client_certificates = models.TextField(blank=True)  # PEM: these very ones, old and new
    client_subject = models.CharField(max_length=200, blank=True)  # or this one of their anchors
    cleartext_until = models.DateTimeField(null=True, blank=True)  # without TLS, not after this
    cleartext_because = models.CharField(max_length=300, blank=True)
    is_open = models.BooleanField(default=True)

    class Meta:
        ordering = ["partner", "slug"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "slug"], name="feed_slug"),
            models.UniqueConstraint(fields=["application", "facility"], name="one_feed_per_sender"),
            models.CheckConstraint(
                condition=Q(processing_id__in=PROCESSING_IDS), name="feed_processing_id"
            ),
            models.CheckConstraint(
                condition=Q(cleartext_until=None) | ~Q(cleartext_because=""),
                name="feed_cleartext_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PartnerCode(models.Model):
    """What a code of ours is called there, from a day, until a day."""

    class Kind(models.TextChoices):
        EXAM = "exam"
        SPECIMEN = "specimen"
        CONTAINER = "container"
        PRIORITY = "priority"
        REASON = "reason"
        MODALITY = "modality"
        SITE = "site"
        QUESTION = "question"

    class Direction(models.TextChoices):
        """A code of theirs may mean one of ours that we call by another code when we speak."""

        BOTH = "both"
        IN = "in"
        OUT = "out"

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="codes")
    kind = models.CharField(max_length=12, choices=Kind)
    ours = models.CharField(max_length=60)
    theirs = models.CharField(max_length=60)
    display = models.CharField(max_length=120, blank=True)  # their words for it
    system = models.CharField(max_length=20, blank=True)  # their coding system: OBR-4.3
    direction = models.CharField(max_length=4, choices=Direction, default=Direction.BOTH)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)  # the last day

    class Meta:
        ordering = ["partner", "kind", "ours", "valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["partner", "kind", "ours", "theirs", "valid_from"],
                name="one_code_from_a_day",
            ),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=models.F("valid_from")),
                name="code_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ours}"
