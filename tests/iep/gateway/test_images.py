"""Images at the gateway: pushed by a manifest, or pulled when they are on the exchange."""

import hashlib
import io
import json
import uuid

import pytest

from iep import storage
from iep.gateway import related
from iep.gateway.shapes import instance_key
from iep.models import ManifestLine, ReceivedFile, Transaction
from iep.services.exchange import sending, transactions
from iep.states.transactions import TransactionEvent
from tests.iep.gateway.sides import RELATED, Sides, multipart, send, to
from tests.iep.lanes.images import image, new_uid, outgoing

pytestmark = pytest.mark.django_db
BACK = {"key": "eastmarsh", "parties": ("RZ2", "RZ1")}  # Eastmarsh sends to Kingsmere


@pytest.fixture
def row(sides: Sides) -> Transaction:
    """Kingsmere has asked Eastmarsh."""
    return sides.ask()


def study(count: int = 3) -> tuple[str, list[tuple[str, bytes]]]:
    """A study UID, and its instances: UID and bytes."""
    study_uid, series_uid = new_uid(), new_uid()
    return study_uid, [image(study_uid, series_uid, n, pixels=200) for n in range(count)]


def lines(named: str, images: list[tuple[str, bytes]], **changes) -> dict:
    return {
        "instances": [
            {
                "study_uid": named, "series_uid": "1.2.3", "sop_uid": sop_uid,
                "sop_class": "1.2.840.10008.5.1.4.1.1.2", "transfer_syntax": "1.2.840.10008.1.2.1",
                "size": len(raw), "sha256": hashlib.sha256(raw).hexdigest(), **changes,
            }
            for sop_uid, raw in images
        ]
    }  # fmt: skip


def announce(row: Transaction, *args, **changes):
    return send("PUT", to(row.shared_id, "/manifest"), lines(*args, **changes), **BACK)


def push(row: Transaction, body: bytes, content_type: str = RELATED):
    return send("POST", to(row.shared_id, "/studies"), body, content_type=content_type, **BACK)


def aside() -> int:
    return len(list((storage._root() / "aside").glob("*"))) if storage._root().exists() else 0


# --- Pushed ---------------------------------------------------------------------------------------


def test_an_image_that_was_announced_is_kept_as_it_came_and_confirmed_by_hash(row) -> None:
    study_uid, [(sop_uid, raw)] = study(1)
    assert announce(row, study_uid, [(sop_uid, raw)]).json() == {"instances": 1}
    answer = push(row, multipart(raw))
    kept = {"sop_uid": sop_uid, "size": len(raw), "sha256": hashlib.sha256(raw).hexdigest(),
            "state": "quarantined"}  # fmt: skip
    assert (answer.status_code, answer.json()) == (200, {"instances": [kept]})
    file = ReceivedFile.objects.get()
    assert storage.path_of(file.pk).read_bytes() == raw
    assert (file.origin, file.transaction, file.node) == ("gateway", row, row.node)
    assert (file.study_uid, file.sop_uid) == (study_uid, sop_uid)
    received = send("GET", to(row.shared_id, "/received"), **BACK)
    assert received.json() == {"instances": [kept]}


@pytest.mark.parametrize("bare", [True, False])
def test_one_image_may_come_bare_and_several_in_one_multipart(row, bare) -> None:
    study_uid, images = study(3)
    announce(row, study_uid, images)
    if bare:
        answers = [push(row, raw, "application/dicom") for _, raw in images]
    else:
        answers = [push(row, multipart(*(raw for _, raw in images)))]
    came = [each["sop_uid"] for answer in answers for each in answer.json()["instances"]]
    assert came == [sop_uid for sop_uid, _ in images]
    assert ReceivedFile.objects.count() == 3
    assert aside() == 0


def test_an_image_that_is_pushed_again_is_confirmed_again_and_kept_once(row) -> None:
    study_uid, images = study(2)
    announce(row, study_uid, images)
    first, again = push(row, multipart(images[0][1])), push(row, multipart(images[0][1]))
    assert first.json() == again.json()
    both = push(row, multipart(images[0][1], images[1][1]))
    assert len(both.json()["instances"]) == 2
    assert ReceivedFile.objects.count() == 2
    assert aside() == 0


@pytest.mark.hazard("H40")
def test_an_image_without_a_manifest_or_other_than_it_says_is_not_taken(row) -> None:
    study_uid, images = study(2)
    assert push(row, multipart(images[0][1])).json()["code"] == "not_in_manifest"
    announce(row, study_uid, images[:1])
    changed = images[0][1][:-1] + bytes([images[0][1][-1] ^ 1])
    for body in (changed, images[1][1], b"", multipart(images[0][1])):
        assert push(row, multipart(body)).status_code == 409
    assert push(row, multipart(images[0][1], changed)).status_code == 409, "all of it, or none"
    assert not ReceivedFile.objects.exists()
    assert aside() == 0
    assert not list(storage._root().glob("??/*.dcm"))


@pytest.mark.parametrize("cut", [1, 5, 60, 400])
def test_a_multipart_that_was_cut_short_leaves_nothing(row, cut) -> None:
    study_uid, images = study(1)
    announce(row, study_uid, images)
    answer = push(row, multipart(images[0][1])[: -10 - cut])
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert not ReceivedFile.objects.exists()
    assert aside() == 0


def test_a_body_that_is_not_the_one_signed_leaves_nothing(row) -> None:
    from tests.iep.gateway.sides import ROOT, headers

    study_uid, images = study(1)
    announce(row, study_uid, images)
    path = f"{ROOT}/v1{to(row.shared_id, '/studies')}"
    signed = headers("POST", path, b"another", content_type=RELATED, **BACK)
    answer = send("POST", path, multipart(images[0][1]), signed=signed)
    assert (answer.status_code, answer.json()["code"]) == (403, "tampered")
    assert not ReceivedFile.objects.exists()
    assert aside() == 0


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 415),
        ("multipart/form-data; boundary=edge", 415),
        ('multipart/related; type="application/dicom+json"; boundary=edge', 415),
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary="a b "', 400),
        ("", 415),
    ],
)
def test_what_is_not_dicom_is_not_taken(row, content_type, status) -> None:
    study_uid, images = study(1)
    announce(row, study_uid, images)
    assert push(row, multipart(images[0][1]), content_type).status_code == status
    assert not ReceivedFile.objects.exists()


def test_a_part_of_another_type_is_not_taken(row) -> None:
    study_uid, images = study(1)
    announce(row, study_uid, images)
    assert push(row, multipart(images[0][1], kind="text/html")).status_code == 415
    assert not ReceivedFile.objects.exists()
    assert aside() == 0


def test_no_image_is_taken_when_there_is_no_room_and_blue_light_has_the_reserve(
    row, settings
) -> None:
    study_uid, images = study(1)
    announce(row, study_uid, images)
    settings.IMAGES_RESERVE_BYTES = 10**18
    answer = push(row, multipart(images[0][1]))
    assert (answer.status_code, answer.json()["code"]) == (507, "no_room")
    Transaction.objects.filter(pk=row.pk).update(priority=0, eligibility="theatre")
    assert push(row, multipart(images[0][1])).status_code == 200


def test_nothing_is_taken_for_a_transaction_that_is_over_or_goes_the_other_way(
    row, sides, world
) -> None:
    study_uid, images = study(1)
    theirs = sides.heard_by_eastmarsh()
    wrong_way = send("PUT", to(theirs.shared_id, "/manifest"), lines(study_uid, images))
    assert (wrong_way.status_code, wrong_way.json()["code"]) == (409, "not_yours_to_say")
    announce(row, study_uid, images)
    transactions.cancel(row, "Not needed", by=world.acting("mbp"))
    assert push(row, multipart(images[0][1])).json()["code"] == "closed"
    assert announce(row, study_uid, images).json()["code"] == "closed"


def test_a_manifest_may_grow_and_what_is_here_stays_what_it_is(row) -> None:
    study_uid, images = study(3)
    assert announce(row, study_uid, images[:2]).json() == {"instances": 2}
    assert announce(row, study_uid, images[1:]).json() == {"instances": 3}
    assert announce(row, study_uid, images[:1], sha256="0" * 64).status_code == 200
    announce(row, study_uid, images)
    push(row, multipart(images[0][1]))
    assert announce(row, study_uid, images[:1], sha256="0" * 64).json()["code"] == "other_image"
    assert ManifestLine.objects.filter(file__isnull=False).count() == 1


@pytest.mark.parametrize(
    "change",
    [{"sop_uid": "../../etc/passwd"}, {"size": 0}, {"size": -1}, {"sha256": "A" * 64},
     {"study_uid": "1" * 65}],
)  # fmt: skip
def test_a_line_that_cannot_be_is_refused(row, change) -> None:
    study_uid, images = study(1)
    assert announce(row, study_uid, images, **change).status_code == 422
    assert not ManifestLine.objects.exists()


# --- Pulled ---------------------------------------------------------------------------------------


@pytest.fixture
def offered(sides: Sides, world):
    """Eastmarsh was asked, and has put a study of three images on the exchange."""
    row = sides.heard_by_eastmarsh()
    made = outgoing(3, pixels=200)
    made.organisation, made.transaction = sides.eastmarsh.organisation, row
    made.save()
    for file in made.files.all():
        raw = storage.path_of(file.pk).read_bytes()
        made.files.filter(pk=file.pk).update(sha256=hashlib.sha256(raw).hexdigest())
    return row


def test_nothing_can_be_pulled_before_it_is_on_the_exchange(offered, world) -> None:
    file = ReceivedFile.objects.first()
    path = to(offered.shared_id, f"/instances/{instance_key(file.sop_uid)}")
    assert send("GET", to(offered.shared_id, "/manifest")).json() == {"instances": []}
    assert send("GET", path).status_code == 404
    sending.put_on_exchange(offered, by=world.acting("mbp"))
    assert len(send("GET", to(offered.shared_id, "/manifest")).json()["instances"]) == 3
    assert send("GET", path).status_code == 200
    transactions.record(offered, TransactionEvent.PURGED, by=world.acting("mbp"))
    assert send("GET", path).status_code == 404


@pytest.mark.parametrize("accept", ["", "application/dicom", RELATED])
def test_an_image_is_pulled_as_it_lies_in_storage(offered, world, accept) -> None:
    sending.put_on_exchange(offered, by=world.acting("mbp"))
    file = ReceivedFile.objects.first()
    path = to(offered.shared_id, f"/instances/{instance_key(file.sop_uid)}")
    from django.test import Client

    from tests.iep.gateway.sides import ROOT, headers

    signed = headers("GET", f"{ROOT}/v1{path}")
    answer = Client().get(f"{ROOT}/v1{path}", headers=signed | {"Accept": accept})
    body = b"".join(answer.streaming_content)
    assert len(body) == int(answer["Content-Length"])
    if accept != "application/dicom":
        stream = iter([body, b""])
        parts = related.Parts(lambda n: next(stream), related.boundary_of(answer["Content-Type"]))
        [body] = [b"".join(part.chunks) for part in parts]
    assert body == storage.path_of(file.pk).read_bytes()
    said = json.loads(answer["Gateway-Instance"])
    assert (said["sop_uid"], said["sha256"]) == (file.sop_uid, file.sha256)


def test_no_address_holds_a_uid(offered, world) -> None:
    sop_uid = ReceivedFile.objects.first().sop_uid
    assert sop_uid not in to(offered.shared_id, f"/instances/{instance_key(sop_uid)}")
    assert send("GET", to(offered.shared_id, f"/instances/{uuid.uuid4()}")).status_code == 404


# --- Multiparts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10_000])
def test_a_multipart_is_cut_where_its_boundary_says_however_it_comes(step) -> None:
    files = [b"", b"\r\n", b"--edge", b"\r\n--edg", b"\r\n-", b"x" * 300, b"\r\n\r\n--"]
    stream = io.BytesIO(b"a preamble\r\n" + multipart(*files) + b"an epilogue")
    parts = related.Parts(lambda count: stream.read(min(step, count)), b"edge")
    assert [b"".join(part.chunks) for part in parts] == files


def test_a_part_that_nobody_reads_is_passed_over() -> None:
    stream = iter([multipart(b"one", b"two", b"three"), b""])
    parts = related.Parts(lambda n: next(stream), b"edge")
    seen = [b"".join(part.chunks) if number == 1 else b"" for number, part in enumerate(parts)]
    assert seen == [b"", b"two", b""]


def test_headers_without_an_end_are_refused_before_they_fill_the_memory() -> None:
    def read(count: int) -> bytes:
        return b"--edge\r\n" if not asked.append(count) and len(asked) == 1 else b"a: b\r\n" * 1000

    asked: list[int] = []
    with pytest.raises(related.Malformed):
        list(related.Parts(read, b"edge"))
    assert len(asked) < 10
