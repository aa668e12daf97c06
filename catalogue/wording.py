"""How words are compared when a test is looked for. Plain Python.

The catalogue and what a person types pass through the same function, so that "X-ray", "x ray"
and "xray" meet, and nothing that a person types is a pattern to the database.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

_LONGEST = 80  # characters of a search that are read
_DROPPED = re.compile(r"['’`´]")
_NOT_A_WORD = re.compile(r"[\W_]+")
_JOINERS = re.compile(r"(?<=\w)[-&+./](?=\w)")
_X_RAY = re.compile(r"\bx ray")


def normalise(text: str) -> str:
    """Lower case, no accents, single spaces, letters and digits only."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    plain = _NOT_A_WORD.sub(" ", _DROPPED.sub("", plain)).strip()
    return _X_RAY.sub("xray", plain)


def spellings(term: str) -> list[str]:
    """The ways a term is typed: "D-dimer" is found as "d dimer" and as "ddimer"."""
    apart, joined = normalise(term), normalise(_JOINERS.sub("", term))
    return [apart] if apart == joined else [apart, joined]


def asked(text: str) -> str:
    """What a person typed, ready to compare; cut where it is too long to be a name."""
    return normalise(text[:_LONGEST])


def slip_counter(typed: Sequence[str]) -> Callable[[str], int | None]:
    """A function that says how many slips of a key lie between the typed words and a term.

    None: another word. Every typed word must begin some word of the term but for one slip, two
    in a long word. A slip is a letter left out, put in, wrong, or swapped with its neighbour.
    """
    fewest = cache(_slips_in)  # its own: what people type is not kept

    def count(term: str) -> int | None:
        words = term.split()
        found = [min((fewest(word, other) for other in words), default=99) for word in typed]
        if any(slips > _allowed(word) for slips, word in zip(found, typed, strict=True)):
            return None
        return sum(found)

    return count


def _allowed(word: str) -> int:
    """Short words are too like each other: "hip" and "hiv"."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2


def _slips_in(typed: str, word: str) -> int:
    """Optimal string alignment distance from `typed` to the nearest beginning of `word`."""
    before: list[int] = []
    above = list(range(len(word) + 1))
    for i, letter in enumerate(typed, 1):
        row = [i]
        for j, other in enumerate(word, 1):
            best = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == word[j - 2] and typed[i - 2] == other:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        before, above = above, row
    return min(above)
