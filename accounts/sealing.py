"""A sealed pack: how it is encrypted, and how it is opened again without the service.

Plain Python and `cryptography`. AES-256-GCM (NIST SP 800-38D) in blocks, each bound to its place,
to the file's own heading and to whether it is the last, so that nothing can be changed, moved or
cut off unseen. The key comes from a passphrase by PBKDF2-HMAC-SHA256 (RFC 8018; 600,000 rounds,
OWASP 2023). A browser does the same by WebCrypto: ordercomms/standby/files/pack.js.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FORMAT = "ordercomms-pack-1"
ITERATIONS = 600_000
SALT_BYTES, KEY_BYTES, NONCE_BYTES = 16, 32, 8
BLOCK = 256 * 1024  # bytes of records before one block is sealed
WORDS = 6  # of a passphrase: 75 bits
_CONSONANTS, _VOWELS = "bdfghklmnprstvz", "aeiou"
_ABOUT = re.compile(rb'<script type="application/json" id="about">([^<]*)</script>')
_BLOCK = re.compile(rb'<script type="text/plain" class="block">([^<]*)</script>')


class CannotOpen(Exception):
    """Why a pack stays shut, as a sentence."""


WRONG = "That passphrase does not open this pack. Look at each word and try again."
DAMAGED = "This pack was changed or is not whole. Take another copy of it."
NO_PACK = "This file is not a downtime pack."


def new_passphrase() -> str:
    """Six words that can be said on the telephone: `bamo-kidu-lavi-nopu-rato-sevi`."""
    return "-".join(_word() for _ in range(WORDS))


def _word() -> str:
    return "".join(secrets.choice(each) for each in (_CONSONANTS, _VOWELS) * 2)


def tidy(passphrase: str) -> str:
    """As it is meant, however it was typed: small letters, a hyphen between the words."""
    return "-".join(re.findall(r"[a-z]+", passphrase.lower()))


def new_salt() -> bytes:
    return secrets.token_bytes(SALT_BYTES)


def key_from(passphrase: str, salt: bytes, iterations: int = ITERATIONS) -> bytes:
    """The 32 bytes that open what was sealed for this passphrase."""
    words = tidy(passphrase).encode()
    return hashlib.pbkdf2_hmac("sha256", words, salt, iterations, KEY_BYTES)


# --- Sealing -------------------------------------------------------------------------------------


def heading(*, salt: bytes, iterations: int, place: str, written: str) -> str:
    """What stands in clear in the file: how to open it, whose it is, when it was written."""
    about = {
        "format": FORMAT, "place": place, "written": written, "iterations": iterations,
        "salt": _text(salt), "nonce": _text(secrets.token_bytes(NONCE_BYTES)),
    }  # fmt: skip
    return json.dumps(about, separators=(",", ":")).replace("<", "\\u003c")  # it stands in HTML


def sealed(key: bytes, about: str, records: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The blocks of a pack, in base64, as they are to stand in the file. The first is empty: it
    tells a wrong passphrase from a damaged file. Memory is one block's."""
    gcm, number, kept = AESGCM(key), 0, b""
    for plain in _blocks(records):
        yield _seal(gcm, about, number, kept, is_last=False)
        number, kept = number + 1, plain
    yield _seal(gcm, about, number, kept, is_last=True)


def _blocks(records: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    """Records as lines of JSON, a block's worth at a time."""
    lines: list[bytes] = []
    size = 0
    for record in records:
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
        lines.append(line)
        size += len(line)
        if size >= BLOCK:
            yield b"\n".join(lines)
            lines, size = [], 0
    yield b"\n".join(lines)


def _seal(gcm: AESGCM, about: str, number: int, plain: bytes, *, is_last: bool) -> str:
    nonce, bound = _bound(about, number, is_last=is_last)
    return _text(gcm.encrypt(nonce, zlib.compress(plain), bound))


def _bound(about: str, number: int, *, is_last: bool) -> tuple[bytes, bytes]:
    """The block's nonce, and what it is bound to."""
    prefix = base64.b64decode(json.loads(about)["nonce"])
    place = f"|{number}|{'last' if is_last else 'more'}"
    return prefix + struct.pack(">I", number), (about + place).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


# --- Opening -------------------------------------------------------------------------------------


def opened(file: bytes, passphrase: str) -> list[dict[str, Any]]:
    """The records of a pack, in their order. Raises CannotOpen with the reason."""
    about, facts = _heading_of(file)
    blocks = [match.group(1) for match in _BLOCK.finditer(file)]
    salt = base64.b64decode(facts["salt"])
    gcm = AESGCM(key_from(passphrase, salt, facts["iterations"]))
    records: list[dict[str, Any]] = []
    for number, block in enumerate(blocks):
        plain = _open(gcm, about, number, block, is_last=number == len(blocks) - 1)
        records += [json.loads(line) for line in plain.split(b"\n") if line]
    if len(blocks) < 2:
        raise CannotOpen(DAMAGED)
    return records


def _heading_of(file: bytes) -> tuple[str, dict[str, Any]]:
    found = _ABOUT.search(file)
    try:
        about = found.group(1).decode() if found else ""
        facts = json.loads(about)
        base64.b64decode(facts["salt"], validate=True)
        if facts["format"] == FORMAT and 1 <= facts["iterations"] <= 10_000_000:
            return about, facts
    except (ValueError, KeyError, TypeError):
        pass
    raise CannotOpen(NO_PACK if found is None else DAMAGED)


def _open(gcm: AESGCM, about: str, number: int, block: bytes, *, is_last: bool) -> bytes:
    try:
        nonce, bound = _bound(about, number, is_last=is_last)
        return zlib.decompress(gcm.decrypt(nonce, base64.b64decode(block, validate=True), bound))
    except (ValueError, InvalidTag, zlib.error):
        raise CannotOpen(DAMAGED if number else WRONG) from None
