"""A process that dies after its so manieth statement to the database, as by kill -9.

Installed by tests/messaging/process_settings.py where CRASH_AFTER_STATEMENT is set: so every gap
between two statements is a place to die at, without a word about it in the product.
"""

import os
import random
import sys
from collections.abc import Callable
from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created

# What a worker says before any work begins, and looks that find nothing, are not counted.
WRITING = ("INSERT", "UPDATE", "WITH", "SET LOCAL", "SELECT PG_ADVISORY", "SELECT PG_TRY")


class Dying(AppConfig):
    name = "tests.faults"
    label = "dying"
    said = 0

    def ready(self) -> None:
        connection_created.connect(self._watch, weak=False)

    def _watch(self, connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(self._count)

    def _count(self, execute: Callable[..., Any], words: Any, *rest: Any) -> Any:
        answer = execute(words, *rest)
        if str(words).lstrip().upper().startswith(WRITING):
            type(self).said += 1
            if type(self).said == int(os.environ["CRASH_AFTER_STATEMENT"]):
                sys.stderr.write(f"died after statement {self.said}\n")
                sys.stderr.flush()
                os._exit(137)
        return answer


class DieAfterAnswer:
    """Middleware: the process dies, by chance, when a deed is committed and not yet answered."""

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response
        self.share = float(os.environ["DIES_AFTER_COMMIT"])

    def __call__(self, request: Any) -> Any:
        response = self.get_response(request)
        if request.method == "POST" and random.random() < self.share:
            sys.stderr.write("died after the commit\n")
            sys.stderr.flush()
            os._exit(137)
        return response
