"""What a PID says, and what we say in one."""

from datetime import UTC, date, datetime

import pytest

from accounts.policies import SYSTEM
from messaging import wire
from messaging.errors import Park
from patients import hl7, queries, services
from patients.matching import HospitalNumber, compare
from tests.patients import people

TODAY = date(2026, 11, 22)
PID = (
    "PID|1||9990000018^^^NHS^NH~S1234567^^^RXX^MR||O’Neill-Smith^Máire^Ann^^Mrs^^L||19650714|F"
    "|||2 Invented Row^Northgate^Northshire^^zz1 1aa^^H||01632 960001^PRN^PH~07700 900001^PRN^CP"
    "||cy^Welsh|||||||||||||||||01"
)
PD1 = "PD1|||Northgate Surgery^^Y00001"


def adt(pid: str = PID, *more: str, sent: str = "20261122090500", event: str = "") -> wire.Message:
    lines = [
        f"MSH|^~\\&|PAS|RXX|ORDERCOMMS|OC1|{sent}||ADT^A31|1|T|2.4||||||UNICODE UTF-8",
        f"EVN|A31|{event}",
        pid,
        *more,
    ]
    return wire.parse("\r".join(line for line in lines if line).encode())


def pid_with(number: int, value: str, text: str = PID) -> str:
    """The sample PID with one field replaced."""
    fields = text.split("|")
    fields += [""] * (number + 1 - len(fields))
    fields[number] = value
    return "|".join(fields)


def read(*args, **kwargs) -> hl7.PatientUpdate:
    return hl7.patient_update(adt(*args, **kwargs), today=TODAY)


def details_of(number: int, value: str) -> dict:
    return dict(read(pid_with(number, value)).details)


def test_a_whole_pid_is_read_field_by_field():
    update = read(PID, PD1)
    assert update.identity.nhs_number == "9990000018"
    assert update.identity.hospital_numbers == (HospitalNumber("RXX", "S1234567"),)
    assert update.practice_code == "Y00001"
    assert update.details == {
        "family_name": "O’Neill-Smith",
        "given_names": "Máire Ann",
        "title": "Mrs",
        "birth_date": date(1965, 7, 14),
        "gender": "F",
        "address_lines": ["2 Invented Row", "Northgate", "Northshire"],
        "postcode": "ZZ1 1AA",
        "phone": "01632 960001",
        "mobile": "07700 900001",
        "preferred_language": "Welsh",
        "nhs_number_verified": True,
    }


def test_what_is_not_said_is_not_in_the_update():
    update = read("PID|||9990000018^^^NHS^NH")
    assert update.details == {}
    assert update.practice_code is None


@pytest.mark.parametrize(
    ("number", "cleared"),
    [
        (8, {"gender": "U"}),
        (11, {"address_lines": [], "postcode": ""}),
        (13, {"phone": "", "mobile": ""}),
        (15, {"preferred_language": ""}),
    ],
)
def test_what_is_said_to_be_empty_is_cleared(number, cleared):
    details = details_of(number, '""')
    assert {field: details[field] for field in cleared} == cleared


@pytest.mark.parametrize(("number", "value"), [(11, "^^^^^^H"), (13, "^PRN^PH"), (13, "^NET^^a@b")])
def test_empty_components_are_not_a_request_to_clear(number, value):
    pid = pid_with(number, value, "PID|||9990000018^^^NHS^NH")
    assert read(pid).details == {}


@pytest.mark.parametrize(
    ("typed", "gender"), [("M", "M"), ("f", "F"), ("1", "M"), ("2", "F"), ("9", "O"), ("0", "U")]
)
def test_both_tables_of_gender_are_understood(typed, gender):
    assert details_of(8, typed)["gender"] == gender


def test_the_legal_name_is_taken_before_others_and_a_nickname_is_kept_apart():
    details = details_of(5, "Peg^Peg^^^^^N~Smith&Van&x^Margaret^^^Dr^^L")
    assert details["family_name"] == "Smith"
    assert details["given_names"] == "Margaret"
    assert details["preferred_name"] == "Peg"


def test_home_address_is_taken_before_others():
    details = details_of(11, "9 Work Road^^^^ZZ9 9ZZ^^B~2 Home Row^^^^ZZ1 1AA^^H")
    assert details["address_lines"] == ["2 Home Row"]


@pytest.mark.parametrize(
    ("pid3", "numbers"),
    [
        ("S1^^^RXX^MR~P1^^^GB^PPN~AB123456C^^^GB^NI", [("RXX", "S1")]),
        ("s1^^^rxx~S2^^^RXX^PI", [("RXX", "S1"), ("RXX", "S2")]),
        ("9990000018^^^NHS~S1^^^RXX&urn:x&ISO^MR", [("RXX", "S1")]),
        ('S1^^^""^MR~""^^^RXX^MR~S3^^^RYY^MR', [("RYY", "S3")]),
    ],
)
def test_only_numbers_that_name_their_issuer_are_hospital_numbers(pid3, numbers):
    found = read(pid_with(3, pid3)).identity.hospital_numbers
    assert [(number.issuer, number.value) for number in found] == numbers


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({29: "20260303"}, {"is_deceased": True, "died_on": date(2026, 3, 3)}),
        ({29: "202603031122", 30: "Y"}, {"is_deceased": True, "died_on": date(2026, 3, 3)}),
        ({30: "Y"}, {"is_deceased": True}),
        ({30: "N"}, {"is_deceased": False, "died_on": None}),
        ({29: '""', 30: "Y"}, {"is_deceased": True, "died_on": None}),
        ({}, {}),
    ],
)
def test_a_death_is_read_from_either_field(fields, details):
    pid = PID
    for number, value in fields.items():
        pid = pid_with(number, value, pid)
    said = read(pid).details
    assert {f: said[f] for f in ("is_deceased", "died_on") if f in said} == details


@pytest.mark.parametrize(
    ("pd1", "code"),
    [
        ("PD1|||Northgate^^Y00001", "Y00001"),
        ("PD1|||Northgate^^^^^^^^^y00001", "Y00001"),
        ('PD1|||""', ""),
        ("PD1||||Y00001^Northgate", "Y00001"),
        ("PD1||||G6762874^PARRY^A", None),  # a doctor's code is not a practice's
        ("PD1|S", None),
    ],
)
def test_a_practice_is_read_by_its_code(pd1, code):
    assert read(PID, pd1).practice_code == code


@pytest.mark.parametrize(("flag", "is_restricted"), [("Y", True), ("N", False)])
def test_a_protection_flag_restricts(flag, is_restricted):
    assert read(PID, f"PD1|||||||||||| {flag}".replace(" ", "")).details["is_restricted"] is (
        is_restricted
    )


@pytest.mark.parametrize(
    ("number", "value", "reason"),
    [
        (3, "9990000019^^^NHS^NH", hl7.NHS_NUMBER),
        (3, "9999999999^^^NHS^NH", hl7.NHS_NUMBER),
        (3, "999000001^^^NHS^NH", hl7.NHS_NUMBER),
        (3, "9990000018^^^NHS^NH~9990000026^^^NHS^NH", hl7.NHS_NUMBER),
        (3, "S1234567", hl7.IDENTITY),
        (3, "", hl7.IDENTITY),
        (7, "1965", hl7.DEMOGRAPHICS),
        (7, "19650231", hl7.DEMOGRAPHICS),
        (7, "20270101", hl7.DEMOGRAPHICS),
        (7, "17001224", hl7.DEMOGRAPHICS),
        (8, "Z", hl7.UNKNOWN_CODE),
        (29, "20270101", hl7.DEMOGRAPHICS),
        (29, "19640101", hl7.DEMOGRAPHICS),
        (29, "soon", hl7.DEMOGRAPHICS),
        (30, "U", hl7.UNKNOWN_CODE),
    ],
)
def test_what_cannot_be_right_waits_for_a_person(number, value, reason):
    with pytest.raises(Park) as caught:
        read(pid_with(number, value))
    assert caught.value.reason_code == reason
    assert caught.value.sentence.startswith(f"PID-{number}")
    assert not value or value.split("^")[0] not in caught.value.sentence or len(value) == 1


def test_a_death_with_a_date_that_is_denied_waits_for_a_person():
    with pytest.raises(Park) as caught:
        read(pid_with(30, "N", pid_with(29, "20260303")))
    assert caught.value.reason_code == hl7.DEMOGRAPHICS


def test_a_message_about_nobody_waits_for_a_person():
    with pytest.raises(Park) as caught:
        read("")
    assert caught.value.reason_code == hl7.IDENTITY


@pytest.mark.parametrize(("sent", "event"), [("", ""), ("soon", ""), ("20261122", "20261322")])
def test_a_message_without_a_readable_time_waits_for_a_person(sent, event):
    with pytest.raises(Park) as caught:
        read(PID, sent=sent, event=event)
    assert caught.value.reason_code == hl7.TIME


def test_the_event_time_orders_and_the_header_stands_in_for_it():
    update = read(PID, sent="20261122090500+0000", event="20261121235900+0000")
    assert update.recorded_at == datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
    assert update.sent_at == datetime(2026, 11, 22, 9, 5, tzinfo=UTC)
    assert read(PID, sent="20261122090500+0000").recorded_at == update.sent_at


def test_an_update_prints_nothing_of_the_person():
    update = read(PID, PD1)
    assert "Neill" not in f"{update}{update!r}{update.identity!r}"


# --- Out, and back -------------------------------------------------------------------------------


@pytest.fixture
def patient(db):
    return people.patient(
        nhs_number="9990000018",
        nhs_number_verified=True,
        family_name="O'Neill & Söhne^~|\\",
        given_names="Máire Ann Bríd",
        title="Dr",
        birth_date=date(1965, 7, 14),
        phone="01632 960001",
        mobile="07700 900001",
        address_lines=["Flat 2", "Invented House", "Northgate", "Northshire"],
        hospital_numbers=(HospitalNumber("RXX", "S1234567"), HospitalNumber("RYY", "S7654321")),
    )


def test_the_numbers_go_out_in_the_form_of_hl7_uk(patient):
    pid = hl7.pid_segment(patient, issuers=["RXX"])
    assert pid.raw(3) == "9990000018^^^NHS^NH~S1234567^^^RXX^MR"


def test_a_receiver_may_be_given_every_number(patient):
    assert len(hl7.pid_segment(patient).repetitions(3)) == 3


def test_what_goes_out_reads_back_as_the_same_person(patient):
    pid = hl7.pid_segment(patient)
    assert compare(queries.demographics(patient), hl7.demographics(pid)).agrees
    details = hl7.patient_update(adt(pid.source), today=TODAY).details
    assert {field: getattr(patient, field) for field in details} == details


def test_a_death_goes_out_and_reads_back(patient):
    dead = services.record_death(patient, died_on=date(2026, 3, 3), by=SYSTEM)
    pid = hl7.pid_segment(dead)
    assert (pid.get(29), pid.get(30)) == ("20260303", "Y")


def test_neither_address_nor_phone_of_a_restricted_patient_goes_out(patient):
    hidden = services.correct(patient, details={"is_restricted": True}, by=SYSTEM)
    pid = hl7.pid_segment(hidden)
    assert pid.raw(11) == pid.raw(13) == ""
    assert "960001" not in pid.source
    assert "Invented" not in pid.source


@pytest.mark.parametrize(
    ("details", "status"),
    [
        ({"nhs_number_verified": True}, "01"),
        ({"nhs_number_verified": False}, "02"),
        ({"nhs_number": None}, "03"),
    ],
)
def test_an_untraced_number_is_said_to_be_so(patient, details, status):
    told = services.correct(patient, details=details, by=SYSTEM)
    assert hl7.pid_segment(told).get(32) == status


def test_the_practice_goes_out_with_its_code(patient):
    assert hl7.pd1_segment(patient) is None
    practice = people.place(name="Northgate Surgery", ods_code="Y00001")
    registered = services.correct(patient, details={"practice": practice}, by=SYSTEM)
    assert hl7.pd1_segment(registered).source == "PD1|||Northgate Surgery^^Y00001"
    hidden = services.correct(registered, details={"is_restricted": True}, by=SYSTEM)
    assert hl7.pd1_segment(hidden) is None


# --- Checking the person in a result -------------------------------------------------------------


@pytest.mark.hazard("H21")
@pytest.mark.parametrize(
    ("number", "value"),
    [
        (3, "9990000019^^^NHS^NH"),
        (3, "9990000018^^^NHS^NH~9990000026^^^NHS^NH"),
        (3, "S1234567"),
        (5, ""),
        (5, '""'),
        (5, "Smith^Máire"),
        (7, ""),
        (7, "1965"),
        (7, "19650715"),
    ],
)
def test_a_pid_that_is_wrong_or_unreadable_never_agrees(db, number, value):
    patient = people.patient(
        nhs_number="9990000018", family_name="O’Neill-Smith", given_names="Máire",
        birth_date=date(1965, 7, 14),
    )  # fmt: skip
    right = adt().first("PID")
    wrong = adt(pid_with(number, value)).first("PID")
    assert compare(queries.demographics(patient), hl7.demographics(right)).agrees
    assert not compare(queries.demographics(patient), hl7.demographics(wrong)).agrees
