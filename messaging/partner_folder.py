"""A partner as a folder: what was agreed, its codes, and sample messages with what becomes of them.

`partner.toml`, `codes/<kind>.csv`, `samples/samples.toml` with the messages it names in
`samples/in/` and `samples/out/`. docs/runbooks/add-a-partner.md says how to write one.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.utils import timezone

from .agreement import (
    FEED_FIELDS,
    PARTNER_FIELDS,
    Agreement,
    BadAgreement,
    Value,
    codes_text,
    read_codes,
)

BECOMES = {"in": ("accepted", "refused", "parked"), "out": ("sendable", "refused")}
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,39}\Z")
_FILES = {"trust_anchors", "client_certificates"}  # named by a file beside partner.toml
_DAYS = "cleartext_days"  # in place of cleartext_until: so many days from when it is loaded


@dataclass(frozen=True)
class Sample:
    """A message, which way it goes, and what is to become of it."""

    name: str
    direction: str  # "in" or "out"
    raw: bytes
    becomes: str
    reason: str = ""
    handler: str = ""


@dataclass(frozen=True)
class Folder:
    slug: str
    wanted: Agreement  # what the folder says; the rest is as by default
    samples: tuple[Sample, ...]


def read_folder(path: Path) -> Folder:
    """Read a folder. Raises BadAgreement with everything that is wrong with its files."""
    said = _toml(path / "partner.toml")
    slug = str(said.pop("slug", path.name))
    problems: list[tuple[str, str]] = []
    if not _SLUG.match(slug):
        problems.append(("slug", f"{slug!r} is no short name: small letters, digits, hyphens."))
    feeds = said.pop("feeds", {})
    wanted = _section(path, said, PARTNER_FIELDS, "", problems)
    for name, fields in feeds.items() if isinstance(feeds, dict) else ():
        if not _SLUG.match(name) or not isinstance(fields, dict):
            problems.append((f"feed {name}", f"[feeds.{name}] is no feed with a short name."))
            continue
        wanted |= _section(path, fields, FEED_FIELDS, f"feed {name}.", problems)
    wanted |= _maps(path, problems)
    samples = _samples(path, problems)
    if problems:
        raise BadAgreement(problems)
    return Folder(slug, wanted, samples)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        words = f"There is no {path.name} in {path.parent.name}."
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        words = f"{path.name} cannot be read: {failure}."
    raise BadAgreement([(path.name, words)])


def _section(
    folder: Path,
    said: dict[str, Any],
    known: dict[str, tuple[str, str]],
    prefix: str,
    problems: list[tuple[str, str]],
) -> Agreement:
    """The words of one section as an agreement has them."""
    found: Agreement = {}
    for word, value in said.items():
        if word == _DAYS and isinstance(value, int):
            found[f"{prefix}cleartext_until"] = _value(timezone.now() + timedelta(days=value))
        elif word not in known:
            problems.append((prefix + word, f"{prefix}{word}: there is no such word."))
        elif word in _FILES:
            found[prefix + word] = _text(folder, str(value), problems)
        else:
            found[prefix + word] = _value(value)
    return found


def _value(value: Any) -> Value:
    if isinstance(value, list):
        return " ".join(str(each) for each in value)
    if isinstance(value, datetime):
        at = value if value.tzinfo else timezone.make_aware(value)
        return at.astimezone(UTC).isoformat(timespec="seconds")
    if isinstance(value, date):
        return _value(datetime(value.year, value.month, value.day))
    return value if isinstance(value, (str, int)) else str(value)


def _text(folder: Path, name: str, problems: list[tuple[str, str]]) -> str:
    try:
        return _inside(folder, name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        problems.append((name, f"The file {name} cannot be read in its folder."))
        return ""


def _inside(folder: Path, name: str) -> Path:
    """The file of that name in the folder: a partner's folder, which may be a stranger's work,
    names no file outside it. Raises OSError."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise FileNotFoundError
    return path


def _maps(folder: Path, problems: list[tuple[str, str]]) -> Agreement:
    found: Agreement = {}
    for path in sorted(folder.glob("codes/*.csv")):
        try:
            rows = read_codes(path.stem, _text(folder, f"codes/{path.name}", problems))
        except BadAgreement as refusal:
            problems += refusal.problems
        else:
            found[f"codes {path.stem}"] = codes_text(rows)
    return found


# --- Samples -------------------------------------------------------------------------------------


def _samples(folder: Path, problems: list[tuple[str, str]]) -> tuple[Sample, ...]:
    """Those that samples.toml names; a file that it does not name is a mistake too."""
    place = folder / "samples"
    try:
        said = _toml(place / "samples.toml")
    except BadAgreement as refusal:
        problems += refusal.problems
        return ()
    found = [
        _sample(place, direction, name, what, problems)
        for direction in BECOMES
        for name, what in said.get(direction, {}).items()
    ]
    named = {f"{sample.direction}/{sample.name}" for sample in found}
    for path in sorted(place.glob("*/*.hl7")):
        name = f"{path.parent.name}/{path.name}"
        if name not in named:
            problems.append((name, f"samples.toml does not say what becomes of {name}."))
    if not {"in", "out"} <= {sample.direction for sample in found}:
        problems.append(("samples", "There is at least one sample in, and one out."))
    return tuple(found)


def _sample(
    place: Path, direction: str, name: str, what: Any, problems: list[tuple[str, str]]
) -> Sample:
    what = what if isinstance(what, dict) else {}
    becomes = str(what.get("becomes", ""))
    if becomes not in BECOMES[direction]:
        choices = ", ".join(BECOMES[direction])
        problems.append((name, f"{direction}/{name} becomes one of {choices}."))
    try:
        raw = _inside(place / direction, name).read_bytes()
    except OSError:
        problems.append((name, f"There is no sample {direction}/{name}."))
        raw = b""
    raw = raw.replace(b"\r\n", b"\r").replace(b"\n", b"\r")
    return Sample(
        name, direction, raw, becomes, str(what.get("reason", "")), str(what.get("handler", ""))
    )
