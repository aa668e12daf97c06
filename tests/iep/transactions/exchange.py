"""Transactions as a test needs them: institutions, machines, requests that are whole."""

from __future__ import annotations

from datetime import date
from typing import Any

from accounts.policies import SYSTEM
from demo.pacs.agreed import Held, Series, uid_of
from iep.models import Institution, Node, Ticket, Transaction
from iep.services.exchange import transactions
from iep.states.tickets import TicketKind
from iep.states.transactions import TransactionKind
from tests.iep.tickets import asking
from tests.world import World

OURS, THEIRS = "HOSPITALPACS", "FARPACS"
S_NUMBER, NHS_NUMBER = "S1234567", "9990000018"
FACTS: dict[str, Any] = {
    "family_name": "Testpatient", "given_names": "Agnes", "birth_date": date(1958, 3, 2),
    "nhs_number": NHS_NUMBER, "local_number": S_NUMBER, "requester_name": "Dr Ann Bell",
    "consultant": "Mr A Crane", "department": "Neurosurgery", "reason": "mdt",
    "exams": [{"description": "CT head", "acquired_on": "2026-11-03", "modality": "CT"}],
}  # fmt: skip


def hospital(name: str = "Harrowfield Infirmary", **facts: Any) -> Institution:
    """Another hospital; its code is made of its name."""
    code = facts.pop("code", "".join(word[0] for word in name.split()).upper() + str(len(name)))
    said = {"name": name, "city": "Harrowfield", "phone": "01632 960900"} | facts
    found, _ = Institution.objects.get_or_create(code=code, defaults=said)
    return found


def machine(at: Institution, port: int = 1, *, kind: str = "dimse", **facts: Any) -> Node:
    """Its default machine: a plain DICOM one unless told otherwise."""
    title = facts.pop("ae_title", THEIRS)
    said = {
        "kind": kind,
        "ae_title": title,
        "host": "127.0.0.1",
        "port": port,
        "is_default": True,
        "commits": False,
        "base_url": "https://far.example" if kind == "gateway" else "",
    }
    made, _ = Node.objects.get_or_create(
        name=facts.pop("name", f"{at.code}-{title}"[:40]),
        defaults={"institution": at, **said, **facts},
    )  # fmt: skip
    return made


def our_pacs(world: World, port: int = 1) -> Node:
    us, _ = Institution.objects.get_or_create(
        code="RZ1", defaults={"name": "Kingsmere Hospitals", "organisation": world.place("RZ1")}
    )
    made, _ = Node.objects.get_or_create(
        name="KHPACSWFM01",
        defaults={"institution": us, "kind": "dimse", "ae_title": OURS, "host": "127.0.0.1",
                  "port": port, "is_our_pacs": True, "is_default": True, "commits": False},
    )  # fmt: skip
    return made


def request(world: World, **changes: Any) -> Transaction:
    """A request of Kingsmere's for images of Agnes; `changes` spoil or complete it."""
    return _made(world, TransactionKind.REQUEST, changes)


def transfer(world: World, **changes: Any) -> Transaction:
    """A transfer of Kingsmere's to Harrowfield."""
    return _made(world, TransactionKind.TRANSFER, changes)


def _made(world: World, kind: TransactionKind, changes: dict[str, Any]) -> Transaction:
    who = changes.pop("who", "mbp")
    if "institution" not in changes:
        changes["institution"] = hospital()
        machine(changes["institution"])
    facts = FACTS if changes.get("ticket") is None else {}
    return transactions.create(kind=kind, by=world.acting(who), **facts | changes)


def asked_of_us(world: World, **changes: Any) -> Transaction:
    """A request of the other side's: they want images of ours."""
    far = changes.pop("institution", None) or hospital()
    machine(far, kind="gateway")
    return transactions.create(
        kind=TransactionKind.REQUEST, direction="in", institution=far,
        organisation=world.place("RZ1"), by=SYSTEM, **FACTS | changes,
    )  # fmt: skip


def import_ticket(world: World, **changes: Any) -> Ticket:
    return asking.opened(world, **{"institution": hospital()} | changes)


def export_ticket(world: World, **changes: Any) -> Ticket:
    form = asking.export_form(**{"institution": hospital()} | changes)
    from iep.services.ticketing import tickets

    assert form.kind is TicketKind.EXPORT
    return tickets.open_ticket(form, by=world.acting("mbp"))


def example(world: World) -> Transaction:
    """One of Kingsmere's with a report, for tests that only need an example."""
    found = Transaction.objects.order_by("number").first()
    if found is None:
        found = request(world)
        transactions.attach(found, text="Normal study.", confirmed=True, by=world.acting("mbp"))
    return found


def held(word: str = "head", *, at: str = OURS, images: int = 3, **changes: Any) -> Held:
    """A study of Agnes that an archive holds."""
    said: dict[str, Any] = {
        "ae_title": at, "study_uid": uid_of("transactions", word, at), "patient_id": S_NUMBER,
        "issuer": "RZ1", "nhs_number": NHS_NUMBER, "family_name": "Testpatient",
        "given_names": "Agnes", "birth_date": "19580302", "sex": "F", "accession": f"A{word[:6]}",
        "acquired_on": "20261103", "acquired_time": "101500", "modality": "CT",
        "description": f"CT {word}", "body_part": word.upper(),
        "institution": "Kingsmere Hospitals",
        "series": (Series("Axial", images, 32, 32),),
    }  # fmt: skip
    return Held(**said | changes)
