"""Files that stand by themselves: one HTML file with its style and its script, and a policy that
lets it run nothing else and ask nobody anything."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from nhsuk.formats import FILTERS

FILES = Path(__file__).parent / "files"


@cache
def _environment() -> Environment:
    env = Environment(
        loader=FileSystemLoader(FILES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    env.filters.update(FILTERS)
    return env


def rendered(name: str, **context: Any) -> str:
    """A file of `files/` with what it is about."""
    return _environment().get_template(name).render(**context)


@cache
def inline(name: str) -> tuple[Markup, str]:
    """A style or a script of ours as it stands in the file, and its source for the policy: one
    changed byte of it and the browser does not run it."""
    text = f"\n{(FILES / name).read_text()}"
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(text), f"'sha256-{digest}'"  # noqa: S704 - our own file, not what people typed
