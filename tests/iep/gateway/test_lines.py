"""The two sides over a real socket with TLS: told in order, again after an outage, never twice."""

import errno
import hashlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection

from accounts.policies import SYSTEM
from iep import storage
from iep.dicom.errors import DicomFailure
from iep.gateway import client, line, related, sign
from iep.models import Node, ReceivedFile, Transaction
from iep.queries.exchange import gateway as queries
from iep.services.exchange import attaching, sending, transactions
from iep.services.gateway import telling
from iep.states.transactions import TransactionEvent
from tests.iep.gateway.sides import Sides, about, offered
from tests.iep.lanes.images import image, new_uid, outgoing
from tests.messaging.authority import Authority

pytestmark = pytest.mark.django_db(transaction=True)


def told(thing: Transaction) -> list[str]:
    """What is still to be told of it."""
    thing.refresh_from_db()
    return [entry["what"] for entry in thing.to_tell]


def failure_of(ask) -> DicomFailure:
    with pytest.raises(DicomFailure) as caught:
        ask()
    return caught.value


# --- Told -----------------------------------------------------------------------------------------


def test_what_is_done_on_one_side_is_seen_on_the_other_in_its_order(sides, web, world) -> None:
    ours = sides.ask()
    transactions.say(ours, "Before Friday, please", by=world.acting("mbp"))
    assert told(ours) == ["created", "message"]
    assert telling.tell_node(sides.to_eastmarsh.pk) == 2
    assert told(ours) == []
    theirs = sides.here(ours, "eastmarsh")
    assert (theirs.state, theirs.direction, theirs.family_name) == ("new", "in", "Testpatient")
    assert theirs.messages.get().text == "Before Friday, please"
    assert ours.messages.get().told_at is not None

    transactions.accept(theirs, by=world.acting("mbp"))
    attaching.attach(
        theirs, by=world.acting("mbp"), text="No fracture was seen.", confirmed=True, title="Report"
    )
    telling.tell_node(sides.to_kingsmere.pk)
    ours = sides.here(ours, "kingsmere")
    assert ours.state == "accepted"
    assert bytes(ours.attachments.get().content) == b"No fracture was seen."
    assert ours.attachments.get().came_in
    assert told(ours) == [], "what they told us is not told back"


def test_that_it_was_declined_is_told_with_the_reason(sides, web, world) -> None:
    ours = sides.ask()
    telling.tell_node(sides.to_eastmarsh.pk)
    theirs = sides.here(ours, "eastmarsh")
    transactions.decline(theirs, "other", "Ask Wychcombe", by=world.acting("mbp"))
    telling.tell_node(sides.to_kingsmere.pk)
    ours.refresh_from_db()
    assert (ours.state, ours.declined_reason, ours.why) == ("decline", "other", "Ask Wychcombe")


def test_nothing_is_lost_while_the_other_side_is_away_and_a_person_sees_that_it_is_not_told(
    sides, web, world
) -> None:
    address = Node.objects.get(pk=sides.to_eastmarsh.pk).base_url
    with socket.create_server(("127.0.0.1", 0)) as shut:
        nowhere = f"https://localhost:{shut.getsockname()[1]}/iep/gateway"
    Node.objects.filter(pk=sides.to_eastmarsh.pk).update(base_url=nowhere)
    ours = sides.ask()
    assert telling.tell_node(sides.to_eastmarsh.pk) == 0
    node = Node.objects.get(pk=sides.to_eastmarsh.pk)
    assert (node.failures, node.retry_at is not None) == (1, True)
    assert telling.nodes_to_tell() == [], "it is left in peace for a while"
    ours.refresh_from_db()
    waiting = queries.not_told(ours)
    assert (waiting.count, waiting.why) == (1, "GATEWAY-RZ2 cannot be reached.")
    assert waiting.since is not None

    Node.objects.filter(pk=node.pk).update(base_url=address, retry_at=None)  # it is back
    transactions.say(ours, "Any news?", by=world.acting("mbp"))
    assert telling.nodes_to_tell() == [node.pk]
    assert telling.tell_node(node.pk) == 2
    assert sides.here(ours, "eastmarsh").messages.get().text == "Any news?"
    node.refresh_from_db()
    assert (node.failures, node.retry_at) == (0, None)
    assert queries.not_told(Transaction.objects.get(pk=ours.pk)) is None


def test_what_they_refuse_holds_up_its_own_transaction_only(sides, web) -> None:
    refused, fine = sides.ask(), sides.ask(comments="The other one")
    theirs = {**sides.__dict__}["eastmarsh"]
    Transaction.objects.filter(pk=refused.pk).update(nhs_number="9990000019")  # not a number
    telling.tell_node(sides.to_eastmarsh.pk)
    assert told(refused) == ["created"]
    assert told(fine) == []
    waiting = queries.not_told(refused)
    assert "patient.nhs_number: This is not a valid NHS number." in waiting.why
    assert waiting.next_at is not None
    assert Node.objects.get(pk=sides.to_eastmarsh.pk).failures == 0
    assert Transaction.objects.filter(organisation=theirs.organisation).count() == 1


@pytest.mark.slow
def test_a_worker_that_died_after_it_had_told_tells_again_and_it_counts_once(sides, web) -> None:
    ours = sides.ask()
    script = f"from iep.services.gateway import telling; telling.tell_node({sides.to_eastmarsh.pk})"
    database = connection.settings_dict
    env = os.environ | {"CRASH_AT": "telling.said", "TEST_DATABASE": database["NAME"]}
    died = _in_a_process(script, env, sides)
    assert died.returncode == 137, died.stderr.decode()
    assert told(ours) == ["created"]
    assert sides.here(ours, "eastmarsh").state == "new"
    assert telling.tell_node(sides.to_eastmarsh.pk) == 1
    assert told(ours) == []
    assert Transaction.objects.filter(shared_id=ours.shared_id).count() == 2


def _in_a_process(script: str, env: dict[str, str], sides: Sides) -> subprocess.CompletedProcess:
    from django.conf import settings

    before = (
        "import os, django\n"
        "from django.conf import settings\n"
        "settings.DATABASES['default']['NAME'] = os.environ['TEST_DATABASE']\n"
        "django.setup()\n"
    )
    return subprocess.run(
        [sys.executable, "-c", before + script], env=env | {
            "GATEWAY_DIR": str(settings.GATEWAY_DIR), "IMAGES_DIR": str(settings.IMAGES_DIR),
        }, capture_output=True, check=False, timeout=120,
    )  # fmt: skip


def test_two_workers_tell_one_node_one_after_the_other(sides, web) -> None:
    ours = [sides.ask(comments=str(number)) for number in range(4)]
    workers = [
        threading.Thread(target=_and_close, args=[telling.tell_node, sides.to_eastmarsh.pk])
        for _ in range(4)
    ]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    telling.tell_node(sides.to_eastmarsh.pk)
    assert [told(each) for each in ours] == [[]] * 4
    heard = sides.here(ours[0], "eastmarsh").heard
    assert heard.count() == 1


def _and_close(work, *args) -> None:
    try:
        work(*args)
    finally:
        connection.close()


# --- Whom we believe ------------------------------------------------------------------------------


def test_a_server_whose_certificate_nobody_vouches_for_is_told_nothing(sides, web) -> None:
    Node.objects.update(trust_anchors=Authority("Somebody else").pem)
    ours, node = sides.ask(), Node.objects.get(pk=sides.to_eastmarsh.pk)
    failure = failure_of(lambda: client.hello(node, from_code="RZ1"))
    assert (failure.family, failure.phase) == ("refused", "connect")
    assert "certificate" in failure.sentence
    telling.tell_node(sides.to_eastmarsh.pk)
    assert told(ours) == ["created"]


def test_a_server_of_another_name_is_told_nothing(sides, web) -> None:
    Node.objects.update(server_name="gateway.example")
    node = Node.objects.get(pk=sides.to_eastmarsh.pk)
    assert "certificate" in failure_of(lambda: client.hello(node, from_code="RZ1")).sentence


@pytest.mark.parametrize(
    "address",
    ["http://gateway.example/iep/gateway", "http://127.0.0.1:1/", "ftp://gateway.example/",
     "https://user:secret@gateway.example/", "https:///x", ""],
)  # fmt: skip
def test_an_address_that_is_not_https_is_never_spoken_to(sides, address) -> None:
    node = sides.to_eastmarsh
    node.base_url = address
    failure = failure_of(lambda: client.hello(node, from_code="RZ1"))
    assert (failure.family, failure.is_permanent) == ("refused", True)


def test_without_our_key_nothing_is_sent_and_the_words_say_which(sides, web) -> None:
    sign.key_path("kingsmere").unlink()
    node = Node.objects.get(pk=sides.to_eastmarsh.pk)
    failure = failure_of(lambda: client.hello(node, from_code="RZ1"))
    assert "kingsmere" in failure.sentence


def test_a_key_that_they_do_not_know_is_the_whole_nodes_trouble(sides, web) -> None:
    sign.key_path("kingsmere").unlink()
    sign.make_key("kingsmere")
    ours = sides.ask()
    telling.tell_node(sides.to_eastmarsh.pk)
    node = Node.objects.get(pk=sides.to_eastmarsh.pk)
    assert node.failures == 1
    assert "That key was not agreed on" in node.sentence
    assert told(ours) == ["created"]


def test_the_private_key_is_readable_by_us_alone(sides) -> None:
    assert sign.key_path("kingsmere").stat().st_mode & 0o077 == 0


# --- Images ---------------------------------------------------------------------------------------


def a_file(folder: Path, size: int = 0) -> tuple[Path, str, str]:
    study_uid = new_uid()
    sop_uid, raw = image(study_uid, new_uid(), 1, pixels=200)
    path = folder / "image.dcm"
    path.write_bytes(raw + b"\0" * max(0, size - len(raw)))
    return path, study_uid, sop_uid


def test_a_pushed_image_arrives_as_it_was_and_pushed_again_is_one(asked, sides, tmp_path) -> None:
    path, study_uid, sop_uid = a_file(tmp_path)
    node = sides.to_kingsmere
    node.refresh_from_db()
    theirs = offered(path, study_uid=study_uid, sop_uid=sop_uid)
    client.announce(node, asked, [theirs])
    for _ in range(3):
        kept = client.push_instance(node, asked, path, sop_uid=sop_uid, sha256=theirs.sha256)
        assert (kept.size, kept.sha256) == (theirs.size, theirs.sha256)
    file = ReceivedFile.objects.get()
    assert storage.path_of(file.pk).read_bytes() == path.read_bytes()
    assert [each.sha256 for each in client.received_by(node, asked)] == [theirs.sha256]


def test_a_huge_image_passes_without_being_in_memory(asked, sides, tmp_path) -> None:
    """The server is in this process too: 300 MB pass, and the process hardly grows."""
    import resource

    path, study_uid, sop_uid = a_file(tmp_path, size=300 * 1024 * 1024)
    node = Node.objects.get(pk=sides.to_kingsmere.pk)
    theirs = offered(path, study_uid=study_uid, sop_uid=sop_uid)
    client.announce(node, asked, [theirs])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    client.push_instance(node, asked, path, sop_uid=sop_uid)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    assert ReceivedFile.objects.get().size == theirs.size
    assert grown < 32, f"{grown} MB"


def test_our_file_that_is_another_by_now_is_not_sent(asked, sides, tmp_path) -> None:
    path, _, sop_uid = a_file(tmp_path)
    node = Node.objects.get(pk=sides.to_kingsmere.pk)
    for gone in (False, True):
        if gone:
            path.unlink()
        failure = failure_of(
            lambda: client.push_instance(node, asked, path, sop_uid=sop_uid, sha256="0" * 64)
        )
        assert (failure.family, failure.is_permanent) == ("refused", True)


def test_our_disk_that_fails_in_the_middle_of_an_image_is_not_called_their_line(
    asked, sides, tmp_path, monkeypatch
) -> None:
    path, study_uid, sop_uid = a_file(tmp_path)
    node = Node.objects.get(pk=sides.to_kingsmere.pk)
    theirs = offered(path, study_uid=study_uid, sop_uid=sop_uid)
    client.announce(node, asked, [theirs])
    looks, whole = [], related.file_chunks

    def file_chunks(named):
        looks.append(named)
        if len(looks) == 2:  # the first look was for the hash
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        yield from whole(named)

    monkeypatch.setattr(related, "file_chunks", file_chunks)
    failure = failure_of(lambda: client.push_instance(node, asked, path, sop_uid=sop_uid))
    assert failure.sentence == "The file cannot be read from our own storage."
    assert (failure.family, failure.is_permanent) == ("refused", True)
    assert client.push_instance(node, asked, path, sop_uid=sop_uid).sha256 == theirs.sha256


def test_a_refusal_in_the_middle_of_an_image_is_understood(asked, sides, tmp_path) -> None:
    path, _, sop_uid = a_file(tmp_path, size=50 * 1024 * 1024)
    node = Node.objects.get(pk=sides.to_kingsmere.pk)
    failure = failure_of(lambda: client.push_instance(node, asked, path, sop_uid=sop_uid))
    assert (failure.family, failure.is_permanent) == ("refused", True)
    assert "not in the manifest" in failure.sentence
    assert not ReceivedFile.objects.exists()


def test_what_is_on_the_exchange_is_pulled_as_it_lies_there(asked, sides, world, tmp_path) -> None:
    made = outgoing(3, pixels=200)
    made.organisation, made.transaction = asked.organisation, asked
    made.save()
    for file in made.files.all():
        digest = hashlib.sha256(storage.path_of(file.pk).read_bytes()).hexdigest()
        made.files.filter(pk=file.pk).update(sha256=digest)
    node = Node.objects.get(pk=sides.to_eastmarsh.pk)
    ours = sides.here(asked, "kingsmere")
    assert client.instances_of(node, ours) == []
    sending.put_on_exchange(asked, by=world.acting("mbp"))
    found = client.instances_of(node, ours, made.study_uid)
    assert len(found) == 3

    def keep(pulled: client.Pulled) -> bytes:
        assert pulled.written.sha256 == pulled.offered.sha256
        return pulled.written.path.read_bytes()

    for each in found:
        lies = storage.path_of(made.files.get(sop_uid=each.sop_uid).pk)
        assert client.pull_instance(node, ours, each.sop_uid, keep) == lies.read_bytes()
    assert not list((storage._root() / "aside").glob("*"))

    broken = storage.path_of(made.files.first().pk)
    broken.write_bytes(broken.read_bytes()[:-1] + b"\7")
    wrong = failure_of(lambda: client.pull_instance(node, ours, made.files.first().sop_uid, keep))
    assert wrong.family == "refused"
    missing = failure_of(lambda: client.pull_instance(node, ours, "1.2.3", keep))
    assert (missing.family, missing.is_permanent) == ("not_found", True)


def test_a_line_that_breaks_in_the_middle_of_a_pull_leaves_nothing(sides, tmp_path) -> None:
    """Somebody who promises more than they send."""
    authority = Authority()
    with _liar(authority, tmp_path) as address:
        sides.serve_at(address, authority.pem)
        node = Node.objects.get(pk=sides.to_eastmarsh.pk)
        failure = failure_of(
            lambda: client.pull_instance(node, sides.ask(), "1.2.3", lambda pulled: pulled)
        )
    assert failure.family == "aborted"
    assert not list((storage._root() / "aside").glob("*"))
    assert line._lines() == {}, "a line that broke is not kept"


_PROMISE = (
    b'{"study_uid": "1.2", "series_uid": "1.2.1", "sop_uid": "1.2.3", "sop_class": "1.2.840.1", '
    b'"transfer_syntax": "1.2", "size": 1000, "sha256": "' + b"a" * 64 + b'"}'
)


class _liar:
    def __init__(self, authority: Authority, folder: Path) -> None:
        from tests.messaging.authority import write

        crt, key = write(folder, "liar", authority.gives("localhost", host="localhost"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(crt, key)
        self.door = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), server_side=True)
        self.thread = threading.Thread(target=self._answer, daemon=True)

    def _answer(self) -> None:
        for _ in range(2):  # once more over a new line
            try:
                caller, _ = self.door.accept()
            except OSError:
                return
            with caller:
                caller.recv(65536)
                caller.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom\r\n"
                    b"Gateway-Instance: " + _PROMISE + b"\r\n"
                    b"Content-Length: 1000\r\n\r\nonly a part"
                )

    def __enter__(self) -> str:
        self.thread.start()
        return f"https://localhost:{self.door.getsockname()[1]}"

    def __exit__(self, *_) -> None:
        self.door.close()


def test_a_transfer_that_was_declined_after_it_came_is_declined_at_the_sender_too(
    sides, web, world
) -> None:
    ours = transactions.create(
        kind="transfer", institution=sides.eastmarsh, node=sides.to_eastmarsh,
        organisation=sides.kingsmere.organisation, by=SYSTEM, **about(),
    )  # fmt: skip
    telling.tell_node(sides.to_eastmarsh.pk)
    theirs = sides.here(ours, "eastmarsh")
    sending.put_on_exchange(ours, by=SYSTEM)  # what was never offered is not delivered
    transactions.record(theirs, TransactionEvent.DELIVERED, by=SYSTEM)
    telling.tell_node(sides.to_kingsmere.pk)
    ours.refresh_from_db()
    assert ours.state == "delivered"
    done = transactions.decline(theirs, "no_such_study", "Ask Wychcombe", by=SYSTEM)
    telling.tell_node(sides.to_kingsmere.pk)
    ours.refresh_from_db()
    assert (ours.state, ours.why) == ("decline", done.why)
    assert done.why == "The patient or the study is not known at this institution. Ask Wychcombe"
