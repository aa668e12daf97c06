"""Start the embedded servers in this process, tell what they are, and wait to be ended.

Run by tests/ground/test_embedded.py as `python -m tests.ground.start_and_wait FOLDER [nobody]`:
with `nobody` it leaves root first, after its imports, since the Python itself may be closed.
Prints one JSON line; a line on standard input stops the servers in order.
"""

import email.parser  # noqa: F401 - redis asks for it late, when it may be out of reach
import json
import os
import sys
from pathlib import Path

from demo.embedded import CannotStart, Postgres, Valkey, unprivileged


def leave_root() -> None:
    nobody = unprivileged()
    os.setgroups([])
    os.setgid(nobody["group"])
    os.setuid(nobody["user"])


def main(folder: Path) -> None:
    said: list[str] = []
    postgres = Postgres(folder, durable=False, say=said.append).start()
    valkey = Valkey(folder, say=said.append).start()
    pids = [server.child.process.pid for server in (postgres, valkey) if server.child.process]
    told = {"database": postgres.url(), "redis": valkey.url(), "pids": pids, "said": said}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()
    valkey.stop()
    postgres.stop()


if __name__ == "__main__":
    if "nobody" in sys.argv[2:]:
        leave_root()
    try:
        main(Path(sys.argv[1]))
    except CannotStart as refusal:
        sys.exit(str(refusal))
