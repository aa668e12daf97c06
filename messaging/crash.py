"""Named places where a test makes a process die, as kill -9 would. Inert in production."""

import os
import sys

from django.conf import settings


def point(name: str) -> None:
    """Die here when CRASH_AT names this place; only where DEBUG is on."""
    if settings.DEBUG and os.environ.get("CRASH_AT") == name:
        sys.stderr.write(f"crashed at {name}\n")
        sys.stderr.flush()
        os._exit(137)
