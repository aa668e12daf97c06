"""How the hospital's page sees the archive and tells it what to do: files in its folder.

The archive writes `state.json` whenever something changes; an order is a file in `told/`, taken
away when it is done. No port of its own, and nothing is lost when either of the two is away.
"""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

from .archive import MODES, ONCE, Archive
from .shelf import Image
from .telling import STATE, TOLD

LOG = logging.getLogger("pacs")
EVERY = 0.2  # seconds
SHOWN = 12  # studies a hospital


class Control:
    """Writes the state and does what it is told, in a thread of its own."""

    def __init__(self, archive: Archive, folder: Path) -> None:
        self.archive, self.folder = archive, folder
        self._dirty, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="pacs-control", daemon=True)
        archive.changed = self._dirty.set

    def start(self) -> None:
        (self.folder / TOLD).mkdir(parents=True, exist_ok=True)
        self.write()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5)
        (self.folder / STATE).unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stop.wait(EVERY):
            for path in sorted((self.folder / TOLD).glob("*.json")):
                self._do(path)
            if self._dirty.is_set() or self._counts() != self._written:
                self._dirty.clear()
                self.write()

    def _do(self, path: Path) -> None:
        try:
            order(self.archive, json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, KeyError) as problem:
            LOG.warning("an order was not understood: %s", type(problem).__name__)
        path.unlink(missing_ok=True)
        self._dirty.set()

    def _counts(self) -> list[int]:
        return [len(place.shelf.images) for place in self.archive.places.values()]

    def write(self) -> None:
        self._written = self._counts()
        aside = self.folder / f"{STATE}.part"
        aside.write_text(json.dumps(state(self.archive), ensure_ascii=False), encoding="utf-8")
        aside.replace(self.folder / STATE)


def order(archive: Archive, words: dict[str, str]) -> None:
    """One order. Raises KeyError, ValueError for what nobody can do."""
    ae_title, do, what = words["ae_title"], words["do"], words.get("what", "")
    archive.places[ae_title]  # raises for a hospital that is not ours
    if do == "mode" and what in MODES:
        archive.behave(ae_title, what)
    elif do == "next" and what in ONCE:
        archive.next_image(ae_title, what)
    elif do == "send" and archive.places[ae_title].shelf.of_study(what):
        archive.send(ae_title, what, to=words["to"])
    else:
        raise ValueError(do)


def state(archive: Archive) -> dict[str, Any]:
    """For the page: each hospital, its newest studies, what happened."""
    return {
        "port": archive.port,
        "peers": sorted(set(archive.peers) - set(archive.places)),
        "hospitals": [
            {
                "ae_title": place.ae_title, "name": place.name, "mode": place.mode,
                "next": place.next_image, "said": place.said[:5],
                "images": len(place.shelf.images),
                "studies": [
                    _study(images) for images in list(place.shelf.studies().values())[:SHOWN]
                ],
            }
            for place in archive.places.values()
        ],
    }  # fmt: skip


def _study(images: list[Image]) -> dict[str, Any]:
    facts = images[0].facts
    return {
        "uid": facts["StudyInstanceUID"],
        "what": facts["StudyDescription"] or facts["Modality"],
        "on": facts["StudyDate"],
        "accession": facts["AccessionNumber"],
        "patient_id": facts["PatientID"],
        "images": len(images),
    }
