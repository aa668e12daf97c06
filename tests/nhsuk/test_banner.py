"""The patient banner and the tag, as the one template of each draws them (CUI PAB-0009 to 0076)."""

import re
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from django.template import engines
from django.utils import timezone


def patient(**facts: object) -> SimpleNamespace:
    whole = {
        "family_name": "Treetawtchaiwong", "given_names": "Lertchai", "title": "Mr",
        "preferred_name": "", "birth_date": date(1965, 7, 14), "nhs_number": "9991234567",
        "is_deceased": False, "died_on": None, "is_restricted": False,
        "address_lines": ["1 Invented Row", "Northgate"], "postcode": "NG2 9ZZ",
        "phone": "01632 960900", "mobile": "", "preferred_language": "Thai", "access_needs": "",
        "practice": SimpleNamespace(name="Northgate Surgery"),
        "identifiers": SimpleNamespace(
            all=lambda: [SimpleNamespace(value="S1234567", issuer="RZ1")]
        ),
        "get_gender_display": lambda: "Male",
    }  # fmt: skip
    return SimpleNamespace(**(whole | facts))


def drawn(who: SimpleNamespace, **options: object) -> str:
    source = (
        '{% from "nhsuk/patient_banner.html" import patient_banner %}'
        "{{ patient_banner(who, **options) }}"
    )
    return engines["jinja2"].from_string(source).render({"who": who, "options": options})


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_name_birth_gender_and_number_stand_in_that_order_with_their_labels() -> None:
    years = (timezone.localdate() - date(1965, 7, 14)).days * 100 // 36525
    start = (
        f"TREETAWTCHAIWONG, Lertchai (Mr) Born 14-Jul-1965 ({years}y) Gender Male "
        "NHS No. 999 123 4567 Details"
    )
    assert words(drawn(patient())).startswith(start)


def test_the_name_is_no_heading_and_only_the_details_take_the_focus() -> None:
    html = drawn(patient())
    assert '<section class="app-banner" aria-label="Patient">' in html
    assert re.findall(r"<h\d|tabindex|<a |<button|<input", html) == []
    assert html.count("<summary>") == 1


def test_details_have_address_phones_numbers_language_and_needs() -> None:
    details = words(drawn(patient())).partition("Details")[2]
    for said in (
        "Address 1 Invented Row, Northgate, NG2 9ZZ", "Phone 01632 960900", "Mobile Not known",
        "Practice Northgate Surgery", "Hospital number S1234567 (RZ1)", "Preferred language Thai",
        "Access needs Not recorded",
    ):  # fmt: skip
        assert said in details


def test_a_restricted_record_says_nothing_of_where_the_patient_lives() -> None:
    html = drawn(patient(is_restricted=True))
    assert "Details restricted" in html
    for hidden in ("Invented Row", "NG2 9ZZ", "960900", "Northgate"):
        assert hidden not in html


def test_a_patient_who_died_looks_different_and_has_no_present_age() -> None:
    html = drawn(patient(is_deceased=True, died_on=date(2026, 3, 3)))
    assert "app-banner--died" in html
    assert "Born 14-Jul-1965 Died 03-Mar-2026 Age at Death 60y Gender Male" in words(html)


def test_a_death_without_its_date_is_shown_all_the_same() -> None:
    html = drawn(patient(is_deceased=True))
    assert "app-banner--died" in html
    assert "Died Not known Age at Death Not known" in words(html)


def test_a_missing_number_is_not_known_and_never_blank() -> None:
    assert "NHS No. Not known" in words(drawn(patient(nhs_number=None)))


def test_a_newborn_has_an_age_in_days() -> None:
    born = timezone.localdate() - timedelta(days=3)
    assert "(3d)" in words(drawn(patient(birth_date=born)))


def test_a_preferred_name_stands_under_the_name() -> None:
    html = words(drawn(patient(preferred_name="Lee")))
    assert html.startswith("TREETAWTCHAIWONG, Lertchai (Mr) Preferred name Lee Born")


def test_a_similar_name_is_said() -> None:
    assert "Similar name to another patient you opened" in drawn(patient(), similar=True)
    assert "Similar name" not in drawn(patient())


@pytest.mark.parametrize("field", ["family_name", "given_names", "title", "preferred_name"])
def test_markup_in_a_name_is_shown_and_not_obeyed(field: str) -> None:
    html = drawn(patient(**{field: "<script>alert(1)</script>"}))
    assert "<script>" not in html.lower()
    assert "&lt;" in html


def tag(call: str) -> str:
    macros = "status_tag, priority_tag, flag_tag, flag_arrow, service_tag"
    source = f'{{% from "nhsuk/tag.html" import {macros} %}}{{{{ {call} }}}}'
    return engines["jinja2"].from_string(source).render({}).strip()


def test_a_tag_is_a_word_in_a_tint() -> None:
    html = '<strong class="nhsuk-tag nhsuk-tag--aqua-green app-tag">Walk-in ready</strong>'
    assert tag('status_tag("walkin")') == html


def test_what_needs_no_tag_has_none() -> None:
    assert tag('priority_tag("routine")') == ""
    assert tag('flag_tag("normal")') == ""


@pytest.mark.hazard("H59")
@pytest.mark.parametrize(
    ("flag", "arrow", "word"), [("H", "↑", "high"), ("HH", "↑", "high"), ("LL", "↓", "low")]
)
def test_an_arrow_is_read_out_as_a_word(flag: str, arrow: str, word: str) -> None:
    html = tag(f'flag_arrow("{flag}")')
    assert f'<span aria-hidden="true">{arrow}</span>' in html
    assert word in html


@pytest.mark.parametrize("flag", ["", "N", "A", "whatever"])
def test_no_arrow_where_there_is_no_direction(flag: str) -> None:
    assert tag(f'flag_arrow("{flag}")') == ""
