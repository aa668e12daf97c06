"""Who we talk to, and what is said about studies, in plain values: no library's types leak out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from iep.storage import Writing


@dataclass(frozen=True, slots=True)
class Peer:
    """A machine that speaks DICOM: where it is, and what it and we are called there."""

    ae_title: str
    our_ae_title: str
    host: str
    port: int
    uses_tls: bool = False
    trust_anchors: str = ""  # PEM: whom we believe
    server_name: str = ""  # as their certificate has it; "" is `host`
    key_name: str = ""  # our key pair in settings.TLS_DIR


@dataclass(frozen=True, slots=True)
class FoundStudy:
    """One answer of a C-FIND on the level STUDY (PS3.4 C.6.2.1). "" and None: they did not say."""

    study_uid: str
    patient_id: str = ""
    patient_name: str = ""  # PN, as it stands
    birth_date: date | None = None
    nhs_number: str = ""
    accession: str = ""
    description: str = ""
    modalities: tuple[str, ...] = ()
    acquired_on: date | None = None
    acquired_time: str = ""  # TM, as it stands
    institution_name: str = ""
    instances: int | None = None

    def __repr__(self) -> str:  # whose it is goes into no log
        return "FoundStudy(...)"


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """One answer of a C-FIND on the level IMAGE."""

    sop_uid: str
    sop_class: str
    series_uid: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end of an association that was opened to us."""

    calling: str  # AE title
    called: str
    address: str
    association: UUID
    certificate: bytes = b""  # DER, of a line with TLS
    key: int | str = ""  # what the directory knows it by; "" is nobody's


@dataclass(frozen=True, slots=True)
class Incoming:
    """One object that came whole: its bytes lie aside, and are kept or dropped by who is told."""

    written: Writing
    sop_uid: str
    sop_class: str
    transfer_syntax: str
    caller: Caller


@dataclass(frozen=True, slots=True)
class CommitmentAnswer:
    """What a peer says it has safely: an N-EVENT-REPORT of PS3.4 J.3.3. UIDs of instances."""

    uid: str  # of the transaction
    held: frozenset[str] = frozenset()
    failed: dict[str, int] = field(default_factory=dict)  # with the reason's code
