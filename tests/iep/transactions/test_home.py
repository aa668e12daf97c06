"""I1: which row is under which tab, what the sentences say, what the page costs."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.policies import SYSTEM
from iep.models import Alias, Study, Ticket, Transaction, Transfer
from iep.queries.exchange.sentences import ordinal, sentence
from iep.queries.exchange.transactions import detail
from iep.queries.home import listing as queries
from iep.queries.home.endings import Ending
from iep.queries.home.filters import narrow_things, narrow_tickets
from iep.queries.lanes import blue_light
from iep.services.exchange import transactions
from iep.services.exchange.sending import put_on_exchange
from iep.services.ticketing import tickets
from iep.states.tickets import TicketEvent
from iep.states.transactions import (
    LABELS,
    TABS,
    Direction,
    Tab,
    TransactionEvent,
    TransactionState,
)
from nhsuk.tags import EXCHANGE_STATES
from tests.counting import cost_of
from tests.iep.tickets import asking
from tests.iep.transactions import exchange
from tests.world import World

pytestmark = pytest.mark.django_db
S = TransactionState


def _tabs(world: World, thing: Transaction, who: str = "mbp") -> set[str]:
    found = set()
    for tab in Tab:
        rows = queries.home(world.acting(who), tab).rows
        if any(row.number == thing.number for row in rows):
            found.add(tab.value)
    return found


def _to(thing: Transaction, *events: TransactionEvent, **changes: Any) -> Transaction:
    for event in events:
        thing = transactions.record(thing, event, by=SYSTEM, **changes)
    return thing


def _age(thing: Transaction, **ago: Any) -> None:
    """As if it had been made then. The trigger that holds `created_at` looks away."""
    import pgtrigger

    with pgtrigger.ignore("iep.Transaction:fixed_once_created"):
        at = timezone.now() - timedelta(**ago)
        Transaction.objects.filter(pk=thing.pk).update(created_at=at, asked_at=at)


E = TransactionEvent


@pytest.mark.parametrize(
    ("events", "tab"),
    [
        ((), "action"),
        ((E.ASKED_DETAILS,), "action"),
        ((E.ACCEPTED,), "accepted"),
        ((E.STARTED,), "progress"),
        ((E.STARTED, E.UPLOADING), "progress"),
        ((E.STARTED, E.DOWNLOAD_ASKED), "progress"),
        ((E.STARTED, E.DOWNLOADING), "progress"),
        ((E.FAILED,), "failed"),
        ((E.DECLINED,), "action"),
        ((E.DELIVERED,), "action"),
        ((E.DELIVERED, E.FIXED_UP), None),
        ((E.CANCELLED,), None),
    ],
)
def test_a_request_of_ours_is_under_the_portals_tab(
    world: World, events: tuple[TransactionEvent, ...], tab: str | None
) -> None:
    thing = _to(exchange.request(world), *events)
    assert _tabs(world, thing) == {"all", *([tab] if tab else [])}


def test_every_state_has_its_label_its_tag_and_a_sentence(world: World) -> None:
    thing = exchange.request(world)
    for state in S:
        thing.state = state.value
        assert EXCHANGE_STATES[state.value].label == LABELS[state]
        assert sentence(thing, timezone.now()).endswith(".")
    assert set(TABS) <= set(S)


@pytest.mark.parametrize(
    ("state", "changes", "words"),
    [
        ("new", {}, "Look at their machine for it."),
        ("accepted", {}, "The other site has agreed."),
        ("started", {}, "Acknowledged and uploading."),
        ("decline", {"why": "No such study"}, "Declined by sender: No such study."),
        ("failed", {"why": "3 of 4 images."}, "3 of 4 images. Try again or send a disc."),
        ("purged", {}, "Removed after 15 days. Request again."),
        ("delivered", {"images": 7}, "All 7 images. In quarantine here, Failed verification list."),
        ("download_request", {}, "Queued: it starts when a lane is free."),
    ],
)
def test_sentences_say_what_is_next(
    world: World, state: str, changes: dict[str, Any], words: str
) -> None:
    thing = exchange.request(world)
    for name, value in {"state": state, **changes}.items():
        setattr(thing, name, value)
    assert sentence(thing, timezone.now()) == words


def test_on_iep_says_how_many_days_are_left(world: World) -> None:
    from django.db import transaction

    from iep.services.moving import locked

    thing = _to(exchange.request(world), E.STARTED)
    with transaction.atomic():
        thing = put_on_exchange(locked(thing), by=SYSTEM)
    page = detail(world.acting("mbp"), thing.number)
    assert page.sentence == "Ready to download. Removed in 15 days."
    assert page.days_left == 15


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (21, "21st")],
)
def test_places_in_the_queue_are_said_in_words(number: int, words: str) -> None:
    assert ordinal(number) == words


@pytest.mark.hazard("H42")
@pytest.mark.parametrize(("priority", "minutes"), [(0, 15), (1, 24 * 60)])
def test_on_iep_that_nobody_takes_up_is_late_under_action_required(
    world: World, priority: int, minutes: int
) -> None:
    from django.db import transaction

    from iep.services.moving import locked

    facts = {"priority": priority, "eligibility": "theatre" if priority == 0 else ""}
    thing = _to(exchange.request(world, **facts), E.STARTED)
    with transaction.atomic():
        thing = put_on_exchange(locked(thing), by=SYSTEM)
    assert thing.due_at is not None
    assert abs((thing.due_at - timezone.now()) - timedelta(minutes=minutes)) < timedelta(minutes=2)
    Transaction.objects.filter(pk=thing.pk).update(due_at=timezone.now())
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert row.is_late
    assert "Late" in world.client("mbp").get(reverse("iep:home")).content.decode()


def test_what_is_late_is_under_action_required_and_no_other(world: World) -> None:
    thing = _to(exchange.request(world), E.STARTED)
    assert _tabs(world, thing) == {"progress", "all"}
    Transaction.objects.filter(pk=thing.pk).update(due_at=timezone.now())
    assert _tabs(world, thing) == {"action", "all"}


def test_a_ticket_is_a_row_until_it_has_a_transaction(world: World) -> None:
    ticket = exchange.import_ticket(world)
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert (row.is_ticket, row.reference, row.number) == (True, ticket.reference, None)
    made = exchange.request(world, ticket=ticket, institution=ticket.institution)
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert (row.is_ticket, row.number) == (False, made.number)
    transactions.cancel(made, "Wrong hospital", by=world.acting("mbp"))
    rows = [row.reference for tab in (Tab.ACTION, Tab.ACCEPTED, Tab.PROGRESS)
            for row in queries.home(world.acting("mbp"), tab).rows]  # fmt: skip
    assert rows == [ticket.reference], "a ticket whose transaction came to nothing is not lost"


def test_counts_are_those_of_the_lists(world: World) -> None:
    exchange.import_ticket(world)
    for events in (
        (),
        (E.ACCEPTED,),
        (E.STARTED,),
        (E.FAILED,),
        (E.ASKED_DETAILS,),
        (E.CANCELLED,),
    ):
        _to(exchange.request(world), *events)
    acting = world.acting("mbp")
    counts = queries.home(acting, Tab.ACTION).counts
    assert counts.tabs == {tab.value: queries.home(acting, tab).total for tab in Tab}
    assert counts.chips == {
        chip.value: queries.home(acting, Tab.ALL, queries.Filters(chip=chip.value)).total
        for chip in queries.Chip
    }


def test_another_trust_sees_none_of_it_and_the_central_team_all(world: World) -> None:
    exchange.request(world)
    exchange.import_ticket(world)
    assert queries.home(world.acting("radiologist", at="RZ2RAD"), Tab.ALL).total == 0
    assert queries.home(world.acting("central"), Tab.ALL).total == 2
    assert queries.home(world.acting("gp"), Tab.ALL).total == 0


@pytest.mark.parametrize(
    ("text", "finds"),
    [
        ("Testpatient", 1), ("testp", 1), ("TESTPATIENT, Agnes", 1), ("Agnes Testpatient", 1),
        ("999 000 0018", 1), ("S1234567", 1), ("Nobody", 0), ("9990000026", 0), ("S123", 0),
    ],
)  # fmt: skip
def test_a_search_finds_by_name_and_numbers(world: World, text: str, finds: int) -> None:
    exchange.request(world)
    found = queries.home(world.acting("mbp"), Tab.ALL, queries.Filters(search=text))
    assert found.total == finds


@pytest.mark.parametrize(
    ("family", "given", "finds", "misses"),
    [
        (
            "De Souza", "Anna",
            ["De Souza", "de sou", "De Souza Anna", "DE SOUZA, Anna", "De Souza ,anna",
             "Anna De Souza", "De Souza,", "De", "De Souza A"],
            ["Souza, Anna", "Anna, De Souza", "De Souza Bea", "De Souza, Bea", "Souza", ","],
        ),
        ("van der Berg", "Ann Marie",
         ["van der Berg Ann Marie", "Ann Marie van der Berg", "VAN DER BERG, ANN"], ["der Berg"]),
        ("Smith-Jones", "Mary Ann", ["smith-jones", "Smith-Jones Mary", "Mary Ann Smith-Jones"],
         ["Jones", "Jones Mary"]),
        ("O'Neill", "Séan", ["O'Neill", "o'neill séan", "SÉAN O'NEILL", "O'NEILL, SÉAN"],
         ["Neill", "O'Neill Sian"]),
        ("O’Neill", "Séan", ["O'Neill", "O Neill Séan", "oneill sean", "ONeill, Sean"], []),
        ("Ødegård", "Bjørn", ["ødegård bjørn", "BJØRN ØDEGÅRD", "Odegard"], ["degard"]),
        ("100% Sure_", "Agnes", ["100% Sure_ Agnes", "100%"], ["1%0 Agnes", "% Agnes", "_"]),
    ],
)  # fmt: skip
def test_a_name_of_several_words_is_found_however_it_is_typed(
    world: World, family: str, given: str, finds: list[str], misses: list[str]
) -> None:
    """A request for her stands there: who does not find it asks again."""
    exchange.request(world, family_name=family, given_names=given)
    tickets.open_ticket(
        asking.form(family_name=family, given_names=given, nhs_number="", s_number="S7654321",
                    no_nhs_number_reason="A visitor", address_lines=("1 High St", "Kingsmere"),
                    postcode="KM1 1AA"),
        by=world.acting("mbp"),
    )  # fmt: skip
    acting = world.acting("mbp")
    for text in (*finds, *misses):
        found = queries.home(acting, Tab.ALL, queries.Filters(search=text))
        assert found.total == (2 if text in finds else 0), text


@pytest.mark.parametrize("text", ["De Souza Anna", "De Souza, Anna", "a b c d e f g h i j k l"])
def test_a_search_by_name_reads_no_whole_table(world: World, text: str) -> None:
    filters = queries.Filters(search=text)
    now, acting = timezone.now(), world.acting("mbp")
    of_tickets = narrow_tickets(filters, acting)
    assert of_tickets is not None
    for rows in (Transaction.objects.filter(narrow_things(filters, acting, now)),
                 Ticket.objects.filter(of_tickets)):  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        assert "Seq Scan" not in rows.explain()


def test_a_search_finds_by_transaction_number_and_call_reference(world: World) -> None:
    ticket = exchange.import_ticket(world)
    made = exchange.request(world, ticket=ticket, institution=ticket.institution)
    _age(made, days=400)
    for text in (str(made.number), ticket.reference, ticket.reference.lower()):
        found = queries.home(world.acting("mbp"), Tab.ALL, queries.Filters(search=text))
        assert [row.number for row in found.rows] == [made.number], text


# --- Nothing that waits is hidden ----------------------------------------------------------------


def _ended_long_ago(world: World, number: int) -> list[Transaction]:
    found = [_to(exchange.request(world), E.CANCELLED) for _ in range(number)]
    ago = timezone.now() - timedelta(days=60)
    Transaction.objects.filter(pk__in=[each.pk for each in found]).update(state_since=ago)
    return found


@pytest.mark.hazard("H33")
@pytest.mark.parametrize("events", [(), (E.ASKED_DETAILS,), (E.ACCEPTED,), (E.STARTED,),
                                    (E.STARTED, E.UPLOADING), (E.FAILED,), (E.DECLINED,),
                                    (E.DELIVERED,)])  # fmt: skip
def test_what_is_under_way_is_under_all_400_days_later(
    world: World, events: tuple[TransactionEvent, ...]
) -> None:
    thing = _to(exchange.request(world), *events)
    _age(thing, days=400)
    Transaction.objects.filter(pk=thing.pk).update(state_since=timezone.now() - timedelta(days=400))
    assert "all" in _tabs(world, thing)


@pytest.mark.hazard("H33")
def test_all_is_never_fewer_than_what_needs_somebody(world: World) -> None:
    for event in (None, E.FAILED, E.ACCEPTED, E.STARTED):
        _age(_to(exchange.request(world), *([event] if event else [])), days=90)
    ticket = exchange.import_ticket(world)
    Ticket.objects.filter(pk=ticket.pk).update(opened_at=timezone.now() - timedelta(days=90))
    counts = queries.home(world.acting("mbp"), Tab.ACTION).counts.tabs
    assert counts["all"] == 5
    assert counts["all"] == sum(number for tab, number in counts.items() if tab != "all")


@pytest.mark.hazard("H33")
def test_what_ended_long_ago_is_counted_and_one_press_away(world: World) -> None:
    exchange.request(world)
    _ended_long_ago(world, 3)
    client = world.client("mbp")
    page = client.get("/iep/?tab=all").content.decode()
    assert "3 rows that ended before are not shown" in page
    assert "Showing 1 of 1" in page
    assert "ended=all" in page
    whole = client.get("/iep/?tab=all&ended=all").content.decode()
    assert "Showing 4 of 4" in whole
    assert "not shown" not in whole


def test_what_ended_lately_stays_under_all_however_old_it_is(world: World) -> None:
    thing = _to(exchange.request(world), E.CANCELLED)
    _age(thing, days=30)
    assert _tabs(world, thing) == {"all"}


def test_days_that_are_chosen_list_what_was_made_in_them(world: World) -> None:
    (thing,) = _ended_long_ago(world, 1)
    _age(thing, days=60)
    thing.refresh_from_db()
    acting, day = world.acting("mbp"), timezone.localdate(thing.created_at)  # by its summer time
    found = queries.home(acting, Tab.ALL, queries.Filters(since=day, until=day))
    assert [row.number for row in found.rows] == [thing.number]
    assert found.counts.hidden == 0


def test_a_ticket_whose_transactions_are_all_at_an_end_is_a_row_again(world: World) -> None:
    ticket = exchange.import_ticket(world)
    made = exchange.request(world, ticket=ticket, institution=ticket.institution)
    assert [row.is_ticket for row in queries.home(world.acting("mbp"), Tab.ACTION).rows] == [False]
    Transaction.objects.filter(pk=made.pk).update(state="fixed_up")
    (row,) = queries.home(world.acting("mbp"), Tab.PROGRESS).rows
    assert row.reference == ticket.reference


def test_a_cancelled_ticket_is_a_row_though_a_cancelled_transaction_hangs_on_it(
    world: World,
) -> None:
    ticket = exchange.import_ticket(world)
    desk = world.acting("mbp")
    made = exchange.request(world, ticket=ticket, institution=ticket.institution)
    transactions.cancel(made, "The wrong scan", by=desk)
    ticket.refresh_from_db()
    tickets.cancel(ticket, "Not needed", by=desk)
    (row,) = queries.home(desk, Tab.ACTION).rows
    assert row.reference == ticket.reference


def test_an_institution_of_many_names_is_listed_once(world: World) -> None:
    made = exchange.request(world)
    for name in ("Harrow", "Field", "HFI"):
        Alias.objects.create(institution=made.institution, name=name)
    for text in ("HFI", "harrowfield"):
        found = queries.home(world.acting("mbp"), Tab.ALL, queries.Filters(institution=text))
        assert (found.total, len(found.rows)) == (1, 1), text


# --- Days left -----------------------------------------------------------------------------------


@pytest.mark.hazard("H45")
def test_a_ticket_that_awaits_details_shows_the_days_until_it_is_cancelled(world: World) -> None:
    ticket = exchange.import_ticket(world)
    tickets.chase(ticket, "requester", missing=["s_number"], by=world.acting("mbp"))
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert row.ending == Ending(14, "then cancelled")
    page = world.client("mbp").get("/iep/").content.decode()
    assert "14 days" in page
    assert "No limit" not in page


@pytest.mark.hazard("H45")
def test_a_ticket_that_awaits_details_is_a_row_while_its_transaction_runs(world: World) -> None:
    ticket = exchange.import_ticket(world)
    exchange.request(world, ticket=ticket, institution=ticket.institution)
    ticket.refresh_from_db()
    tickets.chase(ticket, "requester", missing=["s_number"], by=world.acting("mbp"))
    rows = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert {row.is_ticket for row in rows} == {True, False}
    assert {row.ending for row in rows} == {Ending(14, "then cancelled")}
    assert queries.home(world.acting("mbp"), Tab.ACTION).counts.chips["awaiting"] == 1


def test_a_declined_request_shows_how_long_the_desk_has_to_decide(world: World) -> None:
    _to(exchange.request(world), E.DECLINED)
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert row.ending == Ending(1, "to ask again or give up")


def test_a_decision_that_nobody_took_says_how_long_it_is_over(world: World) -> None:
    thing = _to(exchange.request(world), E.DECLINED)
    Transaction.objects.filter(pk=thing.pk).update(due_at=timezone.now() - timedelta(days=9))
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert row.ending == Ending(0, "to ask again or give up", over=9)
    assert "9 days over" in world.client("mbp").get(reverse("iep:home")).content.decode()


@pytest.mark.hazard("H45")
def test_done_and_nobody_told_the_requester_is_under_action_required_until_somebody_does(
    world: World,
) -> None:
    acting = world.acting("mbp")
    ticket = exchange.import_ticket(world)
    for event in (TicketEvent.REQUESTED, TicketEvent.ARRIVED, TicketEvent.FINISHED):
        ticket = tickets.record(ticket, event, by=SYSTEM)
    assert queries.home(acting, Tab.ACTION).total == 0, "the mail may be on its way"
    Ticket.objects.update(state_since=timezone.now() - timedelta(days=30))
    (row,) = queries.home(acting, Tab.ACTION).rows
    assert (row.reference, row.sentence) == (
        ticket.reference, "Done. The requester was not told yet: ring them.",
    )  # fmt: skip
    everything = queries.home(acting, Tab.ALL)
    assert (everything.total, everything.counts.hidden) == (1, 0)
    assert queries.home(acting, Tab.ACTION).counts.tabs["action"] == 1
    tickets.rang_requester(ticket, "Dr Bell", by=acting)
    assert queries.home(acting, Tab.ACTION).total == 0


def test_a_disc_that_is_expected_shows_how_long_it_may_be_dropped_off(world: World) -> None:
    tickets.open_ticket(asking.disc_form(), by=world.acting("mbp"))
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert row.ending == Ending(14, "to drop off the disc")


def test_a_request_without_a_clock_has_no_limit(world: World) -> None:
    exchange.request(world)
    (row,) = queries.home(world.acting("mbp"), Tab.ACTION).rows
    assert row.ending is None


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ("mine=1", 2), ("incoming=1", 1), ("outgoing=1", 2), ("incoming=1&outgoing=1", 3),
        ("blue=1", 1), ("kind=transfer", 1), ("kind=direct", 0), ("institution=Harrowfield", 3),
        ("institution=Wexcombe", 0), ("assigned=me", 1), ("assigned=nobody", 2),
        ("chip=awaiting", 0), ("chip=purging", 0), ("until=01-Jan-2020", 0),
    ],
)  # fmt: skip
def test_filters_narrow_the_list(world: World, query: str, total: int) -> None:
    mine = exchange.request(world, priority=0, eligibility="theatre")
    exchange.transfer(world)
    exchange.asked_of_us(world)
    transactions.assign(mine, world.user("mbp"), by=world.acting("mbp"))
    page = world.client("mbp").get(f"/iep/?tab=all&{query}").content.decode()
    assert page.count("<tr") - page.count("<thead") == total, query


def test_what_is_searched_for_stands_in_no_address(world: World) -> None:
    exchange.request(world)
    client = world.client("mbp")
    answer = client.post(reverse("iep:home"), {"who": "Testpatient"})
    assert "Testpatient" not in answer["Location"]
    page = client.get(answer["Location"]).content.decode()
    assert "TESTPATIENT, Agnes" in page


def test_a_day_that_cannot_be_read_is_said(world: World) -> None:
    page = world.client("mbp").get("/iep/?since=soon").content.decode()
    assert "Enter the day like" in page


def test_urgent_comes_first_and_only_blue_light_is_marked(world: World) -> None:
    exchange.request(world)
    blue = exchange.request(world, priority=0, eligibility="ambulance")
    page = world.client("mbp").get(reverse("iep:home")).content.decode()
    assert page.count("app-exchange__blue") == 1
    assert page.index(str(blue.number)) < page.index(str(blue.number - 1))
    assert "of 4 hours" in page


def test_pages_are_turned(world: World) -> None:
    for _ in range(queries.PAGE + 1):
        exchange.request(world)
    first = queries.home(world.acting("mbp"), Tab.ACTION)
    second = queries.home(world.acting("mbp"), Tab.ACTION, page=2)
    assert (len(first.rows), len(second.rows), first.pages) == (queries.PAGE, 1, 2)
    assert not {row.number for row in first.rows} & {row.number for row in second.rows}
    assert queries.home(world.acting("mbp"), Tab.ACTION, page=99).page == 2


def live_line(client: Any, page: str) -> str:
    """What the page asks for every few seconds: its first line, as words."""
    address = unescape(re.search(r'hx-get="(/iep/changes[^"]*)"', page)[1])
    return " ".join(client.get(address).content.decode().partition("</p>")[0].split())


def test_the_live_line_says_how_many_rows_changed_and_the_list_marks_them(world: World) -> None:
    client = world.client("mbp")
    first = exchange.request(world)
    page = client.get("/iep/?tab=action&mine=").content.decode()
    assert "changed." not in live_line(client, page)
    second = exchange.request(world)
    line = live_line(client, page)
    assert "<strong>1 changed.</strong>" in line
    assert ">Show it</a>" in line
    for row in (first, second):
        transactions.ask_details(row, "Which side?", by=world.acting("mbp"))
    line = live_line(client, page)
    assert "<strong>2 changed.</strong>" in line
    assert ">Show them</a>" in line
    again = client.get(unescape(re.search(r'href="([^"]*)"', line)[1])).content.decode()
    assert again.count("app-exchange__news") == 2
    assert again.count(">Changed: </span>") == 2
    assert "changed." not in live_line(client, again)


def test_what_leaves_the_list_is_counted_and_what_a_filter_hides_is_not(world: World) -> None:
    client, by = world.client("mbp"), world.acting("mbp")
    first, second = exchange.request(world), exchange.request(world)
    page = client.get("/iep/?tab=action").content.decode()
    of_blue = client.get("/iep/?tab=action&blue=1").content.decode()
    for row in (first, second):
        transactions.cancel(row, "Twice", by=by)
    assert "<strong>2 changed.</strong>" in live_line(client, page)
    assert "changed." not in live_line(client, of_blue)


@pytest.mark.parametrize("drawn", ["", "yesterday", "2026-13-45T00:00:00Z", "2026-11-23T10:00"])
def test_a_moment_that_cannot_be_read_is_no_fault_of_the_page(world: World, drawn: str) -> None:
    client = world.client("mbp")
    for address in ("iep:home", "iep:home-changes"):
        assert client.get(reverse(address), {"drawn": drawn, "known": "-1"}).status_code == 200


def test_a_viewer_sees_no_button_to_make_one(world: World) -> None:
    assert "Create a transaction" in world.client("mbp").get("/iep/").content.decode()
    assert "Create a transaction" not in world.client("central").get("/iep/").content.decode()


BUDGET = 12  # with the session, who acts, the audit row and what stands around every page


def _rows_of_every_kind(world: World) -> None:
    """Every state of a transaction, with all that its row can show; and every kind of ticket."""
    desk = world.acting("mbp")
    for state in S:
        made = exchange.request(world, priority=0, eligibility="theatre")
        Transaction.objects.filter(pk=made.pk).update(
            state=state.value, assigned_to=desk.user,
            purge_at=timezone.now() + timedelta(days=3), due_at=timezone.now() + timedelta(days=3),
        )  # fmt: skip
        transactions.heard(
            made, "Which side?", by_name="Far", at=timezone.now(), shared_id=uuid4(), by=SYSTEM
        )
        Transfer.objects.create(
            kind="send", purpose="out", direction="out", node=made.node, transaction=made,
            title="CT head", state="waiting", state_since=timezone.now(), images=3,
        )  # fmt: skip
        Study.objects.create(
            study_uid=f"1.2.{made.number}", organisation=made.organisation, origin="dicom",
            transaction=made, state="failed_verification", state_since=timezone.now(),
            due_at=timezone.now(), exam_code="CSKUH",
        )  # fmt: skip
    chased = exchange.import_ticket(world)
    tickets.chase(chased, "requester", missing=["s_number"], by=desk)
    tickets.open_ticket(asking.disc_form(), by=desk)


@pytest.mark.parametrize("query", ["", "?tab=all", "?tab=all&ended=all&institution=Harrow",
                                   "?tab=failed", "?tab=all&chip=awaiting"])  # fmt: skip
def test_a_page_costs_at_most_twelve_queries_and_no_more_with_more_rows(
    world: World, query: str
) -> None:
    client = world.client("mbp")
    _rows_of_every_kind(world)
    few = cost_of(lambda: client.get(f"/iep/{query}"))
    for _ in range(3):
        _rows_of_every_kind(world)
    many = cost_of(lambda: client.get(f"/iep/{query}"))
    assert many == few
    assert many <= BUDGET


# --- Blue Light's clock ------------------------------------------------------------------------


@pytest.mark.hazard("H39")
@pytest.mark.parametrize(
    ("minutes", "rang"), [(59, None), (61, 1), (119, 1), (121, 2), (239, 2), (241, 4)]
)
def test_blue_light_rings_after_one_hour_two_and_four(
    world: World, minutes: int, rang: int | None
) -> None:
    thing = exchange.request(world, priority=0, eligibility="theatre")
    _age(thing, minutes=minutes)
    found = blue_light.alarms(world.acting("mbp"))
    assert [each.hours for each in found] == ([rang] if rang else [])


@pytest.mark.hazard("H39")
def test_a_blue_light_alarm_stands_on_the_strip_until_it_is_delivered(world: World) -> None:
    thing = exchange.request(world, priority=0, eligibility="theatre")
    _age(thing, minutes=150)
    cache.clear()
    (line,) = blue_light.blue_light_strip(world.acting("mbp"))
    assert line[0] == f"Blue Light is over 2 hours: Transaction {thing.number}."
    assert "Testpatient" not in line[0]
    assert list(blue_light.blue_light_strip(world.acting("gp"))) == []
    _to(thing, E.DELIVERED)
    cache.clear()
    assert list(blue_light.blue_light_strip(world.acting("mbp"))) == []


@pytest.mark.hazard("H39")
def test_a_blue_light_ticket_without_a_transaction_rings_too(world: World) -> None:
    from iep.states.priorities import Eligibility, Priority, Reason

    ticket = exchange.import_ticket(
        world, priority=Priority.BLUE_LIGHT, eligibility=Eligibility.THEATRE,
        reason=Reason.BLUE_LIGHT,
    )  # fmt: skip
    at = timezone.now() - timedelta(hours=5)
    Ticket.objects.filter(pk=ticket.pk).update(opened_at=at, asked_at=at)
    (alarm,) = blue_light.alarms(world.acting("mbp"))
    assert (alarm.reference, alarm.hours) == (ticket.reference, 4)
    assert Direction.OUT.value == "out"
