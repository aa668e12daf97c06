"""Mail: the directory of mailboxes, what goes to them, and what comes back."""

from django.db import models
from django.db.models import Q

from accounts.models import Organisation, User
from messaging.mail_states import (
    MAIL_UNFINISHED,
    BounceState,
    MailPurpose,
    MailState,
)


class Mailbox(models.Model):
    """An address that we may write to: whose, for what, and when somebody last made sure of it.

    There is no other source of recipients. A change of address is a new row: mails that went to
    the old one keep it.
    """

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="mailboxes")
    purpose = models.CharField(max_length=12)  # MailPurpose
    modality = models.CharField(max_length=12, blank=True)  # "XR", "US"; "" for every other one
    address = models.EmailField(max_length=120)
    # A requester's own, and no place's: one for each address, and nobody else's mail goes there.
    is_personal = models.BooleanField(default=False)
    display_name = models.CharField(max_length=80)
    entered_by = models.CharField(max_length=150, blank=True)  # as people saw the name then
    entered_by_user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    entered_at = models.DateTimeField(auto_now_add=True)
    verified_on = models.DateField(null=True, blank=True)  # somebody rang, or had an answer
    verified_by = models.CharField(max_length=150, blank=True)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)  # the first day on which it is not valid

    class Meta:
        ordering = ["organisation__name", "purpose", "modality", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "purpose", "modality"],
                condition=Q(valid_to__isnull=True, is_personal=False),
                name="one_mailbox_for_each_thing",
            ),
            models.UniqueConstraint(
                fields=["organisation", "purpose", "address"],
                condition=Q(valid_to__isnull=True, is_personal=True),
                name="one_mailbox_for_each_person",
            ),
            models.CheckConstraint(
                condition=Q(is_personal=False) | Q(purpose=MailPurpose.IMAGES.value, modality=""),
                name="a_personal_mailbox_is_for_images",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=[purpose.value for purpose in MailPurpose]),
                name="mailbox_purpose",
            ),
        ]

    def __str__(self) -> str:
        return f"mailbox {self.pk}"


class MailMessage(models.Model):
    """One mail, written in the business transaction; its bytes never change."""

    purpose = models.CharField(max_length=12)
    mailbox = models.ForeignKey(Mailbox, models.PROTECT, related_name="mails")
    to_address = models.EmailField(max_length=120)  # as it was when the mail was written
    from_address = models.EmailField(max_length=120)
    return_path = models.EmailField(max_length=160, unique=True)  # names this mail if it comes back
    message_id = models.CharField(max_length=160, unique=True)  # the same on every retry
    subject = models.CharField(max_length=150)  # carries no identity
    reference = models.CharField(max_length=40, blank=True)
    subject_type = models.CharField(max_length=40)  # "requesting.RequestItem"
    subject_id = models.CharField(max_length=40)
    raw = models.BinaryField()
    state = models.CharField(max_length=12, default=MailState.WAITING.value)
    state_since = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)  # how often it was claimed
    failures = models.PositiveSmallIntegerField(default=0)  # in a row, of this mail
    not_before = models.DateTimeField(null=True, blank=True)
    lease_token = models.UUIDField(null=True, default=None)
    lease_until = models.DateTimeField(null=True, blank=True)
    reply_code = models.PositiveSmallIntegerField(null=True, blank=True)  # the server's last
    reply = models.CharField(max_length=300, blank=True)
    reason = models.CharField(max_length=300, blank=True)  # why it is where it is, in words
    to_tell = models.CharField(max_length=12, blank=True)  # an outcome its room has yet to hear
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True)
    tried_since = models.DateTimeField()  # when the hours of trying began: again at each retry
    first_sent_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    handled_by = models.CharField(max_length=150, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_how = models.CharField(max_length=300, blank=True)
    replaces = models.ForeignKey("self", models.PROTECT, null=True, related_name="replaced_by")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in MailState]), name="mail_state"
            ),
            models.CheckConstraint(
                condition=Q(state=MailState.SENDING.value, lease_token__isnull=False)
                | (~Q(state=MailState.SENDING.value) & Q(lease_token__isnull=True)),
                name="mail_lease_while_sending",
            ),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="mail_in_order",
                condition=Q(state__in=[state.value for state in MAIL_UNFINISHED]),
            ),
            models.Index(fields=["state", "-created_at"]),
            models.Index(fields=["subject_type", "subject_id"]),
            models.Index(fields=["id"], name="mail_to_tell", condition=~Q(to_tell="")),
        ]

    def __str__(self) -> str:
        return f"mail {self.pk}"


class MailLink(models.Model):
    """How it goes with the mail server: one row."""

    last_success_at = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    sentence = models.CharField(max_length=300, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    retry_at = models.DateTimeField(null=True, blank=True)  # no attempt before
    bounces_read_at = models.DateTimeField(null=True, blank=True)
    bounces_failing_since = models.DateTimeField(null=True, blank=True)
    bounces_sentence = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return "mail server"


class Bounce(models.Model):
    """What came into the bounce mailbox, as it came."""

    source_key = models.CharField(max_length=200)  # its name where it was read
    sha256 = models.CharField(max_length=64, unique=True)
    raw = models.BinaryField()
    arrived_at = models.DateTimeField(auto_now_add=True)
    mail = models.ForeignKey(MailMessage, models.PROTECT, null=True, related_name="bounces")
    matched_by = models.CharField(max_length=20, blank=True)  # "return path", "Message-ID"
    action = models.CharField(max_length=12, blank=True)  # RFC 3464: failed delayed delivered ...
    status = models.CharField(max_length=12, blank=True)  # RFC 3463: 5.1.1
    sentence = models.CharField(max_length=300)  # what it says, in words
    state = models.CharField(max_length=12)
    handled_by = models.CharField(max_length=150, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    handled_how = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in BounceState]), name="bounce_state"
            ),
        ]
        indexes = [models.Index(fields=["state", "-arrived_at"])]

    def __str__(self) -> str:
        return f"bounce {self.pk}"
