"""Our PACS takes out again what it had: the study says so, somebody owns it, who asked knows."""

from http.client import HTTPConnection

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from iep.errors import NotAccepted
from iep.models import Lane, Node, TicketMail, Transfer
from iep.services.registration import filing, matching, taking_out
from iep.states.studies import StudyState
from iep.states.tickets import OPEN
from tests.iep.dicom import orthanc
from tests.iep.lanes import peer
from tests.iep.lanes.images import run
from tests.iep.matching.room import Desk, fresh, history

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.hazard("H40")]
WHY = "The PACS office rang: deleted from the unverified list."


@pytest.fixture
def pacs():
    with peer.listening() as far:
        yield far


@pytest.fixture
def desk(world, pacs, settings):
    settings.LANES_NIGHT = "00:00-23:59"
    Lane.objects.get_or_create(name="out-2", direction="out", is_blue_only=False)
    made = Desk(world)
    leads_to(made, pacs.port, "FARPACS")
    return made


def leads_to(desk, port: int, title: str) -> None:
    Node.objects.filter(pk=desk.pacs.pk).update(
        host="127.0.0.1", port=port, ae_title=title, commits=False
    )


def filed(desk, images: int = 3, ticket=None):
    """In PACS and in the RIS."""
    study = desk.match(desk.arrived(images, ticket=ticket))
    desk.answers(study)
    sweep()
    assert fresh(study).state == "filed"
    return fresh(study)


def sweep() -> None:
    filing.file_waiting()
    run("out-2")
    filing.file_waiting()


def refusal(call, *args, **facts) -> str:
    with pytest.raises(NotAccepted) as refused:
        call(*args, **facts)
    return refused.value.code


def test_what_pacs_took_out_is_no_longer_called_filed_and_somebody_owns_it(desk, world):
    study = taking_out.take_out(filed(desk), why=WHY, by=desk.desk)
    assert (study.state, study.in_pacs_at, study.why) == ("taken_out", None, WHY)
    assert study.due_at  # within four hours
    assert study.patient == desk.agnes  # whose it is stays known
    assert WHY in history(study)
    audited = AccessEvent.objects.get(action="study_taken_out", object_id=str(study.pk))
    assert audited.patient_id == str(desk.agnes.pk)
    page = world.client("mbp").get(reverse("iep:arrivals")).content.decode()
    assert "Not in our PACS any more" in page
    assert reverse("iep:arrival", args=[study.pk]) in page
    filing.file_waiting()
    run("out-2")
    assert fresh(study).state == "taken_out"  # nothing goes again by itself


def test_it_goes_again_from_what_we_keep_and_is_filed_again(desk, pacs):
    study = filed(desk)
    first = dict(pacs.kept)
    pacs.kept.clear()
    taking_out.take_out(study, why=WHY, by=desk.desk)
    back = taking_out.send_again(fresh(study), why="They have put it right.", by=desk.desk)
    assert (back.state, back.why) == ("matched", "")
    sweep()
    done = fresh(study)
    assert (done.state, bool(done.in_pacs_at), done.due_at) == ("filed", True, None)
    assert set(pacs.kept) == set(first)
    assert Transfer.objects.filter(study=study, purpose="to_pacs").count() == 2


def test_the_requester_who_was_told_that_they_are_there_is_told_that_they_are_not(desk):
    ticket = desk.ticket()
    study = filed(desk, ticket=ticket)
    ticket.refresh_from_db()
    assert ticket.state == "done"
    taking_out.take_out(study, why="It was her sister, Mary.", by=desk.desk)
    gone = TicketMail.objects.get(ticket=ticket, occasion__startswith="gone ")
    assert "are not in PACS any more" in gone.text
    said = "".join(ticket.events.values_list("words", flat=True))
    assert "Mary" not in gone.text + said  # why is the desk's
    assert "Our PACS took the images of 03-Nov-2026 out again." in said
    taking_out.send_again(fresh(study), why="They have put it right.", by=desk.desk)
    sweep()
    assert fresh(study).state == "filed"
    again = TicketMail.objects.get(ticket=ticket, occasion__startswith="again ")
    assert again.text == "The images of 03-Nov-2026 are in PACS again."
    taking_out.take_out(fresh(study), why=WHY, by=desk.desk)  # a second time is news again
    assert ticket.mails.filter(occasion__startswith="gone ").count() == 2


def test_who_was_not_told_yet_is_told_nothing_and_his_ticket_stays_open(desk):
    ticket = desk.ticket()
    one = filed(desk, ticket=ticket)
    other = desk.arrived(2, ticket=ticket, study_uid="1.2.840.9")
    type(ticket).objects.filter(pk=ticket.pk).update(state="arrived", due_at=timezone.now())
    taking_out.take_out(one, why=WHY, by=desk.desk)
    assert not ticket.mails.filter(occasion__startswith="gone ").exists()
    desk.answers(desk.match(other), filler="RIS-IMP-2")
    sweep()
    assert fresh(other).state == "filed"
    ticket.refresh_from_db()
    assert ticket.state in OPEN  # one study of it is not in PACS


@pytest.mark.hazard("H41")
def test_images_of_another_person_are_taken_out_unmatched_and_matched_anew(desk, pacs):
    """The way that "Ring the PACS team" leads to."""
    study = filed(desk)
    assert refusal(matching.unmatch, study, why="Her sister.", by=desk.lead) == "moved_on"
    pacs.kept.clear()
    taking_out.take_out(study, why="It was her sister.", by=desk.lead)
    free = matching.unmatch(fresh(study), why="It was her sister.", by=desk.lead)
    assert (free.state, free.patient, free.why) == ("failed_verification", None, "")
    assert desk.sent().first("ORC").get(1) == "CA"
    matched = desk.match(free)
    desk.answers(matched, filler="RIS-IMP-2")
    sweep()
    assert fresh(study).state == "filed"
    assert len(pacs.kept) == 3


def test_a_match_after_that_can_be_taken_back_as_long_as_nothing_of_it_has_left(desk):
    study = taking_out.take_out(filed(desk), why=WHY, by=desk.desk)
    free = matching.unmatch(study, why="Not hers.", by=desk.lead)
    desk.match(free)
    filing.file_waiting()
    assert matching.unmatch(fresh(study), why="Not hers either.", by=desk.lead).patient is None


def test_half_of_a_study_that_pacs_refused_is_taken_out_and_what_waits_does_not_go(desk, pacs):
    study = desk.match(desk.arrived(3))
    filing.file_waiting()
    transfer = Transfer.objects.get(study=study, purpose="to_pacs")
    pacs.refuses = {transfer.instances.get(position=2).sop_uid}
    run("out-2")
    assert refusal(matching.unmatch, fresh(study), why="No.", by=desk.lead) == "left"
    taking_out.take_out(fresh(study), why=WHY, by=desk.desk)
    transfer.refresh_from_db()
    assert transfer.state == "cancelled"
    assert fresh(study).state == "taken_out"


def test_what_has_not_left_is_not_taken_out(desk):
    study = desk.match(desk.arrived())
    filing.file_waiting()
    assert refusal(taking_out.take_out, study, why=WHY, by=desk.desk) == "not_there"
    assert refusal(taking_out.send_again, study, why=WHY, by=desk.desk) == "moved_on"
    assert fresh(study).state == "matched"


def test_a_reason_is_asked_for_and_nobody_of_another_trust_may_say_it(desk, world):
    study = filed(desk)
    assert refusal(taking_out.take_out, study, why=" ", by=desk.desk) == "why"
    asker = world.acting("gp")
    assert refusal(taking_out.take_out, study, why=WHY, by=asker) == "not_yours"
    assert refusal(taking_out.ask_pacs, study, by=asker) == "not_yours"
    assert fresh(study).state == "filed"


def test_the_page_asks_pacs_and_records_and_sends_again(desk, pacs, world):
    study = filed(desk)
    client, where = world.client("mbp"), reverse("iep:match", args=[study.pk])

    def act(what: str, **more: str) -> str:
        page = client.post(where, {"do": what, **more}, follow=True).content.decode()
        return " ".join(page.split())

    assert "lists all 3 images." in act("ask-pacs")
    pacs.kept.popitem()
    assert "lists 2 of the 3 images." in act("ask-pacs")
    refused = act("taken-out", why="")
    assert 'href="#taken-out-why"' in refused
    assert 'id="taken-out-why"' in refused
    page = act("taken-out", why=WHY)
    assert "Our PACS took the images out again" in page
    assert WHY in page
    assert page.count('id="why"') == 1  # two reasons on one page, each with its own field
    assert "The images go to PACS again." in act("send-again", why="They have put it right.")
    assert fresh(study).state == StudyState.MATCHED


def test_a_pacs_that_cannot_be_asked_says_so_and_nothing_changes(desk, world):
    study = filed(desk)
    leads_to(desk, 1, "FARPACS")
    where = reverse("iep:match", args=[study.pk])
    answer = world.client("mbp").post(where, {"do": "ask-pacs"})
    assert answer.status_code == 422
    assert "PACS could not be asked" in answer.content.decode()
    assert fresh(study).state == "filed"


def test_what_the_ris_cancels_afterwards_is_on_a_list_again(desk, world):
    """Filed was its end: without this it would wait for an entry where nobody looks."""
    study = filed(desk)
    desk.answers(study, "OC")
    row = fresh(study)
    assert (row.state, row.ris_state, bool(row.due_at)) == ("matched", "refused", True)
    page = world.client("mbp").get(reverse("iep:arrivals")).content.decode()
    assert reverse("iep:arrival", args=[study.pk]) in page
    desk.answers(row, "OK", filler="RIS-IMP-9")
    assert fresh(study).state == "filed"


@pytest.mark.needs_orthanc
def test_an_archive_that_others_wrote_deletes_the_study_and_gets_it_again(desk, tmp_path):
    with orthanc.running(tmp_path) as archive:
        leads_to(desk, archive.peer.port, "ORTHANC")
        study = filed(desk)
        sent = archive.instances()
        assert taking_out.ask_pacs(study, by=desk.desk).listed == 3
        for each in archive.ask("studies"):
            web = HTTPConnection("127.0.0.1", archive.web, timeout=60)
            web.request("DELETE", f"/studies/{each}")
            assert web.getresponse().status == 200
            web.close()
        assert taking_out.ask_pacs(study, by=desk.desk).listed == 0
        taking_out.take_out(study, why=WHY, by=desk.desk)
        taking_out.send_again(fresh(study), why="They have put it right.", by=desk.desk)
        sweep()
        assert fresh(study).state == "filed"
        assert archive.instances() == sent
