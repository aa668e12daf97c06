"""The viewer's page: what it says, where its links lead; the cache; the child."""

import contextlib
import os
import re
import signal
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image
from pydicom import dcmread

from accounts.models import AccessEvent
from iep import storage
from iep.models import Study
from iep.queries.registration.images import place_of, series_of, viewer_for
from iep.sandbox.errands import Errands, NotDone
from iep.services.registration import pictures
from tests.iep.arrivals import bytes as files

from .frames import grey
from .test_tables import over, overlay, table

pytestmark = pytest.mark.django_db
RAMP = np.arange(0, 1024, 1, dtype=np.int16).reshape(32, 32)


def changed(raw: bytes, **said) -> bytes:
    read = dcmread(BytesIO(raw))
    for name, value in said.items():
        setattr(read, name, value)
    read.file_meta.MediaStorageSOPInstanceUID = read.SOPInstanceUID
    out = BytesIO()
    read.save_as(out)
    return out.getvalue()


@pytest.fixture
def study(exchange) -> Study:
    """Two series: three grey images, and one that nobody can show."""
    uid = files.uid()
    images = [
        changed(grey(RAMP, WindowCenter=512, WindowWidth=1024), StudyInstanceUID=uid,
                SeriesInstanceUID=f"{uid}.1", SeriesNumber=3, InstanceNumber=number + 1,
                SOPInstanceUID=files.uid())
        for number in range(3)
    ]  # fmt: skip
    images.append(files.image(study_uid=uid, series_uid=f"{uid}.2", series_number="4",
                              modality="SR", rows=None, columns=None, pixels=None))  # fmt: skip
    exchange.came(*images)
    exchange.goes_quiet()
    return Study.objects.get(study_uid=uid)


def address(study, query="") -> str:
    return reverse("iep:images", args=[study.pk]) + query


def page(client, study, query="") -> str:
    response = client.get(address(study, query))
    assert response.status_code == 200
    return response.content.decode()


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.fixture
def mbp(world):
    return world.client("mbp")


# --- The page -------------------------------------------------------------------------------------


def test_it_says_that_it_is_for_checking_only_whatever_is_shown(mbp, study):
    for query in ("", "?s=2", "?s=1&n=2&b=2.1", "?w=lung&z=400&i=1"):
        assert "For checking only, not for diagnosis" in text(page(mbp, study, query)), query


def test_the_corners_say_whose_when_which_and_how(mbp, study):
    said = text(page(mbp, study, "?s=1&n=2"))
    assert "Testpatient Agnes" in said
    assert "02-Mar-1958" in said
    assert "Image 2 of 3" in said
    assert "Window 512 / 1024" in said
    assert "CT, series 3" in said


@pytest.fixture
def of_two(exchange) -> Study:
    """Stopped: its first image names Agnes, its second somebody else, of another day."""
    uid = files.uid()
    raw = grey(RAMP, StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1", SeriesNumber=1)
    exchange.came(changed(raw, InstanceNumber=1, SOPInstanceUID=files.uid()))
    exchange.came(
        changed(raw, InstanceNumber=2, SOPInstanceUID=files.uid(), PatientName="Otherpatient^Bo",
                PatientBirthDate="19610709", StudyDate="20260101")
    )  # fmt: skip
    return Study.objects.get(study_uid=uid)


@pytest.mark.hazard("H41")
def test_each_image_is_under_the_name_and_the_day_that_it_has_itself(mbp, of_two):
    assert of_two.state == "stopped"
    first, second = text(page(mbp, of_two)), text(page(mbp, of_two, "?n=2"))
    assert "Testpatient Agnes Born 02-Mar-1958" in first
    assert "Differs" not in first
    assert "Otherpatient Bo Born 09-Jul-1961" in second
    assert "Testpatient" not in second
    assert "Differs from the study’s first image: name, date of birth" in second
    assert "01-Jan-2026 Differs: study of" in second
    both = text(page(mbp, of_two, "?n=1&b=1.2"))
    assert both.index("Testpatient Agnes") < both.index("Otherpatient Bo")


@pytest.mark.hazard("H41")
def test_an_image_of_another_that_is_not_shown_has_not_the_study_s_day(mbp, of_two):
    row = of_two.files.get(instance_number=2)
    storage.discard(row.pk)
    said = text(page(mbp, of_two, "?n=2"))
    assert "Otherpatient Bo" in said
    assert "Not known CT, series 1" in said


def test_who_decides_on_a_stopped_study_comes_to_its_images_and_back(mbp, of_two):
    there = mbp.get(reverse("iep:arrival", args=[of_two.pk])).content.decode()
    assert f'<a href="{address(of_two)}">Look at the images</a>' in there
    assert f'href="{reverse("iep:arrival", args=[of_two.pk])}">The study' in page(mbp, of_two)


def test_full_screen_without_javascript_has_the_words_too(mbp, study):
    html = page(mbp, study, "?s=1&n=2&w=bone")
    (there,) = re.findall(r'<a href="([^"]+)" data-full-screen', html)
    alone = page(mbp, study, there.replace("&amp;", "&"))
    said = text(alone)
    for words in ("Testpatient Agnes", "02-Mar-1958", "Image 2 of 3", "UNVERIFIED",
                  "For checking only, not for diagnosis"):  # fmt: skip
        assert words in said
    assert "?s=1&amp;n=3&amp;w=bone&amp;f=1" in alone
    assert 'href="?s=1&amp;n=2&amp;w=bone">Back to the viewer' in alone


@pytest.mark.hazard("H46")
def test_unverified_stands_in_the_picture_too(mbp, study):
    html = page(mbp, study)
    corner = html[html.index("app-viewer__corner") :]
    assert "UNVERIFIED" in corner
    assert "data-unverified" in html


def test_no_alternative_text_names_anybody(mbp, study):
    alts = re.findall(r'alt="([^"]*)"', page(mbp, study, "?b=1.3"))
    assert "CT, series 3, image 1 of 3" in alts
    assert not any("Agnes" in alt or "Testpatient" in alt for alt in alts)


def test_no_identity_is_in_an_address_or_the_title(mbp, study):
    html = page(mbp, study)
    links = " ".join(re.findall(r'(?:href|src|action)="([^"]*)"', html))
    assert not re.search(r"Agnes|Testpatient|X4711|1958", links)
    assert "<title>Images – Diagnostics ordering" in html


def test_what_cannot_be_shown_says_so_and_the_rest_goes_on(mbp, study):
    said = text(page(mbp, study, "?s=2"))
    assert "Cannot be shown here. There is no picture in it" in said
    assert "Series 3" in said


def test_every_control_is_a_link_that_keeps_the_rest(study):
    viewer = viewer_for(study, place_of({"s": "1", "n": "2", "w": "bone", "i": "1"}))
    assert viewer.pane.previous == "?s=1&n=1&w=bone&i=1"
    assert viewer.pane.following == "?s=1&n=3&w=bone&i=1"
    assert viewer.invert == "?s=1&n=2&w=bone"
    assert viewer.compare == "?s=1&n=2&w=bone&i=1&b=1.2"
    zooms = {code: where for code, _, where in viewer.zooms}
    assert zooms["200"] == "?s=1&n=2&w=bone&z=200&i=1"


def test_two_beside_each_other_go_their_own_ways(study):
    viewer = viewer_for(study, place_of({"s": "1", "n": "1", "b": "1.3"}))
    assert (viewer.pane.image, viewer.second.image) == (1, 3)
    assert viewer.pane.following == "?s=1&n=2&b=1.3"
    assert viewer.second.previous == "?s=1&n=1&b=1.2"
    slid = place_of({"s": "1", "n": "1", "bs": "1", "bn": "2"})
    assert slid.beside == (1, 2)


@pytest.mark.parametrize(
    "query", ["?s=99&n=99", "?s=-1&n=0", "?s=x&n=y&w=../../etc&z=9&b=1", "?b=9.9", "?n=99999999"]
)
def test_nonsense_in_the_address_is_the_nearest_that_is_there(mbp, study, query):
    assert "For checking only" in page(mbp, study, query)


def test_a_multi_frame_file_is_gone_through_frame_by_frame(exchange):
    frames = np.stack([RAMP] * 5)
    exchange.came(grey(frames, NumberOfFrames=5))
    (series,) = series_of(Study.objects.latest("state_since"))
    assert [each.frame for each in series.frames] == [0, 1, 2, 3, 4]


def test_a_study_without_an_image_says_so(mbp, exchange):
    exchange.came(files.image())
    study = Study.objects.latest("state_since")
    study.files.update(state="discarded")
    assert "There is no image to look at" in text(page(mbp, study))


@pytest.fixture
def drawn_over(exchange) -> Study:
    """Two images: one with a drawing over it and a table, one with one that cannot be drawn."""
    uid = files.uid()
    said = {"StudyInstanceUID": uid, "SeriesInstanceUID": f"{uid}.1", "SeriesNumber": 1}
    raw = grey(RAMP, VOILUTSequence=table(np.arange(1024) * 64))
    drawn = over(raw, overlay(np.eye(32, dtype=bool)))
    undrawn = over(grey(RAMP), overlay(np.eye(32, dtype=bool)), without=(0x60003000,))
    exchange.came(
        changed(drawn, InstanceNumber=1, SOPInstanceUID=files.uid(), **said),
        changed(undrawn, InstanceNumber=2, SOPInstanceUID=files.uid(), **said),
    )
    exchange.goes_quiet()
    return Study.objects.get(study_uid=uid)


def test_overlays_are_shown_and_can_be_hidden_by_a_link(mbp, drawn_over):
    html = page(mbp, drawn_over)
    assert "Hide overlays" in html
    assert "1 overlay" in text(html)
    assert "The image’s own table" in text(html)
    (there,) = re.findall(r'<a href="([^"]+)" data-key="o"', html)
    bare = page(mbp, drawn_over, there.replace("&amp;", "&"))
    assert "Show overlays" in bare
    assert "1 overlay hidden" in text(bare)
    assert Image.open(BytesIO(mbp.get(source(html)).content)).mode == "RGB"
    assert Image.open(BytesIO(mbp.get(source(bare)).content)).mode == "L"


def test_an_overlay_that_cannot_be_shown_is_said_in_the_picture(mbp, drawn_over):
    html = page(mbp, drawn_over, "?n=2")
    assert "1 overlay cannot be shown" in text(html)
    assert "Hide overlays" not in html


def test_without_an_overlay_nothing_is_said_of_overlays(mbp, study):
    assert "overlay" not in text(page(mbp, study))


# --- The pictures ---------------------------------------------------------------------------------


def source(html: str) -> str:
    return re.search(r'<img class="app-zoom[^>]*src="([^"]+)"', html)[1].replace("&amp;", "&")


def test_a_picture_is_a_png_that_nobody_keeps(mbp, study):
    response = mbp.get(source(page(mbp, study)))
    assert response["Content-Type"] == "image/png"
    assert "no-store" in response["Cache-Control"]
    assert Image.open(BytesIO(response.content)).size == (32, 32)


def test_a_thumbnail_is_small(mbp, study):
    thumb = re.search(r'<img src="([^"]+\?t=1)"', page(mbp, study))[1]
    assert max(Image.open(BytesIO(mbp.get(thumb).content)).size) <= pictures.THUMBNAIL


@pytest.mark.parametrize("change", ["study", "file", "frame", "window"])
def test_a_picture_of_something_else_is_not_there(mbp, study, exchange, change):
    row = study.files.order_by("series_number").first()
    exchange.came(files.image(study_uid=files.uid()))
    other = Study.objects.exclude(pk=study.pk).latest("state_since")
    said = {"study_id": study.pk, "file_id": row.pk, "frame": 0}
    said |= {"study": {"study_id": other.pk}, "file": {"file_id": other.files.get().pk},
             "frame": {"frame": 7}, "window": {}}[change]  # fmt: skip
    query = "?w=nonsense" if change == "window" else ""
    assert mbp.get(reverse("iep:picture", kwargs=said) + query).status_code == 404


def test_who_has_nothing_to_do_with_it_sees_nothing(world, study):
    where = address(study)
    assert world.client("gp").get(where).status_code == 403
    assert world.client_elsewhere("mbp").get(where).status_code == 404
    assert world.client("on-call").get(where).status_code == 200


def test_every_opened_study_is_on_record_once_for_one_look(mbp, study):
    for number in (1, 2, 3):
        page(mbp, study, f"?n={number}")
    found = AccessEvent.objects.filter(action="view_images", object_id=str(study.pk))
    assert found.count() == 1


# --- Kept for a while -----------------------------------------------------------------------------


def kept(settings) -> list[Path]:
    return list((Path(settings.IMAGES_DIR) / "previews").iterdir())


def test_a_picture_is_rendered_once_and_its_name_is_ours(study, settings):
    row = study.files.order_by("series_number").first()
    first = pictures.picture(row.pk)
    (place,) = kept(settings)
    assert re.fullmatch(r"[0-9a-f]{64}", place.name)
    storage.discard(row.pk)
    assert pictures.picture(row.pk).png == first.png
    assert b"Agnes" not in place.read_bytes()


def test_the_oldest_pictures_go_when_there_are_too_many(study, settings):
    rows = list(study.files.filter(modality="CT"))
    settings.PREVIEW_BYTES = len(pictures.picture(rows[0].pk).png) * 2
    for row in rows:
        for window in pictures.PRESETS:
            pictures.picture(row.pk, window=window)
    assert sum(each.stat().st_size for each in kept(settings)) <= settings.PREVIEW_BYTES


def test_a_kept_picture_that_is_broken_is_rendered_again(study, settings):
    row = study.files.order_by("series_number").first()
    good = pictures.picture(row.pk)
    kept(settings)[0].write_bytes(b"half")
    assert pictures.picture(row.pk) == good


def test_a_file_that_is_gone_says_so(study):
    row = study.files.order_by("series_number").first()
    storage.discard(row.pk)
    assert pictures.picture(row.pk).why_not == "The image is not here any more."


# --- The child ------------------------------------------------------------------------------------

RENDER = {"do": "render", "frame": 0, "window": "auto", "edge": 160}


@pytest.mark.hazard("H48")
def test_the_child_has_no_files_no_programs_and_bounded_memory(study):
    row = study.files.order_by("series_number").first()
    with Errands() as errands:
        errands.do(storage.path_of(row.pk), request=dict(RENDER))
        limits = Path(f"/proc/{errands.running.process.pid}/limits").read_text(encoding="ascii")
        assert re.search(r"Max address space\s+536870912", limits)
        assert re.search(r"Max cpu time\s+10 ", limits)
        assert re.search(r"Max file size\s+0 ", limits)


@pytest.mark.hazard("H48")
def test_a_child_that_is_killed_is_followed_by_another(study):
    row = study.files.order_by("series_number").first()
    path = storage.path_of(row.pk)
    with Errands() as errands:
        before = errands.do(path, request=dict(RENDER)).data
        os.kill(errands.running.process.pid, signal.SIGKILL)
        assert errands.do(path, request=dict(RENDER)).data == before


@pytest.mark.hazard("H48")
def test_what_needs_more_memory_than_there_is_is_refused_and_the_next_is_shown(tmp_path):
    huge, good = tmp_path / "huge", tmp_path / "good"
    huge.write_bytes(changed(grey(np.zeros((4, 4), np.uint32)), Rows=4900, Columns=4900,
                             PixelData=bytes(4900 * 4900 * 4)))  # fmt: skip
    good.write_bytes(grey(RAMP))
    with Errands() as errands:
        for _ in range(3):
            with contextlib.suppress(NotDone):  # both ends are good
                assert errands.do(huge, request=dict(RENDER)).data
        assert errands.do(good, request=dict(RENDER)).data


@pytest.mark.hazard("H48")
def test_the_word_of_a_child_that_was_taken_over_is_not_believed(study, monkeypatch):
    row = study.files.order_by("series_number").first()

    class Found:
        found = {"window": ["<script>", 1], "width": 1, "height": 1}
        data = b"<html>"

    monkeypatch.setattr(pictures._renderer, "do", lambda path, request: Found)
    assert pictures.picture(row.pk).why_not == "The picture cannot be shown."
