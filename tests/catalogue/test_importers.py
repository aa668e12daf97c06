"""A release that is wrong anywhere is refused whole, and says where."""

import shutil
from pathlib import Path

import pytest

from catalogue.errors import BadRelease
from catalogue.importers import OUR_RELEASE, read_release


@pytest.fixture
def folder(tmp_path) -> Path:
    return Path(shutil.copytree(OUR_RELEASE, tmp_path / "release"))


def change(folder: Path, file: str, before: str, after: str) -> None:
    text = (folder / file).read_text()
    assert text.count(before) >= 1
    (folder / file).write_text(text.replace(before, after, 1))


def problems(folder: Path) -> list[str]:
    with pytest.raises(BadRelease) as caught:
        read_release(folder)
    return [str(problem) for problem in caught.value.problems]


def test_our_release_has_nothing_wrong_with_it(folder):
    release = read_release(folder)
    assert release.version == "2026-11"
    assert release.services["knee-xray"].sides == "LRB"
    assert release.services["chest-xray"].sides == ""


def test_the_same_files_have_the_same_digest_and_others_another(folder):
    before = read_release(folder).digest
    assert read_release(OUR_RELEASE).digest == before
    change(folder, "pathology.csv", "Full blood count", "Full blood counts")
    assert read_release(folder).digest != before


@pytest.mark.parametrize(
    ("file", "before", "after", "problem"),
    [
        ("radiology.csv", ",XR,chest,", ",XX,chest,", "radiology.csv line 2: modality 'XX'"),
        ("radiology.csv", ",,yes,,,,2,chest", ",,Y,,,,2,chest", "ionising 'Y' is not one of"),
        ("radiology.csv", ",,yes,,,,2,chest", ",,,,,,2,chest", "XR contradicts ionising"),
        ("radiology.csv", ",,yes,,,,2,chest", ",,yes,,,,two,chest", "usual_days 'two' is not"),
        ("radiology.csv", "Chest X-ray,CXR", ",CXR", "line 2: name is empty"),
        ("radiology.csv", "chest-xray,Chest", "Chest Xray,Chest", "'Chest Xray' is not lower-case"),
        ("radiology.csv", "abdomen-xray,", "chest-xray,", "service chest-xray is there twice"),
        ("codes.csv", "NICIP,L,XKNEL", "NICIP,Q,XKNEL", "side 'Q' is not one of"),
        ("codes.csv", "NICIP,L,XKNEL", "NICIP,L,XKNER", "NICIP XKNER is there twice"),
        ("codes.csv", "NICIP,L,XKNEL", "NICIP,R,XKNEL", "two NICIP codes for one side"),
        ("codes.csv", "NICIP,L,XKNEL", "NICIP,,XKNEL", "knee-xray has codes with a side and"),
        ("codes.csv", "knee-xray,NICIP,B", "hip-xray,LOCAL,B", "but not the two"),
        ("codes.csv", "chest-xray,", "chest-x,", "service 'chest-x' is in no file of services"),
        ("containers.csv", "#9b7fc4", "purple", "colour 'purple' is not like #9b7fc4"),
        ("specimens.csv", "fbc,lavender", "fbc,purple", "container 'purple' is not in"),
        ("specimens.csv", "4.0", "four", "volume_ml 'four' is not a number"),
        ("specimens.csv", "fbc,", "ue,", "ue needs Venous blood twice"),
        ("reasons.csv", "than 3 weeks.", "than 3 weeks", "sentence does not end"),
        ("symptoms.csv", "cough,chest-xray", "cough,chest", "service 'chest' is in no file"),
        ("order_sets.csv", "hba1c|ue", "hba1c|hba1c", "two or more different services"),
        ("questions.toml", 'region = "uterus"', 'sex = "female"', "judges the condition sex"),
        ("questions.toml", 'kind = "date"', 'kind = "day"', "kind is unknown"),
        ("questions.toml", 'text = "First day', 'words = "First day', "lacks text"),
        ("questions.toml", '"glucose"', '"glucos"', "service 'glucos' is in no file"),
        ("questions.toml", "[[question]]", "[[question", "questions.toml: "),
        ("release.toml", "valid_from = 2026-04-01", 'valid_from = "soon"', "valid_from date"),
        ("release.toml", '"codes.csv" = 300', '"codes.csv" = 299', "has 300 rows; release.toml"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_refused_with_its_file_and_line(folder, file, before, after, problem):
    change(folder, file, before, after)
    assert any(problem in found for found in problems(folder))


def test_a_file_that_was_cut_short_does_not_retire_what_it_lacks(folder):
    lines = (folder / "pathology.csv").read_text().splitlines(keepends=True)
    (folder / "pathology.csv").write_text("".join(lines[:50]))
    assert "pathology.csv: has 49 rows; release.toml says 107" in problems(folder)


def test_a_line_with_a_cell_too_many_is_refused(folder):
    change(folder, "symptoms.csv", "cough,chest-xray", "cough,dry,chest-xray")
    assert "symptoms.csv line 2: has more or fewer cells than the heading" in problems(folder)


def test_a_missing_file_and_one_in_another_encoding_are_named(folder):
    (folder / "reasons.csv").unlink()
    (folder / "symptoms.csv").write_bytes(b"\xff\xfe\x00")
    found = problems(folder)
    assert "reasons.csv: cannot be read: FileNotFoundError" in found
    assert "symptoms.csv: cannot be read: UnicodeDecodeError" in found


def test_every_problem_is_reported_and_not_only_the_first(folder):
    change(folder, "radiology.csv", ",XR,chest,", ",XX,chest,")
    change(folder, "specimens.csv", "fbc,lavender", "fbc,purple")
    assert len(problems(folder)) >= 2
