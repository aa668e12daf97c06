"""Two hospitals that speak with each other through their gateways, in one installation.

An installation may serve several trusts, so a test can be both ends: Kingsmere's row of a
transaction (out) and Eastmarsh's (in) share its id, and all between them is real.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from datetime import date
from pathlib import Path
from typing import Any

from django.test import Client

from accounts.models import Organisation
from accounts.policies import SYSTEM
from demo.people import EASTMARSH, KINGSMERE
from iep.gateway import sign
from iep.gateway.shapes import Offered
from iep.models import Institution, Node, Transaction
from iep.models.directory import NodeKind
from iep.services.exchange import transactions
from iep.states.transactions import Direction

ROOT = "/iep/gateway"
NAME, NUMBER = "Testpatient", "9990000018"
EXAMS = [{"description": "CT head", "acquired_on": "2026-03-02", "modality": "CT", "code": "CSKUH"}]


def about(**changes: Any) -> dict[str, Any]:
    """What a complete request says."""
    return {
        "family_name": NAME,
        "given_names": "Agnes",
        "birth_date": date(1958, 3, 2),
        "nhs_number": NUMBER,
        "exams": EXAMS,
        "requester_name": "Dr A Invented",
        "consultant": "Mr B Invented",
        "department": "Orthopaedics",
    } | changes


class Sides:
    """`asks` is at Kingsmere, `asked` at Eastmarsh; each has a node that leads to the other."""

    def __init__(self) -> None:
        self.kingsmere, self.eastmarsh = _institution(KINGSMERE), _institution(EASTMARSH)
        keys = {name: sign.shown(sign.make_key(name)) for name in ("kingsmere", "eastmarsh")}
        prints = {name: sign.fingerprint(key) for name, key in keys.items()}
        self.to_eastmarsh = _node(self.eastmarsh, "kingsmere", prints["eastmarsh"])
        self.to_kingsmere = _node(self.kingsmere, "eastmarsh", prints["kingsmere"])

    def serve_at(self, base_url: str, trust_anchors: str = "") -> None:
        """Where both find the other."""
        for node in (self.to_eastmarsh, self.to_kingsmere):
            node.base_url, node.trust_anchors = f"{base_url}{ROOT}", trust_anchors
            node.save()

    def ask(self, **changes: Any) -> Transaction:
        """Kingsmere asks Eastmarsh for images."""
        facts = {"kind": "request", "institution": self.eastmarsh, "node": self.to_eastmarsh}
        return transactions.create(
            organisation=self.kingsmere.organisation, by=SYSTEM, **facts, **about(**changes)
        )

    def here(self, thing: Transaction, side: str) -> Transaction:
        """Kingsmere's or Eastmarsh's row, as it stands now."""
        trust = {"kingsmere": self.kingsmere, "eastmarsh": self.eastmarsh}[side].organisation
        return Transaction.objects.get(shared_id=thing.shared_id, organisation=trust)

    def heard_by_eastmarsh(self) -> Transaction:
        """A request of Kingsmere that Eastmarsh has, without a line between them."""
        facts = {"kind": "request", "institution": self.kingsmere, "node": self.to_kingsmere}
        return transactions.create(
            organisation=self.eastmarsh.organisation, direction=Direction.IN, by=SYSTEM,
            **facts, **about(),
        )  # fmt: skip


def _institution(code: str) -> Institution:
    trust = Organisation.objects.get(ods_code=code)
    made, _ = Institution.objects.get_or_create(code=code, defaults={"name": trust.name})
    Institution.objects.filter(pk=made.pk).update(organisation=trust)
    return Institution.objects.get(pk=made.pk)


def _node(institution: Institution, our_key: str, theirs: str) -> Node:
    return Node.objects.create(
        institution=institution, name=f"GATEWAY-{institution.code}", kind=NodeKind.GATEWAY,
        base_url="https://nowhere.example/gateway", secret_name=our_key, their_key_sha256=theirs,
    )  # fmt: skip


# --- Requests by hand ----------------------------------------------------------------------------


def headers(
    method: str,
    path: str,
    body: bytes = b"",
    *,
    key: str = "kingsmere",
    parties: tuple[str, str] = (KINGSMERE, EASTMARSH),
    content_type: str = "application/json",
    created: float | None = None,
) -> dict[str, str]:
    """What Kingsmere's gateway would sign, unless told otherwise."""
    return sign.signed_headers(
        sign.our_key(key), method=method, path=path, content_type=content_type,
        digest=hashlib.sha256(body).digest(), parties=parties,
        created=int(time.time() if created is None else created),
    )  # fmt: skip


def send(method: str, path: str, body: Any = None, *, signed: Any = None, **how: Any) -> Any:
    """One request to the API; `signed`: headers made before, to be sent as they are."""
    raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    path = path if path.startswith("/iep") else f"{ROOT}/v1{path}"
    given = dict(signed or headers(method, path, raw, **how))
    content_type = given.pop("Content-Type", "")
    return Client().generic(method, path, raw, content_type=content_type, headers=given)


def to(shared_id: uuid.UUID, rest: str = "") -> str:
    return f"/transactions/{shared_id}{rest}"


def created_body(**changes: Any) -> dict[str, Any]:
    """What is said of a request when it is made."""
    return {
        "said": str(uuid.uuid4()),
        "kind": "request",
        "priority": 1,
        "patient": {"family_name": NAME, "given_names": "Agnes", "birth_date": "1958-03-02",
                    "nhs_number": NUMBER, "local_number": "S1234567"},
        "exams": EXAMS,
        "requester": {"name": "Dr A Invented", "consultant": "Mr B Invented", "department": "ED"},
    } | changes  # fmt: skip


# --- Images --------------------------------------------------------------------------------------


def offered(path: Path, *, study_uid: str, sop_uid: str) -> Offered:
    """A file's line in the manifest."""
    raw = path.read_bytes()
    return Offered(
        study_uid, f"{study_uid}.1", sop_uid, "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1",
        len(raw), hashlib.sha256(raw).hexdigest(),
    )  # fmt: skip


def multipart(*files: bytes, boundary: str = "edge", kind: str = "application/dicom") -> bytes:
    parts = [f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode() + each for each in files]
    return b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()])


RELATED = 'multipart/related; type="application/dicom"; boundary=edge'
