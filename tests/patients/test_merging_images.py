"""Tickets, transactions and studies follow a patient whose record becomes another's, and back."""

import pytest

from iep.services.ticketing import tickets
from patients import services as patients
from tests.iep.tickets.asking import form
from tests.patients.mergers import merged, number_of, two

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H41")]


@pytest.fixture
def ticket_of(surgery, world):
    def opened(patient):
        mbp = world.acting("mbp")
        return tickets.open_ticket(
            form(patient=patient, nhs_number=patient.nhs_number or "",
                 no_nhs_number_reason="" if patient.nhs_number else "Not traced",
                 address_lines=["3 Invented Row", "Northgate"], postcode="NG2 9ZZ",
                 s_number=number_of(patient)),
            by=mbp,
        )  # fmt: skip

    return opened


def test_a_ticket_follows_its_patient_into_a_merge_and_out_of_it(surgery, ticket_of):
    survivor, retired = two(surgery)
    kept, gone = ticket_of(survivor), ticket_of(retired)
    merge = merged(surgery, survivor, retired)
    gone.refresh_from_db()
    assert gone.patient_id == survivor.pk
    patients.unmerge(merge, chosen={}, words="Two people after all", by=surgery.acting("central"))
    kept.refresh_from_db(), gone.refresh_from_db()
    assert (kept.patient_id, gone.patient_id) == (survivor.pk, retired.pk)
