"""What the fields of a segment are called, for people who read a message piece by piece.

From hl7apy, which knows every version's structure. Imported when first asked: it is large, and no
message waits for it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class FieldName:
    """A field's name, and its components' in order (empty where it has none)."""

    name: str
    components: tuple[str, ...] = ()


@lru_cache(maxsize=512)
def names_of(version: str, segment: str) -> dict[int, FieldName]:
    """Field number to name. Empty for a segment that the version does not have (a Z segment).

    A version that hl7apy does not know is read as 2.5.1, of which the earlier ones are parts.
    """
    from hl7apy.exceptions import ChildNotFound

    try:
        fields = _library(version).get(segment, "Segment")[1]
    except ChildNotFound:
        return {}
    return {_number(name): _field(reference, segment) for name, reference, *_ in fields}


@lru_cache(maxsize=512)
def components_of(version: str, data_type: str) -> tuple[str, ...]:
    """The names of a data type's components: what OBX-5 holds is said by OBX-2 (table 0125)."""
    from hl7apy.exceptions import ChildNotFound

    try:
        parts = _library(version).get(data_type, "Datatypes_Structs")
    except ChildNotFound:
        return ()
    return tuple(_words(part[3], part[2]) for _, part, *_ in parts)


def _library(version: str) -> Any:
    import hl7apy
    from hl7apy.exceptions import UnsupportedVersion

    try:
        return hl7apy.load_library(version)
    except UnsupportedVersion:
        return hl7apy.load_library("2.5.1")


def _number(name: str) -> int:
    """`PID_3` is 3."""
    return int(name.rsplit("_", 1)[1])


def _field(reference: Any, segment: str) -> FieldName:
    """hl7apy's reference is (kind, parts, data type, long name, table, length)."""
    parts = reference[1] or ()
    return FieldName(
        _words(reference[3], segment),
        tuple(_words(part[3], part[2]) for _, part, *_ in parts),
    )


def _words(long_name: str | None, suffix: str) -> str:
    """`SET_ID_PID` in PID is "Set ID"; so is a component's name without its data type."""
    words = (long_name or "").split("_")
    if len(words) > 1 and words[-1] == suffix:
        words = words[:-1]
    text = " ".join("ID" if word == "ID" else word.lower() for word in words)
    return text[:1].upper() + text[1:]
