"""The release that we ship says what is true. No database: the files as they are read."""

import csv
import re

import pytest

from catalogue.importers import OUR_RELEASE, read_release
from catalogue.wording import normalise
from tests.found import CORPORA

NICIP = CORPORA / "codesets" / "nicip" / "nicip.csv"
RELEASE = read_release(OUR_RELEASE)
SERVICES = RELEASE.services.values()
EXAMINATIONS = [service for service in SERVICES if service.discipline == "radiology"]
TESTS = [service for service in SERVICES if service.discipline == "pathology"]
LEFT, RIGHT, BOTH = r"\b(Lt|Left)$", r"\b(Rt|Right)$", r"\b(Both|B)$"
# As published in NHS England's pathology message examples; no other SNOMED code is ours to give.
PUBLISHED = {
    "fbc": "26604007",
    "ue": "252167001",
    "lft": "26958001",
    "hba1c": "43396009",
    "lipids": "271244005",
    "hepatitis-b": "47758006",
    "gtt": "113076002",
    "urine-culture": "401324008",
    "crp": "135842001",
}


def nicip_terms() -> dict[str, str]:
    if not NICIP.exists():
        pytest.skip("the NICIP code set is not at ../shared/corpora/codesets/nicip")
    with NICIP.open(newline="") as file:
        return {row["code"]: row["term"] for row in csv.DictReader(file)}


def nicip_codes():
    return [
        (service, code) for service in EXAMINATIONS for code in service.codes
        if code.system == "NICIP"
    ]  # fmt: skip


def test_there_are_sixty_examinations_and_sixty_laboratory_tests():
    assert len(EXAMINATIONS) >= 60
    assert len(TESTS) >= 60
    assert {service.modality for service in EXAMINATIONS} >= {"XR", "US", "CT", "MR", "DX", "RF"}


def test_every_examination_is_ordered_by_a_nicip_code_with_its_very_term():
    terms = nicip_terms()
    assert [
        (code.code, code.display, terms.get(code.code))
        for _, code in nicip_codes()
        if terms.get(code.code) != code.display
    ] == []
    assert {service.code for service, _ in nicip_codes()} == {s.code for s in EXAMINATIONS}


def test_a_left_code_means_left_and_no_code_without_a_side_names_one():
    for _, code in nicip_codes():
        assert bool(re.search(LEFT, code.display)) == (code.side == "L"), code
        assert bool(re.search(RIGHT, code.display)) == (code.side == "R"), code
        if code.side == "B":
            assert re.search(BOTH, code.display), code


def test_the_codes_of_the_two_sides_are_of_the_same_examination():
    for service in EXAMINATIONS:
        if service.sides:
            bare = {
                re.sub(f"{LEFT}|{RIGHT}|{BOTH}", "", code.display).strip() for code in service.codes
            }
            assert len(bare) == 1, service.code


def test_the_first_letter_of_a_nicip_code_is_the_modality():
    letters = {"XR": "X", "DX": "X", "US": "U", "CT": "C", "MR": "M", "NM": "N", "RF": "F"}
    for service, code in nicip_codes():
        assert code.code.startswith(letters[service.modality]), code


def test_contrast_is_asked_about_where_the_code_says_contrast():
    for service, code in nicip_codes():
        if re.search("contrast|angiogram", code.display, re.IGNORECASE):
            assert service.uses_contrast, service.code


@pytest.mark.parametrize(
    "code",
    [
        "abdomen-xray", "kub-xray", "pelvis-xray", "hip-xray", "femur-xray", "lumbar-spine-xray",
        "sacroiliac-xray", "ct-abdomen-pelvis", "ct-chest-abdomen-pelvis", "ct-urinary-tract",
        "ct-colonography", "dexa-hip-spine", "nm-bone-scan",
    ],
)  # fmt: skip
def test_what_lies_between_diaphragm_and_knees_irradiates_a_pregnancy(code):
    assert RELEASE.services[code].irradiates_uterus_region


@pytest.mark.parametrize(
    "code",
    [
        "chest-xray", "knee-xray", "ankle-xray", "foot-xray", "hand-xray", "wrist-xray",
        "shoulder-xray", "cervical-spine-xray", "facial-bones-xray", "ct-head", "ct-chest",
        "ct-sinuses", "mri-lumbar-spine", "us-pelvis", "us-abdomen", "fbc",
    ],
)  # fmt: skip
def test_what_lies_elsewhere_or_does_not_ionise_does_not(code):
    assert not RELEASE.services[code].irradiates_uterus_region


def test_every_examination_has_four_to_eight_reasons_in_sentences():
    for service in EXAMINATIONS:
        assert 4 <= len(service.reasons) <= 8, service.code
        for reason in service.reasons:
            assert reason.sentence[0].isupper(), reason
            assert reason.sentence[-1] in ".?", reason


def test_reasons_are_of_the_examination_and_not_one_list_for_all():
    lists = [tuple(reason.text for reason in service.reasons) for service in EXAMINATIONS]
    assert len(set(lists)) == len(lists)


def test_every_laboratory_test_has_a_specimen_and_a_container():
    for service in TESTS:
        assert service.specimens, service.code
        assert all(need.specimen and need.container for need in service.specimens)


def test_blood_goes_into_blood_tubes_and_nothing_else_does():
    order = {container.code: container.draw_order for container in RELEASE.containers}
    for service in TESTS:
        for need in service.specimens:
            assert (need.specimen == "Venous blood") == (order[need.container] < 9), service.code


def test_tubes_are_drawn_in_the_order_that_keeps_additives_apart():
    order = {container.code: container.draw_order for container in RELEASE.containers}
    drawn = ["blood-culture", "light-blue", "gold", "green", "lavender", "pink", "grey"]
    assert sorted(drawn, key=order.__getitem__) == drawn
    assert [order[code] for code in drawn] == [1, 2, 3, 4, 5, 6, 7]


def test_the_common_tests_are_in_the_right_tube():
    tube = {service.code: service.specimens[0].container for service in TESTS}
    assert {tube[code] for code in ("fbc", "hba1c", "esr", "blood-film")} == {"lavender"}
    assert {tube[code] for code in ("ue", "lft", "crp", "lipids", "tft", "psa")} == {"gold"}
    assert {tube[code] for code in ("coagulation", "inr", "d-dimer")} == {"light-blue"}
    assert tube["glucose"] == "grey"
    assert tube["zinc"] == "dark-blue"


def test_snomed_codes_are_the_published_ones_and_the_rest_are_local():
    given = {
        service.code: code.code
        for service in SERVICES
        for code in service.codes
        if code.system == "SNOMED"
    }
    assert given == PUBLISHED
    assert all(any(code.system == "LOCAL" for code in service.codes) for service in TESTS)


def test_no_two_tests_have_the_same_name_or_the_same_abbreviation():
    names = [normalise(service.name) for service in SERVICES]
    assert len(set(names)) == len(names)
    abbreviations = [
        abbreviation
        for service in SERVICES
        for abbreviation in {normalise(one) for one in service.abbreviations}
    ]
    assert len(set(abbreviations)) == len(abbreviations)


def test_every_order_set_and_symptom_leads_to_a_test():
    assert {"Diabetes annual", "Tired all the time"} <= {one.name for one in RELEASE.order_sets}
    assert all(one.services for one in RELEASE.order_sets)
    assert sum(len(service.symptoms) for service in SERVICES) > 300


def test_a_fasting_test_asks_about_fasting():
    fasting = {s.code for s in TESTS for need in s.specimens if need.fasting}
    question = next(one for one in RELEASE.questions if one.code == "fasting")
    assert fasting == set(question.applies_when["services"])
