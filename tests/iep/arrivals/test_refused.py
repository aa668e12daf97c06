"""A refused file has a clock and an owner: on the list, on the home, on the strip (hazard H40)."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from iep.models import ReceivedFile
from iep.queries.arrival import refused
from iep.services.arrival import arrivals
from iep.states.studies import FileState
from tests.iep.transactions import exchange as transactions

from . import bytes as files

pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H40")]


@pytest.fixture(autouse=True)
def _nothing_remembered():
    cache.clear()


def broken(exchange, **more) -> ReceivedFile:
    (row,) = exchange.came(files.image()[:200], **more)
    assert row.state == FileState.REFUSED
    return row


def passes(row, **time) -> None:
    then = timedelta(**time)
    ReceivedFile.objects.filter(pk=row.pk).update(
        due_at=row.due_at - then, received_at=row.received_at - then
    )
    cache.clear()


def strip(world, who="mbp") -> list[str]:
    return [words for words, *_ in refused.held_strip(world.acting(who))]


def page(world, name: str, query: str = "") -> str:
    return world.client("mbp").get(reverse(f"iep:{name}") + query).content.decode()


def test_it_is_due_in_a_day_and_of_a_blue_light_in_a_quarter_of_an_hour(exchange, world):
    (day,) = {round((broken(exchange).due_at - timezone.now()).total_seconds() / 3600)}
    blue = transactions.request(world, priority=0, eligibility="theatre")
    minutes = (broken(exchange, transaction=blue).due_at - timezone.now()).total_seconds() / 60
    assert (day, round(minutes)) == (24, 15)


def test_the_database_keeps_no_refused_file_without_a_clock(exchange):
    row = broken(exchange)
    with pytest.raises(IntegrityError), transaction.atomic():
        ReceivedFile.objects.filter(pk=row.pk).update(due_at=None)


def test_the_list_says_how_old_it_is_and_turns_red_after_its_time(exchange, world):
    row = broken(exchange)
    passes(row, hours=5)
    assert "5hr old" in page(world, "arrivals")
    assert "Overdue" not in page(world, "arrivals")
    passes(row, hours=24, minutes=1)
    assert "Overdue" in page(world, "arrivals")
    assert "app-count--urgent" in page(world, "arrivals")


def test_the_first_due_stands_first(exchange, world):
    late, blue = broken(exchange), broken(exchange)
    ReceivedFile.objects.filter(pk=blue.pk).update(due_at=timezone.now())
    text = page(world, "arrivals")
    assert text.index(f"why-{blue.pk}") < text.index(f"why-{late.pk}")


def test_action_required_counts_them_and_leads_there(exchange, world):
    passes(broken(exchange), hours=30)
    text = page(world, "home", "?tab=action")
    assert "1 refused file" in text
    assert "1 overdue" in text
    assert reverse("iep:arrivals") + "#refused" in text
    assert "refused file" not in page(world, "home", "?tab=accepted")


def test_the_strip_rings_after_its_time_for_who_works_there_and_for_nobody_else(exchange, world):
    row = broken(exchange)
    assert strip(world) == []
    passes(row, hours=24, minutes=1)
    assert strip(world) == ["1 file that came was refused, and nobody has looked in time."]
    assert strip(world, "gp") == []
    arrivals.discard_file(ReceivedFile.objects.get(pk=row.pk), why="Sent again", by=exchange.desk)
    cache.clear()
    assert strip(world) == []


def test_looked_at_again_it_has_a_new_clock(exchange):
    row = broken(exchange)
    passes(row, hours=40)
    arrivals.look_again(ReceivedFile.objects.get(pk=row.pk), by=exchange.desk)
    arrivals.read_waiting()
    row.refresh_from_db()
    assert row.state == FileState.REFUSED
    assert row.due_at > timezone.now() + timedelta(hours=23)


def test_a_scanner_that_is_away_is_on_the_strip_with_how_many_wait(exchange, world, settings):
    settings.CLAMD_ADDRESS = "127.0.0.1:9"
    exchange.came(*exchange.images(3))
    assert strip(world) == ["The virus scanner does not answer: 3 files in quarantine."]


def test_another_trusts_refused_files_are_not_told(exchange, world):
    row = broken(exchange)
    passes(row, hours=40)
    row.refresh_from_db()
    assert row.organisation_id == exchange.trust.pk
    said = world.client_elsewhere("mbp").get(reverse("iep:arrivals")).content.decode()
    assert "Refused files" not in said
    assert "nobody has looked in time" not in said
