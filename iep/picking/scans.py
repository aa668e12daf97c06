"""Which scans the text names: kind, body part, date, code. A line with a kind and a body part is
one; "all imaging" is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from iep.all_imaging import asks_for_all

from . import days
from .identity import is_birth_date
from .wishes import is_needed_by

# What people write → DICOM (0008,0060). The longest first.
_KINDS: Final = (
    (r"CT\s?PA", "CT"), (r"CT\s?KUB", "CT"), (r"C\.?T\.?A?", "CT"), (r"CAT", "CT"),
    (r"M\.?R\.?I\.?", "MR"), (r"MRCP", "MR"), (r"MRA", "MR"), (r"MR", "MR"),
    (r"plain films?", "XR"), (r"radiographs?", "XR"), (r"X[ -]?rays?", "XR"), (r"CXR", "XR"),
    (r"AXR", "XR"), (r"XR", "XR"), (r"ultra-?sounds?", "US"), (r"U\.?S\.?S", "US"), (r"US", "US"),
    (r"PET(?:[ /-]?CT)?", "PT"), (r"mammograms?", "MG"), (r"mammography", "MG"),
    (r"angiograms?", "XA"), (r"barium swallow", "RF"), (r"fluoroscopy", "RF"),
    (r"bone scan", "NM"), (r"nuclear medicine", "NM"), (r"DEXA", "OT"),
)  # fmt: skip
_WHOLE: Final = {"CXR", "AXR", "CTPA", "CTKUB", "MRCP", "MAMMOGRAM", "MAMMOGRAMS", "MAMMOGRAPHY",
                 "BONESCAN", "BARIUMSWALLOW"}  # fmt: skip
_CAPITALS: Final = {"US", "MR", "CAT", "PET", "MRA"}  # else they are words of English, or names
_BODY: Final = (
    "abdomen abdo abdominal ankle ankles aorta aortic arm back bladder brain breast breasts calf "
    "cardiac carotid carotids cervical chest clavicle coronary doppler dopplers ear elbow face "
    "facial feet femur fibula finger fingers foot forearm gallbladder groin hand hands head heart "
    "heel hip hips humerus IAM IAMs jaw joint kidney kidneys knee knees KUB leg legs limb liver "
    "lower lumbar lumbosacral lung lungs mandible neck orbit orbits pancreas patella pelvic pelvis "
    "pituitary prostate rib ribs sacral sacrum scaphoid scrotum shoulder shoulders sinus sinuses "
    "skeletal skull spine spinal spleen sternum temporal testes thigh thoracic thorax thumb "
    "thyroid tibia toe toes TAP CAP tract upper urinary uterus venogram wrist wrists whole body"
).replace(" ", "|")
_WORDS: Final = rf"{_BODY}|left|right|both|bilateral|lt|rt"
_JOIN: Final = r"and|with|without|contrast|post|pre|of|the|&|\+|/|view|angiogram|scan"
_KIND: Final = "|".join(pattern for pattern, _ in _KINDS)
_STEP: Final = rf"(?:[ ,/&+-]+(?:(?:{_JOIN})[ ]+){{0,2}}(?:{_WORDS})\b)"
_SCAN: Final = re.compile(
    rf"(?<![\w@.])(?P<before>(?:(?:{_WORDS})[ ]+){{0,4}})(?P<kind>{_KIND})\b(?:[ ]+scans?)?"
    rf"(?P<after>(?:{_STEP}){{0,8}}(?:[ ]+with(?:out)? contrast)?)",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"(?:\bcode\s*[:=]?\s*|\(|\t\s*|\|\s*)(?P<code>[A-Z][A-Z0-9]{3,7})\b")
_CLAUSE: Final = re.compile(r"\n|;|(?<=[a-z)0-9])\.\s")
ALL: Final = "“All imaging” is usually declined. Name each scan and its date"


@dataclass(frozen=True)
class PickedScan:
    """A row of the form. `note` says what was left empty and why, or how a date was read."""

    description: str = ""
    modality: str = ""
    acquired_on: str = ""  # as it is typed: "3 11 2026"
    code: str = ""
    note: str = ""


def found_in(text: str, *, today: date) -> tuple[list[PickedScan], dict[str, str]]:
    """The scans, each once, in the order of the text; and a note where "all" is asked for."""
    found: list[PickedScan] = []
    notes = {}
    for clause in _clauses(text):
        if asks_for_all(clause):
            notes["exams"] = ALL
            continue
        found += [scan for scan in _of_clause(clause, today) if scan not in found]
    return _without_doubles(found), notes


def _clauses(text: str) -> list[str]:
    return [clause for clause in _CLAUSE.split(text) if clause.strip()]


def _of_clause(clause: str, today: date) -> list[PickedScan]:
    named = [match for match in _SCAN.finditer(clause) if _is_one(match)]
    dated = [
        each for each in days.dates_in(clause)
        if not is_birth_date(clause, each) and not is_needed_by(clause, each)
    ]  # fmt: skip
    return [
        scan
        for place, match in enumerate(named)
        if (scan := _scan(clause, match, _date_of(place, named, dated), today))
    ]


def _is_one(match: re.Match[str]) -> bool:
    kind = match["kind"]
    return kind.replace(".", "").upper() not in _CAPITALS or kind.isupper()


def _date_of(place: int, named: list[re.Match[str]], dated: list[days.Found]) -> list[days.Found]:
    """The dates that can be this scan's: the only one of the clause, or the ones beside it."""
    if len(dated) <= 1:
        return dated
    start = named[place].start()
    end = named[place + 1].start() if place + 1 < len(named) else 10**9
    after = [each for each in dated if start <= each.start < end]
    if after:
        return after
    before = named[place - 1].end() if place else 0
    return [each for each in dated if before <= each.start < start]


def _scan(
    clause: str, match: re.Match[str], dated: list[days.Found], today: date
) -> PickedScan | None:
    description = _described(match)
    has_body = bool(match["before"].strip() or match["after"].strip()) or _is_whole(match)
    if not has_body and not dated:
        return None  # "the CT report": no scan is named
    acquired, note = _acquired(dated, today)
    if not has_body:
        note = f"{note}. The body part is not in the text" if note else _NO_BODY
    code = _CODE.search(clause[match.start() :]) if has_body else None
    return PickedScan(
        description=description if has_body else "", modality=_modality(match["kind"]),
        acquired_on=acquired, code=code["code"] if code else "", note=note,
    )  # fmt: skip


_NO_DATE: Final = "Its date is not in the text"
_NO_BODY: Final = "The body part is not in the text"


def _is_whole(match: re.Match[str]) -> bool:
    return re.sub(r"[\s.-]", "", match["kind"]).upper() in _WHOLE


def _described(match: re.Match[str]) -> str:
    words = " ".join(match.group().replace("\n", " ").split()).strip(" ,/&+-")
    return words[0].upper() + words[1:] if words else ""


def _modality(kind: str) -> str:
    return next(code for pattern, code in _KINDS if re.fullmatch(pattern, kind, re.IGNORECASE))


def modality_of(description: str) -> str:
    """What the words of a description say of its kind: "CT head" is CT. Empty: they do not say."""
    found = {_modality(m["kind"]) for m in _SCAN.finditer(description) if _is_one(m)}
    return found.pop() if len(found) == 1 else ""


def _acquired(dated: list[days.Found], today: date) -> tuple[str, str]:
    """Its date as it is typed, and a note."""
    if not dated:
        return "", _NO_DATE
    if len(dated) > 1:
        written = " or ".join(each.written for each in dated[:3])
        return "", f"More than one date is beside it: {written}"
    (found,) = dated
    if not found.days():
        return "", f"{found.written} is not a date, day first. Enter the date"
    past = found.past(today)
    recent = [day for day in past if day.year >= 2000] or past
    if not past:
        return "", f"{found.written} is in the future"
    if len(found.years) == 2 and len(recent) != 1:
        return "", f"{found.written} can be in two centuries. Enter the year"
    note = f"{found.written} was read as {days.in_words(recent[0])}, day first"
    return days.typed(recent[0]), note if found.could_be_month_first else ""


def _without_doubles(found: list[PickedScan]) -> list[PickedScan]:
    """A scan that is named again without its date is the one that was named with it, be it well
    or badly written."""
    dated = {(scan.modality, scan.description.lower()) for scan in found if scan.note != _NO_DATE}
    kept: dict[tuple[str, str, str], PickedScan] = {}
    for scan in found:
        key = (scan.modality, scan.description.lower())
        if scan.note != _NO_DATE or key not in dated:
            kept.setdefault((*key, scan.acquired_on), scan)
    return list(kept.values())
