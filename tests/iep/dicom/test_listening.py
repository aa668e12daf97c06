"""The listener in the house: who is in the directory may call, and success is a committed row."""

import contextlib
from contextlib import contextmanager
from dataclasses import replace

import psycopg2
import pytest
from django.db import connection
from django.utils import timezone

from demo.processes import wait_until
from iep import storage
from iep.dicom import DicomFailure, Listener, Peer, Sender, ask_commitment, echo
from iep.models import Institution, Node, ReceivedFile, Transaction
from iep.services.arrival import listening as rules
from iep.services.arrival.listening import House, comes_from
from iep.states.priorities import Priority
from tests.iep.dicom import files
from tests.iep.dicom.nodes import node
from tests.iep.dicom.shelf import aside, stored
from tests.messaging.authority import Authority, self_signed, write
from tests.messaging.authority import pem as pem_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(rules, "REMEMBER_NODES_SECONDS", 0.05)


@contextmanager
def house(*, tls_key: str = ""):
    """The house's listener, and the peer to call it by."""
    home = House()
    listener = Listener(home, ae_title="ORDERCOMMS")
    port = listener.open("127.0.0.1", 0, tls_key=tls_key)
    try:
        yield Peer("ORDERCOMMS", "FAR", "127.0.0.1", port)
    finally:
        listener.close()
        home.directory.close()
        home.directory.join(20)
        wait_until(lambda: not listener.lines(), seconds=20)


def _send(peer, *images) -> list[int]:
    with Sender(peer, [image.kind for image in images]) as sender:
        return [
            sender.send(
                image.path, sop_uid=image.sop_uid, sop_class=image.sop_class,
                transfer_syntax=image.transfer_syntax,
            )
            for image in images
        ]  # fmt: skip


def _answers(peer) -> bool:
    try:
        echo(peer)
    except DicomFailure:
        return False
    return True


def test_an_image_is_in_quarantine_before_success_is_said(tmp_path):
    far, image = node(), files.make(tmp_path)
    with house() as peer:
        assert _send(peer, image) == [0]
        file = ReceivedFile.objects.get()
    assert (file.state, file.node, file.calling) == ("quarantined", far, "FAR")
    assert (file.sop_uid, file.sop_class) == (image.sop_uid, image.sop_class)
    assert (file.transfer_syntax, file.origin) == (image.transfer_syntax, "dicom")
    assert file.association is not None
    assert files.digest(storage.path_of(file.pk)) == image.digest
    assert file.size == storage.path_of(file.pk).stat().st_size


def test_images_of_one_association_belong_together_and_others_do_not(tmp_path):
    node()
    images = [files.make(tmp_path) for _ in range(3)]
    with house() as peer:
        _send(peer, *images[:2])
        _send(peer, images[2])
    told = dict(ReceivedFile.objects.values_list("sop_uid", "association"))
    assert told[images[0].sop_uid] == told[images[1].sop_uid] != told[images[2].sop_uid]


def test_who_is_not_in_the_directory_may_not_call_until_he_is():
    Institution.objects.create(code="RWE", name="Leicester")
    with house() as peer:
        assert not _answers(peer)
        far = node()
        assert wait_until(lambda: _answers(peer), seconds=20)
        Node.objects.filter(pk=far.pk).update(may_call=False)
        assert wait_until(lambda: not _answers(peer), seconds=20)


def test_a_node_that_calls_from_elsewhere_may_not_call():
    far = node(calls_from=["192.0.2.1", "198.51.100.0/24"])
    with house() as peer:
        assert not _answers(peer)
        Node.objects.filter(pk=far.pk).update(calls_from=["127.0.0.0/8"])
        assert wait_until(lambda: _answers(peer), seconds=20)


@pytest.mark.parametrize(
    ("written", "address", "may"),
    [
        ([], "203.0.113.9", True),
        (["203.0.113.9"], "203.0.113.9", True),
        (["203.0.113.9"], "::ffff:203.0.113.9", True),
        (["203.0.113.0/24"], "203.0.113.200", True),
        (["203.0.113.9"], "203.0.113.90", False),
        (["nonsense"], "203.0.113.9", False),
        (["2001:db8::/32"], "2001:db8::1", True),
        (["2001:db8::/32"], "203.0.113.9", False),
    ],
)
def test_addresses_are_read_as_they_are_written(written, address, may):
    assert comes_from(Node(calls_from=written), address) is may


def test_a_node_may_call_us_by_the_title_it_has_for_us_and_others_may_not():
    node(our_ae_title="LEICSIEP")
    node("OTHER")
    with house() as peer:
        theirs = replace(peer, ae_title="LEICSIEP")
        assert _answers(peer)
        assert _answers(theirs)
        assert not _answers(replace(theirs, our_ae_title="OTHER"))


# --- When we cannot keep it ----------------------------------------------------------------------


@contextmanager
def _database_away():
    """Nobody new may connect, and everybody but this test is thrown out."""
    name = connection.settings_dict["NAME"]
    own = connection.get_connection_params()
    connection.ensure_connection()
    outside = psycopg2.connect(**{**own, "dbname": "postgres", "cursor_factory": None})
    outside.autocommit = True
    with contextlib.closing(outside), outside.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = %s AND pid <> %s",
            [name, connection.connection.info.backend_pid],
        )
        try:
            yield
        finally:
            cursor.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


def test_without_the_database_nothing_is_success_and_afterwards_it_goes_on(tmp_path):
    node()
    first, second, third = (files.make(tmp_path) for _ in range(3))
    with house() as peer, Sender(peer, [first.kind]) as sender:
        words = {"sop_class": first.sop_class, "transfer_syntax": first.transfer_syntax}
        assert sender.send(first.path, sop_uid=first.sop_uid, **words) == 0
        with _database_away():
            with pytest.raises(DicomFailure) as failure:
                sender.send(second.path, sop_uid=second.sop_uid, **words)
            assert (failure.value.status, failure.value.family) == (0xA700, "out_of_resources")
            assert aside() == []
            with pytest.raises(DicomFailure):  # on an association of its own too
                _send(peer, second)
        assert sender.send(second.path, sop_uid=second.sop_uid, **words) == 0
        assert _send(peer, third) == [0]
    assert set(ReceivedFile.objects.values_list("sop_uid", flat=True)) == {
        image.sop_uid for image in (first, second, third)
    }
    assert len(stored()) == 3


def test_the_last_of_the_disk_is_for_blue_light(tmp_path, settings, world):
    settings.IMAGES_RESERVE_BYTES = 1 << 60
    far = node()
    first, second = files.make(tmp_path), files.make(tmp_path)
    with house() as peer:
        with pytest.raises(DicomFailure) as failure:
            _send(peer, first)
        assert failure.value.status == 0xA700
        Transaction.objects.create(
            number=1, kind="transfer", direction="in", institution=far.institution,
            organisation=world.acting("mbp").organisation,
            state_since=timezone.now(), due_at=timezone.now(), created_by="test",
            priority=Priority.BLUE_LIGHT,
        )  # fmt: skip

        def _taken() -> bool:
            try:
                return _send(peer, second) == [0]
            except DicomFailure:
                return False

        assert wait_until(_taken, seconds=20)
    assert ReceivedFile.objects.get().sop_uid == second.sop_uid


# --- Storage commitment --------------------------------------------------------------------------


def test_we_promise_what_lies_here_of_that_node_and_nothing_else(tmp_path):
    node()
    node("OTHER")
    kept, refused, gone, others = (files.make(tmp_path) for _ in range(4))
    with house() as peer:
        _send(peer, kept, refused, gone)
        _send(replace(peer, our_ae_title="OTHER"), others)
        ReceivedFile.objects.filter(sop_uid=refused.sop_uid).update(
            state="refused", why="broken", due_at=timezone.now()
        )
        storage.discard(ReceivedFile.objects.get(sop_uid=gone.sop_uid).pk)
        pairs = [(files.CT, image.sop_uid) for image in (kept, refused, gone, others)]
        answer = ask_commitment(peer, "1.2.3", pairs, wait_seconds=30)
    assert answer.held == {kept.sop_uid}
    assert set(answer.failed) == {refused.sop_uid, gone.sop_uid, others.sop_uid}


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture
def keys(settings, tmp_path):
    """Our own key pair, and one each of two hospitals with an authority of their own."""
    settings.TLS_DIR = tmp_path / "tls"
    ours, far, other = Authority("Ours"), Authority("Far"), Authority("Other")
    write(settings.TLS_DIR, "dicom", ours.gives("ordercomms", host="localhost"))
    write(settings.TLS_DIR, "far", far.gives("pacs far", host="far.example"))
    write(settings.TLS_DIR, "far-old", far.gives("pacs far", host="far.example", days=(-9, -1)))
    write(settings.TLS_DIR, "far-elsewhere", far.gives("x", host="elsewhere.example"))
    write(settings.TLS_DIR, "other", other.gives("pacs other", host="other.example"))
    write(settings.TLS_DIR, "stranger", self_signed("far"))
    return ours, far, other


def _calls(peer, ours, title: str, key: str) -> Peer:
    return replace(
        peer, our_ae_title=title, host="127.0.0.1", server_name="localhost", uses_tls=True,
        trust_anchors=ours.pem, key_name=key,
    )  # fmt: skip


def test_with_tls_only_the_nodes_own_certificate_opens_an_association(keys):
    ours, far, other = keys
    tls = {"uses_tls": True}
    node("FAR", trust_anchors=far.pem, server_name="far.example", **tls)
    node("OTHER", trust_anchors=other.pem, server_name="other.example", **tls)
    with house(tls_key="dicom") as peer:
        assert _answers(_calls(peer, ours, "FAR", "far"))
        assert _answers(_calls(peer, ours, "OTHER", "other"))
        for title, key in (
            ("FAR", "other"), ("OTHER", "far"), ("FAR", "far-old"), ("FAR", "far-elsewhere"),
            ("FAR", "stranger"),
        ):  # fmt: skip
            assert not _answers(_calls(peer, ours, title, key)), (title, key)
        assert not _answers(peer)  # without TLS
        assert _answers(_calls(peer, ours, "FAR", "far"))


def test_a_certificate_that_was_agreed_as_it_is_opens_an_association(keys, settings):
    ours, _, _ = keys
    pair = self_signed("alone")
    write(settings.TLS_DIR, "alone", pair)
    node("FAR", uses_tls=True, trust_anchors=pem_of(pair[0]))
    with house(tls_key="dicom") as peer:
        assert _answers(_calls(peer, ours, "FAR", "alone"))
        assert not _answers(_calls(peer, ours, "FAR", "stranger"))


def test_a_node_with_tls_may_not_come_without_it(keys):
    _, far, _ = keys
    node("FAR", uses_tls=True, trust_anchors=far.pem, server_name="far.example")
    with house() as peer:
        assert not _answers(peer)


def test_a_node_without_tls_proves_nothing_by_anothers_certificate(keys):
    ours, far, _ = keys
    node("FAR", uses_tls=True, trust_anchors=far.pem, server_name="far.example")
    node("PLAIN")
    with house(tls_key="dicom") as peer:
        assert not _answers(_calls(peer, ours, "PLAIN", "far"))


def test_images_go_over_tls_bit_for_bit(keys, tmp_path):
    ours, far, _ = keys
    node("FAR", uses_tls=True, trust_anchors=far.pem, server_name="far.example")
    image = files.make(tmp_path, size=900_000)
    with house(tls_key="dicom") as peer:
        assert _send(_calls(peer, ours, "FAR", "far"), image, image) == [0, 0]
        kept = [storage.path_of(each.pk) for each in ReceivedFile.objects.all()]
    assert [files.digest(path) for path in kept] == [image.digest] * 2


def test_a_peer_that_is_not_who_it_should_be_is_not_called(keys):
    ours, far, _ = keys
    node("FAR", uses_tls=True, trust_anchors=far.pem, server_name="far.example")
    with house(tls_key="dicom") as peer:
        for wrong in ({"server_name": "elsewhere.example"}, {"trust_anchors": far.pem}):
            with pytest.raises(DicomFailure) as failure:
                echo(replace(_calls(peer, ours, "FAR", "far"), **wrong))
            assert (failure.value.phase, failure.value.family) == ("connect", "refused")
            assert "certificate" in failure.value.sentence
