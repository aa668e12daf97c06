"""The clinical words of an order: on one line, and once more where a line cannot hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .orders import Line

LONGEST_INFORMATION = 300  # HL7 v2.4 §4.5.3.13: what a receiver must take in OBR-13
DETAILS_NOTE, COLLECTION_NOTE = "RE", "1R"  # NTE-4, table 0364: remark, primary reason


def clinical_information(line: Line) -> str:
    """OBR-13: everything that a person said, on one line; the coded forms come beside it."""
    reasons = " ".join(_ended(reason.sentence or reason.text) for reason in line.reasons)
    answers = " ".join(f"{answer.question} {_ended(answer.label)}" for answer in line.answers)
    return " ".join(f"{reasons} {_ended(line.details)} {answers}".split())


def details_note(line: Line) -> str:
    """The details as typed, when their lines or their length would not survive OBR-13."""
    is_whole = " ".join(line.details.split()) == line.details
    if is_whole and len(clinical_information(line)) <= LONGEST_INFORMATION:
        return ""
    return line.details


def notes(line: Line) -> list[tuple[str, str]]:
    """The NTE of a test: what kind of remark, and the remark."""
    found = [(DETAILS_NOTE, details_note(line))] if details_note(line) else []
    if line.collection:
        found.append((COLLECTION_NOTE, f"Sample: {line.collection}"))
    return found


def _ended(words: str) -> str:
    return words if not words or words[-1] in ".!?…" else f"{words}."
