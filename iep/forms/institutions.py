"""What is typed about an institution and its machines, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from iep.models.directory import NodeKind
from iep.states.transactions import DestinationKind

KIND_WORDS = {
    DestinationKind.INSTITUTION: "Institution: an NHS or private hospital",
    DestinationKind.COMPANY: "Company or 3rd party",
    DestinationKind.INDIVIDUAL: "Individual or 3rd party",
}
_CODE = re.compile(r"[A-Z0-9-]{3,12}")
_AE_TITLE = re.compile(r"[\x20-\x5b\x5d-\x7e]{1,16}")  # PS3.5 6.2, AE: no backslash, no control
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,120}")
Errors = list[dict[str, str]]


def read_institution(data: Mapping[str, str]) -> tuple[dict[str, Any], list[str], Errors]:
    """Fields of Institution, its aliases, and what is wrong."""
    facts: dict[str, Any] = {
        "code": data.get("code", "").strip().upper(),
        "kind": data.get("kind", ""),
        "name": " ".join(data.get("name", "").split())[:120],
        "city": " ".join(data.get("city", "").split())[:60],
        "phone": data.get("phone", "").strip()[:60],
        "email": data.get("email", "").strip()[:120],
        "is_active": data.get("is_active", "yes") == "yes",
    }
    errors: Errors = []
    if not _CODE.fullmatch(facts["code"]):
        errors.append(_error("code", "Enter the ODS code: 3 to 12 letters and digits"))
    if facts["kind"] not in set(DestinationKind):
        errors.append(_error("kind", "Choose what it is"))
    if not facts["name"]:
        errors.append(_error("name", "Enter its name in full"))
    if not facts["city"] and facts["kind"] == DestinationKind.INSTITUTION:
        errors.append(_error("city", "Enter the city: people confirm it before images go there"))
    facts["usual_hours"] = _number(data, "usual_hours", 1, 2000, "Enter whole hours", errors)
    aliases = [each.strip() for each in data.get("aliases", "").splitlines() if each.strip()]
    return facts, aliases, errors


def read_node(data: Mapping[str, str]) -> tuple[dict[str, Any], Errors]:
    """Fields of Node, and what is wrong."""
    facts: dict[str, Any] = {
        "name": data.get("name", "").strip()[:40],
        "kind": data.get("kind", ""),
        "is_default": data.get("is_default") == "yes",
        "ae_title": data.get("ae_title", "").strip(),
        "our_ae_title": data.get("our_ae_title", "").strip(),
        "host": data.get("host", "").strip(),
        "may_call": data.get("may_call") == "yes",
        "calls_from": data.get("calls_from", "").split(),
        "fetches_by_move": data.get("fetches_by_move") == "yes",
        "commits": data.get("commits") == "yes",
        "base_url": data.get("base_url", "").strip(),
        "secret_name": data.get("secret_name", "").strip()[:40],
    }
    errors: Errors = []
    if not facts["name"]:
        errors.append(_error("name", "Enter the name of the machine"))
    if facts["kind"] not in set(NodeKind.values):
        errors.append(_error("kind", "Choose how it speaks"))
    facts["port"] = _number(data, "port", 1, 65535, "Enter a port from 1 to 65535", errors)
    if facts["kind"] == NodeKind.DIMSE:
        _check_dimse(facts, errors)
    elif not facts["base_url"].startswith("https://"):
        errors.append(_error("base_url", "Enter the address of their gateway, with https://"))
    return facts, errors


def _check_dimse(facts: dict[str, Any], errors: Errors) -> None:
    if not _AE_TITLE.fullmatch(facts["ae_title"]):
        errors.append(_error("ae_title", "Enter its AE title, up to 16 characters"))
    if facts["our_ae_title"] and not _AE_TITLE.fullmatch(facts["our_ae_title"]):
        errors.append(_error("our_ae_title", "An AE title has up to 16 characters"))
    if not _HOST.fullmatch(facts["host"]):
        errors.append(_error("host", "Enter its host name or address"))
    if not facts["port"] and not any(each["href"] == "#port" for each in errors):
        errors.append(_error("port", "Enter its port"))


def _number(
    data: Mapping[str, str], field: str, least: int, most: int, words: str, errors: Errors
) -> int | None:
    text = data.get(field, "").strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal() and least <= int(text) <= most:
        return int(text)
    errors.append(_error(field, words))
    return None


def _error(field: str, text: str) -> dict[str, str]:
    return {"text": text, "href": f"#{field}"}
