"""Certificate authorities of tests, and the certificates that they give out."""

import ipaddress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class Authority:
    """Somebody who vouches for others."""

    name: str = "Test authority"
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: _key())

    def __post_init__(self) -> None:
        self.certificate = self._signed(self.name, self.key, is_authority=True)

    @property
    def pem(self) -> str:
        return pem(self.certificate)

    def gives(self, common: str, *, days: tuple[int, int] = (-1, 30), host: str = "") -> Pair:
        """A certificate of that name, good between those days from today, and its key."""
        key = _key()
        return self._signed(common, key, days=days, host=host), key

    def _signed(self, common, key, *, days=(-1, 365), host="", is_authority=False):
        now = timezone.now()
        build = (
            x509.CertificateBuilder()
            .subject_name(_name(common))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=days[0]))
            .not_valid_after(now + timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        if host:
            names = [x509.DNSName(host), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            build = build.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return build.sign(self.key, hashes.SHA256())


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def self_signed(common: str) -> Pair:
    alone = Authority(common)
    return alone.certificate, alone.key


def write(folder: Path, name: str, pair: Pair) -> tuple[Path, Path]:
    """As settings.TLS_DIR has them."""
    folder.mkdir(parents=True, exist_ok=True)
    crt, key = folder / f"{name}.crt", folder / f"{name}.key"
    crt.write_text(pem(pair[0]))
    key.write_bytes(
        pair[1].private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    key.chmod(0o600)
    return crt, key
