"""The child that renders and coerces: `python -m iep.sandbox.errand <descriptor of its socket>`.

It is handed an open file with a line of JSON that says what to do, and answers with a line of JSON
(`size`, and what was found; or `refused`, in words) and, told to go on, with so many bytes. It
gives up the same things as the reader of heads (limits.py), and keeps nothing between two errands.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import socket
import sys
from typing import Any, BinaryIO

from iep.dicom import coercing, rendering

from .limits import PROCESSOR, take_away

MOST_REQUEST = 16 * 1024  # bytes
MOST_ERRANDS = 2_000  # of one child
GO_ON = b"g"
TOO_MUCH = "It needs too much memory."


def main(descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as line:
        rendering.warm_up()
        gc.freeze()
        _answer(line, {"ready": take_away()})
        for _ in range(MOST_ERRANDS):
            request, handed = _next(line)
            if handed is None:
                return
            with os.fdopen(handed, "rb", buffering=64 * 1024) as file:
                answer, data = _do(request, file)
            answer["last"] = _is_tired()
            _answer(line, answer)
            if data and line.recv(1) == GO_ON:
                line.sendall(data)
            if answer["last"]:
                return


def _next(line: socket.socket) -> tuple[dict[str, Any], int | None]:
    word, handed, _, _ = socket.recv_fds(line, MOST_REQUEST, 1)
    if not (word and handed):
        return {}, None
    return json.loads(word), handed[0]


def _do(request: dict[str, Any], file: BinaryIO) -> tuple[dict[str, Any], bytes]:
    try:
        if request.pop("do") == "render":
            return _render(request, file)
        return _coerce(request, file)
    except (rendering.NotShown, coercing.NotCoercible) as refusal:
        return {"refused": refusal.sentence}, b""
    except MemoryError:
        return {"refused": TOO_MUCH}, b""
    except Exception:  # noqa: BLE001 - whatever it was, it is the file's doing, and not told
        return {"refused": "It cannot be read."}, b""


def _render(request: dict[str, Any], file: BinaryIO) -> tuple[dict[str, Any], bytes]:
    picture = rendering.render(file, **request)
    found = {
        "width": picture.width, "height": picture.height, "window": picture.window,
        "is_table": picture.is_table, "overlays": picture.overlays, "left_out": picture.left_out,
        "study_date": picture.study_date,
    }  # fmt: skip
    return {"size": len(picture.png), "found": found}, picture.png


def _coerce(request: dict[str, Any], file: BinaryIO) -> tuple[dict[str, Any], bytes]:
    made = coercing.coerced(file, coercing.Identity(**request))
    found = {"rest_at": made.rest_at, "changed": made.changed}
    return {"size": len(made.data), "found": found}, made.data


def _is_tired() -> bool:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime > PROCESSOR / 2


def _answer(line: socket.socket, answer: dict[str, Any]) -> None:
    line.sendall(json.dumps(answer, ensure_ascii=True).encode() + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
