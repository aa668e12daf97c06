"""What an ADT message does to the record, and what it may never do."""

import hashlib
import random
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pytest

from accounts.models import AccessEvent
from accounts.policies import SYSTEM
from messaging import wire
from messaging.errors import Park
from messaging.models import InboundMessage, Partner
from messaging.services.inbox import process_waiting
from messaging.services.receiving import accept
from patients import hl7, inbound, queries, services
from patients.matching import HospitalNumber
from patients.models import ChangeKind, Identifier, Patient
from tests.messaging.senders import make_partner
from tests.patients import people

pytestmark = pytest.mark.django_db
NINE = datetime(2026, 11, 22, 9, 0, 0, tzinfo=UTC)
_ids = count(1)


@pytest.fixture
def pas():
    return make_partner("pas", name="Northgate PAS", their_facility="RXX")


def adt(*, trigger="A31", at=NINE, numbers="9990000018^^^NHS^NH~S1234567^^^RXX^MR",
        name="Okafor^Chidi", born="19650714", pd1="") -> str:  # fmt: skip
    sent = at.strftime("%Y%m%d%H%M%S+0000")
    return (
        f"MSH|^~\\&|PAS|RXX|ORDERCOMMS|OC1|{sent}||ADT^{trigger}|{next(_ids)}|T|2.4||||||UTF-8\r"
        f"EVN|{trigger}|{sent}\rPID|||{numbers}||{name}||{born}|M\r{pd1}"
    )


def receive(partner: Partner, text: str, handler=inbound.update_person) -> InboundMessage:
    raw = text.encode()
    message = wire.parse(raw)
    row = InboundMessage.objects.create(
        partner=partner, control_id=message.control_id, message_type=message.type, raw=raw,
        sha256=hashlib.sha256(raw).hexdigest(),
    )  # fmt: skip
    InboundMessage.objects.filter(pk=row.pk).update(received_at=NINE + timedelta(hours=1))
    row.refresh_from_db()
    handler(message, row)
    return row


def parked(partner: Partner, text: str, reason: str) -> str:
    """The sentence with which it is parked; nothing else may have changed."""
    before = list(Patient.objects.order_by("pk").values()), Identifier.objects.count()
    with pytest.raises(Park) as caught:
        receive(partner, text)
    assert caught.value.reason_code == reason
    assert (list(Patient.objects.order_by("pk").values()), Identifier.objects.count()) == before
    return caught.value.sentence


def history(patient: Patient) -> list[str]:
    return [change.kind for change in queries.history(patient)]


@pytest.mark.parametrize("trigger", ["A28", "A31", "A01", "A04", "A08"])
def test_a_person_who_is_new_to_us_is_registered(pas, trigger):
    message = receive(pas, adt(trigger=trigger))
    patient = queries.by_nhs_number("9990000018")
    assert (patient.family_name, patient.birth_date) == ("Okafor", date(1965, 7, 14))
    assert queries.by_identifier("RXX", "S1234567") == patient
    first = queries.history(patient).last()
    assert (first.kind, first.message_id) == (ChangeKind.REGISTERED, message.pk)
    assert first.by_name == "Northgate PAS"


@pytest.mark.parametrize("trigger", ["A28", "A31", "A01", "A04", "A08"])
def test_a_person_whom_we_know_is_corrected(pas, trigger):
    patient = people.patient(
        nhs_number="9990000018", family_name="Okafor", given_names="Chidi",
        birth_date=date(1965, 7, 14), mobile="07700 900001",
    )  # fmt: skip
    receive(pas, adt(trigger=trigger, name="Okafor-Bell^Chidi"))
    patient.refresh_from_db()
    assert patient.family_name == "Okafor-Bell"
    assert patient.mobile == "07700 900001"  # not said, so kept
    assert Patient.objects.count() == 1


def test_the_same_message_twice_leaves_what_it_left_once(pas):
    text = adt()
    receive(pas, text)
    patient = queries.by_nhs_number("9990000018")
    once = history(patient), Patient.objects.values().get()
    receive(pas, text.replace("|T|2.4", "|T|2.4|"))
    assert (history(patient), Patient.objects.values().get()) == once


def test_older_news_never_overwrites_newer(pas):
    receive(pas, adt(name="Newname^Chidi"))
    receive(pas, adt(name="Oldname^Chidi", at=NINE - timedelta(seconds=1)))
    patient = queries.by_nhs_number("9990000018")
    assert patient.family_name == "Newname"
    assert history(patient)[0] == ChangeKind.OUT_OF_DATE


def test_in_any_order_the_newest_news_stays(pas):
    names = [f"Name{letter}^Chidi" for letter in "ABCDEF"]
    order = list(enumerate(names))
    random.Random(7).shuffle(order)
    for second, name in order:
        receive(pas, adt(name=name, at=NINE + timedelta(seconds=second)))
    assert queries.by_nhs_number("9990000018").family_name == "NameF"


def test_one_source_that_is_behind_does_not_silence_another(pas):
    gp = Partner.objects.create(slug="gp", name="GP", their_application="GP", their_facility="Y1")
    receive(pas, adt(name="Okafor^Chidi"))
    receive(gp, adt(name="Okafor-Bell^Chidi", at=NINE - timedelta(minutes=5)))
    assert queries.by_nhs_number("9990000018").family_name == "Okafor-Bell"


def test_a_person_is_found_by_hospital_number_and_gains_the_nhs_number(pas):
    patient = people.patient(
        nhs_number=None, family_name="Okafor", given_names="Chidi", birth_date=date(1965, 7, 14),
        hospital_numbers=(HospitalNumber("RXX", "S1234567"),),
    )  # fmt: skip
    receive(pas, adt())
    assert queries.by_nhs_number("9990000018") == patient


def test_a_person_without_an_nhs_number_may_be_registered(pas):
    receive(pas, adt(numbers="S1234567^^^RXX^MR"))
    assert queries.by_identifier("RXX", "S1234567").nhs_number is None


def test_a_second_hospital_number_is_added(pas):
    receive(pas, adt())
    receive(
        pas, adt(numbers="9990000018^^^NHS^NH~S7777777^^^RYY^MR", at=NINE + timedelta(minutes=1))
    )
    patient = queries.by_nhs_number("9990000018")
    assert {each.value for each in patient.identifiers.all()} == {"S1234567", "S7777777"}


def test_a_number_of_somebody_else_waits_for_a_person(pas):
    receive(pas, adt())
    later = NINE + timedelta(minutes=1)
    sentence = parked(pas, adt(name="Jones^Rhys", born="20010101", at=later), hl7.IDENTITY)
    assert "another name and birth date" in sentence
    assert "Jones" not in sentence


def test_a_name_may_change_and_a_birth_date_may_be_put_right_one_at_a_time(pas):
    receive(pas, adt())
    receive(pas, adt(name="Bell^Chidi", at=NINE + timedelta(minutes=1)))
    receive(pas, adt(name="Bell^Chidi", born="19650715", at=NINE + timedelta(minutes=2)))
    patient = queries.by_nhs_number("9990000018")
    assert (patient.family_name, patient.birth_date) == ("Bell", date(1965, 7, 15))


def test_another_given_name_and_birth_date_is_a_brother_and_waits_for_a_person(pas):
    receive(pas, adt())
    later = NINE + timedelta(minutes=1)
    parked(pas, adt(name="Okafor^Emeka", born="19680101", at=later), hl7.IDENTITY)


def test_a_hospital_number_of_a_patient_with_another_nhs_number_waits_for_a_person(pas):
    receive(pas, adt())
    later = NINE + timedelta(minutes=1)
    text = adt(numbers="9990000026^^^NHS^NH~S1234567^^^RXX^MR", at=later)
    sentence = parked(pas, text, hl7.IDENTITY)
    assert "another NHS number" in sentence


def test_numbers_of_two_patients_wait_for_a_person(pas):
    receive(pas, adt())
    receive(pas, adt(numbers="9990000026^^^NHS^NH~S2^^^RXX^MR", name="Jones^Rhys"))
    later = NINE + timedelta(minutes=1)
    text = adt(numbers="9990000018^^^NHS^NH~S2^^^RXX^MR", at=later)
    assert "different patients" in parked(pas, text, hl7.IDENTITY)


def test_a_bad_check_digit_waits_for_a_person_even_when_the_hospital_number_is_good(pas):
    receive(pas, adt())
    later = NINE + timedelta(minutes=1)
    text = adt(numbers="9990000019^^^NHS^NH~S1234567^^^RXX^MR", at=later)
    assert "9990000019" not in parked(pas, text, hl7.NHS_NUMBER)


@pytest.mark.parametrize("missing", [{"name": ""}, {"name": "^Chidi"}, {"born": ""}])
def test_a_new_person_without_a_name_or_a_birth_date_is_nobody_yet(pas, missing):
    parked(pas, adt(**missing), hl7.IDENTITY)


def test_news_from_the_future_waits_because_it_would_hide_all_that_follows(pas):
    parked(pas, adt(at=NINE + timedelta(days=2)), hl7.TIME)


def test_a_name_too_long_to_keep_waits_for_a_person(pas):
    assert "80" in parked(pas, adt(name=f"{'x' * 81}^Chidi"), hl7.DEMOGRAPHICS)


# --- The practice decides who may see ----------------------------------------------------------


def test_the_practice_follows_the_message(pas):
    practice = people.place(ods_code="Y90001")
    receive(pas, adt(pd1="PD1|||Northgate^^Y90001\r"))
    assert queries.by_nhs_number("9990000018").practice == practice


def test_an_unknown_practice_is_no_practice_and_the_old_one_may_look_no_longer(pas):
    old = people.place(ods_code="Y90001")
    receive(pas, adt(pd1="PD1|||Northgate^^Y90001\r"))
    receive(pas, adt(pd1="PD1|||Elsewhere^^Y99999\r", at=NINE + timedelta(minutes=1)))
    patient = queries.by_nhs_number("9990000018")
    assert (patient.practice, patient.practice_code) == (None, "Y99999")
    assert not queries.visible_to(people.acting_at(old)).filter(pk=patient.pk).exists()


def test_a_trust_with_that_code_is_not_a_practice(pas):
    people.place("trust", ods_code="Y90002")
    receive(pas, adt(pd1="PD1|||Trust^^Y90002\r"))
    assert queries.by_nhs_number("9990000018").practice is None


def test_no_word_about_the_practice_leaves_it(pas):
    practice = people.place(ods_code="Y90001")
    receive(pas, adt(pd1="PD1|||Northgate^^Y90001\r"))
    receive(pas, adt(at=NINE + timedelta(minutes=1)))
    assert queries.by_nhs_number("9990000018").practice == practice


def test_what_a_message_changed_is_on_the_audit_trail_under_the_partners_name(pas):
    receive(pas, adt())
    patient = queries.by_nhs_number("9990000018")
    rows = AccessEvent.objects.filter(patient_id=str(patient.pk))
    assert {row.username for row in rows} == {"Northgate PAS"}
    assert not any("Okafor" in row.reason or "999" in row.reason for row in rows)


@pytest.mark.hazard("H21")
def test_ten_thousand_strangers_with_a_known_number_change_nothing(pas):
    """Mutated demographics under a good NHS number (hazard H21): none gets through."""
    services.register(
        {"nhs_number": "9990000018", "family_name": "Okafor", "birth_date": date(1965, 7, 14)},
        by=SYSTEM,
    )
    ours = queries.demographics(queries.by_nhs_number("9990000018"))
    dice = random.Random(1)
    through = 0
    for _ in range(10_000):
        born = date(1965, 7, 14) + timedelta(days=dice.choice([-365, -1, 1, 31]))
        name = "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=7))
        numbers, day = ["9990000018", "", "", "NHS", "NH"], born.strftime("%Y%m%d")
        theirs = hl7.demographics(wire.segment("PID", {3: numbers, 5: [name], 7: day}))
        try:
            inbound.check_same_person(ours, theirs)
            through += 1
        except Park:
            continue
    assert through == 0


# --- Through the inbox, as the listener and the worker do it -------------------------------------


def through_the_inbox(text: str) -> tuple[bytes, InboundMessage]:
    answer = accept(text.encode())
    process_waiting()
    return answer, InboundMessage.objects.latest("pk")


@pytest.mark.django_db(transaction=True)
def test_a_message_is_acknowledged_then_processed_and_a_repeat_changes_nothing(pas):
    text = adt(trigger="A28")
    answer, message = through_the_inbox(text)
    assert b"MSA|AA|" in answer
    assert (message.state, message.reason_code) == ("processed", "")
    patient = queries.by_nhs_number("9990000018")
    before = history(patient)
    again, repeat = through_the_inbox(text)
    assert b"MSA|AA|" in again
    assert repeat.state == "repeat"
    assert history(patient) == before


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (adt(trigger="A40") + "MRG|S7654321^^^RXX^MR\r", hl7.IDENTITY),
        (adt(numbers="9990000019^^^NHS^NH"), hl7.NHS_NUMBER),
        (adt(name=""), hl7.IDENTITY),
        (adt(born="1965"), hl7.DEMOGRAPHICS),
    ],
)
def test_what_does_not_fit_is_acknowledged_kept_whole_and_parked_with_its_reason(pas, text, reason):
    answer, message = through_the_inbox(text)
    assert b"MSA|AA|" in answer
    assert (message.state, message.reason_code) == ("parked", reason)
    assert message.reason
    assert bytes(message.raw) == text.encode()
    assert not Patient.objects.exists()
