"""The child: `python -m iep.sandbox <descriptor of its end of the socket>`.

It is handed one open file after another (SCM_RIGHTS) and answers each with a line of JSON: `facts`
or `refused` and `words`. It ends by itself when it has used half of its time: the next file gets a
fresh one.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import socket
import sys
from typing import BinaryIO

from iep.dicom import dataset

from .limits import PROCESSOR, take_away

MOST_FILES = 5000  # of one child


def main(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as line:
        _warm_up()
        _answer(line, {"ready": take_away()})
        for _ in range(MOST_FILES):
            handed = _next(line)
            if handed is None:
                return
            with os.fdopen(handed, "rb", buffering=64 * 1024) as file:
                answer = _read(file)
            if _is_tired():
                answer["last"] = True
            _answer(line, answer)
            if "last" in answer:
                return


def _warm_up() -> None:
    """What Python loads when it is first used is loaded while files can still be opened."""
    dataset.warm_up()
    gc.freeze()


def _next(line: socket.socket) -> int | None:
    word, handed, _, _ = socket.recv_fds(line, 1, 1)
    return handed[0] if word and handed else None


def _read(file: BinaryIO) -> dict[str, object]:
    try:
        size = os.fstat(file.fileno()).st_size
        return {"facts": dataset.read(file, size).facts()}
    except dataset.Refused as refused:
        return {"refused": refused.code, "words": refused.words}
    except MemoryError:
        return {"refused": "memory", "words": "Looking into the file needs too much memory."}
    except Exception:  # noqa: BLE001 - whatever it was, it is the file's doing; it is refused, and not told
        return {"refused": "unreadable", "words": "The head of the file cannot be read."}


def _is_tired() -> bool:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime > PROCESSOR / 2


def _answer(line: socket.socket, answer: dict[str, object]) -> None:
    line.sendall(json.dumps(answer, ensure_ascii=True).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
