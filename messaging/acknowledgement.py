"""The answer to a frame: exactly one, built only from what is valid in its MSH.

HL7 v2.4 2.9: AA stored here, AE this content will not do, AR not for us; CA, CE, CR where the
sender asks, by MSH-15 or MSH-16, to be answered in enhanced mode. Also reads the answers of others.
Plain Python.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from . import wire

ACCEPTED, ERROR, REJECTED = "AA", "AE", "AR"

_COMMIT_CODES = {ACCEPTED: "CA", ERROR: "CE", REJECTED: "CR"}  # enhanced mode's first answers
_VERSION = re.compile(r"2\.[1-9](\.[1-9])?\Z")
_PRINTABLE = re.compile(r"[\x20-\x7e]*\Z")
_TRIGGER = re.compile(r"[A-Z][A-Z0-9]{2}\Z")
_LONGEST_CONTROL_ID = 199
_LONGEST_NAME = 180
_CONDITION = re.compile(r"(AL|NE|ER|SU)\Z")  # HL7 table 0155
# HL7 table 0357, for ERR-3 of versions 2.5 and later.
_ERROR_CODES = {
    "header": "100", "segment": "100", "control_id": "101", "charset": "102",
    "unsupported_type": "200", "processing_id": "202",
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What we say: AA, AE or AR; for the last two a code and a sentence without content."""

    code: str
    reason_code: str = ""
    sentence: str = ""


ACCEPT = Verdict(ACCEPTED)


@dataclass(frozen=True)
class Envelope:
    """What an MSH says of itself, as far as it is valid; "" where it is not."""

    sending_application: str = ""  # the whole field, components and all
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    message_code: str = ""
    trigger: str = ""
    control_id: str = ""
    processing_id: str = ""
    version: str = ""
    accept_when: str = ""  # MSH-15: when it wants to hear that we have it
    application_when: str = ""  # MSH-16: when it wants to hear what we made of it

    @property
    def is_enhanced(self) -> bool:
        """HL7 v2.4 2.9.3: either field says that the sender knows of enhanced mode."""
        return bool(self.accept_when or self.application_when)

    def wants_to_know(self, code: str) -> bool:
        """Whether it wants an application acknowledgement of this code."""
        when = self.application_when
        return when == "AL" or when == ("SU" if code == ACCEPTED else "ER")


def envelope(raw: bytes) -> Envelope:
    """Read the MSH of any bytes. Never raises.

    Only MSH-1 is believed: a sender whose MSH-2 we refuse still gets its own control id back.
    """
    line = wire.first_line(raw)
    if not line.startswith("MSH") or len(line) < 5:
        return Envelope()
    fields = line.split(line[3]) + [""] * 16
    component = fields[1][:1] or "^"
    kind = [*fields[8].split(component), ""]
    return Envelope(
        sending_application=_valid(fields[2], _LONGEST_NAME),
        sending_facility=_valid(fields[3], _LONGEST_NAME),
        receiving_application=_valid(fields[4], _LONGEST_NAME),
        receiving_facility=_valid(fields[5], _LONGEST_NAME),
        message_code=_valid(kind[0], 3),
        trigger=kind[1] if _TRIGGER.match(kind[1]) else "",
        control_id=_valid(fields[9], _LONGEST_CONTROL_ID),
        processing_id=_valid(fields[10].split(component)[0], 1),
        version=fields[11].split(component)[0],
        accept_when=fields[14] if _CONDITION.match(fields[14]) else "",
        application_when=fields[15] if _CONDITION.match(fields[15]) else "",
    )


def _valid(text: str, longest: int) -> str:
    return text if len(text) <= longest and _PRINTABLE.match(text) else ""


def acknowledge(raw: bytes, verdict: Verdict, *, at: datetime, original: bool = False) -> bytes:
    """The acknowledgement of a frame. The same frame and verdict give the same control id.

    In the mode that its MSH asks for, or always in original mode. A sender that asks to be left
    without an answer (MSH-15 is NE) gets one: it can drop it, and silence would look like a loss.
    """
    of = envelope(raw)
    code = verdict.code if original or not of.is_enhanced else _COMMIT_CODES[verdict.code]
    version = of.version if _VERSION.match(of.version) else "2.4"
    header = wire.header(
        sender=(_read(of.receiving_application or "ORDERCOMMS"), _read(of.receiving_facility)),
        receiver=(_read(of.sending_application), _read(of.sending_facility)),
        at=at,
        message_type=_type(of.trigger, version),
        control_id=f"A{hashlib.sha256(raw).hexdigest()[:19]}",
        processing_id=of.processing_id if of.processing_id in ("P", "T", "D") else "P",
        version=version,
        charset="",
    )
    answer = wire.segment("MSA", [code, _read(of.control_id), verdict.sentence])
    segments = [header, answer]
    if verdict.code != ACCEPTED and version >= "2.5":
        segments.append(_error(verdict))
    return wire.build(segments).raw


def _read(field: str) -> wire.Value:
    """A field of theirs as a value of ours: read, to be written again with our delimiters."""
    return wire.Repeat([wire.Repetition(part, "ASCII").components for part in field.split("~")])


def _type(trigger: str, version: str) -> tuple[str, ...]:
    if not trigger:
        return ("ACK",)
    return ("ACK", trigger, "ACK") if version >= "2.3.1" else ("ACK", trigger)


def _error(verdict: Verdict) -> wire.Segment:
    """ERR as it is from version 2.5: what kind, how bad, in words for a person."""
    code = _ERROR_CODES.get(verdict.reason_code, "207")
    return wire.segment("ERR", {3: [code, "", "HL70357"], 4: "E", 8: verdict.sentence})


# --- Answers that others give us -----------------------------------------------------------------

_OURS_FOR = {commit: code for code, commit in _COMMIT_CODES.items()}


@dataclass(frozen=True)
class Answer:
    """An acknowledgement of a message of ours: its code (AA, AE or AR) and its words.

    One that is not bare is a message of its own besides (HL7 v2.4 4.4: ORR, ORL, ORG). One that is
    a commit (CA, CE, CR) speaks of having the message, and not yet of what is in it.
    """

    code: str
    text: str
    is_bare: bool = True
    is_commit: bool = False


def answer_to(control_id: str, raw: bytes) -> Answer | None:
    """The answer in these bytes, if they are one and answer this message; otherwise None."""
    try:
        message = wire.parse(raw, default_charset="8859/1")
    except wire.Unparseable:
        return None
    if message.get("MSA", 2) != control_id:
        return None
    return answer_of(message)


def answer_of(message: wire.Message) -> Answer | None:
    """What an acknowledgement says, whatever it answers; None when it is none."""
    said = message.get("MSA", 1)
    code = _OURS_FOR.get(said, said)
    if code not in (ACCEPTED, ERROR, REJECTED):
        return None
    words = message.get("MSA", 3) or message.get("ERR", 8) or message.get("ERR", 1, 4, 2)
    return Answer(code, words, message.code == "ACK", said in _OURS_FOR)
