"""Which names of institutions are easily taken for one another (hazard H43). Plain Python.

"Nottingham City Hospital", "Nottingham Queens Medical Centre" and "Nottingham University Hospitals"
stand one below the other in the portal's list, and a destination cannot be changed later.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

NEAR = 2  # edits between two names that the eye takes for one
# Words that say nothing about which one it is.
_WORDS = (
    "the of and at for in st saint nhs trust foundation ft hospital hospitals infirmary "
    "clinic clinics centre center medical health healthcare care general university teaching "
    "district community private group royal ltd limited plc company department radiology "
    "imaging services service north south east west united city"
)
_GENERIC = frozenset(_WORDS.split())


def normalised(name: str) -> str:
    """Lower case, without accents, marks and double spaces: `st mary s hospital`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return " ".join(re.findall(r"[a-z0-9]+", plain.replace("&", " and ").replace("'", "")))


def telling_words(name: str) -> frozenset[str]:
    """The words that say which one it is: `{"nottingham", "queens"}`."""
    return frozenset(
        word for word in normalised(name).split() if word not in _GENERIC and len(word) > 2
    )


def are_alike(one: str, other: str) -> bool:
    """Whether a person in a hurry could take one name for the other. Symmetric."""
    first, second = normalised(one), normalised(other)
    if not first or not second:
        return False
    if first == second or telling_words(first) & telling_words(second):
        return True
    return min(len(first), len(second)) > 2 * NEAR and distance(first, second, NEAR) <= NEAR


def any_alike(names: Iterable[str], others: Iterable[str]) -> bool:
    """Whether any name of the one (aliases too) is like any name of the other."""
    others = list(others)
    return any(are_alike(name, other) for name in names for other in others)


def distance(one: str, other: str, most: int) -> int:
    """Edits from one to the other, a swap of neighbours being one; `most + 1` is "more"."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    two_up: list[int] = []
    above = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        row = [i]
        for j, right in enumerate(other, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (left != right)))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                row[j] = min(row[j], two_up[j - 2] + 1)
        two_up, above = above, row
    return min(above[-1], most + 1)
