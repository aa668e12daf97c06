"""The virus scanner: everything that comes is streamed to it before it leaves quarantine."""

import tempfile
from io import BytesIO
from pathlib import Path

import pytest
from django.urls import reverse

from iep import scanner, storage
from iep.errors import NotAccepted
from iep.models import ReceivedFile, Study
from iep.services.arrival import arrivals, reading
from iep.services.exchange import attaching
from iep.states.studies import FileState, Origin
from tests.iep import clamd
from tests.iep.clamd import EICAR

from . import bytes as files

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H48")]


@pytest.fixture
def scans(settings):
    with clamd.listening() as found:
        settings.CLAMD_ADDRESS = found.address
        yield found


def infected() -> bytes:
    return files.image(pixels=EICAR.ljust(512, b"\0"))


def tried_again(row) -> None:
    """The minute is over."""
    ReceivedFile.objects.filter(pk=row.pk).update(lease_until=None)
    arrivals.read_waiting()
    row.refresh_from_db()


# --- Its protocol ---------------------------------------------------------------------------------


def test_it_is_spoken_with_over_a_port_and_over_a_socket(settings):
    with tempfile.TemporaryDirectory() as folder:
        for place in (None, Path(folder)):
            with clamd.listening(place) as found:
                settings.CLAMD_ADDRESS = found.address
                assert scanner.answers()
                assert scanner.scan(BytesIO(b"clean")) == ""
                assert scanner.scan(BytesIO(b"so " + EICAR)) == "Eicar-Test-Signature"
                assert found.scanned == [b"clean", b"so " + EICAR]


def test_a_stream_of_many_chunks_arrives_whole(scans):
    content = bytes(range(256)) * 5000 + EICAR
    assert scanner.scan(BytesIO(content)) == "Eicar-Test-Signature"
    assert scans.scanned == [content]


@pytest.mark.parametrize("said", [b"", b"stream: O", b"hello\0", b"stream: OK FOUNDER\0"])
def test_an_answer_that_is_none_is_not_clean(scans, said):
    scans.says = said
    with pytest.raises(scanner.ScannerAway):
        scanner.scan(BytesIO(b"x"))


def test_what_it_will_not_take_is_not_clean_and_its_words_are_kept(scans):
    scans.most = 1000
    with pytest.raises(scanner.NotScanned) as caught:
        scanner.scan(BytesIO(bytes(5_000_000)))
    assert caught.value.words == "INSTREAM size limit exceeded"


def test_the_words_of_a_scanner_are_letters_and_not_too_many(scans):
    scans.says = b"stream: <script>alert(1)</script>" + b"x" * 500 + b" FOUND\0"
    found = scanner.scan(BytesIO(b"x"))
    assert "<" not in found
    assert len(found) <= 80


@pytest.mark.parametrize("address", ["127.0.0.1:9", "/nowhere/clamd.ctl", "nonsense", "host:port"])
def test_a_scanner_that_is_not_there_is_away(settings, address):
    settings.CLAMD_ADDRESS = address
    assert not scanner.answers()
    with pytest.raises(scanner.ScannerAway):
        scanner.scan(BytesIO(b"x"))


# --- What comes -----------------------------------------------------------------------------------


def test_every_file_is_streamed_as_it_is_kept_before_it_is_read(exchange, scans):
    rows = exchange.came(*exchange.images(3, study_uid=files.uid()))
    kept = [storage.path_of(row.pk).read_bytes() for row in rows]
    assert sorted(scans.scanned) == sorted(kept)
    assert {row.state for row in rows} == {FileState.KEPT}


def test_what_is_infected_is_refused_with_its_name_and_is_of_no_study(exchange, scans):
    uid = files.uid()
    good, bad = exchange.came(files.image(study_uid=uid), infected())
    assert (bad.state, bad.reason_code) == (FileState.REFUSED, "infected")
    assert bad.why == "The virus scanner found Eicar-Test-Signature in it."
    assert bad.study is None
    assert good.state == FileState.KEPT
    assert Study.objects.get().received == 1


@pytest.mark.parametrize("origin", list(Origin))
def test_it_is_asked_whichever_way_a_file_comes(exchange, scans, origin):
    (row,) = exchange.came(infected(), origin=origin)
    assert (row.state, row.reason_code) == (FileState.REFUSED, "infected")


def test_while_it_is_away_all_stays_in_quarantine_and_loses_no_attempt(exchange, scans, settings):
    settings.CLAMD_ADDRESS = "127.0.0.1:9"
    rows = exchange.came(*exchange.images(3, study_uid=files.uid()))
    for _ in range(reading.MOST_ATTEMPTS + 2):
        arrivals.read_waiting()
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.attempts) == (FileState.QUARANTINED, 0)
        assert row.reason_code == reading.NO_SCANNER
    assert not Study.objects.exists()
    settings.CLAMD_ADDRESS = scans.address
    arrivals.read_waiting()
    for row in rows:
        row.refresh_from_db()
        assert (row.state, row.reason_code, row.why) == (FileState.KEPT, "", "")


def test_the_page_says_that_it_is_away_and_how_many_wait(exchange, world, settings):
    settings.CLAMD_ADDRESS = "127.0.0.1:9"
    exchange.came(*exchange.images(2))
    page = world.client("mbp").get(reverse("iep:arrivals")).content.decode()
    assert "The virus scanner does not answer" in page
    assert "2 files" in page


def test_one_that_it_cannot_look_into_holds_up_no_other_and_becomes_a_persons(exchange, scans):
    scans.most = 3000
    large, small = exchange.came(files.image(pixels=bytes(8000)), files.image())
    assert small.state == FileState.KEPT
    assert (large.state, large.reason_code) == (FileState.QUARANTINED, reading.NOT_SCANNED)
    arrivals.read_waiting()
    large.refresh_from_db()
    assert large.attempts == 1  # a minute is waited
    for _ in range(reading.MOST_ATTEMPTS):
        tried_again(large)
    assert (large.state, large.reason_code) == (FileState.REFUSED, reading.NOT_SCANNED)
    assert "INSTREAM size limit exceeded" in large.why


def test_an_error_that_passes_is_forgotten(exchange, scans):
    scans.says = b"stream: Can't allocate memory ERROR\0"
    (row,) = exchange.came(files.image())
    assert row.state == FileState.QUARANTINED
    scans.says = None
    tried_again(row)
    assert (row.state, row.why, row.reason_code) == (FileState.KEPT, "", "")


def test_looked_at_again_it_is_scanned_again(exchange, scans):
    (row,) = exchange.came(infected())
    arrivals.look_again(row, by=exchange.desk)
    arrivals.read_waiting()
    row.refresh_from_db()
    assert row.reason_code == "infected"
    assert len(scans.scanned) == 2


def test_without_a_scanner_files_are_read_and_nothing_is_said_of_it(exchange, world):
    (row,) = exchange.came(files.image())
    assert row.state == FileState.KEPT
    assert "scanner" not in world.client("mbp").get(reverse("iep:arrivals")).content.decode()


# --- Reports --------------------------------------------------------------------------------------


def report(exchange, content: bytes, **more) -> None:
    """Refused before the transaction is even looked at."""
    attaching.attach(None, by=exchange.desk, file_name="a.pdf", content=content, confirmed=True,
                     **more)  # fmt: skip


def test_a_report_with_something_in_it_is_refused(exchange, scans):
    with pytest.raises(NotAccepted) as caught:
        report(exchange, b"%PDF-1.7 " + EICAR)
    assert caught.value.code == "infected"
    assert "Eicar-Test-Signature" in caught.value.sentence


@pytest.mark.parametrize("came_in", [False, True])
def test_no_report_is_taken_while_the_scanner_is_away(exchange, settings, came_in):
    settings.CLAMD_ADDRESS = "127.0.0.1:9"
    with pytest.raises(scanner.ScannerAway if came_in else NotAccepted):
        report(exchange, b"%PDF-1.7", came_in=came_in)
