"""The pages of a downtime: offered, chosen, out, keyed in, looked up, under a ticket."""

from io import BytesIO

import pypdf
import pytest

from demo.desks import seed_desks
from requesting import services
from requesting.models import AccessTicket, DowntimeForm

from .downtime import (
    _fresh_strip,  # noqa: F401 - a fixture
    forget,
    form_of,
    mailbox,
    message_of,
    radiographer,
    take_down,
)


@pytest.fixture
def down(surgery, world):
    take_down(surgery)
    return surgery


def page(client, path, **more):
    response = client.get(path, **more)
    assert response.status_code == 200, response.content.decode()[:400]
    return " ".join(response.content.decode().split())


def keying(world):
    radiographer()
    return world.client("kingsmere-radiographer", at="RZ1RAD")


def test_the_sent_page_and_the_request_offer_the_form_while_the_link_is_down(down, world):
    client, item = world.client("gp"), down.item()
    sent = f"/p/{item.patient_id}/request/{item.request_id}/sent"
    for path in (sent, f"/requests/{item.pk}/"):
        text = page(client, path)
        assert "Saved. The link to Kingsmere Radiology is down." in text
        assert f'href="/requests/{item.pk}/form"' in text
    assert "nhsuk-button" not in text.partition("use the downtime form")[2][:40]


def test_an_urgent_request_has_a_button(down, world):
    item = down.released(priority="urgent")
    text = page(world.client("gp"), f"/requests/{item.pk}/")
    assert "It is urgent: use the downtime form if it cannot wait." in text
    assert "Use the downtime form</a>" in text


def test_while_the_link_works_nothing_speaks_of_a_form(surgery, world):
    item = surgery.released()
    text = page(world.client("gp"), f"/requests/{item.pk}/")
    assert "downtime" not in text
    text = page(world.client("gp"), f"/requests/{item.pk}/form")
    assert "The request needs no form now. It is sent by itself." in text


def test_the_strip_leads_to_what_waits_urgent_first(down, world):
    routine, urgent = down.released(), down.released(priority="urgent")
    forget()
    client = world.client("gp")
    text = page(client, "/downtime/")
    assert "2 requests of Northgate Surgery not sent yet." in text
    assert text.index(urgent.request.reference) < text.index(routine.request.reference)
    forget()
    assert "Use the downtime form" not in page(world.client("practice-admin"), "/practice/")


def test_two_presses_send_the_form_by_e_mail(down, world):
    mailbox("XR")
    client, item = world.client("gp"), down.released()
    text = page(client, f"/requests/{item.pk}/form")
    assert "X-ray desk, xr@kingsmere.nhs.example" in text
    response = client.post(f"/requests/{item.pk}/form", {"do": "email"}, follow=True)
    text = response.content.decode()
    assert "On its way by e-mail" in text
    assert message_of(item).state == "held"
    assert "As a downtime form" in page(client, f"/requests/{item.pk}/").replace("as a", "As a")


def test_without_an_address_it_says_so_and_prints(down, world):
    client, item = world.client("gp"), down.released()
    text = page(client, f"/requests/{item.pk}/form")
    assert "No e-mail for X-ray: the directory has no address." in text
    assert 'value="email"' not in text
    response = client.post(f"/requests/{item.pk}/form", {"do": "email"})
    assert response.status_code == 409
    assert "Print the form instead" in response.content.decode()
    client.post(f"/requests/{item.pk}/form", {"do": "print"})
    form = DowntimeForm.objects.get()
    text = page(client, f"/downtime/{form.pk}/")
    assert "Print it, and see that it gets to Kingsmere Radiology." in text
    client.post(f"/downtime/{form.pk}/act", {"do": "handed", "how": ""})
    client.post(f"/downtime/{form.pk}/act", {"do": "handed", "how": "Fax to Ruth"})
    form.refresh_from_db()
    assert form.handed_over_how == "Fax to Ruth"
    response = client.post(f"/downtime/{form.pk}/act", {"do": "back"})
    assert response.status_code == 422


def test_the_pdf_is_named_by_its_reference_and_the_page_prints_the_same_words(down, world):
    client, item = world.client("gp"), down.released()
    form = form_of(down, item)
    response = client.get(f"/downtime/{form.pk}/pdf")
    assert response["Content-Disposition"] == f'inline; filename="{form.reference}.pdf"'
    text = pypdf.PdfReader(BytesIO(response.content)).pages[0].extract_text()
    html = page(client, f"/downtime/{form.pk}/sheet")
    for words in ("Chest X-ray", item.placer_number, "Key in within 72 hours", form.reference):
        assert words in text
        assert words in html


def test_what_was_sent_meanwhile_needs_no_form(down, world):
    client, item = world.client("gp"), down.released()
    type(message_of(item)).objects.update(state="acknowledged")
    response = client.post(f"/requests/{item.pk}/form", {"do": "print"})
    assert response.status_code == 409
    assert "It has been sent after all. No form is needed" in response.content.decode()


# --- V3 ------------------------------------------------------------------------------------------


def test_the_department_keys_a_form_in(down, world):
    item = down.released()
    form = form_of(down, item)
    client = keying(world)
    text = page(client, "/vetting/downtime/")
    assert form.reference in text
    assert "left" in text
    address = f"/vetting/downtime/{form.pk}/"
    assert "What the department must do" in page(client, address)
    response = client.post(address, {"do": "keyed", f"number-{item.pk}": ""})
    assert response.status_code == 422
    assert "Enter the accession number of each test" in response.content.decode()
    response = client.post(address, {"do": "keyed", f"number-{item.pk}": "A-42"}, follow=True)
    assert "keyed in. Its message will not be sent." in response.content.decode()
    assert down.fresh(item).filler_number == "A-42"
    response = client.post(address, {"do": "keyed", f"number-{item.pk}": "A-43"})
    assert response.status_code == 409
    assert "dealt with this form already" in response.content.decode()


@pytest.mark.parametrize(
    ("data", "state"),
    [
        ({"do": "let-go"}, "waiting"),
        ({"do": "cancel", "reason": "Twice"}, "handled"),
        ({"do": "reject detail"}, "handled"),
        ({"do": "reject other", "words": "No room"}, "handled"),
    ],
)
def test_the_department_says_what_else_became_of_it(down, world, data, state):
    item = down.released()
    form = form_of(down, item)
    response = keying(world).post(f"/vetting/downtime/{form.pk}/", data)
    assert response.status_code == 302
    assert message_of(item).state == state


@pytest.mark.parametrize("data", [{"do": "cancel"}, {"do": "reject other"}, {"do": "reject x"}])
def test_what_is_not_whole_is_asked_again(down, world, data):
    item = down.released()
    form = form_of(down, item)
    assert keying(world).post(f"/vetting/downtime/{form.pk}/", data).status_code == 422
    assert message_of(item).state == "held"


@pytest.mark.hazard("H50")
def test_a_patient_at_the_desk_is_found_and_taken_or_told_what_to_do(down, world):
    item = down.released()
    client = keying(world)
    text = page(client, "/vetting/downtime/", data={"ref": item.request.reference.lower()})
    assert "It is still in our queue and may not be in your system." in text
    response = client.post(f"/vetting/downtime/take/{item.pk}/")
    form = DowntimeForm.objects.get()
    assert response["Location"] == f"/vetting/downtime/{form.pk}/"
    mailbox("")
    text = page(client, "/vetting/downtime/", data={"ref": "R-999"})
    assert "No request with this number was sent to you." in text
    assert "have the request e-mailed to all@kingsmere.nhs.example" in text


def test_another_department_does_not_see_it(down, world):
    form = form_of(down, down.released())
    for username in ("radiologist", "lab"):
        client = world.client(username)
        assert client.get(f"/vetting/downtime/{form.pk}/").status_code == 404
        assert form.reference not in page(client, "/vetting/downtime/")
    assert form.reference in page(world.client("central"), "/vetting/downtime/")


# --- Tickets -------------------------------------------------------------------------------------


def test_a_practice_opens_a_ticket_and_makes_a_form_under_it(surgery, world):
    seed_desks()
    client, patient = world.client("practice-admin"), surgery.patient()
    text = page(client, "/downtime/tickets/")
    assert "Three Rivers ICT service desk" in text
    who = f"{surgery.user('gp').pk}-{surgery.acting('gp').organisation.pk}"
    wrong = client.post("/downtime/tickets/", {"who": who, "number": "7", "reason": "Locked"})
    assert wrong.status_code == 422
    assert "INC0012345" in wrong.content.decode()
    client.post("/downtime/tickets/", {"who": who, "number": "INC0000001", "reason": "Locked"})
    ticket = AccessTicket.objects.get()
    address = f"/downtime/tickets/{ticket.pk}/"
    place = surgery.item().department
    facts = {"department": place.pk, "modality": "XR", "test": "Chest X-ray", "do": "print"}
    refused = client.post(address, facts | {"nhs_number": "999 123"})
    assert refused.status_code == 422
    made = client.post(address, facts | {"nhs_number": patient.nhs_number}, follow=True)
    assert "INC0000001" in made.content.decode()
    form = DowntimeForm.objects.get()
    assert (form.patient_id, form.ticket_id) == (patient.pk, ticket.pk)
    client.post(address, {"do": "close"})
    assert client.post(address, facts).status_code == 422
    assert DowntimeForm.objects.count() == 1


def test_the_central_team_sees_every_open_ticket(surgery, world):
    seed_desks()
    services.open_ticket(
        user=surgery.user("gp2"), organisation=surgery.acting("gp").organisation,
        number="INC0000002", reason="Locked", by=surgery.acting("gp"),
    )  # fmt: skip
    assert "INC0000002" in page(world.client("central"), "/downtime/tickets/")
    assert "INC0000002" not in page(world.client("ahp"), "/downtime/tickets/")
