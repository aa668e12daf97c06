"""Programs of other people that some tests drive: found on the machine or plainly missing."""

import os
import shutil
import subprocess
from pathlib import Path

# Messages and code sets that others wrote, read in place and never copied here. Tests that need
# them skip where the folder is absent; `.ci/run` makes that a failure.
CORPORA = Path(__file__).resolve().parents[2] / "shared" / "corpora"
MESSAGES = CORPORA / "hl7v2"
ABSENT = "../shared/corpora is not there"

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
CHROMIUM_ON_A_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def chromium() -> str | None:
    """The browser: the variable CHROMIUM, one on the path, or the Mac's own place."""
    for name in (os.environ.get("CHROMIUM", ""), *CHROMIUM_NAMES, CHROMIUM_ON_A_MAC):
        if name and (path := shutil.which(name)):
            return path
    return None


def dcmtk() -> str | None:
    """The folder with DCMTK's programs."""
    path = shutil.which("storescp")
    return str(Path(path).parent) if path else None


def orthanc() -> str | None:
    """Debian installs it outside an ordinary user's path."""
    return shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin:/usr/local/sbin")


def compose() -> list[str] | None:
    """The words that call compose: a part of docker, or a program of its own."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(words[0]):
            asked = subprocess.run([*words, "version"], capture_output=True, check=False)
            if asked.returncode == 0:
                return words
    return None


PROGRAMS = {
    "needs_chromium": ("Chromium", chromium()),
    "needs_dcmtk": ("DCMTK", dcmtk()),
    "needs_orthanc": ("Orthanc", orthanc()),
    "needs_compose": ("Compose", " ".join(compose() or [])),
}


def report() -> list[str]:
    """One line per program, for the head of the run."""
    return [
        f"{name}: {place or f'not found; tests marked {marker} are skipped'}"
        for marker, (name, place) in PROGRAMS.items()
    ]
