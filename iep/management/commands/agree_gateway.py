"""Agree with another institution that our gateways speak with each other.

    manage.py agree_gateway RX1 --key kingsmere
        makes our key where there is none, and prints its fingerprint: read it to them by telephone

    manage.py agree_gateway RX1 --key kingsmere --url https://gateway.rx1.nhs.uk/iep/gateway \\
        --theirs <their fingerprint> --by sam.lead [--anchors their-ca.pem]
        notes the agreement: their node may speak to us, and we to them

    manage.py agree_gateway RX1 --check
        asks them whether they know us

    manage.py agree_gateway RX1 --withdraw --by sam.lead
        takes it back: from now on their requests are refused

docs/runbooks/gateway.md has the steps in order, and how a key is changed or taken back.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from accounts.policies import Acting
from accounts.queries import acting_as, memberships_of
from accounts.roles import Permission
from iep.dicom.errors import DicomFailure
from iep.gateway import client, line, sign
from iep.models import Institution, Node
from iep.models.directory import NodeKind
from messaging import tls


class Command(BaseCommand):
    help = "Agree with another institution that our gateways speak with each other."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("code", help="their code in the directory of institutions: RX1")
        parser.add_argument("--key", default="gateway", help="the name of our key (gateway)")
        parser.add_argument("--url", help="the address of their gateway")
        parser.add_argument("--theirs", help="the fingerprint of their key, as they read it out")
        parser.add_argument("--anchors", type=Path, help="who vouches for their server: PEM file")
        parser.add_argument("--by", help="username of who agreed: may keep institutions")
        parser.add_argument("--ours", help="our code, for --check, where we are several trusts")
        parser.add_argument("--check", action="store_true", help="ask them whether they know us")
        parser.add_argument("--withdraw", action="store_true", help="refuse them from now on")

    def handle(self, *_: Any, **given: Any) -> None:
        them = Institution.objects.filter(code=given["code"], organisation__isnull=True).first()
        if them is None:
            raise CommandError(f"{given['code']} is not another institution of the directory.")
        if given["check"]:
            self._check(them, given["ours"])
            return
        if given["withdraw"]:
            self._withdraw(them, given["by"] or "")
            return
        self._show_our_key(given["key"])
        if given["theirs"] or given["url"]:
            self._agree(them, given)

    def _show_our_key(self, name: str) -> None:
        try:
            key = sign.our_key(name) if sign.key_path(name).exists() else sign.make_key(name)
        except sign.NoKey as refusal:
            raise CommandError(str(refusal)) from None
        self.stdout.write(f"Our key {name}: {spaced(sign.fingerprint(sign.shown(key)))}")

    def _agree(self, them: Institution, given: dict[str, Any]) -> None:
        by = _who(given["by"] or "")
        fields = {
            "kind": NodeKind.GATEWAY,
            "base_url": given["url"] or "",
            "secret_name": given["key"],
            "their_key_sha256": fingerprint_of(given["theirs"] or ""),
            "is_paused": False,
            "paused_by": "",
            "paused_at": None,
            "paused_because": "",
        }
        if given["anchors"]:
            fields["trust_anchors"] = _anchors(given["anchors"])
        with transaction.atomic():
            node = _noted(them, fields)
            audit.record(acting=by, action="gateway_agreed", object_type="iep.Node",
                         object_id=node.pk)  # fmt: skip
        self.stdout.write(f"{node.name}: agreed. Ask them with --check when they have done it too.")

    def _withdraw(self, them: Institution, username: str) -> None:
        by, node = _who(username), _node_of(them)
        with transaction.atomic():
            Node.objects.filter(pk=node.pk).update(
                their_key_sha256="", is_paused=True, paused_by=by.label[:150],
                paused_at=timezone.now(), paused_because="The agreement was withdrawn.",
            )  # fmt: skip
            audit.record(acting=by, action="gateway_withdrawn", object_type="iep.Node",
                         object_id=node.pk)  # fmt: skip
        self.stdout.write(f"{node.name}: their requests are refused, and nothing goes to them.")

    def _check(self, them: Institution, ours: str | None) -> None:
        node = _node_of(them)
        us = Institution.objects.filter(organisation__isnull=False).order_by("code")
        code = ours or (us[0].code if us.count() == 1 else None)
        if code is None:
            raise CommandError("Say with --ours which of our trusts asks.")
        try:
            said = client.hello(node, from_code=code)
        except DicomFailure as failure:
            raise CommandError(failure.sentence) from None
        self.stdout.write(f"{them.name} knows us as {said.get('you')}. It works.")


def spaced(fingerprint: str) -> str:
    """In groups of four, to be read aloud."""
    return " ".join(re.findall("....", fingerprint))


def fingerprint_of(words: str) -> str:
    """As it was read out, with blanks or without. Raises CommandError."""
    digits = re.sub(r"[\s:-]", "", words).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", digits):
        raise CommandError("Their fingerprint has 64 digits from 0 to 9 and a to f (--theirs).")
    return digits


def _who(username: str) -> Acting:
    user = User.objects.filter(username=username, is_active=True).first()
    places = memberships_of(user.pk) if user else []
    for place in places:
        acting = acting_as(place)
        if acting.may(Permission.KEEP_INSTITUTIONS):
            return acting
    raise CommandError("Say with --by who agreed: somebody who may keep the institutions.")


def _node_of(them: Institution) -> Node:
    node = them.nodes.filter(kind=NodeKind.GATEWAY).first()
    if node is None:
        raise CommandError(f"Nothing is agreed with {them.code} yet.")
    return node


def _anchors(path: Path) -> str:
    try:
        pem = path.read_text(encoding="ascii")
        if not tls.certificates(pem):
            raise CommandError(f"{path.name} holds no certificate.")
    except (OSError, UnicodeDecodeError, tls.BadCertificate) as refusal:
        raise CommandError(f"{path.name}: {refusal}") from None
    return pem


def _noted(them: Institution, fields: dict[str, Any]) -> Node:
    """Their gateway's node, new or changed. One key is one node's. Raises CommandError."""
    taken = Node.objects.filter(
        their_key_sha256=fields["their_key_sha256"], institution__organisation__isnull=True
    )
    if other := taken.exclude(institution=them).first():
        raise CommandError(f"That fingerprint is {other.name}'s. Make sure of both.")
    has_default = them.nodes.filter(is_default=True).exclude(kind=NodeKind.GATEWAY).exists()
    node, _ = Node.objects.update_or_create(
        institution=them,
        kind=NodeKind.GATEWAY,
        defaults=fields,
        create_defaults=fields | {"name": f"{them.code}-GATEWAY", "is_default": not has_default},
    )
    try:
        line.where(node)
    except DicomFailure as failure:
        raise CommandError(failure.sentence) from None
    return node
