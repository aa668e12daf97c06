"""Results that matched no request: shown beside what they may belong to, put there by people."""

from datetime import date, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from messaging.services import weigh_waiting
from patients.hl7 import pid_segment
from requesting.models import RequestItem
from results import services
from results.models import Attachment, Report
from results.queries import unmatched as queries
from results.unmatched import CannotAttach, State

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_cache():
    cache.clear()


@pytest.fixture
def stray(clinic):
    """A result under a number that is nobody's, about a patient with one request."""
    item = clinic.sent("fbc")
    message = clinic.arrives(clinic.letter(item, placer="OC1-NOBODY"))
    assert message.state == "parked"
    return item, message


@pytest.fixture
def crossed(clinic, world):
    """A result with the number of a request, and with another patient in it."""
    item = clinic.sent("fbc")
    other = world.patient(family_name="Otherwise", birth_date=date(1990, 1, 1))
    message = clinic.arrives(clinic.letter(item, pid=pid_segment(other)))
    assert message.reason_code == "identity_mismatch"
    return item, message


@pytest.mark.hazard("H22")
def test_a_result_without_a_request_is_on_the_list_and_on_the_strip(world, stray):
    lab = world.acting("lab")
    (line,) = queries.unmatched(lab)
    assert line.cause == "No request of ours has its number"
    ((words, *_),) = queries.unmatched_late(lab)
    assert words == "1 result matched no request."
    assert queries.unmatched_late(world.acting("gp")) == []


@pytest.mark.hazard("H22")
@pytest.mark.parametrize(("urgency", "hours"), [("critical", 1), ("unknown", 1), ("routine", 24)])
def test_it_is_overdue_after_an_hour_or_a_day_if_it_says_routine(world, stray, urgency, hours):
    _, message = stray
    type(message).objects.filter(pk=message.pk).update(urgency=urgency)
    with time_machine.travel(timezone.now() + timedelta(hours=hours, minutes=-1), tick=False):
        assert not queries.unmatched(world.acting("lab"))[0].is_late
    with time_machine.travel(timezone.now() + timedelta(hours=hours, minutes=1), tick=False):
        assert queries.unmatched(world.acting("lab"))[0].is_late


def test_the_request_of_the_patient_is_suggested_with_what_agrees(world, clinic, stray):
    item, message = stray
    clinic.sent("fbc", world.patient(family_name="Somebody", birth_date=date(1970, 5, 5)))
    page = queries.page_of_unmatched(world.acting("lab"), message.pk)
    (found,) = page.candidates
    assert found.item.pk == item.pk
    assert found.found_by == ("NHS number", "Name and birth date")
    agreed = {part.label: part.agrees for part in found.parts}
    assert agreed["Order number"] is False
    assert agreed["NHS number"] is agreed["Family name"] is agreed["Birth date"] is True
    assert Report.objects.count() == 0, "a suggestion files nothing"


@pytest.mark.hazard("H21")
def test_a_result_is_filed_with_the_request_that_a_person_chose(world, stray):
    item, message = stray
    services.attach(message, item, reason="Rang Mr Clark.", by=world.acting("lab"))
    report = Report.objects.get()
    assert report.item_id == item.pk
    assert report.versions.get().message_id == message.pk
    message.refresh_from_db()
    assert message.state == "handled"
    assert message.handled_how.endswith("Rang Mr Clark.")
    assert queries.unmatched(world.acting("lab")) == []


@pytest.mark.hazard("H21")
def test_a_conflict_of_identity_needs_a_second_person(world, crossed):
    item, message = crossed
    lab, central = world.acting("lab"), world.acting("central")
    proposal = services.attach(message, item, reason="They married.", by=lab)
    assert proposal.state == State.PROPOSED
    assert "family name" in proposal.conflicts
    assert Report.objects.count() == 0
    with pytest.raises(PermissionDenied):
        services.approve_attachment(proposal, by=lab)
    services.approve_attachment(proposal, by=central)
    assert Report.objects.get().item_id == item.pk


@pytest.mark.hazard("H21")
def test_the_database_itself_refuses_one_person_for_a_conflict(world, crossed):
    item, message = crossed
    proposal = services.attach(message, item, reason="They married.", by=world.acting("lab"))
    for decider in (proposal.proposed_by, None):
        with pytest.raises(IntegrityError), transaction.atomic():
            Attachment.objects.filter(pk=proposal.pk).update(state="attached", decided_by=decider)


def test_a_proposal_that_is_declined_leaves_the_result_on_the_list(world, crossed):
    item, message = crossed
    proposal = services.attach(message, item, reason="They married.", by=world.acting("lab"))
    with pytest.raises(CannotAttach, match="already"):
        services.attach(message, item, reason="Again.", by=world.acting("central"))
    services.decline_attachment(proposal, by=world.acting("central"))
    (line,) = queries.unmatched(world.acting("lab"))
    assert not line.waits_for_second


def test_what_nobody_may_override(world, clinic, stray):
    _, message = stray
    by = world.acting("lab")
    elsewhere = clinic.sent("chest-xray")
    with pytest.raises(CannotAttach, match="another department"):
        services.attach(message, elsewhere, reason="Sure.", by=by)
    with pytest.raises(CannotAttach, match="Say how"):
        services.attach(message, stray[0], reason=" ", by=by)
    with pytest.raises(PermissionDenied):
        services.attach(message, stray[0], reason="Sure.", by=world.acting("gp"))
    assert RequestItem.objects.filter(resulted_at__isnull=False).count() == 0


def test_the_pages_in_two_steps(world, stray):
    item, message = stray
    weigh_waiting()
    client = world.client("lab")
    assert "Unmatched results" in client.get("/unmatched/").content.decode()
    page = client.get(f"/unmatched/{message.pk}/").content.decode()
    assert item.request.reference in page
    step = f"/unmatched/{message.pk}/{item.pk}/"
    assert "How did you make sure?" in client.get(step).content.decode()
    assert client.post(step, {"reason": ""}).status_code == 422
    assert client.post(step, {"reason": "Rang Mr Clark."}).status_code == 302
    assert client.get(f"/unmatched/{message.pk}/").status_code == 404
    assert "filed" in client.get("/unmatched/").content.decode()
