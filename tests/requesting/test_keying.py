"""What a department does with a downtime form, what becomes of its message, and the clock."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from messaging.models import OutboundMessage
from requesting import services
from requesting.errors import FormMoved, NotFound, Refused
from requesting.models import DowntimeForm, FormEventRow
from requesting.queries import forms
from requesting.queries.form_strip import downtime_forms
from requesting.queries.telling import department_sentence

from .downtime import (
    _fresh_strip,  # noqa: F401 - a fixture
    bring_up,
    forget,
    form_of,
    message_of,
    older,
    radiographer,
    take_down,
)
from .surgery import CHEST, line


@pytest.fixture
def down(surgery):
    take_down(surgery)
    return surgery


@pytest.fixture
def item(down):
    return down.released()


@pytest.fixture
def form(down, item):
    return form_of(down, item)


def numbers(form, number="RZ1-2026-0042"):
    return {str(item.pk): f"{number}{place}" for place, item in enumerate(forms.items_of(form))}


@pytest.mark.hazard("H51")
def test_what_was_keyed_in_is_with_the_department_and_its_message_never_goes(down, item, form):
    form = services.key_in(form, numbers=numbers(form), by=radiographer())
    row = down.fresh(item)
    assert (form.status, form.outcome, form.accession) == (
        "reconciled", "keyed_in", "RZ1-2026-00420"
    )  # fmt: skip
    assert (row.status, row.filler_number) == ("received", "RZ1-2026-00420")
    assert message_of(item).state == "handled"
    bring_up(down)
    assert not OutboundMessage.objects.filter(state="waiting").exists()


def test_each_test_of_a_form_has_its_own_number(down):
    item = down.released(CHEST, line("us-abdomen", reasons=["jaundice"]))
    form = form_of(down, item)
    given = numbers(form)
    with pytest.raises(Refused, match="Enter the accession number of each test"):
        services.key_in(form, numbers=dict([*given.items()][:1]), by=radiographer())
    assert message_of(item).state == "held"
    services.key_in(form, numbers=given, by=radiographer())
    rows = item.request.items.order_by("position").values_list("filler_number", flat=True)
    assert list(rows) == ["RZ1-2026-00420", "RZ1-2026-00421"]


def test_a_second_person_finds_it_dealt_with_and_changes_nothing(down, item, form):
    by = radiographer()
    services.key_in(form, numbers=numbers(form), by=by)
    for verb in (
        lambda: services.key_in(form, numbers=numbers(form), by=by),
        lambda: services.let_form_go(form, by=by),
        lambda: services.cancel_form(form, reason="Twice", by=by),
        lambda: services.reject_form(form, reason="detail", by=by),
        lambda: services.take_back(form, by=down.acting()),
    ):
        with pytest.raises(FormMoved):
            verb()
    assert FormEventRow.objects.filter(form=form).count() == 2
    assert message_of(item).state == "handled"


def test_not_found_lets_the_message_go_and_its_delivery_ends_the_form(down, item, form):
    form = services.let_form_go(form, by=radiographer())
    assert (form.status, message_of(item).state) == ("queued", "waiting")
    down.acknowledge(item)
    form.refresh_from_db()
    assert (form.status, form.outcome) == ("reconciled", "sent")
    assert down.fresh(item).status == "received"


def test_what_was_let_go_may_be_put_on_the_form_again(down, item, form):
    services.let_form_go(form, by=radiographer())
    again = form_of(down, item)
    assert (again.pk, again.status, message_of(item).state) == (form.pk, "printed", "held")


def test_a_message_that_is_refused_after_all_ends_the_form_too(down, item, form):
    services.let_form_go(form, by=radiographer())
    down.acknowledge(item, "refused", "Unknown code")
    form.refresh_from_db()
    assert (form.outcome, down.fresh(item).status) == ("rejected", "rejected")


@pytest.mark.hazard("H10")
def test_a_rejection_is_the_same_item_that_a_vetter_s_is(down, item, form):
    with pytest.raises(Refused, match="Say which, or why"):
        services.reject_form(form, reason="other", by=radiographer())
    services.reject_form(form, reason="detail", by=radiographer())
    row = down.fresh(item)
    assert (row.status, row.reason_code) == ("rejected", "detail")
    assert row.due_at <= timezone.now()
    assert message_of(item).state == "handled"
    services.fix(row, by=down.acting())


def test_a_duplicate_is_cancelled_and_the_requester_is_told(down, item, form):
    with pytest.raises(Refused, match="Say why"):
        services.cancel_form(form, reason=" ", by=radiographer())
    services.cancel_form(form, reason="We have it from yesterday", by=radiographer())
    row = down.fresh(item)
    assert (row.status, row.attention, message_of(item).state) == (
        "cancelled", "cancelled", "handled"
    )  # fmt: skip


def test_a_form_that_its_practice_asked_to_cancel_says_so_and_is_cancelled_quietly(
    down, item, form
):
    services.cancel(item, reason="No longer needed", by=down.acting())
    page = forms.form_for(radiographer(), form.pk)
    assert page.cancel_asked
    services.cancel_form(form, reason="They asked", by=radiographer())
    row = down.fresh(item)
    assert (row.status, row.attention, row.cancel_requested_at) == ("cancelled", "", None)


def test_what_their_own_system_says_of_it_is_suggested_and_a_person_matches_it(down, item, form):
    down.says(item, "SC", status="SC", filler="F-900")
    assert down.fresh(item).status == "booked"
    page = forms.form_for(radiographer(), form.pk)
    assert [each.filler_number for each in page.arrived] == ["F-900"]
    assert message_of(item).state == "held"  # nothing is concluded without a person
    services.match(form, numbers={str(item.pk): "F-900"}, by=radiographer())
    form.refresh_from_db()
    assert (form.outcome, down.fresh(item).status, message_of(item).state) == (
        "matched", "booked", "handled"
    )  # fmt: skip


@pytest.mark.parametrize("username", ["gp", "practice-admin", "radiologist", "lab"])
def test_only_the_department_that_was_asked_and_the_centre_deal_with_it(down, form, username):
    by = down.acting(username)
    with pytest.raises(Refused):
        services.key_in(form, numbers=numbers(form), by=by)
    if username in ("radiologist", "lab"):
        with pytest.raises(NotFound):
            forms.form_for(by, form.pk)
    services.key_in(form, numbers=numbers(form), by=down.acting("central"))


def test_the_department_is_told_to_key_it_in_by_when(down, item, form):
    assert department_sentence(down.fresh(item)).startswith("On a downtime form. Key it in by")


# --- At the desk ---------------------------------------------------------------------------------


@pytest.mark.hazard("H50")
def test_a_patient_at_the_desk_is_found_by_reference_wherever_the_request_is(down):
    by = radiographer()
    queued, on_paper, keyed = (down.released() for _ in range(3))
    form_of(down, on_paper)
    services.key_in(form_of(down, keyed), numbers={str(keyed.pk): "A-77"}, by=by)
    for item in (on_paper, keyed):
        found = forms.look_up(by, f" {item.request.reference.lower()} ")
        assert [row.form.reference for row in found.forms] == [item.request.reference]
    assert [each.pk for each in forms.look_up(by, queued.request.reference).items] == [queued.pk]
    assert [each.pk for each in forms.look_up(by, queued.placer_number).items] == [queued.pk]
    assert [row.form.accession for row in forms.look_up(by, "a-77").forms] == ["A-77"]
    assert forms.look_up(by, "R-1").nothing
    assert forms.look_up(by, "Testpatient").nothing
    assert forms.look_up(down.acting("radiologist"), queued.request.reference).nothing


@pytest.mark.hazard("H50")
def test_what_is_still_queued_when_its_patient_arrives_is_taken_and_keyed_in(down):
    item = down.released()
    order = forms.order_of_item(item)
    form = services.take_at_desk(order, by=radiographer())
    assert (form.status, message_of(item).state) == ("printed", "held")
    services.key_in(form, numbers={str(item.pk): "A-1"}, by=radiographer())
    assert down.fresh(item).status == "received"
    with pytest.raises(Refused):
        services.take_at_desk(order, by=down.acting("lab"))


# --- The clock -----------------------------------------------------------------------------------


@pytest.mark.hazard("H50")
def test_each_alarm_is_recorded_once_at_its_hour(down, form):
    assert services.sound_alarms() == 0
    for hours in (24, 48, 72):
        older(form, 24)
        assert services.sound_alarms() == 1
        assert services.sound_alarms() == 0
        form.refresh_from_db()
        assert form.alarmed_hours == hours
    words = FormEventRow.objects.filter(form=form, event="alarmed").order_by("id")
    assert [row.words for row in words] == [f"Not keyed in after {n} hours" for n in (24, 48, 72)]


def test_a_sweep_that_was_away_for_days_records_every_alarm(form):
    older(form, 80)
    assert services.sound_alarms() == 3


def test_the_clock_does_not_begin_again_when_the_form_is_printed_as_well(down, item, form):
    older(form, 30)
    before = DowntimeForm.objects.get(pk=form.pk).clock_at
    form_of(down, item)
    assert DowntimeForm.objects.get(pk=form.pk).clock_at == before


def strip_of(acting):
    forget()
    return [line[0] for line in downtime_forms(acting)]


@pytest.mark.hazard("H50")
def test_the_strip_tells_the_department_first_and_then_the_centre_and_the_practice(down, form):
    people = [radiographer(), down.acting("central"), down.acting("gp")]
    assert [strip_of(who) for who in people] == [[], [], []]
    older(form, 24)
    assert [bool(strip_of(who)) for who in people] == [True, False, False]
    older(form, 24)
    assert [bool(strip_of(who)) for who in people] == [True, True, True]
    assert strip_of(down.acting("lab")) == []
    services.key_in(form, numbers=numbers(form), by=people[0])
    assert [strip_of(who) for who in people] == [[], [], []]


@pytest.mark.hazard("H50")
def test_every_form_that_is_not_keyed_in_is_on_the_list_and_no_other(down):
    by, made = radiographer(), []
    for place in range(40):
        made.append(
            form_of(down, down.released(priority="urgent" if place % 7 == 0 else "routine"))
        )
    for form in made[:-2]:
        services.key_in(form, numbers=numbers(form), by=by)
    rows, total = forms.forms_to_key_in(by)
    assert total == 2
    assert {row.form.pk for row in rows} == {form.pk for form in made[-2:]}


def test_urgent_forms_are_first_and_then_the_oldest(down):
    routine, urgent = down.released(), down.released(priority="urgent")
    first = form_of(down, routine)
    second = form_of(down, urgent)
    rows, _ = forms.forms_to_key_in(radiographer())
    assert [row.form.pk for row in rows] == [second.pk, first.pk]
    assert rows[0].left.endswith("left")
    assert timedelta(hours=71) < second.clock_at + timedelta(hours=72) - timezone.now()


# --- The database --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    ["status = 'lost'", "outcome = 'sent'", "clock_at = NULL", "status = 'reconciled'",
     "order_id = NULL"],
)  # fmt: skip
def test_the_database_refuses_a_form_that_is_in_two_places_or_none(form, change):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE requesting_downtimeform SET {change} WHERE id = %s",  # noqa: S608
            [form.pk],
        )
