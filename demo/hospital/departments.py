"""Which departments the hospital has, which codes they do, and how they behave by themselves.

The codes are what the two sides agreed when the interface was set up: a file in the hospital's
folder (`agreed.json`), as a RIS is loaded with an exam list. Without it a department does any
imaging code of NICIP's shape and any laboratory test of `analytes.txt`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .panels import panel_for

AGREED = "agreed.json"
AUTOMATIC_SECONDS = 4.0
NICIP_SHAPE = re.compile(r"[A-Z][A-Z0-9]{2,5}")

# Code → what it means, as University Hospital Southampton sends them; the last three are ours.
REASONS = {
    "CHRAD": "Cancelled by radiologist",
    "CHUN": "Unjustified examination",
    "CHNR": "No longer required",
    "CHPP": "Done at a private or other hospital",
    "CHIP": "Done as an inpatient",
    "CHLMP": "Last period outside the dates allowed",
    "CPMP": "Patient may be pregnant",
    "CP": "Cancelled by patient",
    "CPR": "Patient refused examination",
    "CHAE": "Abandoned examination",
    "ABB": "Abandoned examination, not rebooked",
    "DNA": "Did not attend",
    "LABREJ": "Sample could not be processed",
    "UNK": "Code not known to this department",
    "LATE": "Already done or being done",
}


@dataclass
class Department:
    """One receiver: MSH-5 and MSH-6, its name, and whether it accepts by itself."""

    application: str  # RIS or LIMS
    facility: str  # the trust's ODS code
    name: str
    codes: frozenset[str] | None = None
    accept_after: float | None = AUTOMATIC_SECONDS  # seconds; None: a person does it
    sites: tuple[tuple[str, str], ...] = ()  # ODS code and name
    synthetic: tuple[str, str] | None = None  # a code and an NHS number that mean "only testing"

    @property
    def key(self) -> str:
        return f"{self.application}/{self.facility}"

    @property
    def is_imaging(self) -> bool:
        return self.application == "RIS"

    def does(self, code: str, name: str) -> bool:
        """Whether this department does what the code stands for."""
        if self.codes is not None:
            return code in self.codes
        if self.is_imaging:
            return bool(NICIP_SHAPE.fullmatch(code))
        return panel_for(code, name) is not None


@dataclass
class Departments:
    """The departments by their key; an unknown key is nobody."""

    by_key: dict[str, Department] = field(default_factory=dict)
    practices: list[tuple[str, str]] = field(default_factory=list)  # code and name, for ADT

    def find(self, application: str, facility: str) -> Department | None:
        return self.by_key.get(f"{application}/{facility}")

    def __iter__(self) -> Any:
        return iter(self.by_key.values())


# The demo's trusts; `agreed.json` says more of them.
DEFAULT = {
    "departments": [
        {"application": application, "facility": trust, "name": f"{trust} {name}"}
        for trust in ("RZ1", "RZ2", "RZ3")
        for application, name in (("RIS", "radiology"), ("LIMS", "pathology"))
    ]
}


def departments_from(agreed: dict[str, Any]) -> Departments:
    """From `{"departments": [{application, facility, name, codes, sites}], "practices": [[code,
    name]]}`; `codes` null or absent: any of the right shape.
    """
    found = Departments(practices=[(code, name) for code, name in agreed.get("practices", [])])
    for row in agreed["departments"]:
        codes = row.get("codes")
        department = Department(
            row["application"],
            row["facility"],
            row["name"],
            codes=None if codes is None else frozenset(codes),
            sites=tuple((site[0], site[1]) for site in row.get("sites", [])),
            synthetic=tuple(row["synthetic"]) if row.get("synthetic") else None,
        )
        found.by_key[department.key] = department
    return found


def read_departments(folder: Path) -> Departments:
    """What was agreed, or the default."""
    agreed = folder / AGREED
    if agreed.exists():
        return departments_from(json.loads(agreed.read_text(encoding="utf-8")))
    return departments_from(DEFAULT)
