"""Requests, their items, and everything that happened to them."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q

from accounts.models import Organisation, Site, User
from catalogue.models import Service
from messaging.models import Partner
from patients.models import Patient
from requesting.states import Attention, Status


class Priority(models.TextChoices):
    ROUTINE = "routine", "Routine"
    URGENT = "urgent", "Urgent"
    TWO_WEEK_WAIT = "2ww", "2WW"


class Draft(models.Model):
    """What a person has chosen so far for one patient. Nothing has been asked yet.

    `content` is as `requesting.drafts.Content.as_json` writes it. `shown` remembers which alerts
    were put in front of the person, so that each is counted once.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(User, models.CASCADE, related_name="drafts")
    organisation = models.ForeignKey(Organisation, models.PROTECT)
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="drafts")
    content = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    shown = models.JSONField(
        default=dict
    )  # {"chest-xray": {"dup-open": 1}}: service, rule, version
    replaces = models.ForeignKey(
        "RequestItem", models.CASCADE, null=True, blank=True, related_name="drafts_in_its_place"
    )
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "organisation", "patient"], name="one_draft_per_patient"
            )
        ]

    def __str__(self) -> str:
        return f"Draft {self.pk}"


class Request(models.Model):
    """One requisition: what one person asked for one patient at one moment."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    reference = models.CharField(max_length=16, unique=True)  # "R-100482", from a sequence
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="requests")
    requester = models.ForeignKey(User, models.PROTECT, related_name="requests")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="requests")
    results_to = models.ForeignKey(User, models.PROTECT, related_name="results_expected")
    copy_to = models.ManyToManyField(User, related_name="copied_requests", blank=True)
    priority = models.CharField(max_length=8, choices=Priority, default=Priority.ROUTINE)
    idempotency_key = models.UUIDField(unique=True)  # one per form: a double click asks once
    body_sha256 = models.CharField(max_length=64)  # same key with another body is refused
    composed = models.JSONField(default=dict)  # the draft as it was sent: undo gives it back
    replaces = models.ForeignKey(
        "RequestItem", models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    requested_at = models.DateTimeField()
    release_at = models.DateTimeField()  # undo is real until then
    released_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(released_at__isnull=True) | Q(undone_at__isnull=True),
                name="undone_or_released",
            )
        ]
        indexes = [
            models.Index(fields=["patient", "-requested_at"]),
            models.Index(
                fields=["release_at"],
                name="requests_to_release",
                condition=Q(released_at__isnull=True, undone_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class RequestItem(models.Model):
    """One test: one placer number, one status. Moved only by `requesting.services`.

    `due_at` is when the requester must look: at once for a rejection, later for what others have
    not done in time, never for what is at its end. The tracker's lists are made of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    request = models.ForeignKey(Request, models.PROTECT, related_name="items")
    position = models.PositiveSmallIntegerField(default=0)
    # Copied from the request so that lists are one index: these never change.
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="request_items")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="request_items")
    requester = models.ForeignKey(User, models.PROTECT, related_name="request_items")
    requested_at = models.DateTimeField()
    priority = models.CharField(max_length=8, choices=Priority, default=Priority.ROUTINE)

    service = models.ForeignKey(Service, models.PROTECT, related_name="request_items")
    side = models.CharField(max_length=1, blank=True)  # L R B
    service_name = models.CharField(max_length=140)  # frozen, with its side: "X-ray of left knee"
    code = models.CharField(max_length=20)  # frozen from the catalogue
    code_system = models.CharField(max_length=12)
    code_display = models.CharField(max_length=120)  # the code's own words, for the wire
    department = models.ForeignKey(Organisation, models.PROTECT, related_name="received_items")
    site = models.ForeignKey(Site, models.PROTECT, null=True, blank=True)
    attendance = models.CharField(max_length=10)  # catalogue.Offering.Attendance
    take_from = models.DateField(null=True, blank=True)  # asked for a later date
    collection = models.CharField(max_length=16, blank=True)  # drafts.Collection; "" for imaging

    reasons = models.JSONField(default=list)  # [{"code", "text", "sentence"}], frozen
    clinical_details = models.CharField(max_length=500, blank=True)
    placer_number = models.CharField(max_length=22, unique=True)  # ORC-2
    filler_number = models.CharField(max_length=40, blank=True)  # ORC-3

    status = models.CharField(max_length=12)
    status_at = models.DateTimeField()
    status_by = models.CharField(max_length=150, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    attention = models.CharField(max_length=16, blank=True)  # states.Attention
    told_at = models.DateTimeField(null=True, blank=True)  # MSH-7 of the department's last message
    reason_code = models.CharField(max_length=24, blank=True)  # of a rejection or cancellation
    reason = models.CharField(max_length=300, blank=True)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    scheduled_place = models.CharField(max_length=120, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    change_sent_at = models.DateTimeField(null=True, blank=True)  # they have not taken it yet
    held_since = models.DateTimeField(null=True, blank=True)  # on hold there, for `held_for`
    held_for = models.CharField(max_length=300, blank=True)
    stepped_at = models.DateTimeField(null=True, blank=True)  # ORC-9 of the last step we took
    # On a downtime form: emailed, printed, or failed (the mail came back); keyed in by then.
    downtime_how = models.CharField(max_length=8, blank=True)
    downtime_due_at = models.DateTimeField(null=True, blank=True)
    order_due_at = models.DateTimeField(null=True, blank=True)  # accepted here: the order leaves
    vetting_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="vetting"
    )
    vetting_since = models.DateTimeField(null=True, blank=True)
    significance = models.CharField(max_length=12, blank=True)  # of the report; results.states
    resulted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in Status]), name="status_is_known"
            ),
            models.CheckConstraint(
                condition=Q(attention__in=["", *(each.value for each in Attention)]),
                name="attention_is_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["reviewed", "cancelled"], attention="")
                | Q(due_at__isnull=False),
                name="what_waits_has_a_clock",
            ),
            models.CheckConstraint(
                condition=Q(vetting_since__isnull=False) | Q(vetting_by__isnull=True),
                name="vetting_by_has_a_since",
            ),
        ]
        indexes = [
            models.Index(fields=["organisation", "-requested_at", "-id"], name="items_by_place"),
            models.Index(fields=["requester", "-requested_at", "-id"], name="items_by_requester"),
            models.Index(
                fields=["organisation", "requested_at", "id"],
                name="items_open_by_place",
                condition=Q(due_at__isnull=False),
            ),
            models.Index(
                fields=["requester", "requested_at", "id"],
                name="items_open_by_requester",
                condition=Q(due_at__isnull=False),
            ),
            models.Index(
                fields=["department", "status", "requested_at"],
                name="items_open_by_department",
                condition=Q(due_at__isnull=False),
            ),
            models.Index(
                fields=["due_at"], name="items_by_clock", condition=Q(due_at__isnull=False)
            ),
            models.Index(
                fields=["order_due_at"],
                name="items_to_order",
                condition=Q(order_due_at__isnull=False),
            ),
            models.Index(fields=["patient", "service", "-requested_at"]),
        ]

    def __str__(self) -> str:
        return self.placer_number


class Answer(models.Model):
    """An answer to a safety question, frozen with the words that were asked."""

    item = models.ForeignKey(RequestItem, models.CASCADE, related_name="answers")
    question_code = models.CharField(max_length=40)
    question_text = models.CharField(max_length=160)
    kind = models.CharField(max_length=16)  # catalogue.Question.Kind: how it goes on the wire
    value = models.CharField(max_length=200)
    label = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["item", "question_code"], name="one_answer_per_question"
            )
        ]

    def __str__(self) -> str:
        return f"Answer {self.pk}: {self.question_code}"


@pgtrigger.register(
    pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
)
class RequestEvent(models.Model):
    """One move of one item: who, when, from where to where, and why. Append-only."""

    item = models.ForeignKey(RequestItem, models.PROTECT, related_name="events")
    event = models.CharField(max_length=24)
    from_status = models.CharField(max_length=12, blank=True)
    to_status = models.CharField(max_length=12)
    at = models.DateTimeField()
    by_user = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    by_name = models.CharField(max_length=150)
    by_role = models.CharField(max_length=24, blank=True)
    organisation_code = models.CharField(max_length=12, blank=True)
    reason_code = models.CharField(max_length=24, blank=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [models.Index(fields=["item", "at"])]

    def __str__(self) -> str:
        return f"Event {self.pk}: {self.event}"


class OrderMessage(models.Model):
    """What one outbound HL7 message said about which items: a new order, or a cancellation."""

    class Control(models.TextChoices):
        NEW = "NW", "New order"
        CHANGE = "XO", "Change order"
        STATUS = "SC", "Sample taken"
        CANCEL = "CA", "Cancel order"

    request = models.ForeignKey(Request, models.PROTECT, related_name="order_messages")
    department = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    partner = models.ForeignKey(Partner, models.PROTECT, related_name="+")
    control = models.CharField(max_length=2, choices=Control)
    control_id = models.CharField(max_length=20, unique=True)
    items = models.ManyToManyField(RequestItem, related_name="order_messages")
    written_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.control} {self.control_id}"


class Amendment(models.Model):
    """What the requester changed of a test after it was sent and before it was acknowledged.

    `before` and `after` are as `services.amending` writes them. The department holds `before` if
    it says that it could not change it.
    """

    item = models.ForeignKey(RequestItem, models.CASCADE, related_name="amendments")
    event = models.OneToOneField(RequestEvent, models.PROTECT, related_name="amendment")
    order = models.ForeignKey(OrderMessage, models.PROTECT, related_name="amendments")
    before = models.JSONField()
    after = models.JSONField()
    answer = models.CharField(max_length=2, blank=True)  # XR changed as asked, UX not changed
    answered_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Amendment {self.pk}"


class RequestMessage(models.Model):
    """A question from the department about an item, or the answer to it."""

    item = models.ForeignKey(RequestItem, models.CASCADE, related_name="messages")
    from_department = models.BooleanField()
    text = models.CharField(max_length=500)
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"Message {self.pk}"


class PreviousResult(models.Model):
    """What this patient's test last showed, told to us by `results` when it files a report.

    The request screen and the duplicate rule read it; `results` stays above this room.
    """

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="previous_results")
    service = models.ForeignKey(Service, models.PROTECT, related_name="+")
    item = models.ForeignKey(RequestItem, models.CASCADE, related_name="+", null=True)
    report_id = models.UUIDField(unique=True)  # results.Report, by number: it lives above
    observed_at = models.DateTimeField()
    place = models.CharField(max_length=120, blank=True)
    value = models.CharField(max_length=60, blank=True)  # as sent: "52"
    units = models.CharField(max_length=30, blank=True)
    flag = models.CharField(max_length=4, blank=True)  # as sent
    significance = models.CharField(max_length=12)  # results.states.Significance
    headline = models.CharField(max_length=200, blank=True)  # first line of an imaging report

    class Meta:
        indexes = [models.Index(fields=["patient", "service", "-observed_at"])]

    def __str__(self) -> str:
        return f"Result {self.pk}"


class Rule(models.Model):
    """An alert rule as data. A change is a new version; outcomes keep the version they met."""

    key = models.SlugField(max_length=40)  # "dup-open"
    version = models.PositiveIntegerField()
    kind = models.SlugField(max_length=40)  # which check of requesting.rules reads `parameters`
    level = models.CharField(max_length=4)  # L0 L1 L2 L3
    parameters = models.JSONField(default=dict)
    source = models.CharField(max_length=120)  # shown in brackets
    is_live = models.BooleanField(default=True)
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="one_rule_version"),
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(is_live=True), name="one_live_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"


class RuleCount(models.Model):
    """What became of a rule's boxes: a rule that nobody heeds is retired or narrowed."""

    key = models.SlugField(max_length=40)
    version = models.PositiveIntegerField()
    shown = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)  # the test was taken out or swapped
    reasoned = models.PositiveIntegerField(default=0)  # sent with a reason
    not_helpful = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "version"], name="one_count_per_version")
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.version}"


class AlertOutcome(models.Model):
    """What the person saw when they sent the item, and what they answered. Frozen."""

    item = models.ForeignKey(RequestItem, models.CASCADE, related_name="alerts")
    rule_key = models.CharField(max_length=40)
    rule_version = models.PositiveIntegerField()
    level = models.CharField(max_length=4)
    heading = models.CharField(max_length=200)
    body = models.CharField(max_length=400, blank=True)
    source = models.CharField(max_length=120)
    evidence = models.JSONField(default=dict)
    reason_code = models.CharField(max_length=24, blank=True)
    reason_words = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.rule_key} {self.rule_version}"
