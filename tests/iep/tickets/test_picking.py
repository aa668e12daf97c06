"""What a pasted text says: picked only where it can be read in one way."""

from datetime import date

import pytest

from iep.picking import Picked, pick
from iep.picking.scans import modality_of

TODAY = date(2026, 11, 22)
HOSPITALS = {
    1: ("Spire Leicester", "Spire"),
    2: ("Nottingham Queens Medical Centre", "QMC"),
    3: ("Nottingham City Hospital", "City"),
}
EMAIL = """From: Dr Ann Bell <A.Bell@kingsmere.nhs.example>
Sent: 20 November 2026 09:14
To: Service desk
Subject: Images please

Please can you get a CT head from QMC for the neuro MDT.

Patient: TESTPATIENT, Agnes
DOB: 02/03/1958
NHS No: 999 000 0018
S number: S1234567
CT head 13/11/2026 (CHEAD)
Consultant: Mr A Crane
Department: Neurosurgery
Tel: 01632 960111 ext 4455

Kind regards,
Dr Ann Bell
"""


def read(text: str) -> Picked:
    return pick(text, today=TODAY, s_number_pattern=r"^S\d{6,7}$", hospitals=HOSPITALS)


def test_an_email_fills_the_whole_form():
    found = read(EMAIL)
    assert found.fields == {
        "family_name": "Testpatient", "given_names": "Agnes", "birth_date": "2 3 1958",
        "nhs_number": "999 000 0018", "s_number": "S1234567", "requester_name": "Dr Ann Bell",
        "requester_email": "a.bell@kingsmere.nhs.example",
        "requester_phone": "01632 960111 ext 4455", "consultant": "Mr A Crane",
        "department": "Neurosurgery", "institution": "2", "kind": "import", "reason": "mdt",
    }  # fmt: skip
    (scan,) = found.scans
    assert (scan.description, scan.modality, scan.acquired_on, scan.code, scan.note) == (
        "CT head", "CT", "13 11 2026", "CHEAD", "",
    )  # fmt: skip


@pytest.mark.parametrize(("line", "acquired", "note"), [
    ("CT head 02/03/26", "2 3 2026", "read as 2 March 2026, day first"),
    ("CT head 13/11/26", "13 11 2026", ""),
    ("CT head 3rd Nov 2026", "3 11 2026", ""),
    ("CT head 2026-11-03", "3 11 2026", ""),
    ("CT head 30/02/2026", "", "is not a date"),
    ("CT head 03/25/2026", "", "is not a date"),  # month first
    ("CT head 31/04/26", "", "is not a date"),
    ("CT head 24/11/2026", "", "is in the future"),
    ("CT head 01/02/2026 or 03/02/2026", "", "More than one date"),
    ("CT head", "", "Its date is not in the text"),
])  # fmt: skip
def test_dates_are_day_first_and_impossible_ones_stay_empty(line, acquired, note):
    (scan,) = read(line).scans
    assert scan.acquired_on == acquired
    assert note in scan.note
    assert bool(note) == bool(scan.note)


@pytest.mark.parametrize(("text", "descriptions"), [
    ("CT head and CT chest on 03/11/2026", ["CT head", "CT chest"]),
    ("MRI lumbar spine 3/11/2026; left knee X-ray 4/11/2026",
     ["MRI lumbar spine", "Left knee X-ray"]),
    ("He had a CXR on 3/11/2026.", ["CXR"]),
    ("US abdomen 3/11/2026", ["US abdomen"]),
    ("please send us the films", []),
    ("The CT report is attached", []),
    ("our pet cat in the US", []),
    ("Please request the CT head. CT head 3/11/2026", ["CT head"]),
])  # fmt: skip
def test_scans_are_what_has_a_kind_and_a_body_part(text, descriptions):
    assert [scan.description for scan in read(text).scans] == descriptions


def test_each_scan_of_a_line_has_its_own_date():
    found = read("CT head 03/11/2026, CT chest 14/11/2026").scans
    assert [scan.acquired_on for scan in found] == ["3 11 2026", "14 11 2026"]


def test_a_scan_that_is_named_first_and_dated_later_is_one():
    (scan,) = read("Please get the CT head from QMC.\nCT head 31/02/2026 (CHEAD)").scans
    assert (scan.code, scan.acquired_on) == ("CHEAD", "")
    assert "is not a date" in scan.note


def test_a_kind_without_a_body_part_says_so():
    (scan,) = read("CT on 13/11/2026").scans
    assert scan.description == ""
    assert "body part is not in the text" in scan.note


@pytest.mark.parametrize("text", ["all imaging please", "any previous scans", "everything"])
def test_all_imaging_is_picked_as_nothing_and_said(text):
    found = read(text)
    assert found.scans == []
    assert "Name each scan" in found.notes["exams"]


@pytest.mark.parametrize(("text", "field", "note"), [
    ("NHS No 999 000 0019", "nhs_number", "not correct"),
    ("NHS No 999 000 0018 and NHS No 999 000 0026", "nhs_number", "More than one NHS number"),
    ("S1234567 or S7654321", "s_number", "More than one S number"),
    ("DOB 31/02/1958", "birth_date", "not a possible date of birth"),
    ("DOB 1/2/2030", "birth_date", "not a possible date of birth"),
    ("DOB 01/02/12", "birth_date", "two centuries"),
    ("DOB 01/02/1958. DOB 02/02/1958", "birth_date", "More than one date of birth"),
    ("Patient: SMITH, Ann\nRe: JONES, Ann", "family_name", "More than one name"),
    ("at QMC and at Spire Leicester", "institution", "More than one hospital"),
    ("a@x.nhs.example, b@x.nhs.example", "requester_email", "More than one e-mail"),
    ("get scans from QMC, then send the images to Spire", "kind", "more than one way"),
    ("this is Blue Light", "priority", "one of its three reasons"),
    ("for the MDT and the clinic", "reason", "More than one reason"),
    ("needed by 01/01/2020", "needed_by", "no day to come"),
])  # fmt: skip
def test_what_can_be_read_in_two_ways_stays_empty_with_a_note(text, field, note):
    found = read(text)
    assert field not in found.fields
    assert note in found.notes[field]


@pytest.mark.parametrize(("text", "fields"), [
    ("Blue light: in theatre now", {"priority": "0", "eligibility": "theatre"}),
    ("blue-light, in an ambulance", {"priority": "0", "eligibility": "ambulance"}),
    ("not blue light", {}),
    ("from the QMC", {"institution": "2"}),
    ("Nottingham City Hospital", {"institution": "3"}),  # "City" inside it is no second one
    ("the qmc", {}),  # a short alias counts in capitals alone
    ("needed by 24/11/2026", {"needed_by": "24 11 2026"}),
    ("under Mr Alan Crane", {"consultant": "Mr Alan Crane"}),
    ("bleep 2211", {"requester_phone": "2211"}),
    ("on CD", {"kind": "disc"}),
    ("Name: Agnes Mary TESTPATIENT", {"family_name": "Testpatient", "given_names": "Agnes Mary"}),
    ("Patient: Mrs Agnes O'Neill-Smith DOB 1/2/1958", {"family_name": "O'Neill-Smith"}),
])  # fmt: skip
def test_what_can_be_read_in_one_way_is_picked(text, fields):
    found = read(text)
    assert {name: found.fields.get(name) for name in fields} == fields
    if not fields:
        assert not found.fields.keys() & {"priority", "institution"}


def test_a_telephone_number_is_no_nhs_number():
    """Ten digits that happen to check are an NHS number only where they are called one."""
    found = read("NHS No: 9990000018. Tel: 9434765919")
    assert found.fields["nhs_number"] == "999 000 0018"


def test_the_staff_part_of_a_form_is_not_the_patient():
    text = "UHL staff contact details\nName: Dr B Who\nPatient Details\nName: Agnes TESTPATIENT"
    found = read(text)
    assert found.fields["family_name"] == "Testpatient"
    assert found.fields["requester_name"] == "Dr B Who"


@pytest.mark.parametrize("text", ["", "\x00\x01", "(" * 5000, "a@" * 5000, "CT " * 5000,
                                  "1/2/" * 5000, "Patient: " + "A" * 19_000])  # fmt: skip
def test_no_text_breaks_it(text):
    read(text)


@pytest.mark.parametrize(("words", "code"), [
    ("CT head", "CT"), ("MRI left knee", "MR"), ("Chest X-ray", "XR"), ("head", ""),
    ("CT head and MRI head", ""), ("Ultrasound abdomen", "US")])  # fmt: skip
def test_the_kind_is_what_the_words_say(words, code):
    assert modality_of(words) == code
