"""What the gateway remembers, so that what is said twice has one effect."""

from django.db import models

from .arrivals import ReceivedFile
from .directory import Node
from .transactions import Transaction


class GatewayNonce(models.Model):
    """A request that was signed once: not to be taken again while its signature is still good."""

    key_sha256 = models.CharField(max_length=64)
    nonce = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key_sha256", "nonce"], name="a_signed_request_once")
        ]
        indexes = [models.Index(fields=["at"], name="nonces_at")]

    def __str__(self) -> str:
        return f"GatewayNonce {self.pk}"


class GatewayHeard(models.Model):
    """One thing that the other side said of a transaction, and that has had its effect here."""

    node = models.ForeignKey(Node, models.PROTECT, related_name="+")
    said = models.UUIDField()  # the id under which they say it, as often as they have to
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="heard")
    what = models.CharField(max_length=20)
    effect = models.CharField(max_length=20)  # the state after it; "" when it had none
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["node", "said"], name="what_is_said_counts_once")
        ]

    def __str__(self) -> str:
        return f"GatewayHeard {self.pk}"


class ManifestLine(models.Model):
    """One instance that the other side says will come, and the file that came for it."""

    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="manifest")
    study_uid = models.CharField(max_length=64)
    series_uid = models.CharField(max_length=64)
    sop_uid = models.CharField(max_length=64)
    sop_class = models.CharField(max_length=64)
    transfer_syntax = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    file = models.ForeignKey(ReceivedFile, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["transaction", "sop_uid"], name="an_instance_once_in_a_manifest"
            )
        ]
        indexes = [models.Index(fields=["transaction", "sha256"], name="manifest_by_hash")]

    def __str__(self) -> str:
        return f"ManifestLine {self.pk}"
