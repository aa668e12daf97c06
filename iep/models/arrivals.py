"""What came: studies, and the files that they are made of. Pixels lie in storage, not here."""

import uuid

from django.db import models
from django.db.models import F, Q

from accounts.models import Organisation
from iep.states.studies import TERMINAL, FileState, Origin, RisState, StudyState
from messaging.models import OutboundMessage
from patients.models import Patient

from .directory import Node
from .discs import Disc
from .history import EventRow, append_only
from .tickets import Ticket, TicketExam
from .transactions import Transaction


class Study(models.Model):
    """One study as its headers say, and whose a person said it is. Originals are never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    study_uid = models.CharField(max_length=64)
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")  # ours
    origin = models.CharField(max_length=8)
    node = models.ForeignKey(Node, models.PROTECT, null=True, blank=True, related_name="studies")
    transaction = models.ForeignKey(
        Transaction, models.PROTECT, null=True, blank=True, related_name="studies"
    )
    ticket = models.ForeignKey(
        Ticket, models.PROTECT, null=True, blank=True, related_name="studies"
    )
    disc = models.ForeignKey(Disc, models.PROTECT, null=True, blank=True, related_name="studies")
    state = models.CharField(max_length=20, default=StudyState.ARRIVING.value)
    state_since = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    why = models.CharField(max_length=300, blank=True)  # stopped, discarded: in words
    # As the headers say: the first file's, and all files agree or it is stopped.
    header_name = models.CharField(max_length=200, blank=True)  # PN, as it stands
    header_birth_date = models.DateField(null=True, blank=True)
    header_sex = models.CharField(max_length=16, blank=True)
    header_patient_id = models.CharField(max_length=64, blank=True)
    header_issuer = models.CharField(max_length=64, blank=True)
    header_nhs_number = models.CharField(max_length=10, blank=True)
    accession = models.CharField(max_length=64, blank=True)  # the sender's
    description = models.CharField(max_length=120, blank=True)
    code = models.CharField(max_length=20, blank=True)  # the sender's examination code
    modalities = models.JSONField(default=list)
    body_part = models.CharField(max_length=64, blank=True)
    acquired_on = models.DateField(null=True, blank=True)  # (0008,0020), never the date of import
    acquired_time = models.CharField(max_length=16, blank=True)  # as it stands
    utc_offset = models.CharField(max_length=8, blank=True)  # (0008,0201), as it stands
    institution_name = models.CharField(max_length=120, blank=True)  # (0008,0080)
    # How many
    expected = models.PositiveIntegerField(null=True, blank=True)  # by manifest or C-FIND
    received = models.PositiveIntegerField(default=0)
    last_file_at = models.DateTimeField(null=True, blank=True)
    whole_at = models.DateTimeField(null=True, blank=True)  # all of it was here, as far as is known
    # Whose, after a person's decision; what was written into the copies that went to PACS.
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="+")
    exam = models.ForeignKey(
        TicketExam, models.PROTECT, null=True, blank=True, related_name="studies"
    )
    exam_code = models.CharField(max_length=20, blank=True)
    matched_by = models.CharField(max_length=150, blank=True)
    matched_by_id = models.BigIntegerField(null=True, blank=True)
    matched_at = models.DateTimeField(null=True, blank=True)
    coercions = models.JSONField(default=dict, blank=True)  # {"PatientID": ["X1", "S1234567"]}
    our_accession = models.CharField(max_length=16, blank=True)
    code_why = models.CharField(max_length=200, blank=True)  # why not the sender's code
    # Name, birth date and one number agreed; otherwise a first person vouched and a second matched.
    identity_agreed = models.BooleanField(default=False)
    vouched_patient = models.ForeignKey(
        Patient, models.PROTECT, null=True, blank=True, related_name="+"
    )
    vouched_by = models.CharField(max_length=150, blank=True)
    vouched_by_id = models.BigIntegerField(null=True, blank=True)
    vouched_at = models.DateTimeField(null=True, blank=True)
    vouched_why = models.CharField(max_length=300, blank=True)
    # The RIS
    placer_number = models.CharField(max_length=22, blank=True)
    ris_state = models.CharField(max_length=8, default=RisState.NONE.value)
    ris_message = models.ForeignKey(
        OutboundMessage, models.PROTECT, null=True, blank=True, related_name="+"
    )
    ris_why = models.CharField(max_length=300, blank=True)
    ris_number = models.CharField(max_length=40, blank=True)  # the filler's: ORC-3
    former_placers = models.JSONField(default=list, blank=True)  # of matches that were taken back
    in_pacs_at = models.DateTimeField(null=True, blank=True)
    # What went to PACS until then is not there any more, or is not counted on.
    taken_out_at = models.DateTimeField(null=True, blank=True)
    filing_why = models.CharField(max_length=300, blank=True)  # no copy can be made: a person's

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in StudyState]), name="study_state"
            ),
            models.CheckConstraint(
                condition=Q(origin__in=[each.value for each in Origin]), name="study_origin"
            ),
            models.CheckConstraint(
                condition=Q(ris_state__in=[each.value for each in RisState]), name="ris_state"
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(each.value for each in TERMINAL), due_at__isnull=True)
                | (~Q(state__in=sorted(each.value for each in TERMINAL)) & Q(due_at__isnull=False)),
                name="a_study_that_waits_has_a_clock",
            ),
            models.CheckConstraint(  # nobody's is never filed (hazard H41)
                condition=~Q(state__in=[StudyState.MATCHED.value, StudyState.FILED.value])
                | (Q(patient__isnull=False) & ~Q(matched_by="")),
                name="a_filed_study_was_matched_by_a_person",
            ),
            models.UniqueConstraint(
                fields=["placer_number"], condition=~Q(placer_number=""), name="one_ris_event_each"
            ),
            models.CheckConstraint(  # where something differs it takes two persons (hazard H41)
                condition=~Q(state__in=[StudyState.MATCHED.value, StudyState.FILED.value])
                | Q(identity_agreed=True)
                | (
                    Q(
                        vouched_by_id__isnull=False,
                        matched_by_id__isnull=False,
                        vouched_patient__isnull=False,
                    )
                    & ~Q(vouched_by_id=F("matched_by_id"))
                    & Q(vouched_patient=F("patient"))
                ),
                name="a_match_that_differs_took_two_people",
            ),
        ]
        indexes = [
            models.Index(fields=["study_uid"], name="study_uid"),
            models.Index(
                fields=["state_since"],
                name="studies_to_file",
                condition=Q(state=StudyState.MATCHED.value),
            ),
            models.Index(fields=["state", "due_at"], name="studies_by_state"),
            models.Index(fields=["patient", "-acquired_on"], name="studies_of_patient"),
            models.Index(
                fields=["last_file_at"], name="studies_coming", condition=Q(whole_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"study {self.pk}"

    @property
    def is_unverified(self) -> bool:
        """Until the RIS has the examination (hazard H46). What came from our own PACS has one."""
        return self.origin != Origin.PACS and self.ris_state != RisState.HELD


@append_only
class StudyEventRow(EventRow):
    """One event of a study."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="events")


class ReceivedFile(models.Model):
    """One file as it came: its bytes lie in storage under `id`, never under a name of theirs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    state = models.CharField(max_length=12, default=FileState.QUARANTINED.value)
    # Ours, for whom it came: known when it has been looked into.
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="+"
    )
    origin = models.CharField(max_length=8)
    node = models.ForeignKey(Node, models.PROTECT, null=True, blank=True, related_name="+")
    calling = models.CharField(max_length=16, blank=True)  # the AE title that called
    association = models.UUIDField(
        null=True, blank=True
    )  # those of one association belong together
    transfer_id = models.BigIntegerField(null=True, blank=True)  # the transfer that fetched it
    transaction = models.ForeignKey(
        Transaction, models.PROTECT, null=True, blank=True, related_name="+"
    )
    disc = models.ForeignKey(Disc, models.PROTECT, null=True, blank=True, related_name="files")
    study = models.ForeignKey(Study, models.PROTECT, null=True, blank=True, related_name="files")
    original = models.ForeignKey(  # of a copy with our numbers
        "self", models.PROTECT, null=True, blank=True, related_name="copies"
    )
    received_at = models.DateTimeField(auto_now_add=True)
    size = models.PositiveBigIntegerField()  # bytes
    sha256 = models.CharField(max_length=64)
    preamble_zeroed = models.BooleanField(default=False)  # it was not zero (hazard H48)
    why = models.CharField(max_length=300, blank=True)  # refused: in words
    reason_code = models.CharField(max_length=30, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)  # refused: by then a person has looked
    # As the association or the file says, and then as the sandbox read it.
    study_uid = models.CharField(max_length=64, blank=True)
    series_uid = models.CharField(max_length=64, blank=True)
    sop_uid = models.CharField(max_length=64, blank=True)
    sop_class = models.CharField(max_length=64, blank=True)
    transfer_syntax = models.CharField(max_length=64, blank=True)
    modality = models.CharField(max_length=16, blank=True)
    series_number = models.IntegerField(null=True, blank=True)
    series_description = models.CharField(max_length=64, blank=True)
    instance_number = models.IntegerField(null=True, blank=True)
    frames = models.PositiveIntegerField(default=1)
    rows = models.PositiveIntegerField(null=True, blank=True)
    columns = models.PositiveIntegerField(null=True, blank=True)
    header = models.JSONField(default=dict, blank=True)  # the identity as this file has it
    lease_token = models.UUIDField(null=True, default=None)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in FileState]), name="file_state"
            ),
            models.CheckConstraint(
                condition=~Q(state=FileState.KEPT.value) | Q(study__isnull=False),
                name="a_kept_file_is_of_a_study",
            ),
            models.CheckConstraint(
                condition=~Q(state=FileState.REFUSED.value) | ~Q(why=""),
                name="a_refused_file_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(state=FileState.REFUSED.value) | Q(due_at__isnull=False),
                name="a_refused_file_has_a_clock",
            ),
            models.UniqueConstraint(
                fields=["study", "sop_uid"],
                condition=Q(state=FileState.KEPT.value),
                name="an_instance_once_in_a_study",
            ),
            models.CheckConstraint(
                condition=~Q(state=FileState.COPY.value)
                | Q(original__isnull=False, study__isnull=False),
                name="a_copy_has_an_original",
            ),
            models.UniqueConstraint(
                fields=["original"],
                condition=Q(state=FileState.COPY.value),
                name="one_copy_at_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["received_at"], name="files_in_quarantine",
                         condition=Q(state=FileState.QUARANTINED.value)),
            models.Index(fields=["due_at"], name="files_refused_due",
                         condition=Q(state=FileState.REFUSED.value)),
            models.Index(fields=["received_at"], name="files_refused",
                         condition=Q(state=FileState.REFUSED.value)),
            models.Index(fields=["sop_uid"], name="files_sop"),
            models.Index(fields=["study", "series_number", "instance_number"], name="files_shown"),
            models.Index(fields=["disc", "state"], name="files_of_disc"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"file {self.pk}"
