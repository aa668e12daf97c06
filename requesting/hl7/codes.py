"""Our codes and theirs: closed tables without a default. What is not here is not sent (H11)."""

from collections.abc import Mapping
from typing import Final

from requesting.errors import NoCodeFor

# HL7 v2.4 TQ-6 (§4.3.6). 2WW is "timing critical" and says so in TQ-8 too.
PRIORITIES: Final = {"routine": "R", "urgent": "A", "2ww": "T"}
PRIORITY_WORDS: Final = {"2ww": "2WW"}

# HL7 table 0396; NICIP has no entry of its own and goes under its name.
CODE_SYSTEMS: Final = {"NICIP": "NICIP", "SNOMED": "SCT", "LOCAL": "L"}

# UK table 0074 by modality; "" is the laboratory.
_SECTIONS: Final = {
    "": "LAB", "XR": "RAD", "DX": "RAD", "MG": "RAD", "RF": "RAD", "CT": "CT", "US": "OUS",
    "MR": "MRI", "NM": "NMS",
}  # fmt: skip


def priority_code(priority: str) -> str:
    """ORC-7.6. Raises NoCodeFor."""
    return _closed("priority", PRIORITIES, priority)


def priority_of(code: str, priorities: Mapping[str, str] = PRIORITIES) -> str:
    """Our priority of a code on the wire. Raises NoCodeFor."""
    return _closed("priority code", {theirs: ours for ours, theirs in priorities.items()}, code)


def system_on_the_wire(system: str) -> str:
    """OBR-4.3. Raises NoCodeFor."""
    return _closed("code system", CODE_SYSTEMS, system)


def system_of(theirs: str) -> str:
    """Our name of a code system on the wire. Raises NoCodeFor."""
    return _closed("code system", {wire: ours for ours, wire in CODE_SYSTEMS.items()}, theirs)


def sections(modality: str) -> str:
    """OBR-24. Raises NoCodeFor."""
    return _closed("modality", _SECTIONS, modality)


def _closed(what: str, table: dict[str, str], value: str) -> str:
    if value not in table:
        raise NoCodeFor(what, value)
    return table[value]
