"""What the archive says and is told by files: for the hospital's page, which speaks no DICOM."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

STATE, TOLD = "state.json", "told"


def read_state(folder: Path) -> dict[str, Any] | None:
    """None while the archive is not running."""
    try:
        found: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found


def tell(folder: Path, **words: str) -> None:
    """Put an order where the archive finds it."""
    told = folder / TOLD
    told.mkdir(parents=True, exist_ok=True)
    aside = told / f"{uuid.uuid4()}.part"
    aside.write_text(json.dumps(words), encoding="utf-8")
    aside.rename(aside.with_suffix(".json"))
