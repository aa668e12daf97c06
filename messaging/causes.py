"""Why a message waits for a person, by cause, in words: what it is, and what usually helps.

A parked message carries the reason code of what parked it. A dead letter's cause is what the
partner answered. Codes of other rooms that are not here are shown with their own sentence.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A cause in words, and the first thing to try."""

    words: str
    try_first: str


_ASK_SENDER = "Ask the sender to put it right and send it again."
_OUR_SIDE = "Ask support to look: it is on our side. Retry when it is mended."

IN_CAUSES: dict[str, Cause] = {
    # The bytes: messaging.wire
    "header": Cause("It does not begin as a message does", _ASK_SENDER),
    "delimiters": Cause("Its delimiters are not the agreed ones", _ASK_SENDER),
    "framing": Cause("Two messages ran into one another", _ASK_SENDER),
    "second_header": Cause("Two messages are in one", _ASK_SENDER),
    "charset": Cause("Its letters cannot be read", "Ask the sender which character set it used."),
    "segment": Cause("A line of it is broken", _ASK_SENDER),
    "too_many_segments": Cause("It has too many lines", _ASK_SENDER),
    "same_id_other_content": Cause(
        "The sender used one control ID for two messages",
        "Compare the two. If both are right, retry this one.",
    ),
    # On the way through: messaging.services.inbox
    "unsupported_type": Cause("Nothing here takes messages of this type", _ASK_SENDER),
    "failed": Cause("Processing it failed", _OUR_SIDE),
    "gave_up": Cause("It never came to an end, however often it was tried", _OUR_SIDE),
    # About whom: patients, results, requesting
    "patient_identity": Cause(
        "It is not certain who the patient is", "Compare the numbers in PID-3."
    ),
    "identity_mismatch": Cause(
        "The patient is not the one of the request", "Ring the sender before anything else."
    ),
    "nhs_number": Cause("The NHS number cannot be right", _ASK_SENDER),
    "patient_details": Cause("The patient’s details cannot be right", _ASK_SENDER),
    "no_patient": Cause("It names no patient", _ASK_SENDER),
    "patient_busy": Cause("The patient’s record was in use", "Retry."),
    # About what
    "unknown_request": Cause(
        "Nobody here asked for it", "Look for the request; correct the number in ORC-2 and OBR-2."
    ),
    "no_request_number": Cause("It names no request", "Correct the number in ORC-2 and OBR-2."),
    "no_order": Cause("It is about no order", _ASK_SENDER),
    "request_numbers_differ": Cause("It names two requests", "Ring the sender, then correct it."),
    "request_not_sent": Cause("The request has not been sent yet", "Retry when it has gone."),
    "no_report": Cause("There is no report in it", _ASK_SENDER),
    "no_values": Cause("The report says nothing", _ASK_SENDER),
    "contradiction": Cause("It contradicts what we know", "Ring the sender, then retry."),
    "too_long": Cause("A code in it is too long", _ASK_SENDER),
    "other_department": Cause("The request went to another department", "Ring the sender."),
    "unknown_code": Cause("It has a code that is not agreed", "Agree the code, then retry."),
    "unknown_result_status": Cause("It does not say how final the report is", _ASK_SENDER),
    "message_time": Cause("A time in it cannot be right", _ASK_SENDER),
}

# Of a dead letter, by what the partner answered last (MSA-1 in original mode).
NO_ANSWER, NOT_RECORDED, ERROR, REJECTED = "no_answer", "not_recorded", "error", "rejected"
CAUSE_BY_ANSWER = {"AA": NOT_RECORDED, "AE": ERROR, "AR": REJECTED}

OUT_CAUSES: dict[str, Cause] = {
    NO_ANSWER: Cause(
        "The partner never answered it, and answered others",
        "Ask the partner whether they have it, then retry.",
    ),
    NOT_RECORDED: Cause("It arrived, and could not be recorded here", _OUR_SIDE),
    ERROR: Cause("The partner answered with an error, again and again", "Ring the partner."),
    REJECTED: Cause("The partner rejected it", "Read the reason, then correct and send again."),
}


def cause_of(direction: str, code: str, sentence: str = "") -> Cause:
    """The cause in words; of an unknown code the sentence that came with it."""
    table = IN_CAUSES if direction == "in" else OUT_CAUSES
    known = table.get(code)
    if known is not None:
        return known
    words = sentence.rstrip(".") or code.replace("_", " ").capitalize() or "No reason was kept"
    return Cause(words, "Open one of them to see more.")
