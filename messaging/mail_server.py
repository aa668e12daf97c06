"""The mail server's address as one URL. Plain Python: settings.py reads it at the start."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in. `tls`: "implicit", "starttls" or "none"."""

    host: str
    port: int
    tls: str
    user: str = ""
    password: str = ""
    authority: str = ""  # a file of certificates to trust besides the system's

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port}, {self.tls})"


def parse(url: str, *, is_demo: bool = False) -> MailServer | None:
    """The server; None for "". Raises ImproperlyConfigured, which never repeats the password.

    TLS is always there and verified. `?tls=none` is for a server on this machine, or a demo;
    `?ca=/path` trusts an authority of the site's own.
    """
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ImproperlyConfigured("EMAIL_URL is not smtp://host:port or smtps://host:port.")
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    server = MailServer(
        host=parts.hostname,
        port=_port(parts),
        tls=_tls(parts.scheme, options.get("tls", "")),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        authority=options.get("ca", ""),
    )
    _refuse_open_line(server, is_demo=is_demo)
    return server


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or _PORTS[parts.scheme]
    except ValueError:
        raise ImproperlyConfigured("The port in EMAIL_URL is not a number of a port.") from None


def _tls(scheme: str, asked: str) -> str:
    if asked not in ("", "none", "starttls"):
        raise ImproperlyConfigured("EMAIL_URL: tls is starttls or none.")
    return "implicit" if scheme == "smtps" else asked or "starttls"


def _refuse_open_line(server: MailServer, *, is_demo: bool) -> None:
    if server.tls != "none":
        return
    if server.password:
        raise ImproperlyConfigured("EMAIL_URL would send a password without TLS.")
    if not (is_demo or _is_here(server.host)):
        raise ImproperlyConfigured("EMAIL_URL: tls=none is only for a server on this machine.")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
