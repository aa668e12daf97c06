"""Launch links: what a GP system makes so that its user lands here, signed in, at the patient.

The link is a JSON Web Encryption token in compact form (RFC 7516) with direct encryption by
AES-256-GCM (RFC 7518 sections 4.5 and 5.3), which proves who made it and shows nothing to who
reads it: a browser's history, a proxy's log. One form only is read, so there is nothing to
downgrade to. `docs/launch.md` is written for the system's maker. This room verifies the link;
`ordercomms.views.launch` then finds the patient, who lives above this room.
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.utils import timezone

from .errors import LaunchRefused

LIVES_SECONDS = 60
CLOCK_TOLERANCE_SECONDS = 30  # how far ahead of ours the GP system's clock may be
LONGEST_TOKEN = 2000
GOES = ("request", "view")
NONCE_BYTES, TAG_BYTES = 12, 16  # RFC 7518 section 5.3


@dataclass(frozen=True)
class Launch:
    """What a good link says. Who it is about is never printed."""

    system: str
    nonce: UUID
    go: str
    username: str = field(repr=False)
    organisation_code: str = field(repr=False)
    nhs_number: str = field(repr=False)
    birth_date: date = field(repr=False)


@dataclass(frozen=True)
class Refusal:
    """The page for a link that does not open: what is wrong, and what to do about it."""

    heading: str
    what_to_do: str


_AGAIN = "Go back to your record system and open this service from the patient’s record again."
REFUSALS: dict[str, Refusal] = {
    "expired": Refusal(
        "This link has run out", f"A link works for one minute after it was made. {_AGAIN}"
    ),
    "replayed": Refusal("This link was used already", f"Each link opens once. {_AGAIN}"),
    "not-ours": Refusal(
        "We cannot read this link",
        "It was changed on the way, or the system that made it is not one we know. "
        f"{_AGAIN} If it happens again, ring the service desk.",
    ),
    "clock": Refusal(
        "The clocks do not agree",
        "The link comes from the future. Tell the service desk that the clock of your record "
        "system is ahead.",
    ),
    "unknown-user": Refusal(
        "We do not know you yet",
        "Your record system gave us a username that has no account here. Ask the person who looks "
        "after users at your practice to ask for one.",
    ),
    "wrong-organisation": Refusal(
        "You do not work there, as far as we know",
        "Your record system is set to an organisation where you have no role here. Check which "
        "one you are signed in to there, or ask its user manager to add you.",
    ),
    "bad-number": Refusal(
        "The NHS number is not correct",
        "Your record system sent a number that fails its check. Correct it in the patient’s "
        "record first.",
    ),
    "unknown-patient": Refusal(
        "We do not know this patient yet",
        "No hospital or practice has told us about them. If they registered today, try again "
        "later. If it cannot wait, ring the department.",
    ),
    "birth-date": Refusal(
        "The birth dates do not agree",
        "We know this NHS number with another date of birth, so this may be another person. "
        "Check the patient’s record. Nothing was opened.",
    ),
    "not-registered": Refusal(
        "This patient is not registered where you are working",
        "Our record shows another practice. If they have just moved to yours, ring the service "
        "desk.",
    ),
}


def make_token(
    launch: Launch, *, secret: str, now: datetime | None = None, lives: int = LIVES_SECONDS
) -> str:
    """The token for a link, as a GP system makes it."""
    issued = int((now or timezone.now()).timestamp())
    claims = {
        "jti": str(launch.nonce),
        "iat": issued,
        "exp": issued + lives,
        "user": launch.username,
        "org": launch.organisation_code,
        "nhs": launch.nhs_number,
        "dob": launch.birth_date.isoformat(),
        "go": launch.go,
    }
    header = _encoded(json.dumps(_header(launch.system), separators=(",", ":")).encode())
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(_key(secret)).encrypt(nonce, json.dumps(claims).encode(), header.encode())
    parts = (nonce, sealed[:-TAG_BYTES], sealed[-TAG_BYTES:])
    return ".".join([header, "", *(_encoded(part) for part in parts)])


def read_token(token: str, *, secrets: Mapping[str, str], now: datetime | None = None) -> Launch:
    """What the link says, if a known system made it within the minute. Raises LaunchRefused."""
    system, claims = _opened(token, secrets)
    try:
        issued, expires = int(claims["iat"]), int(claims["exp"])
        launch = Launch(
            system=system,
            nonce=UUID(claims["jti"]),
            go=str(claims.get("go", "request")),
            username=str(claims["user"]),
            organisation_code=str(claims["org"]),
            nhs_number=str(claims["nhs"]),
            birth_date=date.fromisoformat(claims["dob"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise LaunchRefused("not-ours") from None
    if launch.go not in GOES or not 0 < expires - issued <= LIVES_SECONDS:
        raise LaunchRefused("not-ours")
    _check_time(issued, expires, (now or timezone.now()).timestamp())
    return launch


def new_nonce() -> UUID:
    """A number that no other link has."""
    return uuid4()


def _check_time(issued: int, expires: int, now: float) -> None:
    if issued > now + CLOCK_TOLERANCE_SECONDS:
        raise LaunchRefused("clock")
    if now >= expires:
        raise LaunchRefused("expired")


def _opened(token: str, secrets: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The maker's name and the claims. The header has to be exactly ours, name apart."""
    try:
        header_text, no_key, nonce, sealed, tag = token[:LONGEST_TOKEN].split(".")
        header = json.loads(_decoded(header_text))
        system = header["kid"]
        if no_key or header != _header(system) or len(_decoded(tag)) != TAG_BYTES:
            raise LaunchRefused("not-ours")
        box = AESGCM(_key(secrets[system]))
        plain = box.decrypt(_decoded(nonce), _decoded(sealed) + _decoded(tag), header_text.encode())
        claims = json.loads(plain)
    except (ValueError, KeyError, TypeError, InvalidTag, binascii.Error):
        raise LaunchRefused("not-ours") from None
    if not isinstance(claims, dict):
        raise LaunchRefused("not-ours")
    return system, claims


def _header(system: str) -> dict[str, str]:
    return {"alg": "dir", "enc": "A256GCM", "kid": system}


def _key(secret: str) -> bytes:
    """32 bytes from the secret that both sides hold."""
    return hashlib.sha256(secret.encode()).digest()


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
