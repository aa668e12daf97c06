"""Tables of greys and drawings that lie over an image, as PS3.3 C.11 and C.9 have them."""

import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from iep.dicom.overlays import INK
from iep.dicom.rendering import BROKEN, NotShown
from tests import found

from .frames import colour, grey, picture, shown

pytestmark = pytest.mark.filterwarnings("ignore")
VALUES = np.arange(64, dtype=np.uint16).reshape(8, 8)


def table(entries, *, start: int = 0, bits: int = 16, vr: str = "OW") -> Sequence:
    item = Dataset()
    item.add_new(0x00283002, "SS" if start < 0 else "US", [len(entries), start, bits])
    words = np.asarray(entries, "<u2")
    item.add_new(0x00283006, vr, words.tobytes() if vr == "OW" else [int(each) for each in words])
    return Sequence([item])


def again(raw: bytes, syntax: str) -> bytes:
    """The same in another encoding."""
    read = dcmread(BytesIO(raw))
    read.file_meta.TransferSyntaxUID = syntax
    little = syntax != ExplicitVRBigEndian
    if not little:
        read.PixelData = np.frombuffer(read.PixelData, "<u2").astype(">u2").tobytes()
    out = BytesIO()
    dcmwrite(out, read, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=little,
             force_encoding=True)  # fmt: skip
    return out.getvalue()


# --- Tables ---------------------------------------------------------------------------------------

CURVE = (np.linspace(0, 1, 64) ** 2 * 65535).astype(np.uint16)


@pytest.mark.parametrize("vr", ["OW", "US"])
def test_without_a_window_the_files_table_makes_the_greys(vr):
    raw = grey(VALUES, VOILUTSequence=table(CURVE, vr=vr))
    made = picture(raw)
    assert (made.window, made.is_table) == (None, True)
    assert (shown(raw).ravel() == (CURVE / 65535 * 255 + 0.5).astype(np.uint8)).all()


def test_a_table_is_read_in_every_byte_order():
    plain = grey(VALUES, VOILUTSequence=table(CURVE, vr="US"))
    for syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
        assert (shown(again(plain, syntax)) == shown(plain)).all(), syntax


def test_a_window_of_the_file_comes_first_and_the_others_stay():
    raw = grey(VALUES, VOILUTSequence=table(CURVE), WindowCenter=32, WindowWidth=64)
    assert picture(raw).window == (32, 64)
    bare = grey(VALUES, VOILUTSequence=table(CURVE))
    for window in ("full", "soft"):
        assert (shown(bare, window=window) == shown(grey(VALUES), window=window)).all()


def test_what_lies_outside_a_table_is_its_nearest_end():
    raw = grey(VALUES, VOILUTSequence=table([0, 65535], start=30))
    assert sorted({*shown(raw).ravel()}) == [0, 255]
    assert (shown(raw).ravel()[:31] == 0).all()


def test_a_table_of_twelve_bits_has_its_own_white():
    raw = grey(VALUES, VOILUTSequence=table(np.linspace(0, 4095, 64), bits=12))
    assert shown(raw).max() == 255


def test_a_table_may_begin_below_nothing():
    values = (VALUES.astype(int) - 32).astype(np.int16)
    raw = grey(values, ModalityLUTSequence=table(np.arange(64), start=-32))
    assert picture(raw).window == (32, 64)
    assert (shown(raw) == shown(grey(VALUES))).all()


def test_the_modalitys_table_comes_before_every_window():
    """Stored 0 to 63 stand for 0 to 630: the window speaks of what they stand for."""
    raw = grey(VALUES, ModalityLUTSequence=table(np.arange(64) * 10), RescaleSlope=1)
    same = grey(VALUES, RescaleSlope=10, RescaleIntercept=0)
    for window in ("full", "soft", "bone"):
        assert (shown(raw, window=window) == shown(same, window=window)).all()


def test_one_is_seen_through_the_other_and_monochrome1_at_the_end():
    said = {"ModalityLUTSequence": table(np.arange(64)[::-1]), "VOILUTSequence": table(CURVE)}
    assert (shown(grey(VALUES, **said)).ravel() == shown(
        grey(VALUES, VOILUTSequence=table(CURVE))
    ).ravel()[::-1]).all()  # fmt: skip
    inverse = shown(grey(VALUES, kind="MONOCHROME1", **said)).astype(int)
    assert np.abs(inverse - (255 - shown(grey(VALUES, **said)).astype(int))).max() <= 1


@pytest.mark.parametrize("bad", [table([1, 2, 3], bits=40), Sequence([Dataset()])])
def test_a_table_that_is_none_is_refused_with_words(bad):
    with pytest.raises(NotShown) as caught:
        picture(grey(VALUES, ModalityLUTSequence=bad))
    assert caught.value.sentence == BROKEN


@pytest.mark.parametrize(("name", "middle"), [("SIGMOID", 128), ("LINEAR_EXACT", 128)])
def test_a_windows_function_is_the_headers(name, middle):
    said = {"WindowCenter": 32, "WindowWidth": 32}
    seen = shown(grey(VALUES, VOILUTFunction=name, **said)).ravel().astype(int)
    assert seen[32] == middle
    assert (seen != shown(grey(VALUES, **said)).ravel()).any()
    if name == "SIGMOID":
        assert seen[0] > 0
        assert seen[16] == round(255 / (1 + np.exp(2)))


# --- Overlays -------------------------------------------------------------------------------------

CROSS = np.zeros((8, 8), bool)
CROSS[3, :] = CROSS[:, 3] = True


def overlay(bits: np.ndarray, *, group: int = 0x6000, at=(1, 1), **said) -> dict:
    base = group << 16
    data = np.packbits(bits.ravel(), bitorder="little").tobytes()
    made = {
        base | 0x10: ("US", bits.shape[-2]), base | 0x11: ("US", bits.shape[-1]),
        base | 0x40: ("CS", "G"), base | 0x50: ("SS", list(at)), base | 0x100: ("US", 1),
        base | 0x102: ("US", 0), base | 0x3000: ("OW", data + b"\0" * (len(data) % 2)),
    }  # fmt: skip
    return made | {base | tag: value for tag, value in said.get("more", {}).items()}


def over(raw: bytes, *layers: dict, without=()) -> bytes:
    read = dcmread(BytesIO(raw))
    for layer in layers:
        for tag, (vr, value) in layer.items():
            if tag not in without:
                read.add_new(tag, vr, value)
    out = BytesIO()
    read.save_as(out)
    return out.getvalue()


def inked(raw: bytes, **options) -> np.ndarray:
    seen = shown(raw, **options)
    return (seen == INK).all(-1) if seen.ndim == 3 else np.zeros(seen.shape, bool)


@pytest.mark.parametrize("raw", [grey(VALUES), colour(np.zeros((8, 8, 3), np.uint8))])
def test_an_overlay_is_drawn_and_can_be_left_away(raw):
    drawn = over(raw, overlay(CROSS))
    assert (inked(drawn) == CROSS).all()
    assert picture(drawn).overlays == 1
    assert (shown(drawn, drawn=False) == shown(raw)).all()
    assert picture(drawn, drawn=False).overlays == 1


@pytest.mark.parametrize("at", [(3, 2), (-1, 0), (1, 8), (99, 99), (-99, 1)])
def test_an_overlay_lies_where_its_origin_is_and_is_cut_at_the_edge(at):
    expected = np.zeros((8, 8), bool)
    for row, column in zip(*np.nonzero(CROSS), strict=True):
        down, across = row + at[0] - 1, column + at[1] - 1
        if 0 <= down < 8 and 0 <= across < 8:
            expected[down, across] = True
    assert (inked(over(grey(VALUES), overlay(CROSS, at=at))) == expected).all()


def test_overlays_of_several_groups_are_counted_and_all_drawn():
    second = np.zeros((3, 5), bool)
    second[0, 0] = second[2, 4] = True
    made = over(grey(VALUES), overlay(CROSS), overlay(second, group=0x601E, at=(6, 1)))
    assert picture(made).overlays == 2
    assert inked(made)[5, 0]
    assert inked(made)[7, 4]


def test_an_overlay_of_frames_lies_over_its_frames_and_no_other():
    frames = np.stack([VALUES] * 4)
    bits = np.stack([CROSS, ~CROSS])
    said = {0x15: ("IS", 2), 0x51: ("US", 2)}  # two drawings, from the second image on
    made = over(grey(frames, NumberOfFrames=4), overlay(bits, more=said))
    assert [picture(made, frame=each).overlays for each in range(4)] == [0, 1, 1, 0]
    assert (inked(made, frame=1) == CROSS).all()
    assert (inked(made, frame=2) == ~CROSS).all()
    assert not inked(made, frame=3).any()


def test_an_overlay_in_another_byte_order_is_the_same():
    plain = over(grey(VALUES), overlay(CROSS))
    read = dcmread(BytesIO(plain))
    data = np.frombuffer(read[0x60003000].value, "<u2").astype(">u2").tobytes()
    swapped = over(plain, {0x60003000: ("OW", data)})
    assert (inked(again(swapped, ExplicitVRBigEndian)) == CROSS).all()


@pytest.mark.parametrize("without", [0x60003000, 0x60000011])
def test_an_overlay_that_cannot_be_drawn_is_counted(without):
    made = picture(over(grey(VALUES), overlay(CROSS), without=(without,)))
    assert (made.overlays, made.left_out) == (0, 1)


def test_an_overlay_in_the_bits_of_the_pixels_or_cut_short_is_counted():
    inside = overlay(CROSS, more={0x100: ("US", 16), 0x102: ("US", 12)})
    short = overlay(CROSS) | {0x60003000: ("OW", b"\1\2")}
    for layer in (inside, short):
        made = picture(over(grey(VALUES), layer))
        assert (made.overlays, made.left_out) == (0, 1)


# --- As another reader shows them -----------------------------------------------------------------

OTHERS = found.CORPORA / "dicom" / "pydicom-data" / "data_store" / "data"


def _dcmtk(path: Path, into: Path, *options: str) -> np.ndarray:
    out = into / "out.pgm"
    subprocess.run(["dcmj2pnm", *options, path, out], check=True, capture_output=True)
    return np.asarray(Image.open(out).convert("L")).astype(int)


@pytest.mark.needs_dcmtk
@pytest.mark.parametrize(
    ("name", "options"), [("mlut_18.dcm", ["+Wm"]), ("vlut_04.dcm", ["+Wl", "1"])]
)
def test_tables_of_others_are_shown_as_dcmtk_shows_them(name, options, tmp_path):
    if not OTHERS.exists():
        pytest.skip(found.ABSENT)
    ours = shown((OTHERS / name).read_bytes()).astype(int)
    assert np.abs(ours - _dcmtk(OTHERS / name, tmp_path, *options)).max() <= 1


@pytest.mark.needs_dcmtk
def test_an_overlay_of_others_lies_where_dcmtk_draws_it(tmp_path):
    if not OTHERS.exists():
        pytest.skip(found.ABSENT)
    path = OTHERS / "MR-SIEMENS-DICOM-WithOverlays.dcm"
    ink = inked(path.read_bytes())
    bare = _dcmtk(path, tmp_path, "+Wi", "1", "-O")
    theirs = _dcmtk(path, tmp_path, "+Wi", "1", "+O", "0", "+Omr")
    assert ink.sum() > 100
    assert (theirs[ink] == 255).all()
    assert (theirs[~ink] == bare[~ink]).all()
