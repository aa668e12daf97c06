"""The hospital's values and words are believable: no report contradicts its own kind."""

import csv
import itertools
from pathlib import Path

import pytest

from demo.hospital import prose
from demo.hospital.panels import panel_for, panels
from demo.hospital.values import Person, amend, draw, egfr

PEOPLE = [Person(sex, age) for sex, age in itertools.product("FM", (6, 34, 86))]


@pytest.mark.parametrize("key", panels())
def test_a_report_of_each_kind_is_what_it_says(key: str) -> None:
    panel = panels()[key]
    for person, seed in itertools.product(PEOPLE, "ab"):
        flags = {
            kind: {value.flag for value in draw(panel, kind=kind, person=person, seed=seed)}
            for kind in ("normal", "abnormal", "critical")
        }
        assert flags["normal"] <= {"N", ""}
        assert flags["abnormal"] & {"H", "L", "A"}
        assert not flags["abnormal"] & {"HH", "LL", "AA"}
        assert flags["critical"] & {"HH", "LL", "AA"}


@pytest.mark.parametrize("key", panels())
def test_an_amended_value_differs_from_the_one_before(key: str) -> None:
    panel = panels()[key]
    for person in PEOPLE:
        before = draw(panel, kind="normal", person=person, seed="a")
        after = amend(panel, before, person=person, seed="a")
        assert after[0].text != before[0].text
        assert after[1:] == before[1:]


def test_values_that_follow_from_others_do_not_contradict_them() -> None:
    values = draw(panels()["lip"], kind="normal", person=Person("F", 50), seed="x")
    found = {value.key: float(value.text) for value in values}
    assert found["NHDL"] == pytest.approx(found["CHOL"] - found["HDL"], abs=0.11)
    count = draw(panels()["fbc"], kind="abnormal", person=Person("F", 50), seed="x")
    cells = {value.key: float(value.text) for value in count}
    whites = sum(cells[key] for key in ("NEUT", "LYMPH", "MONO", "EOS", "BASO"))
    assert cells["WBC"] == pytest.approx(whites, abs=0.11)


def test_egfr_is_that_of_the_published_equation() -> None:
    """CKD-EPI 2009, a woman of 60 with a creatinine of 88.4 umol/L (1.0 mg/dL)."""
    assert egfr(88.4, Person("F", 60)) == pytest.approx(61.3, abs=0.5)
    assert egfr(88.4, Person("M", 60)) == pytest.approx(81.3, abs=0.5)


def test_ranges_follow_sex_and_age() -> None:
    haemoglobin = panels()["fbc"].leading
    assert haemoglobin.range_for("F", 40).text == "115-165"
    assert haemoglobin.range_for("M", 40).text == "130-180"
    assert haemoglobin.range_for("M", 9).text == "110-145"


def test_the_same_order_is_always_reported_the_same() -> None:
    panel, person = panels()["ue"], Person("M", 70)
    assert draw(panel, kind="critical", person=person, seed="OC1-1") == draw(
        panel, kind="critical", person=person, seed="OC1-1"
    )


@pytest.mark.parametrize(
    ("code", "name", "words"),
    [
        ("XCHES", "XR Chest", "chest"),
        ("XKNEL", "XR Knee Lt", "left knee"),
        ("CSKUH", "CT Head", "intracranial"),
        ("UABDO", "US Abdomen", "abdomen"),
        ("MLSPN", "MRI Spine lumbar", "disc"),
        ("ZZZZZ", "Something new", "No abnormality"),
    ],
)
def test_a_report_is_of_the_part_that_was_examined(code: str, name: str, words: str) -> None:
    assert words in prose.report(code, name, kind="normal", seed="1")


def test_every_chapter_has_every_kind() -> None:
    for chapter in prose._chapters():
        assert set(chapter.reports) == {"normal", "abnormal", "critical"}, chapter.words


def test_a_tests_name_finds_its_panel_when_its_code_does_not() -> None:
    found = panel_for("LOCAL-77", "Serum ferritin")
    assert found is not None
    assert found.key == "fer"
    assert panel_for("LOCAL-78", "Something else entirely") is None


def _catalogue_codes() -> list[tuple[str, str, str]]:
    with (Path(__file__).parents[2] / "catalogue" / "data" / "codes.csv").open() as file:
        return [(row["system"], row["code"], row["display"]) for row in csv.DictReader(file)]


def test_the_hospital_can_report_everything_that_can_be_asked_for() -> None:
    for system, code, display in _catalogue_codes():
        if system == "NICIP":
            assert prose.modality_of(code, display) != "other", code
        else:
            assert panel_for(code, display) is not None, code


def test_both_codes_of_a_test_are_the_same_test() -> None:
    found: dict[str, set[str]] = {}
    for system, code, display in _catalogue_codes():
        panel = None if system == "NICIP" else panel_for(code, display)
        if panel:
            found.setdefault(display, set()).add(panel.key)
    assert {name: keys for name, keys in found.items() if len(keys) > 1} == {}
