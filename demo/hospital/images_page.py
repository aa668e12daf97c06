"""The archives of images on the stand-in's page: what each holds, and how it behaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demo.pacs.telling import read_state, tell

from .actions import Refused

MODES = {
    "working": "Working",
    "slow": "Slow: half a second for each image",
    "away": "Away: refuses every association",
}
NEXT = {
    "refuse": "Refuse the next image that comes",
    "lose": "Take the next image, and lose it",
}


def values(folder: Path) -> dict[str, Any]:
    """For the page; `archive` is None while it is not running."""
    return {"archive": read_state(folder), "modes": MODES, "next": NEXT}


def steer(folder: Path, choice: str, form: dict[str, str]) -> str:
    """What a button does; what the page says of it. Raises Refused."""
    state, ae_title = read_state(folder), form.get("place", "")
    known = {one["ae_title"] for one in state["hospitals"]} if state else set()
    do, _, what = choice.partition(":")
    if state is None or ae_title not in known:
        raise Refused("The archive is not running.")
    if do == "mode" and what in MODES:
        tell(folder, ae_title=ae_title, do=do, what=what)
        return f"{ae_title}: {MODES[what]}."
    if do == "next" and what in NEXT:
        tell(folder, ae_title=ae_title, do=do, what=what)
        return f"{ae_title}: {NEXT[what].lower()}."
    if do == "send" and form.get("to", "") in state["peers"]:
        tell(folder, ae_title=ae_title, do=do, what=what, to=form["to"])
        return f"{ae_title} sends it to {form['to']}."
    raise Refused("The archive cannot do that.")
