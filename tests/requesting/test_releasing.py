"""When the undo time is over: once more entitled, then on its way, one message a department."""

from datetime import datetime, time, timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Entitlement, Membership
from messaging.models import OutboundMessage, Partner
from patients.models import Relationship
from requesting import queries, services
from requesting.models import OrderMessage
from requesting.states import Lane

from .surgery import CHEST, FBC, KINGSMERE, line

KNEE = line("knee-xray", side="L", details="Locking")


def events(item) -> list[str]:
    return list(item.events.order_by("id").values_list("event", flat=True))


def test_nothing_leaves_while_it_can_be_undone(surgery):
    item = surgery.item()
    assert services.release_due() == 0
    assert surgery.fresh(item).status == "held"
    assert not OutboundMessage.objects.exists()


def test_after_the_undo_time_it_is_sent_once(surgery):
    item = surgery.item()
    with surgery.after_undo(item.request):
        assert services.release_due() == 1
        assert services.release_due() == 0
    item = surgery.fresh(item)
    assert (item.status, events(item)) == ("sent", ["submitted", "released"])
    message = OutboundMessage.objects.get()
    assert (message.kind, message.stream) == ("OMG^O19 NW", str(item.request_id))
    assert message.subject_type == "requesting.OrderMessage"


def test_one_message_for_each_department_with_its_tests_together(surgery):
    request = surgery.ask(CHEST, KNEE, FBC, line("ue"))
    with surgery.after_undo(request):
        services.release_due()
    orders = OrderMessage.objects.order_by("department__ods_code")
    assert [(o.department.ods_code, o.items.count()) for o in orders] == [
        ("RZ1PATH", 2), ("RZ1RAD", 2),
    ]  # fmt: skip
    kinds = set(OutboundMessage.objects.values_list("kind", flat=True))
    assert kinds == {"OMG^O19 NW", "OML^O21 NW"}


def test_the_department_may_see_the_patient_from_then_on(surgery):
    item = surgery.released()
    places = Relationship.objects.filter(patient=item.patient, kind="department")
    assert [each.organisation.ods_code for each in places] == ["RZ1RAD"]


def test_a_department_that_vets_here_gets_it_on_its_list_and_nothing_leaves(surgery):
    item = surgery.vetting()
    assert (item.status, item.department.ods_code) == ("vetting", "RZ2RAD")
    assert not OutboundMessage.objects.exists()


def test_while_the_link_is_down_it_is_queued_and_says_so(surgery):
    Partner.objects.filter(slug="ris-rz1").update(failing_since=timezone.now())
    item = surgery.released()
    assert (item.status, events(item)[-2:]) == ("queued", ["released", "link_failed"])
    assert "will send by itself" in queries.next_sentence(item)
    assert OutboundMessage.objects.count() == 1


# --- Entitled, still ------------------------------------------------------------------------------


@pytest.mark.hazard("H06")
def test_who_lost_their_entitlement_meanwhile_is_stopped_with_the_reason(surgery):
    item = surgery.item(KNEE, by="ahp")
    Entitlement.objects.filter(user=item.requester).update(suspended_at=timezone.now())
    item = surgery.release(item)
    assert (item.status, item.reason_code) == ("rejected", "NOTENT")
    assert "suspended" in item.reason
    assert not OutboundMessage.objects.exists()


@pytest.mark.hazard("H06")
def test_a_certificate_that_ran_out_at_midnight_stops_what_was_asked_before(surgery):
    patient = surgery.patient()
    today = timezone.localdate()
    Entitlement.objects.filter(user__username="ahp").update(certificate_expires_on=today)
    midnight = timezone.make_aware(datetime.combine(today, time(23, 59, 55)))
    with time_machine.travel(midnight, tick=False):
        item = surgery.item(KNEE, by="ahp", patient=patient)
    item = surgery.release(item)
    assert (item.status, item.reason_code) == ("rejected", "NOTENT")


@pytest.mark.hazard("H06")
def test_a_leaver_asks_for_nothing_any_more(surgery):
    item = surgery.item()
    Membership.objects.filter(user=item.requester).update(ended_at=timezone.now())
    assert surgery.release(item).reason_code == "NOTENT"


@pytest.mark.hazard("H10")
def test_what_was_stopped_needs_the_requester_at_once(surgery):
    item = surgery.item()
    Partner.objects.get(slug="ris-rz1").departments.clear()
    item = surgery.release(item)
    assert (item.status, item.reason_code) == ("rejected", "NOTSENT")
    with surgery.after_undo(item.request):
        page = queries.tracker(surgery.acting(), Lane.NEEDS_YOU)
    assert [row.item.pk for row in page.rows] == [item.pk]


def test_one_test_that_is_stopped_does_not_hold_up_another(surgery):
    request = surgery.ask(KNEE, FBC, by="ahp")
    Entitlement.objects.filter(user__username="ahp").update(suspended_at=timezone.now())
    with surgery.after_undo(request):
        services.release_due()
    assert dict(request.items.values_list("service__code", "status")) == {
        "knee-xray": "rejected", "fbc": "sent",
    }  # fmt: skip


# --- What became of the message ------------------------------------------------------------------


def test_an_acknowledged_order_is_received(surgery):
    item = surgery.delivered()
    assert item.status == "received"
    assert "Kingsmere Radiology has it." in queries.next_sentence(item)
    surgery.acknowledge(item)
    assert events(item).count("delivered") == 1


def test_the_first_failure_says_queued_and_the_acknowledgement_takes_it_on(surgery):
    item = surgery.released()
    surgery.acknowledge(item, "failing", "No answer")
    assert surgery.fresh(item).status == "queued"
    surgery.acknowledge(item, "failing", "No answer")
    surgery.acknowledge(item)
    assert events(item)[-2:] == ["link_failed", "delivered"]
    assert surgery.fresh(item).status == "received"


@pytest.mark.hazard("H10")
def test_what_the_other_machine_refused_comes_back_to_the_requester_in_words(surgery):
    item = surgery.released()
    surgery.acknowledge(item, "refused", "no such receiver here")
    item = surgery.fresh(item)
    assert (item.status, item.reason_code) == ("rejected", "REFUSED")
    assert "no such receiver here" in queries.next_sentence(item)
    assert queries.needs_you_count(surgery.acting()) == 1


def test_what_an_operator_put_right_and_sent_again_is_received(surgery):
    item = surgery.released()
    surgery.acknowledge(item, "refused", "no such receiver here")
    surgery.acknowledge(item)
    item = surgery.fresh(item)
    assert (item.status, item.reason) == ("received", "")


def test_a_late_acknowledgement_does_not_undo_what_the_department_said_meanwhile(surgery):
    item = surgery.released()
    surgery.says(item, "UA", reason=["CHUN", "Unjustified examination", "L"])
    surgery.acknowledge(item)
    assert surgery.fresh(item).status == "rejected"
    accepted = surgery.released()
    surgery.says(accepted, "OK", status="SC")
    surgery.acknowledge(accepted)
    assert surgery.fresh(accepted).status == "walkin"


def test_a_new_request_closes_the_one_it_stands_for_only_when_it_has_gone(surgery):
    patient = surgery.patient()
    old = surgery.delivered(patient=patient)
    surgery.says(old, "UA", reason=["CHRAD", "Cancelled by radiologist", "L", "", "Say more"])
    draft = services.fix(surgery.fresh(old), by=surgery.acting())
    assert [each["service"] for each in draft.content["items"]] == ["chest-xray"]
    assert draft.content["items"][0]["reasons"] == [], "nothing clinical is copied"
    new = surgery.item(patient=patient)
    assert new.request.replaces_id == old.pk
    assert surgery.fresh(old).status == "rejected"
    surgery.release(new)
    old = surgery.fresh(old)
    assert (old.status, old.reason) == ("cancelled", f"Replaced by {new.request.reference}")


def test_the_hospital_number_of_another_trust_stays_here(surgery):
    item = surgery.released()
    (message,) = surgery.orders(item)
    issuers = {each.get(4) for each in message.first("PID").repetitions(3)}
    assert issuers == {"NHS", KINGSMERE}


def test_held_longer_than_it_should_is_on_the_operators_list(surgery):
    item = surgery.item()
    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=False):
        late = queries.overdue(queries.tracking.Owner.OPERATORS)
    assert [each.pk for each in late] == [item.pk]
