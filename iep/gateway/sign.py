"""Who said it, and that it is what they said: Ed25519 over the request (RFC 9421, RFC 9530).

The list of what is signed is fixed, so there is nothing to agree on and nothing to leave out. The
key itself is shown with each request; what a person agreed on is its fingerprint, the SHA-256 of
its SubjectPublicKeyInfo.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)
from django.conf import settings

WINDOW = 300  # seconds that the two clocks may differ; a nonce is remembered for twice as long
EMPTY = hashlib.sha256(b"").digest()
_ALWAYS = ("@method", "@path", "content-digest", "gateway-key", "gateway-from", "gateway-to")
_INPUT = re.compile(
    r'^gw=\((?P<listed>[^)]{1,200})\);created=(?P<created>\d{1,12});nonce="(?P<nonce>[\w-]{16,64})"'
    r';keyid="(?P<keyid>[0-9a-f]{64})";alg="ed25519"$'
)


class Unproved(ValueError):
    """The request does not prove who sent it. `code` for machines; the words hold no secret."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence = code, sentence


class NoKey(ValueError):
    """There is no key of ours of that name; the words say where it should be."""


# --- Keys ----------------------------------------------------------------------------------------


def key_path(name: str) -> Path:
    """Where our key of that name lies, whether it is there or not. Raises NoKey."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        raise NoKey("A key has a name of letters, digits and hyphens.")
    return Path(settings.GATEWAY_DIR) / f"{name}.key"


def our_key(name: str) -> Ed25519PrivateKey:
    """Read anew each time, so that a key that was changed is the new one. Raises NoKey."""
    path = key_path(name)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        raise NoKey(f"There is no key {name} here ({path.name} in GATEWAY_DIR).") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise NoKey(f"The key {name} is not an Ed25519 key.")
    return key


def make_key(name: str) -> Ed25519PrivateKey:
    """A new key in a file that only our account reads. Raises FileExistsError, NoKey."""
    path = key_path(name)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    return key


def shown(key: Ed25519PrivateKey) -> bytes:
    """The public half, as SubjectPublicKeyInfo (DER): what the other side is shown."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(public_key: bytes) -> str:
    """64 hexadecimal digits: what two persons read to each other by telephone."""
    return hashlib.sha256(public_key).hexdigest()


def components(method: str) -> tuple[str, ...]:
    """What is signed, in this order. A body's type is; where there is no body there is no type."""
    return (*_ALWAYS, "content-type") if method in ("PUT", "POST") else _ALWAYS


def _listed(method: str) -> str:
    return " ".join(f'"{name}"' for name in components(method))


# --- Signing -------------------------------------------------------------------------------------


def signed_headers(
    key: Ed25519PrivateKey,
    *,
    method: str,
    path: str,
    content_type: str,
    digest: bytes,
    parties: tuple[str, str],
    created: int,
) -> dict[str, str]:
    """What proves the request. `parties`: codes of who says it and to whom; `digest`: SHA-256 of
    the body; `created`: seconds since 1970 UTC. Each call is a new nonce."""
    public = shown(key)
    headers = {"Content-Type": content_type} if "content-type" in components(method) else {}
    headers |= {
        "Content-Digest": f"sha-256=:{_b64(digest)}:",
        "Gateway-Key": f":{_b64(public)}:",
        "Gateway-From": parties[0],
        "Gateway-To": parties[1],
    }
    nonce = secrets.token_urlsafe(18)
    params = f'({_listed(method)});created={created};nonce="{nonce}"'
    params += f';keyid="{fingerprint(public)}";alg="ed25519"'
    signature = key.sign(_base(method, path, headers, params))
    return headers | {"Signature-Input": f"gw={params}", "Signature": f"gw=:{_b64(signature)}:"}


def _base(method: str, path: str, headers: Mapping[str, str], params: str) -> bytes:
    """RFC 9421, 2.5."""
    values = {"@method": method, "@path": path}
    values |= {name.lower(): value.strip() for name, value in headers.items()}
    lines = [f'"{name}": {values[name]}' for name in components(method)]
    return "\n".join([*lines, f'"@signature-params": {params}']).encode()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


# --- Proving -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Proof:
    """A signature that holds: by which key, once, and over which body."""

    key_sha256: str
    nonce: str
    from_code: str
    to_code: str
    digest: bytes  # SHA-256 that the body must have


def prove(headers: Mapping[str, str], *, method: str, path: str, now: float) -> Proof:
    """Check everything that can be known before the body is read. Raises Unproved.

    Whether the key is one that was agreed on, and whether the nonce is new, the caller asks.
    """
    given = {name: headers.get(name, "") for name in ("Content-Type", "Content-Digest")}
    given |= {name: headers.get(name, "") for name in ("Gateway-Key", "Gateway-From", "Gateway-To")}
    found = _INPUT.match(headers.get("Signature-Input", ""))
    if found is None or found["listed"] != _listed(method):
        raise Unproved("not_signed", "The request is not signed as docs/iep/gateway.md says.")
    public = _bytes_of(given["Gateway-Key"])
    if fingerprint(public) != found["keyid"]:
        raise Unproved("bad_signature", "The key that is shown is not the key that is named.")
    base = _base(method, path, given, headers["Signature-Input"].removeprefix("gw="))
    _check(public, _bytes_of(headers.get("Signature", "").removeprefix("gw=")), base)
    _check_time(int(found["created"]), now)
    digest = _bytes_of(given["Content-Digest"].removeprefix("sha-256="))
    return Proof(found["keyid"], found["nonce"], given["Gateway-From"], given["Gateway-To"], digest)


def _check(public: bytes, signature: bytes, base: bytes) -> None:
    if not _fits(public, signature, base):
        raise Unproved("bad_signature", "The signature does not fit the request.")


def _fits(public: bytes, signature: bytes, base: bytes) -> bool:
    try:
        key = load_der_public_key(public)
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, base)
            return True
    except (ValueError, InvalidSignature, UnsupportedAlgorithm):
        pass
    return False


def _check_time(created: int, now: float) -> None:
    if abs(now - created) > WINDOW:
        words = f"The request was signed {round(abs(now - created))} seconds away from our time."
        raise Unproved("clock", f"{words} Set the clocks of both machines.")


def _bytes_of(value: str) -> bytes:
    """Of a structured field `:base64:` (RFC 8941, 3.3.5)."""
    inside = value[1:-1] if len(value) > 2 and value[0] == value[-1] == ":" else "?"
    try:
        return base64.b64decode(inside, validate=True)
    except (ValueError, binascii.Error):
        raise Unproved("not_signed", "A header of the signature cannot be read.") from None
