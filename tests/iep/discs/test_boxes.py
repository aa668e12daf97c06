"""From the ticket to the desk: rows, labels, the box, Wednesdays."""

import uuid
from datetime import date

import pytest

from iep.errors import NoSuchMove, NotAccepted
from iep.models import Disc, TicketMail
from iep.services.arrival import discs
from iep.services.ticketing import tickets
from iep.states.discs import DiscState
from iep.states.tickets import TicketState


def test_a_disc_ticket_has_a_row_for_each_disc(desk):
    ticket = desk.ticket(count=3)
    rows = ticket.disc_set.values_list("number", "state")
    assert list(rows) == [(n, DiscState.EXPECTED) for n in (1, 2, 3)]
    assert len(discs.open_discs(ticket, by=desk.desk)) == 3


@pytest.mark.parametrize(
    ("today", "wednesday"),
    [
        (date(2026, 11, 22), date(2026, 11, 25)),
        (date(2026, 11, 25), date(2026, 11, 25)),
        (date(2026, 11, 26), date(2026, 12, 2)),
        (date(2024, 12, 20), date(2025, 1, 8)),  # 25 December and 1 January are Wednesdays
    ],
)
def test_the_next_collection_is_the_next_wednesday_on_which_the_desk_works(today, wednesday):
    assert discs.next_collection(today) == wednesday


def test_a_labelled_disc_with_its_form_is_in_the_box_for_wednesday_and_is_collected(desk):
    disc = desk.boxed(desk.disc())
    assert disc.state == DiscState.IN_BOX
    assert disc.collect_on.weekday() == 2
    disc.ticket.refresh_from_db()
    assert disc.ticket.state == TicketState.WITH_OTHER
    assert discs.collect(disc, by=desk.desk).state == DiscState.COLLECTED


@pytest.mark.parametrize(
    ("labelled", "enclosed", "words"),
    [(False, True, "Not labelled, so left in the box"), (True, False, "incomplete")],
)
def test_an_unlabelled_or_incomplete_disc_is_left_and_the_requester_is_told(
    desk, labelled, enclosed, words
):
    disc = desk.boxed(desk.disc(), labelled=labelled, form_enclosed=enclosed)
    assert disc.state == DiscState.LEFT
    assert words in disc.why
    mail = TicketMail.objects.get(occasion__startswith="left")
    assert words in mail.text
    assert "Testpatient" not in mail.text
    with pytest.raises((NotAccepted, NoSuchMove)):
        discs.collect(disc, by=desk.desk)
    disc = desk.boxed(disc)
    assert disc.state == DiscState.IN_BOX


def test_who_collects_leaves_an_unlabelled_disc_in_the_box(desk):
    disc = discs.leave(desk.boxed(desk.disc()), labelled=False, by=desk.desk)
    assert (disc.state, disc.why) == (DiscState.LEFT, discs.NOT_LABELLED)


def test_a_drop_off_without_a_name_is_no_line_on_the_chart(desk):
    disc = desk.disc()
    with pytest.raises(NotAccepted):
        desk.boxed(disc, dropped_by=" ")
    assert Disc.objects.get(pk=disc.pk).state == DiscState.EXPECTED


def test_an_urgent_disc_is_brought_by_arrangement(desk):
    disc, whole = desk.disc(), {"labelled": True, "form_enclosed": True, "by": desk.desk}
    with pytest.raises(NotAccepted):
        discs.brought(disc, arranged="", **whole)
    for lacks in ("labelled", "form_enclosed"):
        with pytest.raises(NotAccepted):
            discs.brought(disc, arranged="I Aziz", **whole | {lacks: False})
    disc = discs.brought(disc, arranged="I Aziz, today at 2pm", **whole)
    assert (disc.state, disc.is_urgent, disc.is_complete) == (DiscState.COLLECTED, True, True)
    with pytest.raises(NoSuchMove):
        discs.brought(disc, arranged="I Aziz", **whole)
    with pytest.raises(NoSuchMove):
        discs.collect(disc, by=desk.desk)


def upload(desk, disc):
    return discs.uploaded(disc, upload_id=uuid.uuid4(), size=1, by=desk.desk)


@pytest.mark.parametrize("said", [{"labelled": False}, {"form_enclosed": False}, None])
def test_what_is_unlabelled_incomplete_or_on_no_chart_is_not_uploaded(desk, said):
    disc = desk.disc() if said is None else desk.boxed(desk.disc(), **said)
    assert not discs.may_be_uploaded(disc, by=desk.desk)
    with pytest.raises(NoSuchMove):
        upload(desk, disc)
    disc = discs.brought(
        disc, arranged="I Aziz", labelled=True, form_enclosed=True, by=desk.desk
    )  # fmt: skip
    assert upload(desk, disc).state == DiscState.READING


def test_what_lies_on_the_desk_of_which_nobody_said_that_it_is_labelled_is_asked_about(desk):
    disc = desk.collected()
    Disc.objects.filter(pk=disc.pk).update(labelled=False)
    with pytest.raises(NotAccepted):
        upload(desk, disc)
    disc = discs.brought(
        disc, arranged="I Aziz", labelled=True, form_enclosed=True, by=desk.desk
    )  # fmt: skip
    assert upload(desk, disc).state == DiscState.READING


def test_a_cancelled_ticket_cancels_the_discs_that_nobody_has(desk):
    ticket = desk.ticket(count=2)
    first = ticket.disc_set.all()[0]
    discs.collect(desk.boxed(first), by=desk.desk)
    tickets.cancel(ticket, "Not needed", by=desk.desk)
    discs.read_discs()
    states = Disc.objects.order_by("number").values_list("state", flat=True)
    assert list(states) == [DiscState.COLLECTED, DiscState.CANCELLED]
