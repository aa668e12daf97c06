"""Whether a text asks for "all imaging", which no hospital accepts. Plain Python.

"It is essential to state each examination and date of scan required. Stating 'All imaging' will
not be accepted" (the trust's import form). "All images of the CT head of 3 March" names one
examination, and is none of it.
"""

from __future__ import annotations

import re

_FILLERS = (
    r"(?:(?:the|of|his|her|their|its|any|available|previous|prior|past|earlier|old|older|other|recent|"
    r"relevant|existing|patient|patients|patient's|your|hospital|medical|radiology|radiological|"
    r"diagnostic|historic|historical)\s+){0,5}"
)
_THINGS = (
    r"(?:imaging|images?|image|scans?|stud(?:y|ies)|exams?|examinations?|x-?rays?|xrays|films?|"
    r"pictures?|radiology|radiographs?|dicom|pacs|history|records?)"
)
_MODALITIES = (
    r"(?:ct|cta|cat|mri?|mra|us|uss|ultrasound|x-?ray|xr|dx|cr|pet|nm|mammogram|mammograms|"
    r"mammography|angiogram|fluoroscopy|dexa|echo)"
)
_ALL = re.compile(
    rf"\b(?:all|any|every|entire|whole|complete|full)\s+{_FILLERS}(?:{_MODALITIES}\s+)?{_THINGS}\b"
)
_WHATEVER = re.compile(
    r"\b(?:everything|whatever you have|anything you have|all you have|the lot)\b"
)
_ALONE = re.compile(r"^\W*(?:all|any|everything|various|multiple|imaging|images|scans)\W*$")
_ONE = re.compile(rf"^\s*(?:of|for|from|in|with)\s+(?:\S+\s+){{0,3}}?{_MODALITIES}\b")


def asks_for_all(text: str) -> bool:
    """True for "all imaging", "any previous scans", "everything you have", "all CT studies"."""
    plain = " ".join(text.lower().replace("’", "'").split())
    if _ALONE.match(plain) or _WHATEVER.search(plain):
        return True
    return any(not _names_one(plain, found) for found in _ALL.finditer(plain))


def _names_one(plain: str, found: re.Match[str]) -> bool:
    """Whether the words around it say of which one examination: then it means its images."""
    before, after = plain[: found.start()], plain[found.end() :]
    said_before = re.search(rf"\b{_MODALITIES}\s+\w+", before)
    return bool(said_before and "," in before) or bool(_ONE.match(after))
