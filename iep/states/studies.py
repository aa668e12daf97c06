"""How far a study has got that came to us, and each of its files."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from .waits import NoSuchMove, Wait


class Origin(StrEnum):
    """How it came."""

    DICOM = "dicom"  # a peer sent it, or we fetched it
    GATEWAY = "gateway"
    DISC = "disc"
    PACS = "pacs"  # our own PACS's, fetched to be sent out: never matched


class StudyState(StrEnum):
    ARRIVING = "arriving"  # in quarantine, or not all of it is here
    STOPPED = "stopped"  # identities differ inside it: a person's (hazard H41)
    FAILED_VERIFICATION = "failed_verification"  # here, whole, and nobody's yet
    MATCHED = "matched"  # a person said whose it is; on its way to RIS and PACS
    FILED = "filed"  # in PACS and in the RIS
    TAKEN_OUT = "taken_out"  # our PACS has removed the images, or some of them: a person's
    OUTGOING = "outgoing"  # of our own PACS, to be sent
    DISCARDED = "discarded"  # by a person, with a reason; or purged after it had left


class StudyEvent(StrEnum):
    STARTED = "started"
    ARRIVED = "arrived"
    DIFFERED = "differed"
    RELEASED = "released"  # a person looked at what differs, and it is the same person after all
    MATCHED = "matched"
    UNMATCHED = "unmatched"  # before it left for PACS, or after that took it out
    FILED = "filed"
    TAKEN_OUT = "taken_out"  # our PACS had them, or some of them, and has them no more
    SENT_AGAIN = "sent_again"  # to our PACS, after that
    REOPENED = "reopened"  # filed, and the RIS has cancelled its entry
    DISCARDED = "discarded"
    NOTED = "noted"


S, E = StudyState, StudyEvent
TERMINAL = frozenset({S.FILED, S.DISCARDED})

TRANSITIONS: dict[tuple[StudyState, StudyEvent], StudyState] = {
    (S.ARRIVING, E.ARRIVED): S.FAILED_VERIFICATION,
    (S.FAILED_VERIFICATION, E.STARTED): S.ARRIVING,  # more of it comes
    **{
        (state, E.DIFFERED): S.STOPPED
        for state in (
            S.ARRIVING,
            S.FAILED_VERIFICATION,
            S.MATCHED,
            S.FILED,
            S.STOPPED,
            S.TAKEN_OUT,
            S.OUTGOING,
        )
    },
    (S.STOPPED, E.RELEASED): S.FAILED_VERIFICATION,
    (S.FAILED_VERIFICATION, E.MATCHED): S.MATCHED,
    (S.MATCHED, E.UNMATCHED): S.FAILED_VERIFICATION,
    (S.MATCHED, E.FILED): S.FILED,
    (S.FILED, E.REOPENED): S.MATCHED,
    **{(state, E.TAKEN_OUT): S.TAKEN_OUT for state in (S.MATCHED, S.FILED)},
    (S.TAKEN_OUT, E.SENT_AGAIN): S.MATCHED,
    (S.TAKEN_OUT, E.UNMATCHED): S.FAILED_VERIFICATION,
    **{
        (state, E.DISCARDED): S.DISCARDED
        for state in (S.ARRIVING, S.STOPPED, S.FAILED_VERIFICATION, S.OUTGOING)
    },
    **{(state, E.NOTED): state for state in StudyState},
}

QUIET_FOR = timedelta(seconds=30)  # nothing more came: what is here is looked at

WAITS: dict[StudyState, Wait] = {
    S.ARRIVING: Wait("worker", timedelta(hours=1), "iep:arrivals"),
    S.STOPPED: Wait("mbp", timedelta(hours=4), "iep:arrivals"),
    S.FAILED_VERIFICATION: Wait("mbp", timedelta(days=14), "iep:arrivals"),
    S.MATCHED: Wait("worker", timedelta(hours=1), "iep:arrivals"),
    S.TAKEN_OUT: Wait("mbp", timedelta(hours=4), "iep:arrivals"),
    S.OUTGOING: Wait("worker", timedelta(days=15), "iep:arrivals"),
}


# A refused file: somebody may wait for the image that it was to be (hazard H40).
REFUSED = Wait("mbp", timedelta(hours=24), "iep:arrivals")
REFUSED_BLUE_LIGHT = Wait("mbp", timedelta(minutes=15), "iep:arrivals")


class FileState(StrEnum):
    """Of one file that came."""

    QUARANTINED = "quarantined"  # stored as received, not looked into
    KEPT = "kept"  # read in the sandbox: part of a study
    REFUSED = "refused"  # with a reason; the bytes are kept for a person
    COPY = "copy"  # of a kept one, with our numbers, on its way to PACS; dropped when that has it
    DISCARDED = "discarded"  # the bytes are gone


class RisState(StrEnum):
    """Whether the RIS has the examination. Until it is HELD the images are marked UNVERIFIED."""

    NONE = "none"
    SENT = "sent"
    HELD = "held"  # the RIS has an entry
    REFUSED = "refused"  # a person's


def after(state: StudyState | str, event: StudyEvent) -> StudyState:
    """The state after the event. Raises NoSuchMove."""
    try:
        return TRANSITIONS[(StudyState(state), event)]
    except KeyError:
        raise NoSuchMove("study", state, event) from None
