"""Which way, which hospital, how urgent, by when."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from . import days

Said = tuple[dict[str, str], dict[str, str]]
_SHORT: Final = 5  # an alias of fewer letters counts only in capitals: QMC, and not "us"

_WAYS: Final = {
    "disc": r"\b(?:cds?|dvds?|discs?|disks?)\b",
    "export": r"\b(?:export|send (?:the |these |this |her |his |their )?(?:\w+ ){0,4}?(?:out )?to "
    r"(?!us\b|our\b|me\b|you\b)|transfer (?:\w+ ){0,6}?to (?!us\b|our\b|me\b|pacs\b))",
    "import": r"\b(?:import|(?:images?|imaging|scans?|ct|mri|x-?rays?)\b[^.\n]{0,60}\bfrom\b|"
    r"(?:done|performed|taken|had|scanned) (?:\w+ ){0,6}?at\b|(?:send|transfer|sent|transferred)"
    r"(?: \w+){0,6}? to (?:us|our|uhl|me)\b)",
}
_REASONS: Final = {
    "mdt": r"\bmdt\b|multi-?disciplinary",
    "outpatient": r"\bout-?patients?\b|\bclinic\b|\bopa\b",
    "inpatient": r"\bin-?patients?\b|\badmitted\b|\bon (?:the )?ward\b",
    "research": r"\bresearch\b|\btrial\b",
}
_ELIGIBLE: Final = {
    "theatre": r"\btheatre\b",
    "ambulance": r"\bambulance\b",
    "within_12_hours": r"within (?:the next )?(?:12|twelve) hours|next 12 hours",
}
_BLUE: Final = re.compile(r"\b(?P<no>not?(?: \w+){0,2} )?(?:blue[ -]?light|clinical emergency)\b")
_NEEDED: Final = re.compile(
    r"\b(?:(?:needed|required|wanted|need(?:s)? (?:them|it|these)) (?:by|before|for)|"
    r"date required(?: by)?|needed by)\s*[:=-]?\s*(?:\w+day\s+)?(?:the\s+)?$",
    re.IGNORECASE,
)


def is_needed_by(text: str, found: days.Found) -> bool:
    return bool(_NEEDED.search(text[: found.start][-40:]))


def of_request(text: str, *, today: date) -> Said:
    values: dict[str, str] = {}
    notes: dict[str, str] = {}
    plain = " ".join(text.lower().split())
    for found in (_way(plain), _priority(plain), _needed_by(text, today)):
        values |= found[0]
        notes |= found[1]
    return values, notes


def _matching(plain: str, words: Mapping[str, str]) -> list[str]:
    return [name for name, pattern in words.items() if re.search(pattern, plain)]


def _way(plain: str) -> Said:
    found = _matching(plain, _WAYS)
    if len(found) > 1:
        return {}, {"kind": "The text can be read in more than one way. Choose which way"}
    return {"kind": found[0] if found else ""}, {}


def _priority(plain: str) -> Said:
    """Blue Light is picked only with what makes it so (hazard H39)."""
    asked = [match for match in _BLUE.finditer(plain) if not match["no"]]
    if asked:
        why = _matching(plain, _ELIGIBLE)
        if len(why) == 1:
            return {"priority": "0", "eligibility": why[0], "reason": "blue_light"}, {}
        said = "The text says Blue Light. Choose it if one of its three reasons is true"
        return {}, {"priority": said}
    reasons = _matching(plain, _REASONS)
    if len(reasons) > 1:
        return {}, {"reason": "More than one reason is in the text. Choose one"}
    return {"reason": reasons[0] if reasons else ""}, {}


def _needed_by(text: str, today: date) -> Said:
    found = [each for each in days.dates_in(text) if is_needed_by(text, each)]
    coming = {day for each in found for day in each.days() if 0 <= (day - today).days < 3660}
    if len(coming) == 1:
        return {"needed_by": days.typed(coming.pop())}, {}
    if found:
        return {}, {"needed_by": f"{found[0].written} is no day to come"}
    return {}, {}


# --- The hospital --------------------------------------------------------------------------------


def hospital(text: str, hospitals: Mapping[int, Sequence[str]]) -> Said:
    """The one hospital whose name or alias stands in the text; a longer name hides a shorter."""
    hits = sorted(
        (
            (match.start(), -len(name), match.end(), key, name)
            for key, names in hospitals.items()
            for name in names
            for match in _stands(name, text)
        ),
    )
    taken = -1
    found: dict[int, str] = {}
    for start, _, end, key, name in hits:
        if start >= taken:
            taken = end
            found.setdefault(key, name)
        elif end == taken:
            found.setdefault(key, name)  # two hospitals of one name: a person says which
    if len(found) > 1:
        names = " or ".join(dict.fromkeys(found.values()))
        return {}, {"institution": f"More than one hospital is in the text: {names}. Choose one"}
    return {"institution": str(next(iter(found), ""))}, {}


def _stands(name: str, text: str) -> list[re.Match[str]]:
    if not name.strip():
        return []
    flags = 0 if len(name) < _SHORT else re.IGNORECASE
    words = r"\s+".join(re.escape(word).replace("'", "[’']?") for word in name.split())
    return list(re.finditer(rf"(?<!\w){words}(?!\w)(?!@)(?!\.[a-z])", text, flags))
