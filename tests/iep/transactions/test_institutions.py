"""I9: the directory, names that are like each other, machines that answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from accounts.policies import SYSTEM
from accounts.queries import acting_as, memberships_of
from demo.pacs.archive import Archive
from iep.errors import NotAccepted
from iep.look_alikes import are_alike, distance, normalised
from iep.models import Institution, Node, Ticket, Transaction
from iep.queries.exchange import institutions as queries
from iep.services.exchange import directory, transactions
from iep.states.transactions import TransactionEvent
from tests.iep.tickets import asking
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = pytest.mark.django_db
FACTS: dict[str, Any] = {"code": "RX999", "kind": "institution", "name": "Wexcombe Hospital",
                         "city": "Wexcombe"}  # fmt: skip

# --- Look-alikes (hazard H43) ------------------------------------------------------------------

ALIKE = [
    ("Nottingham City Hospital", "Nottingham University Hospitals"),
    ("Nottingham Queens Medical Centre", "Spire Nottingham"),
    ("Nuffield Health Leicester", "Spire Leicester"),
    ("St Mary's Hospital", "St Marys Hospital"),
    ("Kettering General Hospital", "Ketering General Hospital"),
    ("King's Mill Hospital", "Kings Mill"),
]
NOT_ALIKE = [
    ("Kettering General Hospital", "Great Ormond Street Hospital"),
    ("The Royal Marsden Hospital", "Royal Free Hospital"),
    ("Sheffield Teaching Hospital", "United Lincolnshire Hospitals NHS Trust"),
]
words = st.text("abcdefghij é'-", min_size=0, max_size=25)


@pytest.mark.hazard("H43")
@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_are_easily_taken_for_one_another(one: str, other: str) -> None:
    assert are_alike(one, other)


@pytest.mark.parametrize(("one", "other"), NOT_ALIKE)
def test_names_that_only_share_general_words_are_not_alike(one: str, other: str) -> None:
    assert not are_alike(one, other)


@pytest.mark.hazard("H43")
@given(words, words)
def test_being_alike_is_the_same_from_both_sides(one: str, other: str) -> None:
    assert are_alike(one, other) == are_alike(other, one)


@pytest.mark.hazard("H43")
@given(
    st.text("abcdefghij ", min_size=6, max_size=25).filter(lambda each: len(normalised(each)) > 5),
    st.data(),
)
def test_one_slip_of_the_finger_is_always_alike(name: str, data: st.DataObject) -> None:
    plain = normalised(name)
    at = data.draw(st.integers(0, len(plain) - 2))
    slip = data.draw(st.sampled_from(["drop", "double", "swap", "change"]))
    typed = {
        "drop": plain[:at] + plain[at + 1 :],
        "double": plain[:at] + plain[at] + plain[at:],
        "swap": plain[:at] + plain[at + 1] + plain[at] + plain[at + 2 :],
        "change": plain[:at] + "z" + plain[at + 1 :],
    }[slip]
    if len(normalised(typed)) > 4:
        assert distance(plain, normalised(typed), 2) <= 2
        assert are_alike(plain, typed)


@given(words, words)
def test_the_distance_is_a_distance(one: str, other: str) -> None:
    assert distance(one, other, 50) == distance(other, one, 50)
    assert (distance(one, other, 50) == 0) == (one == other)
    assert distance(one, other, 2) == min(distance(one, other, 50), 3)


@pytest.mark.hazard("H43")
def test_a_look_alike_is_typed_before_images_go_there(world: World) -> None:
    spire = exchange.hospital("Spire Leicester", city="Leicester")
    exchange.hospital("Nuffield Health Leicester", city="Leicester")
    for typed in ("", "Spire", "Nuffield Health Leicester"):
        with pytest.raises(NotAccepted) as refusal:
            directory.confirm_destination(spire, typed)
        assert "Nuffield Health Leicester, Leicester" in refusal.value.sentence
    directory.confirm_destination(spire, " spire  LEICESTER ")


def test_a_name_like_no_other_need_not_be_typed(world: World) -> None:
    exchange.hospital("Spire Leicester")
    directory.confirm_destination(exchange.hospital("Wexcombe Hospital"), "")


@pytest.mark.hazard("H43")
def test_an_alias_counts_as_a_name(world: World) -> None:
    directory.save_institution(
        None, FACTS | {"code": "RX1", "name": "Queens Medical Centre"}, aliases=["QMC Wexcombe"],
        by=world.acting("mbp-lead"),
    )  # fmt: skip
    assert [each.code for each in directory.alike("Wexcombe Hospital")] == ["RX1"]


# --- Keeping it --------------------------------------------------------------------------------


def test_an_institution_is_entered_with_its_aliases(world: World) -> None:
    kept = directory.save_institution(
        None, FACTS, aliases=["WXH", "Old Wex", "WXH", " "], by=world.acting("mbp-lead")
    )
    assert sorted(each.name for each in kept.aliases.all()) == ["Old Wex", "WXH"]
    assert kept.entered_by == world.acting("mbp-lead").label
    directory.save_institution(kept, FACTS | {"city": "Wex"}, aliases=["WXH"],
                               by=world.acting("mbp-lead"))  # fmt: skip
    assert [each.name for each in kept.aliases.all()] == ["WXH"]


def test_a_name_like_another_is_said_before_it_is_entered(world: World) -> None:
    exchange.hospital("Wexcombe Infirmary", city="Wexcombe")
    with pytest.raises(NotAccepted) as refusal:
        directory.save_institution(None, FACTS, by=world.acting("mbp-lead"))
    assert "Wexcombe Infirmary, Wexcombe" in refusal.value.sentence
    directory.save_institution(None, FACTS, alike_confirmed=True, by=world.acting("mbp-lead"))


def test_a_code_is_given_once(world: World) -> None:
    exchange.hospital("Harrowfield Infirmary", code="RX999")
    with pytest.raises(NotAccepted) as refusal:
        directory.save_institution(None, FACTS, by=world.acting("mbp-lead"))
    assert refusal.value.code == "code"


def test_the_desk_reads_the_directory_and_the_lead_keeps_it(world: World) -> None:
    far = exchange.hospital()
    with pytest.raises(NotAccepted) as refusal:
        directory.save_institution(far, FACTS, by=world.acting("mbp"))
    assert refusal.value.code == "not_yours"
    page = world.client("mbp").get(reverse("iep:institution", args=[far.pk])).content.decode()
    assert "Change it" not in page
    page = world.client("mbp-lead").get(reverse("iep:institution", args=[far.pk])).content.decode()
    assert "Change it" in page


def test_a_trusts_own_pacs_is_changed_by_its_own_lead_or_the_central_team(world: World) -> None:
    pacs = exchange.our_pacs(world)
    said = {"name": pacs.name, "is_default": True}
    elsewhere = acting_as(memberships_of(world.stranger("mbp-lead").pk)[0])
    with pytest.raises(NotAccepted) as refusal:
        directory.save_node(pacs, pacs.institution, said, by=elsewhere)
    assert refusal.value.code == "not_yours"
    directory.save_node(pacs, pacs.institution, said, by=world.acting("mbp-lead"))
    directory.save_node(pacs, pacs.institution, said, by=world.acting("central"))


def test_one_default_machine_is_left_over(world: World) -> None:
    far, lead = exchange.hospital(), world.acting("mbp-lead")
    said = {"kind": "dimse", "ae_title": "A", "host": "far", "port": 104}
    first = directory.save_node(None, far, said | {"name": "ONE", "is_default": False}, by=lead)
    assert first.is_default, "the only one is the default one"
    directory.save_node(None, far, said | {"name": "TWO", "is_default": True}, by=lead)
    assert list(far.nodes.filter(is_default=True).values_list("name", flat=True)) == ["TWO"]
    with pytest.raises(NotAccepted):
        directory.save_node(None, far, said | {"name": "TWO", "is_default": False}, by=lead)


def test_a_machine_is_tested_by_an_echo(world: World, archive: Callable[..., Archive]) -> None:
    running = archive()
    node = exchange.machine(exchange.hospital(), running.port)
    client, place = world.client("mbp-lead"), node.institution_id
    address = reverse("iep:test-node", args=[place, node.pk])
    assert "answers." in client.post(address, follow=True).content.decode()
    Node.objects.filter(pk=node.pk).update(port=1)
    assert "did not answer" in client.post(address, follow=True).content.decode()


# --- Reading it --------------------------------------------------------------------------------


def test_it_is_searched_by_name_alias_city_and_code(world: World) -> None:
    directory.save_institution(None, FACTS, aliases=["The Wex"], by=world.acting("mbp-lead"))
    exchange.hospital()
    acting = world.acting("mbp")
    for text in ("wexcombe", "the wex", "RX999", "hospital wex"):
        assert [each.institution.code for each in queries.a_to_z(acting, text)] == ["RX999"], text
    assert len(queries.a_to_z(acting)) == 2
    assert [each.institution.name[0] for each in queries.a_to_z(acting, "", "w")] == ["W"]


def test_our_own_turnaround_needs_three_requests(world: World) -> None:
    far = exchange.hospital(usual_hours=24)
    for number in range(3):
        mean, count = queries.turnarounds(world.acting("mbp")).get(far.pk, (None, 0))
        assert (mean, count) == (None, number)
        made = exchange.request(world, institution=far)
        transactions.record(made, TransactionEvent.DELIVERED, by=SYSTEM)
    mean, count = queries.turnarounds(world.acting("mbp"))[far.pk]
    assert count == 3
    assert mean is not None
    assert 0 <= mean < 1


def test_why_they_declined_is_counted(world: World) -> None:
    far = exchange.hospital()
    for reason in ("no_such_study", "no_such_study", "inappropriate"):
        made = exchange.request(world, institution=far)
        transactions.decline(made, reason, by=SYSTEM)
    said = queries.declines(world.acting("mbp"), far)
    assert [count for _, count in said] == [2, 1]
    page = world.client("mbp").get(reverse("iep:institution", args=[far.pk])).content.decode()
    assert "2 times" in page


def test_the_directory_costs_no_more_with_more_institutions(world: World) -> None:
    from tests.counting import cost_of

    client = world.client("mbp")
    exchange.hospital()
    few = cost_of(lambda: client.get("/iep/institutions/"))
    for number in range(10):
        exchange.machine(exchange.hospital(f"Hospital {number}", code=f"H{number}00"),
                         ae_title=f"H{number}")  # fmt: skip
    assert cost_of(lambda: client.get("/iep/institutions/")) == few


# --- Its pages ---------------------------------------------------------------------------------


def _form(**changes: str) -> dict[str, str]:
    return {"family_name": "Testpatient", "given_names": "Agnes", "birth_date": "02-Mar-1958",
            "nhs_number": "999 000 0018", "local_number": "S1234567", "exam-1": "CT head",
            "exam-1-date": "03-Nov-2026", "requester_name": "Dr A Bell", "consultant": "Mr Crane",
            "department": "Neurosurgery", "priority": "1", "reason": "mdt",
            "confirmed": "yes"} | changes  # fmt: skip


def test_a_request_is_made_on_the_page(world: World) -> None:
    far = exchange.hospital()
    exchange.machine(far)
    address = f"/iep/create/?kind=request&to={far.pk}"
    answer = world.client("mbp").post(address, _form())
    made = Transaction.objects.get()
    assert answer["Location"] == reverse("iep:transaction", args=[made.number])
    assert (made.kind, made.institution, made.nhs_number) == ("request", far, "9990000018")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"confirmed": ""}, "Confirm where it goes"),
        ({"nhs_number": "9990000019"}, "This is not an NHS number"),
        ({"consultant": ""}, "Name the consultant, or it may be declined"),
        ({"exam-1": "All imaging"}, "“All imaging” is not accepted"),
        ({"birth_date": "soon"}, "Enter the day like"),
        ({"birth_date": "02-Mar-2058"}, "The date is in the future"),
        ({"priority": "0"}, "Say what makes it Blue Light"),
        ({"priority": "7"}, "Choose the priority"),
        ({"reason": "blue_light"}, "Choose the reason for the priority"),
        ({"exam-1": "", "exam-1-date": ""}, "Enter at least one examination"),
        ({"exam-1-date": ""}, "Enter the date like"),
        ({"exam-2-code": "CKNEE"}, "Enter the type and body part"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    world: World, changes: dict[str, str], words: str
) -> None:
    far = exchange.hospital()
    answer = world.client("mbp").post(f"/iep/create/?kind=request&to={far.pk}", _form(**changes))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert "Neurosurgery" in page
    assert not Transaction.objects.exists()


@pytest.mark.hazard("H43")
def test_the_page_asks_for_the_name_of_a_look_alike(world: World) -> None:
    spire = exchange.hospital("Spire Leicester", city="Leicester")
    exchange.hospital("Nuffield Health Leicester", city="Leicester")
    client, address = world.client("mbp"), f"/iep/create/?kind=transfer&to={spire.pk}"
    assert "Others have a name like it" in client.get(address).content.decode()
    assert client.post(address, _form()).status_code == 422
    assert client.post(address, _form(typed_name="Spire Leicester")).status_code == 302


@pytest.mark.hazard("H43")
def test_a_look_alike_is_typed_again_for_what_goes_out_and_not_for_what_its_ticket_asks(
    world: World,
) -> None:
    spire = exchange.hospital("Spire Leicester", city="Leicester")
    exchange.hospital("Nuffield Health Leicester", city="Leicester")
    client, label = world.client("mbp"), "Type the name as it stands above"
    asked = exchange.import_ticket(world, institution=spire)
    address = f"/iep/create/?ticket={asked.reference}"
    page = client.get(address).content.decode()
    assert label not in page
    assert f"{asked.reference} names this one. Others have a name like it" in page
    assert "Nuffield Health Leicester, Leicester" in page
    assert client.post(address, _form(confirmed="")).status_code == 422  # name and city still are
    assert client.post(address, _form()).status_code == 302
    for address in (
        f"/iep/create/?kind=request&to={spire.pk}",  # nobody named it before
        f"/iep/create/?ticket={exchange.export_ticket(world, institution=spire).reference}",
    ):
        assert label in client.get(address).content.decode()
        assert client.post(address, _form()).status_code == 422
        assert client.post(address, _form(typed_name="Spire Leicester")).status_code == 302


def test_a_ticket_is_filled_in_for_the_page(world: World) -> None:
    ticket = exchange.import_ticket(world)
    page = world.client("mbp").get(f"/iep/create/?ticket={ticket.reference}").content.decode()
    assert "Request images from Harrowfield Infirmary, Harrowfield" in page
    for words in ("Testpatient", "S1234567", "02-Mar-1958", "CT head", "Neurosurgery"):
        assert words in page
    assert world.client_elsewhere("mbp").get(
        f"/iep/create/?ticket={ticket.reference}"
    ).status_code == 404  # fmt: skip


def test_every_scan_of_a_ticket_is_asked_for(world: World) -> None:
    scans = tuple(asking.scan(description=f"CT part {number}") for number in range(1, 21))
    ticket = exchange.import_ticket(world, exams=scans)
    client, address = world.client("mbp"), f"/iep/create/?ticket={ticket.reference}"
    page = client.get(address).content.decode()
    typed = dict(re.findall(r'id="(exam-[\w-]+)" name="\1" type="text" value="([^"]*)"', page))
    assert client.post(address, _form(**typed)).status_code == 302
    made = Transaction.objects.get()
    assert [each["description"] for each in made.exams] == [each.description for each in scans]


def test_another_row_is_added_and_nothing_is_made(world: World) -> None:
    far = exchange.hospital()
    answer = world.client("mbp").post(
        f"/iep/create/?kind=request&to={far.pk}", _form(do="add", confirmed="")
    )
    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'id="exam-2-date"' in page
    assert 'id="exam-3"' not in page
    assert "Neurosurgery" in page
    assert not Transaction.objects.exists()


@pytest.mark.hazard("H41")
def test_a_patient_who_is_matched_to_our_record_cannot_be_typed_into_another(world: World) -> None:
    ticket, agnes = exchange.import_ticket(world), world.patient(at="RZ1")
    Ticket.objects.filter(pk=ticket.pk).update(patient=agnes)
    client, address = world.client("mbp"), f"/iep/create/?ticket={ticket.reference}"
    page = client.get(address).content.decode()
    assert 'name="family_name"' not in page
    assert client.post(address, _form(family_name="Otherperson")).status_code == 302
    made = Transaction.objects.get()
    assert (made.family_name, made.patient) == ("Testpatient", agnes)
    transactions.decline(made, "no_such_study", by=SYSTEM)
    again = reverse("iep:again", args=[made.number])
    assert 'name="family_name"' not in client.get(again).content.decode()
    for spoilt in ({"nhs_number": "9990000026"}, {"birth_date": None}, {"patient": None}):
        with pytest.raises(NotAccepted, match="matched to our record"):
            transactions.process_again(made, by=world.acting("mbp"), **spoilt)


def test_the_first_step_says_what_is_missing(world: World) -> None:
    exchange.hospital()
    page = world.client("mbp").get("/iep/create/?kind=&to=").content.decode()
    assert "Choose whether images come or go" in page
    assert "Choose the institution" in page


def test_an_institution_and_its_machine_are_entered_on_the_pages(world: World) -> None:
    client = world.client("mbp-lead")
    said = {"name": "Wexcombe Hospital", "city": "Wexcombe", "code": "rx999", "kind": "institution",
            "aliases": "The Wex\nWXH", "is_active": "yes", "usual_hours": "24"}  # fmt: skip
    assert client.post("/iep/institutions/new/", said | {"code": "?"}).status_code == 422
    client.post("/iep/institutions/new/", said)
    kept = Institution.objects.get(code="RX999")
    assert kept.aliases.count() == 2
    node = {"name": "WEXPACS", "kind": "dimse", "ae_title": "WEXPACS", "host": "wex", "port": "104",
            "commits": "yes"}  # fmt: skip
    address = reverse("iep:new-node", args=[kept.pk])
    assert client.post(address, node | {"port": "x"}).status_code == 422
    assert client.post(address, node | {"kind": "gateway"}).status_code == 422
    assert client.post(address, node).status_code == 302
    made = kept.nodes.get()
    assert made.is_default
    page = client.get(reverse("iep:change-node", args=[kept.pk, made.pk])).content.decode()
    assert "WEXPACS" in page


def test_declining_and_cancelling_have_pages_of_their_own(world: World) -> None:
    theirs, client = exchange.asked_of_us(world), world.client("mbp")
    address = reverse("iep:decline", args=[theirs.number])
    assert client.post(address, {"reason": "other", "words": ""}).status_code == 422
    assert client.post(address, {"reason": "no_such_study"}).status_code == 302
    ours = exchange.request(world)
    address = reverse("iep:cancel", args=[ours.number])
    assert client.post(address, {"words": ""}).status_code == 422
    assert client.post(address, {"words": "Not needed"}).status_code == 302
    ours.refresh_from_db()
    assert ours.state == "cancelled"


def test_a_declined_request_is_asked_again_on_its_page(world: World) -> None:
    ours, client = exchange.request(world), world.client("mbp")
    transactions.decline(ours, "no_such_study", by=SYSTEM)
    address = reverse("iep:again", args=[ours.number])
    page = client.get(address).content.decode()
    assert "Declined by sender" in page
    assert client.post(address, _form(**{"exam-1": ""})).status_code == 422
    assert client.post(address, _form(**{"exam-1-code": "CHEAD"})).status_code == 302
    ours.refresh_from_db()
    assert ours.state == "new"
    assert ours.exams[0]["code"] == "CHEAD"


@pytest.mark.parametrize(
    ("do", "more", "status"),
    [("assign", {"to": ""}, 302), ("say", {"message": "Hello"}, 302), ("say", {}, 422),
     ("priority", {"priority": "2", "reason": "research"}, 302),
     ("priority", {"priority": "0"}, 422), ("details-came", {}, 409), ("fly", {}, 400),
     ("ask", {"details": "Which side?"}, 302)],
)  # fmt: skip
def test_deeds_are_done_or_refused_in_words(
    world: World, do: str, more: dict[str, str], status: int
) -> None:
    theirs = exchange.asked_of_us(world)
    address = reverse("iep:transaction-act", args=[theirs.number])
    assert world.client("mbp").post(address, {"do": do} | more).status_code == status
