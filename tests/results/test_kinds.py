"""Each status and each shape of an ORU^R01 as people read it, through the wire and the page."""

from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from messaging import wire
from messaging.models import InboundMessage
from messaging.services import accept, process_waiting
from patients.hl7 import pid_segment
from requesting.models import PreviousResult, RequestItem
from results import queries, services
from results.hl7 import incoming_reports
from results.models import Copy, Observation, Report

from .clinic import potassium, text
from .letters import nte, obr, obx, orc, oru, pdf, pid
from .test_views import text_of

pytestmark = pytest.mark.django_db
START = timezone.now() - timedelta(hours=5)


def at(hours):
    return START + timedelta(hours=hours)


@pytest.fixture
def gp(clinic):
    return clinic.world.client("gp")


def page(client, report):
    return client.get(reverse("results:detail", args=[report.pk])).content.decode()


def status_of(item):
    return RequestItem.objects.get(pk=item.pk).status


def review(clinic, report, by="gp"):
    services.review(
        report, version=report.current_id, outcome="tell_patient", by=clinic.world.acting(by)
    )


# --- Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("DT", "20261122", "22-Nov-2026"),
        ("DT", "202611", "Nov-2026"),
        ("DT", "2026", "2026"),
        ("DT", "yesterday", "yesterday"),
        ("TM", "1405", "14:05"),
        ("TM", "140530+0100", "14:05:30 (+0100)"),
        ("TM", "2560", "2560"),
        ("TS", "20261122140500", "22-Nov-2026 14:05"),
        ("TS", "20260701120000+0000", "01-Jul-2026 13:00"),
        ("TS", "20261322", "20261322"),
        ("SN", [">", "100"], ">100"),
        ("SN", ["", "3", "-", "5"], "3-5"),
        ("SN", ["", "2", "+"], "2+"),
        ("SN", "5", "5"),
        ("XYZ", ["a", "b"], "a^b"),
    ],
)
def test_each_kind_of_value_reads_as_a_person_would_write_it(kind, value, said):
    (report,) = incoming_reports(oru(pid(), orc(), obr(), obx(value=value, kind=kind)))
    assert report.observations[0].value == said


@pytest.mark.parametrize(
    ("value", "said", "coded"),
    [
        (["112283007", "E. coli", "SCT"], "E. coli", "112283007 (SCT)"),
        (["ECO", "E. coli", "99LAB"], "E. coli", "ECO (99LAB)"),
        (["ECO", "E. coli", "99LAB", "112283007", "Escherichia coli", "SCT"], "E. coli",
         "ECO (99LAB); 112283007 Escherichia coli (SCT)"),
        (["ECO"], "ECO", ""),
        (["ECO", "", "L"], "ECO", "ECO (L)"),
        (["", "Only words"], "Only words", ""),
    ],
)  # fmt: skip
def test_a_coded_value_keeps_its_words_its_codes_and_a_system_that_nobody_knows(value, said, coded):
    (report,) = incoming_reports(oru(pid(), orc(), obr(), obx(value=value, kind="CE")))
    (found,) = report.observations
    assert (found.value, found.coded) == (said, coded)


def test_the_page_shows_code_and_words_every_repetition_and_the_part(clinic, gp):
    twice = wire.Repeat([["1", "First", "99LAB"], ["2", "Second", "99LAB"]])
    report = clinic.report(
        obx("ORG", twice, kind="CE", units="", limits="", flag="A", part="1"),
        obx("ORG", "Third", kind="ST", units="", limits="", flag="A", part="2"),
    )
    shown = page(gp, report)
    for words in ("First\nSecond", "1 (99LAB)\n2 (99LAB)", "Part 1", "Part 2", "Third"):
        assert words in shown


def test_highlighted_words_stand_out_on_the_page(clinic, gp):
    letter = clinic.letter(item := clinic.sent("chest-xray"), text("PLACE", flag="N"))
    raw = letter.raw.replace(b"PLACE", rb"A \H\large\N\ mass.\.br\\.in+2\Seen twice.")
    accept(raw, peer="127.0.0.1")
    process_waiting()
    response = gp.get(reverse("results:detail", args=[item.reports.get().pk]))
    assert text_of(response, "data-report-text") == "A large mass.\n  Seen twice."
    assert '<strong class="app-marked">large</strong>' in response.content.decode()


def test_comments_stand_with_the_patient_the_report_and_the_value(clinic, gp):
    item = clinic.sent()
    plain = clinic.letter(item, nte("Of the report"), obx(), nte("Of the value"))
    where = next(n for n, each in enumerate(plain) if each.name == "PID") + 1
    segments = [*plain.segments[:where], nte("Of the patient"), *plain.segments[where:]]
    clinic.arrives(wire.build(segments))
    version = item.reports.get().current
    assert (version.patient_note, version.text) == ("Of the patient", "Of the report")
    assert version.observations.get().note == "Of the value"
    shown = page(gp, item.reports.get())
    assert all(f"Of the {what}" in shown for what in ("patient", "report", "value"))


# --- Several reports -----------------------------------------------------------------------------


def several(clinic, items):
    """One message with a report for each of these items of one patient."""
    parts = [
        each
        for number, item in enumerate(items)
        for each in (
            orc(item.placer_number, f"F{number}"),
            obr(item.placer_number, f"F{number}", item.code, item.service_name,
                issued=timezone.now()),
            potassium(),
        )
    ]  # fmt: skip
    return oru(pid_segment(items[0].patient), *parts, control_id="SEV1", facility="RZ1",
               sent=timezone.now())  # fmt: skip


def test_each_report_of_a_message_answers_its_own_request(clinic):
    patient = clinic.world.patient()
    items = [clinic.sent(code, patient) for code in ("fbc", "ue", "hba1c")]
    clinic.arrives(several(clinic, items))
    assert [item.reports.get().name for item in items] == [item.service_name for item in items]


def follow_up(clinic, item, parent_filler, *, placer=""):
    """A test that the laboratory added to a report of its own (OBR-26, OBR-29)."""
    order = wire.segment("OBR", {
        1: "1", 2: placer, 3: "CHILD1", 4: ["SENS", "Sensitivities", "L"],
        22: wire.timestamp(timezone.now()), 25: "F",
        26: [["ORG", "Organism"], "1", "E. coli"], 29: [item.placer_number, parent_filler],
    })  # fmt: skip
    return oru(pid_segment(item.patient), orc(placer, "CHILD1"), order, potassium(),
               control_id="CH1", facility="RZ1", sent=timezone.now())  # fmt: skip


@pytest.mark.parametrize("child_first", [True, False])
def test_a_test_that_follows_from_another_is_linked_with_it_in_any_order(clinic, gp, child_first):
    item = clinic.sent()
    letters = [clinic.letter(item, filler="PARENT1"), follow_up(clinic, item, "PARENT1")]
    for letter in reversed(letters) if child_first else letters:
        assert clinic.arrives(letter).state == "processed"
    child, parent = (item.reports.get(key__startswith=key) for key in ("CHILD1", "PARENT1"))
    assert reverse("results:detail", args=[parent.pk]) in page(gp, child)
    assert "Organism, 1, E. coli" in page(gp, child)
    assert reverse("results:detail", args=[child.pk]) in page(gp, parent)


def test_a_parent_that_never_came_is_named(clinic, gp):
    item = clinic.sent()
    clinic.arrives(follow_up(clinic, item, "NEVER9", placer=item.placer_number))
    assert "a report that has not come here (number NEVER9)" in page(gp, item.reports.get())


# --- News without a report -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "status"), [("O", "accepted"), ("I", "progress"), ("S", "booked"), ("P", "progress")]
)
def test_a_report_without_a_value_moves_its_request_and_is_no_report(clinic, code, status):
    item = clinic.sent()
    letter = bare(clinic, item, code)
    assert clinic.arrives(letter).state == "processed"
    assert status_of(item) == status
    assert not Report.objects.exists()


def bare(clinic, item, code, *, words=(), sent=None, orc_fields=None):
    number = item.placer_number
    order = wire.segment("ORC", {1: "RE", 2: number, 3: "F1"} | (orc_fields or {}))
    now = sent or timezone.now()
    head = obr(number, "F1", item.code, item.service_name, status=code, issued=now)
    bare.count += 1
    return oru(pid_segment(item.patient), order, head, *words, control_id=f"B{bare.count}",
               facility="RZ1", sent=now)  # fmt: skip


bare.count = 0


def test_the_order_status_says_more_than_the_report_status(clinic):
    item = clinic.sent()
    clinic.arrives(bare(clinic, item, "I", orc_fields={1: "SC", 5: "SC"}))
    assert status_of(item) == "booked"


def test_news_of_a_request_that_is_reported_changes_nothing(clinic):
    item = clinic.sent()
    clinic.files(item)
    assert clinic.arrives(bare(clinic, item, "I")).state == "processed"
    assert status_of(item) == "reported"


def test_a_cancelled_test_closes_its_request_with_the_reason_and_tells_the_requester(clinic, gp):
    item = clinic.sent()
    clinic.arrives(bare(clinic, item, "X", words=(nte("Sample haemolysed"),)))
    row = RequestItem.objects.get(pk=item.pk)
    assert (row.status, row.attention) == ("cancelled", "cancelled")
    assert "Sample haemolysed" in row.reason
    report = item.reports.get()
    assert "there will be no result" in page(gp, report)
    review(clinic, report)
    assert status_of(item) == "cancelled"


def test_a_result_that_comes_after_all_opens_a_cancelled_request_again(clinic):
    item = clinic.sent()
    clinic.arrives(bare(clinic, item, "X", sent=at(1)))
    clinic.files(item, issued=at(2), filler="F1")
    assert status_of(item) == "reported"


def test_a_report_that_is_cancelled_after_it_was_read_is_to_be_read_again(clinic):
    item = clinic.sent()
    review(clinic, clinic.files(item, issued=at(1), filler="F1"))
    clinic.arrives(bare(clinic, item, "X", sent=at(2)))
    report = item.reports.get()
    assert (report.state, report.significance) == ("unread", "unexpected")
    assert status_of(item) == "reported"


# --- Taken back ----------------------------------------------------------------------------------


@pytest.mark.hazard("H24")
def test_a_deleted_value_is_struck_through_with_what_it_was(clinic, gp):
    item = clinic.sent("ue")
    clinic.files(item, potassium("6.8", "HH"), issued=at(1))
    report = clinic.files(item, potassium("", "", status="D"), status="F", issued=at(2))
    shown = page(gp, report)
    assert "6.8" in shown[shown.index("[deleted:") : shown.index("</del>", shown.index("[deleted"))]
    assert "Deleted by the laboratory" in shown
    assert (report.significance, report.leading, report.result_status) == ("unexpected", None, "C")


def test_a_deleted_value_weighs_no_more_what_it_weighed(clinic):
    report = clinic.report(potassium("6.8", "HH", status="D"), service="ue")
    assert (report.significance, report.leading, report.headline) == ("unexpected", None, "")


@pytest.mark.hazard("H21")
@pytest.mark.parametrize("service", ["ue", "chest-xray"])
def test_another_patients_report_is_nowhere_to_be_read_with_this_patient(clinic, gp, service):
    item = clinic.sent(service)
    secret = potassium("6.8", "HH") if service == "ue" else text("Secret finding", flag="A")
    first = clinic.letter(item, secret, nte("Secret comment"), issued=at(1), filler="F1")
    clinic.arrives(first)
    review(clinic, item.reports.get())
    again = clinic.letter(item, secret, nte("Secret comment"), status="W", issued=at(2),
                          filler="F1")  # fmt: skip
    clinic.arrives(again)
    report = item.reports.get()
    assert report.state == "unread"
    for name in ("detail", "print", "download"):
        shown = gp.get(reverse(f"results:{name}", args=[report.pk])).content.decode()
        assert "another patient’s" in shown
        assert not [words for words in ("6.8", "Secret") if words in shown]
    record = gp.get(reverse("record", args=[item.patient_id])).content.decode()
    inbox = gp.get(reverse("results:inbox")).content.decode()
    assert not [words for words in ("6.8", "Secret") if words in record + inbox]
    assert not PreviousResult.objects.exists()


@pytest.mark.hazard("H21")
def test_one_value_of_another_patient_is_hidden_in_every_version(clinic, gp):
    item = clinic.sent("ue")
    sodium = obx("NA", "140", name="Sodium", units="mmol/L", limits="133-146")
    clinic.files(item, potassium("6.8", "HH"), sodium, issued=at(1))
    report = clinic.files(item, potassium("6.8", "HH", status="W"), sodium, status="C",
                          issued=at(2))  # fmt: skip
    shown = page(gp, report)
    assert "6.8" not in shown
    assert "140" in shown
    assert "it was another patient’s" in shown


@pytest.mark.hazard("H24")
@pytest.mark.parametrize("code", ["C", "W", "D"])
def test_whoever_read_what_was_changed_is_told(clinic, code):
    item = clinic.sent("ue")
    report = clinic.files(item, potassium("4.2"), issued=at(1))
    reader, admin = clinic.world.client("gp2"), clinic.world.client("practice-admin")
    for client in (reader, admin):
        assert client.get(reverse("results:detail", args=[report.pk])).status_code == 200
    clinic.files(item, potassium("4.9"), status=code, issued=at(2))
    told = {copy.user.username for copy in Copy.objects.filter(seen_at=None, is_reader=True)}
    assert told == {"gp2", "practice-admin"}
    assert "it has changed" in page(reader, report)


def test_a_version_that_changes_nothing_tells_no_reader(clinic):
    item = clinic.sent("ue")
    report = clinic.files(item, potassium("4.2"), issued=at(1))
    clinic.world.client("practice-admin").get(reverse("results:detail", args=[report.pk]))
    clinic.files(item, potassium("4.2"), issued=at(1), sent=at(2))
    assert not Copy.objects.exists()


# --- The original --------------------------------------------------------------------------------


def original(report, number=1):
    return reverse("results:original", args=[report.pk, number])


@pytest.mark.hazard("H25")
def test_the_original_is_shown_segment_by_segment_and_the_look_is_on_record(clinic, gp):
    item = clinic.sent("chest-xray")
    letter = clinic.letter(item, text("pH < 7 & µ\n\\end ~ |", flag="A"))
    clinic.arrives(letter)
    report = item.reports.get()
    response = gp.get(original(report))
    shown = queries.original_of(report, 1)
    assert [each.source for each in shown.segments] == [each.source for each in letter]
    sources = [each.source for each in letter]
    assert all(text_in(response, source) for source in sources)
    assert AccessEvent.objects.filter(action="view_original", outcome="ok").count() == 1


def text_in(response, source):
    return source in unescape(response.content.decode())


def test_the_original_is_for_those_who_may_review(clinic, gp):
    item = clinic.sent()
    clinic.arrives(clinic.letter(item))
    report = item.reports.get()
    assert original(report) in page(gp, report)
    admin = clinic.world.client("practice-admin")
    assert original(report) not in page(admin, report)
    assert admin.get(original(report)).status_code == 403
    assert clinic.world.client_elsewhere("gp").get(original(report)).status_code == 404
    assert gp.get(original(report, 9)).status_code == 404


@pytest.mark.hazard("H21")
def test_the_original_of_a_message_of_several_patients_shows_this_ones_part(clinic, gp):
    items = [clinic.sent(), clinic.sent("ue", clinic.world.patient(family_name="Otherperson"))]
    one, two = (clinic.letter(item) for item in items)
    clinic.arrives(wire.build([*one.segments, *two.segments[1:]]))
    response = gp.get(original(items[0].reports.get())).content.decode()
    assert "lines about other patients are left out" in response
    assert "Otherperson" not in response


def test_the_letters_of_a_document_are_counted_and_not_shown(clinic, gp):
    item = clinic.sent()
    clinic.arrives(clinic.letter(item, pdf()))
    response = gp.get(original(item.reports.get())).content.decode()
    assert "JVBERi0" not in response
    assert "[document, " in response


# --- Character sets ------------------------------------------------------------------------------


@pytest.mark.hazard("H25")
@pytest.mark.parametrize(
    ("charset", "codec"),
    [("8859/1", "latin-1"), ("UNICODE UTF-8", "utf-8"), ("8859/15", "iso8859-15")],
)
def test_the_character_set_of_the_message_is_obeyed(clinic, charset, codec):
    item = clinic.sent("chest-xray")
    raw = clinic.letter(item, text("Größe 5 µm", flag="A")).raw.decode()
    accept(raw.replace("UNICODE UTF-8", charset).encode(codec), peer="127.0.0.1")
    process_waiting()
    assert item.reports.get().current.text == "Größe 5 µm"


@pytest.mark.hazard("H25")
def test_bytes_that_are_no_characters_are_never_filed_as_question_marks(clinic):
    item = clinic.sent("chest-xray")
    raw = clinic.letter(item, text("5 µm", flag="A")).raw.replace("µ".encode(), b"\xb5")
    accept(raw, peer="127.0.0.1")
    process_waiting()
    assert not Report.objects.exists()
    assert not Observation.objects.filter(value__contains="?").exists()
    message = InboundMessage.objects.get()
    assert (message.state, message.reason_code) == ("parked", "charset")  # a person looks at it
    assert bytes(message.raw) == raw
