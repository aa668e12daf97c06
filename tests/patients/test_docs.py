"""docs/hl7/adt.md says what is done."""

import re
from pathlib import Path

import pytest

from messaging.services.inbox import process_waiting
from messaging.services.receiving import accept
from ordercomms.routing import ROUTES
from patients import hl7, inbound_merging, queries
from patients.matching import HospitalNumber
from tests.messaging.senders import make_partner
from tests.patients import people

PAGE = Path(__file__).parents[2].joinpath("docs/hl7/adt.md").read_text()


def sample() -> str:
    return re.search(r"```text\n(MSH.*?)```", PAGE, re.DOTALL)[1].replace("\n", "\r")


@pytest.mark.django_db(transaction=True)
def test_the_sample_of_the_page_registers_the_patient_that_it_describes(time_machine):
    time_machine.move_to("2026-11-22T09:06:00+00:00")
    make_partner("pas", their_facility="RZ1")
    practice = people.place(ods_code="Y90001")
    assert b"MSA|AA|4711" in accept(sample().encode())
    process_waiting()
    patient = queries.by_nhs_number("9990000018")
    assert patient == queries.by_identifier("RZ1", "S1000001")
    assert (patient.family_name, patient.practice) == ("Phrommasiri", practice)
    assert (patient.mobile, patient.nhs_number_verified) == ("07700 900114", True)


def test_every_reason_that_the_code_parks_for_is_on_the_page():
    reasons = {
        hl7.IDENTITY, hl7.NHS_NUMBER, hl7.DEMOGRAPHICS, hl7.UNKNOWN_CODE, hl7.TIME,
        inbound_merging.MERGE, inbound_merging.VISITS,
    }  # fmt: skip
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()


def test_every_event_that_is_routed_is_on_the_page():
    ours = {trigger for (code, trigger) in ROUTES if code == "ADT"}
    assert ours == {"A01", "A04", "A08", "A28", "A31", "A34", "A40", "A42", "A47"}
    assert {trigger for trigger in ours if trigger not in PAGE} == set()


@pytest.mark.django_db(transaction=True)
def test_the_merge_of_the_page_merges_the_two_records_that_it_names(time_machine):
    time_machine.move_to("2026-11-22T09:16:00+00:00")
    make_partner("pas", their_facility="RZ1")
    people.place(ods_code="Y90001")
    accept(sample().encode())
    process_waiting()
    survivor = queries.by_nhs_number("9990000018")
    retired = people.patient(
        nhs_number=None, family_name="Phrommasiri", given_names="Anuwat",
        birth_date=survivor.birth_date, hospital_numbers=(HospitalNumber("RZ1", "S1000099"),),
    )  # fmt: skip
    merge = re.findall(r"```text\n(MSH.*?)```", PAGE, re.DOTALL)[1].replace("\n", "\r")
    assert b"MSA|AA|4712" in accept(merge.encode())
    process_waiting()
    assert queries.by_identifier("RZ1", "S1000099") == survivor
    assert queries.retired_records(survivor) == (retired,)
