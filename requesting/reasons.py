"""Why a request went no further: the reasons that a vetter ticks, and the codes on the wire.

The wire codes are the twelve in field use at University Hospital Southampton (domain.md 2.3), and
the three of the stand-in hospital (docs/hl7/hospital.md). Plain Python; any room may read it.
"""

from dataclasses import dataclass
from enum import StrEnum


class Ending(StrEnum):
    """What a department's code means for the request."""

    REJECTED = "rejected"  # a decision on the request: the requester can put it right
    CANCELLED = "cancelled"
    DNA = "dna"


@dataclass(frozen=True)
class WireReason:
    """A code that a department sends with a refusal or a cancellation (ORC-16)."""

    words: str
    ending: Ending
    by_patient: bool = False


R, C = Ending.REJECTED, Ending.CANCELLED
WIRE_REASONS: dict[str, WireReason] = {
    "ABB": WireReason("Examination abandoned, not booked again", C),
    "CHAE": WireReason("Examination abandoned", C),
    "CPR": WireReason("Patient refused the examination", C, by_patient=True),
    "CPMP": WireReason("Patient may be pregnant", R, by_patient=True),
    "CP": WireReason("Cancelled by the patient", C, by_patient=True),
    "CHUN": WireReason("Unjustified examination", R),
    "CHRAD": WireReason("Cancelled by the radiologist", R),
    "CHPP": WireReason("Done at a private or another hospital", C),
    "CHNR": WireReason("No longer required", C),
    "CHLMP": WireReason("Last period outside the dates allowed", R),
    "CHIP": WireReason("Done as an inpatient", C),
    "DNA": WireReason("Did not attend", Ending.DNA, by_patient=True),
    "UNK": WireReason("The department does not do this test", R),
    "LABREJ": WireReason("The sample could not be processed", R),
}


@dataclass(frozen=True)
class Rejection:
    """A reason on the vetting card: its words, the field's code, and where the fix begins."""

    words: str
    wire_code: str
    field: str  # of the request form: the cursor starts here (ux.md R7)
    asks_for: str  # the hint in the empty clinical details
    needs_words: bool = False


REJECTIONS: dict[str, Rejection] = {
    "detail": Rejection(
        "Not enough clinical detail", "CHRAD", "details",
        "duration, red flags, previous treatment",
    ),
    "better_test": Rejection(
        "Better test", "CHRAD", "service", "the test that they suggest", needs_words=True
    ),
    "same_recent": Rejection(
        "Same test recent", "CHNR", "details", "what has changed since the last one"
    ),
    "not_justified": Rejection(
        "Not justified (IR(ME)R)", "CHUN", "details",
        "what the result would change, and what was tried first",
    ),
    "not_entitled": Rejection(
        "Not entitled", "CHUN", "service", "a request by somebody who is entitled"
    ),
    "safety": Rejection(
        "Safety answer missing", "CHRAD", "answers", "the answer to every safety question"
    ),
    "pregnancy": Rejection(
        "Patient may be pregnant / LMP", "CPMP", "answers",
        "the last period, and who in radiology agreed it",
    ),
    "elsewhere": Rejection("Done elsewhere", "CHPP", "details", "why it is needed again"),
    "other": Rejection("Other", "CHRAD", "details", "what they wrote above", needs_words=True),
}  # fmt: skip

# Our own, for what stopped before any department saw it.
REFUSED_BY_MACHINE = "REFUSED"
NOT_ENTITLED = "NOTENT"
CANNOT_BE_WRITTEN = "NOTSENT"
REPLACED, UNDONE, CLOSED, BY_REQUESTER = "REPLACED", "UNDONE", "CLOSED", "REQUESTER"


# Why a person goes on although an alert asks for a reason (ux.md 2.4, rule 6).
GO_ON: dict[str, str] = {
    "clinical_change": "Clinical change",
    "monitoring": "Monitoring treatment",
    "sample_failed": "Previous sample failed",
    "specialist": "Asked for by specialist",
    "other": "Other (say why)",
}
OTHER_MIN_CHARACTERS = 10
