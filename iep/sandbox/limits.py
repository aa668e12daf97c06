"""What the child gives up before it looks at anything. Linux; elsewhere the limits of POSIX."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import struct

MEMORY = 512 * 1024 * 1024  # bytes
PROCESSOR = 10  # seconds
NOBODY = 65534
_NEW_NETWORK, _NEW_USER = 0x40000000, 0x10000000
_DIE_WITH_PARENT, _NOT_DUMPABLE, _NO_NEW_PRIVILEGES, _SECCOMP = 1, 4, 38, 22
# Filters of seccomp (linux/seccomp.h, linux/bpf_common.h): what a reader of files has no need of.
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_FORBIDDEN = {  # open, socket, connect, clone, fork, execve, ptrace, unlink, kill and the like
    "x86_64": (2, 85, 257, 437, 41, 42, 43, 49, 53, 288, 56, 57, 58, 435, 59, 322, 101, 62, 200,
               234, 82, 83, 84, 86, 87, 88, 258, 259, 260, 263, 264, 265, 266, 316, 90, 268, 92,
               165, 166, 155, 425, 321, 310, 311, 298, 248, 249, 250),
    "aarch64": (56, 437, 198, 203, 202, 200, 199, 242, 220, 435, 221, 281, 117, 129, 130, 131, 33,
                34, 35, 36, 37, 38, 276, 53, 54, 40, 39, 41, 425, 280, 270, 271, 241, 217, 218,
                219),
}  # fmt: skip


def take_away() -> dict[str, bool]:
    """Give up what can be given up here. What was, by name; the limits of POSIX always are."""
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    library.prctl(_NOT_DUMPABLE, 0, 0, 0, 0)
    network = _leave_network(library)
    user = _become_nobody()
    set_limits()
    library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return {"network": network, "user": user, "calls": _forbid_calls(library)}


def set_limits() -> None:
    """Memory, processor time, no core, no byte written anywhere. Cannot be raised again."""
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_CPU, PROCESSOR),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(what, (most, most))


def _leave_network(library: ctypes.CDLL) -> bool:
    """Into a network namespace with nothing in it; a user's own where root is not ours."""
    alone = library.unshare(_NEW_NETWORK) == 0
    return alone or library.unshare(_NEW_USER | _NEW_NETWORK) == 0


def _become_nobody() -> bool:
    if os.geteuid() != 0:
        return False
    with contextlib.suppress(OSError):
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        return True
    return False


def _forbid_calls(library: ctypes.CDLL) -> bool:
    """A classic BPF program: of our architecture, and none of the forbidden calls, else EPERM."""
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        return False
    calls = _FORBIDDEN[machine]
    lines = [
        (0x20, 0, 0, 4),  # load the architecture
        (0x15, 1, 0, _ARCHITECTURES[machine]),
        (0x06, 0, 0, 0x00000000),  # another one: kill the thread
        (0x20, 0, 0, 0),  # load the number of the call
        *((0x15, len(calls) - place, 0, call) for place, call in enumerate(calls)),
        (0x06, 0, 0, 0x7FFF0000),  # allow
        (0x06, 0, 0, 0x00050001),  # EPERM
    ]
    filters = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(lines), ctypes.addressof(filters))
    )
    return bool(library.prctl(_SECCOMP, 2, ctypes.byref(program), 0, 0) == 0)
