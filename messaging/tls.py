"""TLS on the wire: our side of a line, their certificates, and until when each is good.

TLS 1.2 and later, with a certificate from both sides. Whom we believe is written in each partner's
row; our own keys are files in settings.TLS_DIR, `<name>.crt` (with its chain) and `<name>.key`.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings


class BadCertificate(ValueError):
    """What was given is no certificate, or no key of ours; the text is for a person."""


def certificates(pem: str) -> list[x509.Certificate]:
    """Every certificate in the text. Raises BadCertificate."""
    if not pem.strip():
        return []
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        raise BadCertificate("This is not a certificate in PEM form.") from None


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, as 64 hexadecimal digits."""
    return x509.load_der_x509_certificate(der).fingerprint(SHA256()).hex()


def subject(certificate: x509.Certificate) -> str:
    """As RFC 4514 writes it: `CN=lims.example.nhs.uk,O=Somewhere`."""
    return certificate.subject.rfc4514_string()


@dataclass(frozen=True)
class Proof:
    """How a feed proves who it is: one of these certificates, or a name that is vouched for."""

    fingerprints: frozenset[bytes]
    subject: str
    anchors: tuple[x509.Certificate, ...]

    def accepts(self, der: bytes) -> bool:
        """Whether this certificate is the feed's. Its chain and its days TLS has looked at."""
        certificate = x509.load_der_x509_certificate(der)
        if certificate.fingerprint(SHA256()) in self.fingerprints:
            return True
        return bool(
            self.subject
            and subject(certificate) == self.subject
            and any(_vouches(anchor, certificate) for anchor in self.anchors)
        )


@lru_cache(maxsize=500)
def proof(client_certificates: str, client_subject: str, trust_anchors: str) -> Proof:
    """The proof that a feed's row asks for. Raises BadCertificate."""
    pinned = frozenset(each.fingerprint(SHA256()) for each in certificates(client_certificates))
    return Proof(pinned, client_subject, tuple(certificates(trust_anchors)))


def _vouches(anchor: x509.Certificate, certificate: x509.Certificate) -> bool:
    """The partner's own authority signed it: another partner's may have the same name."""
    try:
        certificate.verify_directly_issued_by(anchor)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


# --- Contexts ------------------------------------------------------------------------------------


def calling(*, trust_anchors: str, key_name: str) -> ssl.SSLContext:
    """For a line that we open: their certificate and name are checked, ours is shown.

    Raises BadCertificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks the name, and wants a certificate
    return _furnished(context, trust_anchors, key_name)


def listening(
    *, trust_anchors: str, key_name: str, refused: Callable[[str], None] = lambda why: None
) -> ssl.SSLContext:
    """For lines that others open to us: nobody without a certificate gets in.

    `refused` hears of each handshake that fails, in OpenSSL's words: asyncio tells nobody.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.sslobject_class = _telling(refused)
    return _furnished(context, trust_anchors, key_name)


def _telling(refused: Callable[[str], None]) -> type[ssl.SSLObject]:
    class Handshake(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise  # it goes on
            except ssl.SSLCertVerificationError as failure:
                refused(failure.verify_message)
                raise
            except ssl.SSLError as failure:
                refused(failure.reason or "no reason given")
                raise

    return Handshake


def _furnished(context: ssl.SSLContext, trust_anchors: str, key_name: str) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    certificates(trust_anchors)
    if trust_anchors.strip():
        context.load_verify_locations(cadata=trust_anchors)
    crt, key = key_pair(key_name)
    try:
        context.load_cert_chain(crt, key)
    except (OSError, ssl.SSLError):
        words = f"There is no key pair {key_name} here ({crt.name} and {key.name} in TLS_DIR)."
        raise BadCertificate(words) from None
    return context


def key_pair(name: str) -> tuple[Path, Path]:
    """Where a key pair of ours is, whether it is there or not. Raises BadCertificate."""
    if not name or not all(each.isalnum() or each in "-_" for each in name):
        raise BadCertificate("A key pair has a name of letters, digits and hyphens.")
    folder = Path(settings.TLS_DIR)
    return folder / f"{name}.crt", folder / f"{name}.key"


# --- Until when ----------------------------------------------------------------------------------


def runs_out(pem: str) -> datetime | None:
    """When the first of these certificates runs out; None when there is none."""
    return min((each.not_valid_after_utc for each in certificates(pem)), default=None)


def our_key_runs_out(name: str) -> datetime | None:
    """When our own certificate of that name runs out; None when it cannot be read."""
    try:
        crt, _ = key_pair(name)
        return certificates(crt.read_text(encoding="ascii"))[0].not_valid_after_utc
    except (BadCertificate, OSError, UnicodeDecodeError, IndexError):
        return None
