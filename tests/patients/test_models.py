"""What the database itself holds of a patient."""

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import DatabaseError

from accounts.policies import SYSTEM
from patients import services
from patients.matching import name_key
from patients.models import Patient, PatientChange
from tests.patients import people

pytestmark = pytest.mark.django_db

NAMES = [
    "O’Néill-Smith", "O'NEILL SMITH", "Łukaszewicz", "Øster", "St. John-Stevas", "Ní Dhomhnaill",
    "D'Souza e Silva", "Nguyễn", "Strauß", "Þórsdóttir", "Æbelø", "İnönü", "ﬁnch", "Mc  Donald",
    "van\u00a0der\u2011Berg", "Œuvrard", "Đặng", "王小明", "O`Brien (née Smith)", "½ Ⅷ",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_database_makes_the_same_name_key_as_python(name):
    patient = people.patient(family_name=name, given_names=name)
    patient.refresh_from_db()
    assert patient.family_key == name_key(name)
    assert patient.given_key == name_key(name)


def test_a_name_key_follows_every_change_of_the_name_even_by_sql():
    patient = people.patient()
    Patient.objects.filter(pk=patient.pk).update(family_name="Ó Súilleabháin")
    assert Patient.objects.get(family_key="osuilleabhain") == patient


def test_two_records_cannot_have_one_nhs_number():
    people.patient(nhs_number="9990000018")
    with pytest.raises(IntegrityError), transaction.atomic():
        Patient.objects.create(
            nhs_number="9990000018", family_name="Other", birth_date="2001-01-01"
        )


def test_any_number_of_records_may_lack_an_nhs_number():
    people.patient(nhs_number=None)
    people.patient(nhs_number=None)
    assert Patient.objects.filter(nhs_number__isnull=True).count() == 2


@pytest.mark.parametrize("number", ["", "999 000 0018", "999000001", "QQ123456C"])
def test_an_nhs_number_is_stored_as_ten_digits_or_not_at_all(number):
    with pytest.raises(DatabaseError), transaction.atomic():
        Patient.objects.create(nhs_number=number, family_name="A", birth_date="2001-01-01")


def test_a_date_of_death_cannot_be_kept_for_somebody_alive():
    patient = people.patient()
    with pytest.raises(IntegrityError), transaction.atomic():
        Patient.objects.filter(pk=patient.pk).update(died_on="2026-01-01")


@pytest.mark.parametrize("act", ["update", "delete"])
def test_history_cannot_be_rewritten(act):
    patient = people.patient()
    services.correct(patient, details={"family_name": "Bell"}, by=SYSTEM)
    rows = PatientChange.objects.filter(patient=patient)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.update(by_name="nobody") if act == "update" else rows.delete()


def test_a_record_never_prints_who_it_is():
    patient = people.patient(family_name="Quetzalcoatl", nhs_number="9990000018")
    assert "Quetzalcoatl" not in f"{patient}{patient!r}"
    assert "9990000018" not in f"{patient}{patient!r}"
