"""Partners: the systems that speak HL7 with us, and what was agreed with each."""

from django.db import models

from accounts.models import Organisation


class Partner(models.Model):
    """Another system that speaks HL7 with us, and how it likes to be spoken to."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    departments = models.ManyToManyField(Organisation, related_name="partners", blank=True)
    host = models.CharField(max_length=120, default="127.0.0.1")
    port = models.PositiveIntegerField(default=2576)
    order_message = models.CharField(max_length=8, default="OMG^O19")  # OML^O21, OML^O33
    version = models.CharField(max_length=8, default="2.4")
    character_set = models.CharField(max_length=20, default="UNICODE UTF-8")  # MSH-18
    processing_id = models.CharField(max_length=1, default="T")  # P, T or D; never mixed
    our_application = models.CharField(max_length=40, default="ORDERCOMMS")  # MSH-3 we send
    our_facility = models.CharField(max_length=40, default="OC1")  # MSH-4 we send
    their_application = models.CharField(max_length=40)  # MSH-3 they send, MSH-5 we send
    their_facility = models.CharField(max_length=40)
    acknowledgement_seconds = models.PositiveSmallIntegerField(default=30)
    is_paused = models.BooleanField(default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=150, blank=True)
    paused_because = models.CharField(max_length=300, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    failing_phase = models.CharField(max_length=16, blank=True)  # resolve connect send acknowledge
    failures = models.PositiveIntegerField(default=0)  # in a row
    retry_at = models.DateTimeField(null=True, blank=True)  # no attempt before

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["their_application", "their_facility"], name="one_partner_per_sender"
            )
        ]

    def __str__(self) -> str:
        return self.name
