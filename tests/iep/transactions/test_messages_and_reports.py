"""Messages both ways, read or not; reports that somebody has read and confirmed."""

from __future__ import annotations

import hashlib
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.errors import NotAccepted
from iep.models import Transaction
from iep.queries.exchange import transactions as queries
from iep.services.exchange import attaching, transactions
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4 invented"


def test_a_message_waits_to_be_told_to_a_gateway(world: World) -> None:
    theirs = exchange.asked_of_us(world)
    said = transactions.say(theirs, " Which side? ", world.acting("mbp"))
    theirs.refresh_from_db()
    assert said.text == "Which side?"
    assert theirs.to_tell[-1]["what"] == "message"
    assert theirs.to_tell[-1]["id"] == str(said.shared_id)


def test_a_plain_machine_is_told_nothing(world: World) -> None:
    made = exchange.request(world)
    transactions.say(made, "Hello", world.acting("mbp"))
    made.refresh_from_db()
    assert made.to_tell == []


def test_the_page_says_to_ring_whoever_cannot_read_a_message(world: World) -> None:
    desk = world.client("mbp")
    made = exchange.request(world)
    address = reverse("iep:transaction", args=[made.number])
    assert "Send the message" not in desk.get(address).content.decode()
    act = reverse("iep:transaction-act", args=[made.number])
    said = desk.post(act, {"do": "say", "message": "Which side?"}, follow=True).content.decode()
    assert "cannot read it: ring them" in said
    theirs = exchange.asked_of_us(world, institution=exchange.hospital("Spire Leicester"))
    act = reverse("iep:transaction-act", args=[theirs.number])
    said = desk.post(act, {"do": "say", "message": "Which side?"}, follow=True).content.decode()
    assert "goes to the other side" in said
    assert "Send the message" in said


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001])
def test_an_empty_or_endless_message_is_refused(world: World, text: str) -> None:
    with pytest.raises(NotAccepted):
        transactions.say(exchange.request(world), text, world.acting("mbp"))


def test_a_message_told_twice_is_kept_once_and_is_new_until_read(world: World) -> None:
    made, shared = exchange.request(world), uuid4()
    for _ in range(2):
        transactions.heard(
            made, "It is the left", by_name="Far", at=timezone.now(), shared_id=shared, by=SYSTEM
        )
    assert _unread(made) == 1
    assert transactions.read_messages(made, by=world.acting("mbp")) == 1
    assert _unread(made) == 0
    assert made.messages.get().read_by == world.acting("mbp").label


def _unread(made: Transaction) -> int:
    return Transaction.objects.annotate(new=queries.unread()).get(pk=made.pk).new


def test_opening_the_page_reads_the_messages_of_who_may_act_only(world: World) -> None:
    made = exchange.request(world)
    transactions.heard(
        made, "It is the left", by_name="Far", at=timezone.now(), shared_id=uuid4(), by=SYSTEM
    )
    address = reverse("iep:transaction", args=[made.number])
    assert world.client("central").get(address).status_code == 200
    assert made.messages.get().read_at is None
    assert world.client("mbp").get(address).status_code == 200
    assert made.messages.get().read_at is not None


# --- Reports -----------------------------------------------------------------------------------


def test_a_report_is_kept_with_its_hash_and_who_confirmed_it(world: World) -> None:
    made = exchange.asked_of_us(world)
    kept = transactions.attach(
        made, file_name="Testpatient head.pdf", content=PDF, confirmed=True,
        by=world.acting("mbp"),
    )  # fmt: skip
    assert kept.sha256 == hashlib.sha256(PDF).hexdigest()
    assert kept.confirmed_by == world.acting("mbp").label
    assert kept.confirmed_at is not None
    assert kept.title == "Report (pdf)", "a file's own name may hold a patient's"
    made.refresh_from_db()
    assert made.to_tell[-1] | {"what": "attachment", "id": str(kept.pk)} == made.to_tell[-1]


def test_a_report_that_nobody_has_read_is_refused(world: World) -> None:
    made = exchange.request(world)
    with pytest.raises(NotAccepted) as refusal:
        transactions.attach(made, text="Normal.", confirmed=False, by=world.acting("mbp"))
    assert refusal.value.code == "not_confirmed"
    assert not made.attachments.exists()


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.exe", b"MZ", "not_a_report"),
        ("a.html", b"<script>", "not_a_report"),
        ("noending", b"text", "not_a_report"),
        ("a.pdf", b"<html>", "wrong_content"),
        ("a.png", PDF, "wrong_content"),
        ("a.docx", b"PK\x03\x04 a zip", "wrong_content"),
        ("a.txt", b"a\x00b", "wrong_content"),
        ("a.pdf", b"", "empty"),
        ("a.pdf", b"%PDF-" + b"0" * attaching.MOST_BYTES, "too_large"),
    ],
)
def test_what_is_no_report_is_refused_by_its_first_bytes(
    world: World, name: str, content: bytes, code: str
) -> None:
    with pytest.raises(NotAccepted) as refusal:
        transactions.attach(
            exchange.request(world), file_name=name, content=content, confirmed=True,
            by=world.acting("mbp"),
        )  # fmt: skip
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.PDF", PDF), ("a.rtf", b"{\\rtf1}"), ("a.doc", attaching.KINDS["doc"][1][0] + b"x"),
        ("a.docx", b"PK\x03\x04..word/document.xml"), ("a.tif", b"II*\x00x"),
        ("a.tiff", b"MM\x00*x"), ("a.gif", b"GIF89a"), ("a.jpg", b"\xff\xd8\xff\xe0"),
        ("a.png", b"\x89PNG\r\n\x1a\n"), ("a.txt", "Tübingen".encode()),
    ],
)  # fmt: skip
def test_every_kind_of_report_is_taken(world: World, name: str, content: bytes) -> None:
    kept = transactions.attach(
        exchange.request(world), file_name=name, content=content, confirmed=True,
        by=world.acting("mbp"),
    )  # fmt: skip
    assert bytes(kept.content) == content


def test_a_report_is_a_download_in_a_sandbox_and_never_a_page(world: World) -> None:
    made = exchange.request(world)
    kept = transactions.attach(
        made, file_name="a.pdf", content=PDF, confirmed=True, by=world.acting("mbp")
    )
    answer = world.client("mbp").get(reverse("iep:attachment", args=[made.number, kept.pk]))
    assert answer.content == PDF
    assert answer["Content-Disposition"].startswith("attachment; ")
    assert "Testpatient" not in answer["Content-Disposition"]
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_report_of_another_trust_is_not_there(world: World) -> None:
    made = exchange.request(world)
    kept = transactions.attach(made, text="x", confirmed=True, by=world.acting("mbp"))
    address = reverse("iep:attachment", args=[made.number, kept.pk])
    assert world.client_elsewhere("mbp").get(address).status_code == 404


def test_a_report_is_attached_on_the_page_only_when_it_is_ticked(world: World) -> None:
    made, client = exchange.request(world), world.client("mbp")
    address = reverse("iep:transaction-act", args=[made.number])
    upload = {"do": "attach", "document": SimpleUploadedFile("r.pdf", PDF)}
    answer = client.post(address, upload)
    assert answer.status_code == 422
    assert "Read the report" in answer.content.decode()
    upload = {"do": "attach", "document": SimpleUploadedFile("r.pdf", PDF), "confirmed": "yes"}
    assert client.post(address, upload).status_code == 302
    assert made.attachments.count() == 1
