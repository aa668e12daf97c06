"""Who is asked what."""

from dataclasses import dataclass, field

import pytest

from catalogue.applies import question_applies
from catalogue.errors import UnknownCondition


@dataclass
class Exam:
    code: str = "abdomen-xray"
    discipline: str = "radiology"
    modality: str = "XR"
    is_ionising: bool = True
    irradiates_uterus_region: bool = True
    uses_contrast: bool = False


@dataclass
class Asked:
    applies_when: dict = field(
        default_factory=lambda: {
            "age_from": 12, "age_to": 55, "ionising": True, "region": "uterus"
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("age", "is_asked"), [(0, False), (11, False), (12, True), (55, True), (56, False)]
)
def test_pregnancy_is_asked_from_12_to_55_inclusive(age, is_asked):
    assert question_applies(Asked(), age, Exam()) is is_asked


def test_someone_whose_age_is_not_known_is_asked():
    assert question_applies(Asked(), None, Exam())


def test_an_exam_elsewhere_does_not_ask_about_pregnancy():
    assert not question_applies(Asked(), 30, Exam(irradiates_uterus_region=False))


@pytest.mark.parametrize(
    ("conditions", "exam", "is_asked"),
    [
        ({"modalities": ["MR"]}, Exam(modality="MR"), True),
        ({"modalities": ["MR"]}, Exam(), False),
        ({"contrast": True}, Exam(uses_contrast=True), True),
        ({"contrast": True}, Exam(), False),
        ({"services": ["gtt"]}, Exam(code="gtt"), True),
        ({"services": ["gtt"]}, Exam(), False),
        ({"discipline": "pathology"}, Exam(), False),
        ({"ionising": False}, Exam(), False),
        ({"region": "head"}, Exam(), False),
        ({}, Exam(), True),
    ],
)
def test_every_condition_must_hold(conditions, exam, is_asked):
    assert question_applies(Asked(conditions), 40, exam) is is_asked


def test_an_unknown_condition_is_an_error_and_never_a_question_left_out():
    with pytest.raises(UnknownCondition, match="'sex'"):
        question_applies(Asked({"sex": "female"}), 30, Exam())
