"""Reports beside a partner's list; files that are put into a folder; rates of real results."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.policies import SYSTEM
from requesting.models import Difference, ReceivedList
from requesting.partner_lists import NotAList
from requesting.reconciling import Kind, State
from requesting.services.moving import locked_one, move
from requesting.states import Event
from results import services
from results.queries.rates import last_results, rates_of
from results.rates import Verdict
from tests.requesting.lists import partner_list
from tests.results.letters import obx

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def lims(clinic):
    return clinic.partners["pathology"]


def compared(world, partner, rows, *, after=HOUR):
    with time_machine.travel(timezone.now() + after, tick=False):
        raw = partner_list(partner.slug, rows, kind="reports")
        return services.reconcile(partner, raw, by=world.acting("central"))


def kinds():
    return set(Difference.objects.filter(state=State.OPEN).values_list("kind", "placer"))


def row(item, status="F", count="1"):
    at = (timezone.now() - HOUR).isoformat()
    return (item.placer_number, f"F{item.placer_number[-6:]}", status, at, count)


@pytest.mark.hazard("H29")
def test_a_report_that_they_sent_and_is_not_here_is_on_the_list(world, clinic, lims):
    here, lost = clinic.sent("fbc"), clinic.sent("ue")
    clinic.files(here)
    compared(world, lims, [row(here), row(lost)])
    assert kinds() == {(Kind.REPORT_NOT_HERE, lost.placer_number)}


def test_a_report_that_is_here_and_not_there_is_on_the_list(world, clinic, lims):
    item = clinic.sent("fbc")
    clinic.files(item)
    compared(world, lims, [])
    assert kinds() == {(Kind.REPORT_NOT_THERE, item.placer_number)}


def test_a_version_that_was_lost_is_on_the_list_until_it_comes(world, clinic, lims):
    item = clinic.sent("fbc")
    clinic.files(item)
    compared(world, lims, [row(item, "C", "2")])
    assert kinds() == {(Kind.VERSION, item.placer_number)}
    clinic.files(item, obx(value="90", status="C"), status="C")
    compared(world, lims, [row(item, "C", "2")], after=2 * HOUR)
    assert kinds() == set()


def test_a_report_that_waits_for_a_person_is_not_lost(world, clinic, lims):
    item = clinic.sent("fbc")
    clinic.arrives(clinic.letter(item, placer="OC1-NOBODY"))
    stray = ("OC1-NOBODY", f"F{item.placer_number[-6:]}", "F", "", "1")
    compared(world, lims, [stray])
    assert kinds() == set()


def test_another_partners_list_is_refused(world, clinic, lims):
    with pytest.raises(NotAList, match="is of “ris”"):
        services.reconcile(lims, partner_list("ris", []), by=world.acting("central"))


def test_a_file_in_the_folder_is_compared_and_put_away(clinic, lims, tmp_path):
    (tmp_path / "a.csv").write_bytes(partner_list("lims", [], kind="reports"))
    (tmp_path / "b.csv").write_bytes(b"nothing of the kind")
    assert services.take_files(tmp_path) == 2
    assert ReceivedList.objects.get().partner == lims
    assert (tmp_path / "done" / "a.csv").exists()
    ((name, why),) = services.refused_files(tmp_path)
    assert name == "b.csv"
    assert "first five lines" in why
    assert services.take_files(tmp_path) == 0


def test_the_command_compares_a_file_and_says_what_came_of_it(clinic, lims, tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(partner_list("lims", [("OC1-X", "", "received")]))
    said = StringIO()
    call_command("reconcile", "lims", str(path), stdout=said)
    assert "1 rows, 1 differ, 1 new" in said.getvalue()
    with pytest.raises(CommandError, match="No partner"):
        call_command("reconcile", "nobody", str(path))


def test_an_operator_uploads_a_list_and_deals_with_a_difference(world, clinic, lims):
    client = world.client("lab")
    file = SimpleUploadedFile("l.csv", partner_list("lims", [("OC1-X", "A-1", "received")]))
    address = f"/reconciliation/list/{lims.pk}"
    assert client.post(address, {}).status_code == 422
    assert client.post(address, {"list": file}).status_code == 302
    page = client.get("/reconciliation/").content.decode()
    assert "On their list under an order number that we do not have" in page
    one = Difference.objects.get()
    step = f"/reconciliation/{one.pk}/"
    assert client.post(step, {"do": "explain", "reason": ""}).status_code == 422
    assert client.post(step, {"do": "resend", "sure": "yes"}).status_code == 422
    said = {"do": "asked", "spoken_to": "Mr Clark", "reason": "A private patient"}
    assert client.post(step, said).status_code == 302
    assert client.post(step, {"do": "explain", "reason": "Private"}).status_code == 302
    assert "Explained: Private" in client.get(step).content.decode()
    assert world.client("radiologist").get(step).status_code == 403


@pytest.mark.hazard("H29")
def test_one_practices_missing_results_are_flagged_and_another_practice_is_not(world, clinic, lims):
    """Forty samples with a result give the usual time; then one practice's stop."""
    start, places = datetime(2026, 11, 16, 9, 0, tzinfo=UTC), {}
    for day, lost in ((0, False), (1, True)):
        for who in ("gp", "ahp"):
            with time_machine.travel(start + timedelta(days=day), tick=False):
                taken = [clinic.sent("fbc", by=who) for _ in range(8)]
                _taken(taken)
            if not (lost and who == "gp"):
                with time_machine.travel(start + timedelta(days=day, hours=3), tick=False):
                    for item in taken:
                        clinic.files(item)
            places[who] = taken[0].organisation
    now = start + timedelta(days=1, hours=9)
    found = {rate.code: rate for rate in rates_of(lims, now, enough=16)}
    ours, theirs = places["gp"], places["ahp"]
    assert found[ours.ods_code].verdict is Verdict.STOPPED
    assert (found[ours.ods_code].due, found[ours.ods_code].missing) == (8, 8)
    assert found[theirs.ods_code].verdict is not Verdict.STOPPED
    with time_machine.travel(now, tick=False):
        assert services.watch_rates(now, enough=16) == 1
        assert services.watch_rates(now, enough=16) == 0, "once, while it lasts"
        (last,) = last_results(world.acting("gp"))
    assert last.at == start + timedelta(hours=3)
    assert Difference.objects.get(kind=Kind.STOPPED).practice == ours


def _taken(items):
    """The samples reached the laboratory, which said so."""
    for item in items:
        move(locked_one(item), Event.STARTED, by=SYSTEM)
