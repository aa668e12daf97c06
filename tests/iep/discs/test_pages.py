"""The pages of discs: lists, drop-off, upload of a folder and a ZIP, label and chart."""

import re
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from iep import media
from iep.models import Disc, Study
from iep.paper import LABEL, Label, Line, chart_pdf, labels_pdf
from iep.states.discs import DiscState
from tests.iep.arrivals.bytes import image
from tests.iep.discs.conftest import zipped


def page(desk: Any, name: str, *args: Any, who: str = "mbp", client: Any = None) -> str:
    answer = (client or desk.world.client(who)).get(reverse(f"iep:{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def post(desk: Any, disc: Disc, name: str = "disc-act", **said: Any) -> Any:
    return desk.world.client("mbp").post(reverse(f"iep:{name}", args=[disc.pk]), said, follow=True)


def test_the_list_has_the_box_of_each_site_and_finds_a_disc_by_its_barcode(desk):
    disc = desk.boxed(desk.disc())
    other = desk.disc()
    text = page(desk, "discs")
    assert f"Box at {desk.site.name}" in text
    assert disc.ticket.reference in text
    answer = desk.world.client("mbp").get(
        reverse("iep:discs"), {"reference": disc.ticket.reference.lower()}
    )
    assert disc.ticket.reference in answer.content.decode()
    assert other.ticket.reference not in answer.content.decode()


def test_dropping_off_asks_everything_and_an_unlabelled_disc_is_left(desk):
    disc = desk.disc()
    answer = post(desk, disc, do="drop")
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Choose the reception" in text
    assert "Say whether the call reference" in text
    said = {"do": "drop", "site": desk.site.pk, "dropped_by": "K Porter", "form_enclosed": "yes"}
    post(desk, disc, labelled="no", **said)
    disc.refresh_from_db()
    assert disc.state == DiscState.LEFT
    assert "Not labelled, so left in the box" in page(desk, "discs")
    post(desk, disc, labelled="yes", **said)
    disc.refresh_from_db()
    assert disc.state == DiscState.IN_BOX
    post(desk, disc, do="collect")
    disc.refresh_from_db()
    assert disc.state == DiscState.COLLECTED


def uploaded(name: str, content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def test_a_folder_is_uploaded_and_read_and_its_names_are_forgotten(desk, tmp_path):
    disc = desk.collected()
    files = [uploaded(f"../../IM{n}", image(instance_number=str(n))) for n in range(130)]
    answer = post(desk, disc, "disc-upload", files=[*files, uploaded("README", b"read me")])
    assert answer.status_code == 200
    disc.refresh_from_db()
    assert disc.state == DiscState.READING
    assert "It is read now" in answer.content.decode()
    assert not list(tmp_path.rglob("*IM*"))
    disc = desk.work(disc)
    assert (disc.state, disc.files_kept) == (DiscState.READ, 130)
    text = page(desk, "disc", disc.pk)
    assert "1 file left out: It is not a DICOM file." in text
    assert "CT head" in text
    assert "UNVERIFIED" in text


def test_a_zip_is_uploaded_and_read(desk):
    disc = desk.collected()
    post(desk, disc, "disc-upload", files=uploaded("cd.zip", zipped([("a", image())])))
    assert desk.work(disc).files_kept == 1


def test_an_unlabelled_disc_is_not_uploaded_before_somebody_says_that_it_is_labelled(desk):
    disc = desk.boxed(desk.disc(), labelled=False)
    packed = zipped([("a", image())])
    assert "Upload and read" not in page(desk, "disc", disc.pk)
    answer = post(desk, disc, "disc-upload", files=uploaded("cd.zip", packed))
    assert answer.status_code == 409
    said = {"do": "brought", "arranged": "I Aziz"}
    answer = post(desk, disc, **said, **{"brought-labelled": "no"})
    assert answer.status_code == 422
    assert "Write the call reference on the disc" in answer.content.decode()
    assert "Say whether the form is in the envelope" in answer.content.decode()
    post(desk, disc, **said, **{"brought-labelled": "yes", "brought-form": "yes"})
    assert "Upload and read" in page(desk, "disc", disc.pk)
    post(desk, disc, "disc-upload", files=uploaded("cd.zip", packed))
    assert desk.work(disc).files_kept == 1


def test_an_upload_of_no_file_says_so_and_nothing_stays(desk):
    disc = desk.collected()
    answer = post(desk, disc, "disc-upload")
    assert answer.status_code == 422
    assert "Choose the folder of the disc" in answer.content.decode()
    disc.refresh_from_db()
    assert disc.state == DiscState.COLLECTED


@pytest.mark.hazard("H48")
def test_an_upload_that_is_too_large_is_refused_before_it_is_read(desk, monkeypatch):
    monkeypatch.setattr(media, "MOST_BYTES", 1000)
    monkeypatch.setattr("iep.uploads.FORMS", 0)
    answer = post(desk, desk.collected(), "disc-upload", files=uploaded("a", bytes(5000)))
    assert answer.status_code == 413
    assert "more than is taken" in answer.content.decode()


@pytest.mark.hazard("H48")
def test_an_upload_that_is_larger_than_it_said_is_stopped(desk, monkeypatch, tmp_path):
    monkeypatch.setattr(media, "MOST_BYTES", 1000)
    answer = post(desk, desk.collected(), "disc-upload", files=uploaded("a", bytes(5000)))
    assert answer.status_code == 422
    assert "more than is taken" in answer.content.decode()
    assert not [path for path in (tmp_path / "images" / "discs").rglob("*") if path.is_file()]


def test_an_upload_of_too_many_files_is_stopped_in_words(desk, monkeypatch):
    monkeypatch.setattr(media, "MOST_ENTRIES", 3)
    files = [uploaded(str(each), b"x") for each in range(5)]
    answer = post(desk, desk.collected(), "disc-upload", files=files)
    assert answer.status_code == 422
    assert "more than 3 files" in answer.content.decode()


def test_an_upload_without_the_token_is_refused(desk):
    disc = desk.collected()
    client = desk.world.client("mbp", enforce_csrf_checks=True)
    address = reverse("iep:disc-upload", args=[disc.pk])
    assert client.post(address, {"files": uploaded("a", image())}).status_code == 403
    disc.refresh_from_db()
    assert disc.state == DiscState.COLLECTED
    assert not media.spool(disc.pk).parent.exists() or not list(
        media.spool(disc.pk).parent.rglob("*")
    )


def test_other_pages_take_few_files_at_once(desk):
    files = [uploaded(str(each), b"x") for each in range(30)]
    assert post(desk, desk.disc(), do="collect", extra=files).status_code == 400


@pytest.mark.hazard("H41")
def test_a_stopped_disc_shows_who_is_on_it_and_is_released_with_a_reason(desk):
    disc = desk.upload(desk.disc(), image(), image(name="Otherpatient^Bo", study_uid="2.25.83"))
    text = page(desk, "disc", disc.pk)
    assert "more than one patient" in text
    assert "Otherpatient^Bo" in text
    assert "Differs" in text
    assert post(desk, disc, do="release", why="").status_code == 422
    post(desk, disc, do="release", why="Two sisters, both asked for by telephone")
    disc.refresh_from_db()
    assert disc.state == DiscState.READ
    assert {each.state for each in Study.objects.all()} == {"failed_verification"}


def test_the_progress_is_said_and_then_the_page_is_loaded_anew(desk):
    disc = desk.collected()
    post(desk, disc, "disc-upload", files=uploaded("a", image()))
    address = reverse("iep:disc-progress", args=[disc.pk])
    client = desk.world.client("mbp")
    assert "waits for its turn" in client.get(address).content.decode()
    desk.work(disc)
    assert client.get(address).headers["HX-Refresh"] == "true"
    assert "The disc is read in." in page(desk, "disc", disc.pk, client=client)


def test_how_far_it_is_is_shown_and_not_spoken_every_two_seconds(desk):
    disc = desk.collected()
    post(desk, disc, "disc-upload", files=uploaded("a", image()))
    (polled,) = re.findall(r"<div[^>]*hx-get[^>]*>", page(desk, "disc", disc.pk))
    assert "every 2s" in polled
    assert not re.search("role=|aria-live", polled)


def test_a_label_has_the_reference_and_no_patient_and_a_chart_has_room(desk):
    disc = desk.boxed(desk.disc())
    client = desk.world.client("mbp")
    label = client.get(reverse("iep:disc-label", args=[disc.pk]))
    chart = client.get(reverse("iep:disc-chart", args=[desk.site.pk]))
    for answer in (label, chart):
        assert answer.headers["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF")
        assert b"Testpatient" not in answer.content


def sizes(pdf: bytes) -> list[str]:
    return [line.decode() for line in pdf.split(b"\n") if b"/MediaBox" in line]


def test_a_label_is_99_by_38_millimetres_and_a_long_address_stays_on_it():
    pdf = labels_pdf([Label("IEP-261122-014", 1, 2, "W" * 300)])
    assert len(sizes(pdf)) == 1
    assert f"{LABEL[0]:.4f}"[:6] in sizes(pdf)[0]
    assert f"{LABEL[1]:.4f}"[:6] in sizes(pdf)[0]


def test_a_chart_goes_over_as_many_pages_as_it_needs():
    lines = [Line("22 Nov 2026", "IEP-261122-014", "1 of 1", "N" * 90, "Yes", "Yes")] * 60
    pdf = chart_pdf("Kingsmere <General>", date(2026, 11, 25), lines)
    assert len(sizes(pdf)) > 1


def test_a_disc_of_another_trust_is_not_found(desk):
    disc = desk.disc()
    client = desk.world.client_elsewhere("mbp")
    for name in ("disc", "disc-label", "disc-progress"):
        assert client.get(reverse(f"iep:{name}", args=[disc.pk])).status_code == 404
    assert client.post(reverse("iep:disc-upload", args=[disc.pk])).status_code == 404
