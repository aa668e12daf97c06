"""The record changes by its verbs only, and remembers how."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.models import AccessEvent
from accounts.policies import SYSTEM, partner_acting
from patients import queries, services
from patients.errors import AlreadyRegistered, NumberBelongsToAnother, TooLong
from patients.matching import HospitalNumber
from patients.models import ChangeKind, Identifier, Patient, Relationship
from tests.patients import people

pytestmark = pytest.mark.django_db
NINE = datetime(2026, 11, 22, 9, 0, tzinfo=ZoneInfo("Europe/London"))


def kinds(patient: Patient) -> list[str]:
    return [change.kind for change in queries.history(patient)]


def test_registering_leaves_a_history_row_and_an_audit_row():
    patient = people.patient(hospital_numbers=(HospitalNumber("RXX", "s1234567"),))
    assert kinds(patient) == [ChangeKind.IDENTIFIED, ChangeKind.REGISTERED]
    rows = AccessEvent.objects.filter(patient_id=str(patient.pk))
    assert {row.action for row in rows} == {"patient_registered", "patient_identified"}
    assert queries.by_identifier("RXX", "S1234567") == patient


def test_the_audit_row_names_fields_and_never_values():
    patient = people.patient(family_name="Quetzalcoatl", nhs_number="9990000018")
    services.correct(patient, details={"family_name": "Xochitl"}, by=SYSTEM)
    rows = AccessEvent.objects.filter(patient_id=str(patient.pk)).values_list("reason", flat=True)
    assert "family_name" in rows.last()
    assert not any("Quetzalcoatl" in row or "Xochitl" in row or "999" in row for row in rows)


def test_a_number_that_is_taken_cannot_be_registered_again():
    people.patient(nhs_number="9990000018")
    with pytest.raises(AlreadyRegistered):
        people.patient(nhs_number="9990000018")
    assert Patient.objects.filter(nhs_number="9990000018").count() == 1


def test_a_correction_says_what_changed_from_what_to_what_and_by_whom():
    patient = people.patient(family_name="Okafor", died_on=None)
    services.correct(
        patient,
        details={"family_name": "Okafor-Bell", "title": "Ms", "birth_date": date(1984, 3, 1)},
        by=partner_acting("Northgate PAS"),
        message_id=41,
    )
    change = queries.history(patient).first()
    assert change.changes == {
        "family_name": ["Okafor", "Okafor-Bell"],
        "birth_date": ["1984-02-29", "1984-03-01"],
    }
    assert (change.by_name, change.message_id) == ("Northgate PAS", 41)


def test_a_correction_that_changes_nothing_leaves_no_trace():
    patient = people.patient()
    before = AccessEvent.objects.count()
    services.correct(patient, details={"family_name": patient.family_name}, by=SYSTEM)
    assert kinds(patient) == [ChangeKind.REGISTERED]
    assert AccessEvent.objects.count() == before


def test_a_practice_is_kept_in_the_history_by_its_code():
    practice = people.place()
    patient = people.patient()
    services.correct(patient, details={"practice": practice}, by=SYSTEM)
    assert queries.history(patient).first().changes == {"practice": [None, practice.ods_code]}


@pytest.mark.parametrize("field", ["id", "merged_into", "updated_at", "family_key", "nonsense"])
def test_what_is_ours_cannot_be_set_from_outside(field):
    with pytest.raises(ValueError, match=field):
        services.correct(people.patient(), details={field: None}, by=SYSTEM)


def test_a_name_that_does_not_fit_is_refused_and_never_cut():
    patient = people.patient()
    with pytest.raises(TooLong) as caught:
        services.correct(patient, details={"family_name": "x" * 81}, by=SYSTEM)
    assert (caught.value.field, caught.value.longest) == ("family_name", 80)
    assert Patient.objects.get(pk=patient.pk).family_name == patient.family_name


def test_a_death_may_be_known_without_its_day():
    patient = services.record_death(people.patient(), died_on=None, by=SYSTEM)
    patient.refresh_from_db()
    assert patient.is_deceased
    assert patient.died_on is None


def test_a_day_of_death_is_a_death():
    patient = services.correct(people.patient(), details={"died_on": date(2026, 3, 3)}, by=SYSTEM)
    patient.refresh_from_db()
    assert patient.is_deceased


def test_a_hospital_number_cannot_be_given_to_a_second_patient():
    number = HospitalNumber("RXX", "S1234567")
    first = people.patient(hospital_numbers=(number,))
    second = people.patient()
    with pytest.raises(NumberBelongsToAnother):
        services.add_hospital_numbers(second, numbers=[number], by=SYSTEM)
    assert Identifier.objects.get(value="S1234567").patient == first


def test_the_same_number_of_another_trust_is_another_number():
    people.patient(hospital_numbers=(HospitalNumber("RXX", "S1234567"),))
    other = people.patient(hospital_numbers=(HospitalNumber("RYY", "S1234567"),))
    assert queries.by_identifier("RYY", "S1234567") == other


def test_noting_a_relationship_twice_is_noting_it_once():
    patient, clinic = people.patient(), people.place("community")
    for _ in range(2):
        services.note_relationship(patient, organisation=clinic, kind="requester", by=SYSTEM)
    assert Relationship.objects.filter(patient=patient).count() == 1
    assert AccessEvent.objects.filter(action="note_relationship").count() == 1


def test_a_relationship_has_one_of_the_known_reasons():
    with pytest.raises(ValueError, match="curious"):
        services.note_relationship(
            people.patient(), organisation=people.place(), kind="curious", by=SYSTEM
        )


def told(patient: Patient, at: datetime, *, sent: datetime | None = None, source="pas") -> bool:
    return services.is_news(patient, source=source, recorded_at=at, sent_at=sent or at, by=SYSTEM)


def test_older_news_of_a_source_is_noted_and_is_not_news():
    patient = people.patient()
    assert told(patient, NINE)
    assert not told(patient, NINE - timedelta(seconds=1))
    assert kinds(patient)[0] == ChangeKind.OUT_OF_DATE
    assert told(patient, NINE)  # the same again is not older
    assert told(patient, NINE + timedelta(seconds=1))


def test_of_two_records_of_one_second_the_one_sent_later_is_newer():
    patient = people.patient()
    assert told(patient, NINE, sent=NINE + timedelta(minutes=2))
    assert not told(patient, NINE, sent=NINE + timedelta(minutes=1))


def test_each_source_has_a_clock_of_its_own():
    patient = people.patient()
    assert told(patient, NINE, source="pas")
    assert told(patient, NINE - timedelta(days=1), source="gp-system")
