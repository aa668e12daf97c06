"""The list of merges, the page of one, and what whoever looks for a merged record is told."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AccessEvent
from accounts.policies import SYSTEM
from patients import queries, services
from patients.models import Merge
from tests.ordercomms.test_landing import link
from tests.patients.mergers import merged, number_of, refreshed, two
from tests.requesting.surgery import CHEST, next_number
from tests.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def browse(surgery):
    return World().client


@pytest.fixture
def held(surgery) -> Merge:
    survivor, retired = two(surgery, birth_date=date(1958, 3, 3))
    for each in (survivor, retired):
        surgery.delivered(CHEST, patient=each)
    return merged(surgery, survivor, retired)


def post(client, merge, verb, **form):
    return client.post(reverse(f"patients:{verb}-merge", args=[merge.pk]), form)


def html(response) -> str:
    return " ".join(response.content.decode().split())


def test_the_list_shows_what_waits_with_its_reasons_and_its_clock(browse, held):
    page = html(browse("central").get("/merges"))
    assert "The birth dates are different" in page
    assert "Both records have an open request for the same test" in page
    assert "Decide by" in page
    assert str(held.pk) in page


def test_the_page_marks_what_differs_and_what_was_asked_twice(browse, held):
    page = html(browse("central").get(reverse("patients:merge", args=[held.pk])))
    assert "02-Mar-1958" in page
    assert "03-Mar-1958" in page
    assert "Different" in page
    assert page.count("Asked twice") == 2
    assert "Not traced" not in page  # the discarded record has no number to trace
    assert "Traced" in page


def test_a_look_at_a_merge_is_on_the_trail_of_both_records(browse, held):
    browse("central").get(reverse("patients:merge", args=[held.pk]))
    rows = AccessEvent.objects.filter(action="view_merge", username="central", outcome="ok")
    assert {each.patient_id for each in rows} == {str(held.survivor_id), str(held.retired_id)}


def test_a_person_merges_from_the_page_and_cancels_one_of_two(browse, held, surgery):
    page = queries.merge_for(surgery.acting("central"), held.pk)
    whose, gone = page.cancellable[-1]
    assert whose in ("Stays", "Is discarded")
    client = browse("central")
    answer = post(client, held, "decide", answer="merge", cancel=gone.key, words="Rang the PAS")
    assert answer.status_code == 302
    assert "The records are merged." in html(client.get(answer["Location"]))
    assert refreshed(held.retired).merged_into == held.survivor


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({}, "Choose whether to merge the records"),
        ({"answer": "merge"}, "Say why, in 5 characters or more"),
        ({"answer": "refuse", "words": "x" * 301}, "300 characters or fewer"),
    ],
)
def test_an_answer_that_is_not_whole_is_told_and_changes_nothing(browse, held, form, words):
    answer = post(browse("central"), held, "decide", **form)
    assert answer.status_code == 422
    assert "There is a problem" in html(answer)
    assert words in html(answer)
    held.refresh_from_db()
    assert held.state == "held"


def test_a_decided_merge_cannot_be_decided_from_an_old_page(browse, held):
    client = browse("central")
    post(client, held, "decide", answer="refuse", words="Two sisters")
    again = post(client, held, "decide", answer="merge", words="One person")
    assert again.status_code == 422
    assert "Somebody else has dealt with this merge meanwhile." in html(again)


def test_undoing_asks_where_each_new_row_belongs(browse, surgery):
    survivor, retired = two(surgery)
    merge = merged(surgery, survivor, retired)
    new = surgery.delivered(CHEST, patient=refreshed(survivor))
    client = browse("central")
    missing = post(client, merge, "undo", words="Two people")
    assert missing.status_code == 422
    assert "Choose whose it is" in html(missing)
    done = post(client, merge, "undo", words="Two people",
                **{f"row-requests:{new.request_id}": "retired"})  # fmt: skip
    assert done.status_code == 302
    assert surgery.fresh(new).patient_id == retired.pk


def test_the_record_says_also_known_here_as(browse, surgery):
    survivor, retired = two(surgery, family_name="Testpatient-Oldname")
    merged(surgery, survivor, retired)
    client = browse("gp")
    page = html(client.get(reverse("record", args=[survivor.pk])))
    assert "Also known here as" in page
    assert "TESTPATIENT-OLDNAME" in page
    assert number_of(retired) in page
    assert "You came by" not in page


def test_an_old_address_leads_to_the_survivor_with_a_sentence(browse, surgery):
    survivor, retired = two(surgery)
    merged(surgery, survivor, retired)
    page = browse("gp").get(reverse("record", args=[retired.pk]), follow=True)
    assert page.redirect_chain[-1][0].startswith(reverse("record", args=[survivor.pk]))
    assert "You came by a record that was merged into this one." in html(page)


def test_what_is_sent_from_a_page_of_a_merged_record_is_not_saved_and_says_so(browse, surgery):
    survivor, retired = two(surgery)
    client = browse("gp")
    merged(surgery, survivor, retired)
    page = client.post(reverse("requesting:compose", args=[retired.pk]), {}, follow=True)
    assert "was not saved" in html(page)


def test_a_search_by_an_old_number_finds_the_survivor_with_a_sentence(browse, surgery):
    survivor, retired = two(surgery)
    merged(surgery, survivor, retired)
    page = browse("gp").post("/patients", {"who": number_of(retired)}, follow=True)
    assert "Found by a number of a record that was merged into this one" in html(page)
    assert str(survivor.pk) in html(page)
    assert str(retired.pk) not in html(page)


def test_the_former_records_trail_is_read_and_the_look_is_on_it(browse, surgery):
    survivor, retired = two(surgery)
    merged(surgery, survivor, retired)
    address = reverse("patients:former", args=[survivor.pk, retired.pk])
    page = html(browse("gp").get(address))
    assert "Registered" in page
    assert "Merged with another record" in page
    row = AccessEvent.objects.get(action="view_former_record")
    assert (row.username, row.patient_id) == ("gp", str(retired.pk))


def test_a_record_that_was_never_merged_here_has_no_former_page(browse, surgery):
    survivor, other = two(surgery)
    address = reverse("patients:former", args=[survivor.pk, other.pk])
    assert browse("gp").get(address).status_code == 404


def test_a_launch_link_with_the_old_number_opens_the_record_and_says_so(surgery):
    survivor, retired = two(surgery, nhs_number=next_number())
    survivor = services.correct(survivor, details={"nhs_number": None}, by=SYSTEM)
    address = link(retired)
    merged(surgery, survivor, retired)
    page = Client().get(address, follow=True)
    assert page.redirect_chain[0][0].startswith(reverse("record", args=[survivor.pk]))
    assert "You came by a record that was merged into this one." in html(page)
