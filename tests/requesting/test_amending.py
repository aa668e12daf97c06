"""A sent test is changed until the department has acknowledged it, and never after."""

import pytest
from django.utils import timezone

from messaging.models import OutboundMessage
from requesting import queries, services
from requesting.errors import Incomplete, Refused, TooLateToUndo
from requesting.models import Amendment, OrderMessage

from .surgery import FBC, line

COUGH = "cough-for-more-than-3-weeks"
SAYS_MORE = {"details": "Ex-smoker. Weight loss of 6 kg"}


def content(service="chest-xray", *, priority="routine", reasons=(COUGH,), **more):
    return {"items": [line(service, reasons=list(reasons), **more)], "priority": priority}


def amend(surgery, item, **changes):
    return services.amend(item, content=content(**changes), by=surgery.acting())


def left(item) -> None:
    """Its message is on the wire, or was: nobody knows whether it arrived."""
    order = item.order_messages.order_by("-pk").first()
    OutboundMessage.objects.filter(control_id=order.control_id).update(first_sent_at=timezone.now())


def controls(surgery, item) -> list[str]:
    return [message.get("ORC", 1) for message in surgery.orders(item)]


# --- Before it has left, and behind it -----------------------------------------------------------


def test_what_has_not_left_is_written_anew_in_its_place(surgery):
    item = surgery.released()
    amend(surgery, item, priority="urgent", **SAYS_MORE)
    first, second = OrderMessage.objects.filter(items=item).order_by("pk")
    states = [OutboundMessage.objects.get(control_id=x.control_id).state for x in (first, second)]
    assert (first.withdrawn_at is not None, second.control) == (True, "NW")
    assert states == ["handled", "waiting"]
    said = surgery.orders(item)[-1]
    assert "Weight loss of 6 kg" in said.get("OBR", 13)
    assert said.get("ORC", 7, 6) == "A"
    assert surgery.fresh(item).change_sent_at is None


def test_the_other_tests_of_its_message_are_in_the_new_one_too(surgery):
    fbc = surgery.released(FBC, line("ue"))
    services.amend(fbc, content=content("fbc", reasons=(), details="Tired"), by=surgery.acting())
    new = surgery.orders(fbc)[-1]
    assert [each.get(4, 2) for each in new.all("OBR")] == [
        "Full blood count", "Urea and electrolytes",
    ]  # fmt: skip


def test_what_may_have_left_is_followed_by_a_change_order_that_cannot_overtake_it(surgery):
    item = surgery.released()
    left(item)
    amend(surgery, item, **SAYS_MORE)
    assert controls(surgery, item) == ["NW", "XO"]
    rows = OutboundMessage.objects.filter(stream=str(item.request_id)).order_by("sequence")
    assert [row.kind.split()[-1] for row in rows] == ["NW", "XO"]
    item = surgery.fresh(item)
    assert (item.status, item.clinical_details) == ("sent", SAYS_MORE["details"])
    assert "has not taken the change yet" in queries.next_sentence(item)


def test_a_change_behind_another_change_follows_it(surgery):
    item = surgery.released()
    left(item)
    amend(surgery, item, **SAYS_MORE)
    amend(surgery, item, details="Ex-smoker only")
    assert controls(surgery, item) == ["NW", "XO", "XO"]
    assert surgery.orders(item)[-1].get("OBR", 13).endswith("Ex-smoker only.")


@pytest.mark.hazard("H18")
def test_a_queued_request_is_changed_too(surgery):
    item = surgery.released()
    surgery.acknowledge(item, "failing", "no answer")
    amend(surgery, item, **SAYS_MORE)
    assert surgery.fresh(item).status == "queued"


# --- What may not be changed ---------------------------------------------------------------------


@pytest.mark.parametrize("reach", ["delivered", "vetting", "item"])
def test_what_the_department_has_or_what_was_not_sent_is_not_changed(surgery, reach):
    item = getattr(surgery, reach)()
    with pytest.raises((TooLateToUndo, Refused)):
        amend(surgery, item, **SAYS_MORE)
    assert not Amendment.objects.exists()
    assert surgery.fresh(item).clinical_details == ""


def test_an_acknowledged_message_is_too_late_though_the_row_does_not_say_so_yet(surgery):
    item = surgery.released()
    OutboundMessage.objects.update(state="acknowledged")
    with pytest.raises(TooLateToUndo):
        amend(surgery, item, **SAYS_MORE)


def test_a_request_is_never_made_less_urgent_from_here(surgery):
    item = surgery.released(priority="urgent")
    with pytest.raises(Incomplete) as caught:
        amend(surgery, item, priority="routine", **SAYS_MORE)
    assert [each.field for each in caught.value.problems] == ["priority"]
    assert OutboundMessage.objects.get().state == "waiting"  # what was held back goes on


def test_the_rules_are_asked_again_and_nothing_changes_while_one_stands(surgery):
    item = surgery.released()
    with pytest.raises(Incomplete) as caught:
        amend(surgery, item, reasons=())
    assert [each.field for each in caught.value.problems] == ["chest-xray.reason"]
    assert surgery.fresh(item).reasons


def test_no_change_is_no_message(surgery):
    item = surgery.released()
    with pytest.raises(Refused):
        amend(surgery, item)
    assert controls(surgery, item) == ["NW"]


def test_somebody_of_another_place_changes_nothing(surgery):
    item = surgery.released()
    with pytest.raises(Refused):
        services.amend(item, content=content(**SAYS_MORE), by=surgery.acting("ahp"))


# --- What they say of it -------------------------------------------------------------------------


@pytest.fixture
def changed(surgery):
    """A change order that follows the order."""
    item = surgery.released()
    left(item)
    return amend(surgery, item, **SAYS_MORE)


def test_a_change_that_their_system_has_taken_is_not_waited_for(surgery, changed):
    surgery.acknowledge(changed)
    assert surgery.fresh(changed).change_sent_at is None


def test_a_change_that_nobody_takes_needs_the_requester_within_the_hour(surgery, changed):
    item = surgery.fresh(changed)
    assert (item.due_at - item.change_sent_at).total_seconds() <= 3600


def test_changed_as_requested_is_on_the_record_once(surgery, changed):
    for _ in range(2):
        surgery.says(changed, "XR")
    item = surgery.fresh(changed)
    assert (item.status, item.change_sent_at, item.attention) == ("received", None, "")
    assert list(item.events.values_list("event", flat=True)).count("change_confirmed") == 1


@pytest.mark.parametrize("way", ["UX", "machine"])
def test_a_refused_change_leaves_what_they_hold_and_alerts_the_requester_once(
    surgery, changed, way
):
    order = changed.order_messages.get(control="NW")
    services.record_delivery(str(order.pk), "delivered", "")
    for _ in range(2):
        if way == "UX":
            surgery.says(changed, "UX", reason=["", "", "L", "", "Already in the scanner"])
        else:
            surgery.acknowledge(changed, "refused", "XO is not taken")
    item = surgery.fresh(changed)
    assert (item.clinical_details, item.attention) == ("", "change_refused")
    assert list(item.events.values_list("event", flat=True)).count("change_refused") == 1
    assert queries.needs_you_count(surgery.acting()) == 1
    assert "did not change it" in queries.next_sentence(item)
    services.seen(item, by=surgery.acting())
    assert queries.needs_you_count(surgery.acting()) == 0


def test_the_history_shows_before_and_after(surgery, changed):
    (now, *_) = queries.history(surgery.fresh(changed))
    assert now.title == "Changed by the requester"
    assert [(each.part, each.before, each.after) for each in now.changes] == [
        ("Clinical details", "None given", SAYS_MORE["details"])
    ]


# --- The page ------------------------------------------------------------------------------------


def test_the_page_changes_it_and_afterwards_says_whom_to_ring(world, surgery):
    item, gp = surgery.released(), world.client("gp")
    address = f"/requests/{item.pk}/change"
    assert "Change this request" in gp.get(f"/requests/{item.pk}/").content.decode()
    assert 'name="do" value="amend"' in gp.get(address).content.decode()
    fields = {
        "item": "chest-xray", "chest-xray.reason": COUGH, "priority": "urgent",
        "chest-xray.details": "Ex-smoker",
    }  # fmt: skip
    gp.post(address, fields | {"do": "swap chest-xray rule ct-chest"})
    assert surgery.fresh(item).clinical_details == ""
    assert gp.post(address, fields | {"do": "amend"}).status_code == 302
    assert "Before: None given" in gp.get(f"/requests/{item.pk}/").content.decode()
    surgery.acknowledge(item)
    assert "Change this request" not in gp.get(f"/requests/{item.pk}/").content.decode()
    late = gp.post(address, fields | {"do": "amend", "chest-xray.details": "More"})
    assert late.status_code == 409
    assert surgery.fresh(item).department.phone in late.content.decode()


def test_the_page_says_what_is_missing_beside_its_field(world, surgery):
    item, gp = surgery.released(), world.client("gp")
    answer = gp.post(
        f"/requests/{item.pk}/change", {"item": "chest-xray", "priority": "soon", "do": "amend"}
    )
    assert answer.status_code == 422
    assert "Choose a priority" in answer.content.decode()
