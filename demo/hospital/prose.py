"""Believable radiology reports: `prose.txt`, chosen by the examination's name."""

from __future__ import annotations

import functools
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

_BOOK = Path(__file__).with_name("prose.txt")
# The first letter of a NICIP code is its modality; the UK table 0074 section follows from it.
MODALITIES = {
    "X": "XR", "C": "CT", "M": "MR", "U": "US", "N": "NM", "F": "RF", "D": "DX", "I": "RF",
    "V": "RF",
}  # fmt: skip
SECTIONS = {"CT": "CT", "MR": "MRI", "US": "OUS", "NM": "NMS"}
_NAMES = {"mammogra": "MG", "dexa": "DX", "dxa": "DX", "bone density": "DX"}


@dataclass
class Chapter:
    """What is said of one modality and, where it has words, one region."""

    modality: str
    words: tuple[str, ...]
    reports: dict[str, list[str]] = field(default_factory=dict)


@functools.cache
def _chapters() -> list[Chapter]:
    found: list[Chapter] = []
    for line in _BOOK.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            modality, _, words = line.strip("[]").partition(" ")
            wanted = tuple(word.strip() for word in words.split(",") if word.strip())
            found.append(Chapter(modality, wanted))
        elif line and not line.startswith("#"):
            kind, _, text = line.partition(": ")
            found[-1].reports.setdefault(kind, []).append(text)
    return found


def modality_of(code: str, name: str) -> str:
    """`XR`, `CT` …; from the name where it says so, else from the code's first letter."""
    for word, modality in _NAMES.items():
        if word in name.casefold():
            return modality
    return MODALITIES.get(code[:1].upper(), "other")


def section_of(code: str, name: str) -> str:
    """OBR-24."""
    return SECTIONS.get(modality_of(code, name), "RAD")


def side_of(name: str) -> str:
    found = re.search(r"\b(left|right|lt|rt)\b", name.casefold())
    return {"l": "left ", "r": "right "}[found.group(1)[0]] if found else ""


def _chapter(code: str, name: str) -> Chapter:
    modality, name = modality_of(code, name), name.casefold()
    fitting = (
        chapter
        for chapter in _chapters()
        if chapter.modality == modality
        and (not chapter.words or any(word in name for word in chapter.words))
    )
    return next(fitting, _chapters()[-1])


def report(code: str, name: str, *, kind: str, seed: str) -> str:
    """The report's lines; `kind` is normal, abnormal or critical."""
    text = random.Random(f"{seed}/{kind}").choice(_chapter(code, name).reports[kind])
    return text.replace("{side}", side_of(name)).replace(" / ", "\n")
