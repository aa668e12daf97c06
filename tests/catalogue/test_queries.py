"""What the catalogue answers to the rooms above it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.policies import SYSTEM
from catalogue import queries, services
from catalogue.errors import (
    NotOffered,
    SideNotChosen,
    UnknownCode,
    UnknownOrderSet,
    UnknownService,
)
from catalogue.importers import OUR_RELEASE, read_release
from catalogue.models import Attendance, Question, Service
from catalogue.services import Offer
from tests.catalogue import places

pytestmark = pytest.mark.usefixtures("our_catalogue")

WALK_IN, BOOKED, PRACTICE = Attendance.WALK_IN, Attendance.BOOKED, Attendance.PRACTICE


def codes_asked(service_code: str, age: int | None) -> list[str]:
    found = queries.questions_for(queries.service(service_code), age)
    return [question.code for question in found]


# --- Services, codes, sides ---------------------------------------------------------------------


def test_services_come_in_the_order_asked_with_a_fixed_number_of_queries(
    django_assert_num_queries,
):
    with django_assert_num_queries(5):
        found = queries.services_by_code(["ue", "chest-xray", "fbc", "ue"])
        for service in found.values():
            list(service.codes.all()), list(service.reasons.all()), list(service.questions.all())
            [need.container.name for need in service.specimens.all()]
    assert list(found) == ["ue", "chest-xray", "fbc"]


def test_an_unknown_code_is_a_named_error_and_not_a_hole():
    with pytest.raises(UnknownService, match="chest-x"):
        queries.services_by_code(["fbc", "chest-x"])
    with pytest.raises(UnknownService):
        queries.service("")
    with pytest.raises(UnknownService):
        queries.facts_on("chest-x", timezone.localdate())


@pytest.mark.parametrize(("side", "code"), [("L", "XKNEL"), ("R", "XKNER"), ("B", "XKNEB")])
def test_a_side_has_its_own_code(side, code):
    found = queries.code_for(queries.service("knee-xray"), side=side)
    assert (found.system, found.code) == ("NICIP", code)


@pytest.mark.parametrize(
    ("service", "side"), [("knee-xray", ""), ("knee-xray", "LR"), ("chest-xray", "L"), ("fbc", "L")]
)
def test_a_code_is_refused_without_the_side_that_it_needs_or_with_one_it_has_not(service, side):
    with pytest.raises(SideNotChosen):
        queries.code_for(queries.service(service), side=side)


def test_a_laboratory_test_is_ordered_by_snomed_where_published_and_else_locally():
    systems = {code: queries.code_for(queries.service(code)) for code in ("fbc", "ferritin")}
    assert (systems["fbc"].system, systems["fbc"].code) == ("SNOMED", "26604007")
    assert (systems["ferritin"].system, systems["ferritin"].code) == ("LOCAL", "FERR")


def test_every_service_and_side_can_be_ordered():
    for service in queries.services_by_code(
        Service.objects.values_list("code", flat=True)
    ).values():
        for side in list(service.sides) or [""]:
            assert queries.code_for(service, side=side).service_id == service.pk


def test_a_code_leads_back_to_its_service_and_side():
    found = queries.by_code("NICIP", "XKNER")
    assert (found.service.code, found.side) == ("knee-xray", "R")
    with pytest.raises(UnknownCode):
        queries.by_code("NICIP", "XNOSE")
    with pytest.raises(UnknownCode):
        queries.by_code("LOCAL", "XKNER")


def test_a_code_that_no_longer_holds_leads_nowhere():
    services.retire(Service.objects.get(code="knee-xray"), by=SYSTEM)
    with pytest.raises(UnknownCode):
        queries.by_code("NICIP", "XKNER")
    yesterday = timezone.localdate() - timedelta(days=1)
    assert queries.by_code("NICIP", "XKNER", on=yesterday).side == "R"


@pytest.mark.parametrize(
    ("code", "side", "name"),
    [
        ("knee-xray", "L", "X-ray of left knee"),
        ("foot-xray", "B", "X-ray of both feet"),
        ("mri-shoulder", "R", "MRI of right shoulder"),
        ("us-leg-veins", "L", "Ultrasound of left leg (veins)"),
        ("knee-xray", "", "Knee X-ray"),
        ("chest-xray", "", "Chest X-ray"),
    ],
)
def test_a_service_is_named_with_its_side(code, side, name):
    assert queries.name_with_side(queries.service(code), side) == name


def test_a_side_that_is_not_the_service_s_has_no_name():
    with pytest.raises(SideNotChosen):
        queries.name_with_side(queries.service("chest-xray"), "L")


# --- Questions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "age", "is_asked"),
    [
        ("hip-xray", 30, True),
        ("hip-xray", 11, False),
        ("hip-xray", 56, False),
        ("hip-xray", None, True),
        ("ct-chest-abdomen-pelvis", 30, True),
        ("chest-xray", 30, False),
        ("knee-xray", 30, False),
        ("us-pelvis", 30, False),
    ],
)
def test_pregnancy_is_asked_by_age_and_region_alone(code, age, is_asked):
    assert ("pregnant" in codes_asked(code, age)) is is_asked


def test_the_pregnancy_question_says_whom_it_is_asked_of():
    question = queries.questions_for(queries.service("hip-xray"), 30)[0]
    assert question.text == "Could the patient be pregnant?"
    assert question.hint == "Asked for ages 12 to 55 when the X-ray is between diaphragm and knees."
    assert (question.kind, question.is_required) == (Question.Kind.YES_NO_UNSURE, True)


def test_mri_asks_about_implants_and_metal_in_the_eye():
    assert {"mri-implant", "mri-eye-metal"} <= set(codes_asked("mri-knee", 70))
    assert "mri-pregnant" in codes_asked("mri-knee", 30)
    assert "mri-pregnant" not in codes_asked("mri-knee", 70)


def test_contrast_ct_asks_about_reactions_kidneys_and_metformin():
    wanted = {"contrast-reaction", "kidney-risk", "metformin"}
    assert wanted <= set(codes_asked("ct-abdomen-pelvis", 70))
    assert not wanted & set(codes_asked("ct-head", 70))


def test_the_daily_tests_ask_nothing_that_must_be_answered():
    daily = ["chest-xray", "knee-xray", "fbc", "ue", "hba1c", "lipids", "urine-acr", "lft", "tft"]
    for age in (5, 30, 61):
        for code in daily:
            required = [
                question.code
                for question in queries.questions_for(queries.service(code), age)
                if question.is_required
            ]
            assert required == [], code


def test_questions_come_in_the_order_of_the_release():
    asked = codes_asked("ct-abdomen-pelvis", 30)
    ours = [question.code for question in read_release(OUR_RELEASE).questions]
    assert asked == sorted(asked, key=ours.index)


# --- Order sets ---------------------------------------------------------------------------------


def test_an_order_set_keeps_its_order():
    diabetes = queries.order_set("diabetes-annual")
    assert diabetes.name == "Diabetes annual"
    assert diabetes.services == ("hba1c", "ue", "lipids", "urine-acr", "lft")


def test_an_order_set_leaves_out_what_can_no_longer_be_asked_for():
    services.retire(Service.objects.get(code="lipids"), by=SYSTEM)
    assert "lipids" not in queries.order_set("diabetes-annual").services


def test_an_unknown_order_set_is_a_named_error():
    with pytest.raises(UnknownOrderSet):
        queries.order_set("everything")


# --- Who does it, and where ---------------------------------------------------------------------


@pytest.fixture
def world():
    """A practice and its trust's radiology with two sites; another trust that does not serve it."""
    practice = places.practice()
    xray = places.department(places.trust(serving=[practice]))
    main, centre = places.site(xray), places.site(xray)
    stranger = places.department(places.trust())
    services.set_offerings(
        xray,
        [
            Offer("chest-xray", WALK_IN, centre, min_age=17),
            Offer("chest-xray", BOOKED, main),
            Offer("us-pelvis", BOOKED, main),
        ],
        by=SYSTEM,
    )
    services.set_offerings(stranger, [Offer("mri-knee", BOOKED)], by=SYSTEM)
    return practice, xray, main, centre


def test_a_practice_is_served_by_its_trust_s_departments(world):
    practice, xray, main, centre = world
    chest = queries.service("chest-xray")
    offered = list(queries.offerings(chest, organisation=practice))
    assert [(row.site, row.attendance) for row in offered] == [(centre, WALK_IN), (main, BOOKED)]
    assert {row.department for row in offered} == {xray}


def test_a_child_is_not_sent_to_a_walk_in_for_adults(world):
    practice, _, main, centre = world
    chest = queries.service("chest-xray")

    def at(age: int):
        return queries.offering_for(chest, organisation=practice, age_years=age)

    assert (at(16).site, at(16).attendance) == (main, BOOKED)
    assert (at(17).site, at(17).attendance) == (centre, WALK_IN)


def test_a_chosen_site_is_kept_and_one_that_does_not_do_it_is_refused(world):
    practice, _, main, centre = world
    pelvis = queries.service("us-pelvis")
    assert queries.offering_for(pelvis, organisation=practice, site=main).site == main
    with pytest.raises(NotOffered):
        queries.offering_for(pelvis, organisation=practice, site=centre)


def test_a_department_that_serves_others_is_not_offered(world):
    practice, *_ = world
    with pytest.raises(NotOffered):
        queries.offering_for(queries.service("mri-knee"), organisation=practice)
    assert [row.code for row in queries.orderable(organisation=practice)] == [
        "chest-xray",
        "us-pelvis",
    ]


def test_a_department_may_serve_a_practice_beside_its_trust(world):
    practice, *_ = world
    laboratory = places.department(places.trust(), "pathology", serving=[practice])
    services.set_offerings(laboratory, [Offer("fbc", PRACTICE)], by=SYSTEM)
    fbc = queries.offering_for(queries.service("fbc"), organisation=practice)
    assert (fbc.department, fbc.site, fbc.attendance) == (laboratory, None, PRACTICE)


def test_an_offering_that_ended_is_no_longer_found(world):
    practice, xray, *_ = world
    services.set_offerings(xray, [], by=SYSTEM)
    with pytest.raises(NotOffered):
        queries.offering_for(queries.service("chest-xray"), organisation=practice)
