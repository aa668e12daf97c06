"""A practised downtime: every page and output says DRILL, and what is real goes its usual way."""

import re
from datetime import timedelta
from email import message_from_bytes, policy
from io import BytesIO

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone
from pypdf import PdfReader

from accounts.models import AccessEvent
from messaging.models import Mailbox, MailMessage, OutboundMessage, Partner
from messaging.queries.mails import needing_somebody
from messaging.services import drills, links
from requesting import services
from requesting.drill_states import (
    OPEN,
    TRANSITIONS,
    WAITS,
    PracticeEvent,
    PracticeStatus,
    after_practice,
)
from requesting.errors import FormMoved, NoForm, NotFound, Refused
from requesting.models import DowntimeForm, PracticeEventRow, PracticeForm, RequestItem
from requesting.queries import drill_report, practice
from requesting.queries.form_strip import downtime_forms
from requesting.queries.forms import forms_to_key_in
from requesting.services import drilling
from tests.messaging.mails import came_back
from tests.world import World

from .downtime import (
    RADIOLOGY,
    _fresh_strip,  # noqa: F401 - a fixture
    forget,
    mailbox,
    message_of,
    radiographer,
    take_down,
)
from .surgery import line

CHEST = line("chest-xray", reasons=["cough-for-more-than-3-weeks"], details="Night sweats.")


@pytest.fixture
def drill(surgery):
    """Kingsmere Radiology, with Northgate, from now for an hour; an hour of the clock: a minute."""
    now = timezone.now()
    (made,) = drills.declare_drill(
        [Partner.objects.get(departments__ods_code=RADIOLOGY)],
        places=[surgery.acting("gp").organisation], reason="Yearly practice", starts_at=now,
        ends_at=now + timedelta(hours=1), by=surgery.acting("central"),
    )  # fmt: skip
    forget()
    return made


def agreed(modality="XR") -> Mailbox:
    """A mailbox that is for drills."""
    box = mailbox(modality, name="Drill desk")
    Mailbox.objects.filter(pk=box.pk).update(purpose="drill", address="drill@kingsmere.nhs.example")
    box.refresh_from_db()
    return box


def made(surgery, drill, how="", case="chest", by="gp"):
    form = drilling.make_practice_form(
        drill, department=drill.partner.departments.get(), case=case, by=surgery.acting(by)
    )
    verbs = {"email": drilling.email_practice_form, "print": drilling.print_practice_form}
    return verbs[how](form, by=surgery.acting(by)) if how else form


def older(form, **ago):
    PracticeForm.objects.filter(pk=form.pk).update(out_at=timezone.now() - timedelta(**ago))
    form.refresh_from_db()


# --- The table -----------------------------------------------------------------------------------


def test_nothing_moves_a_practice_form_outside_its_table():
    for status in PracticeStatus:
        for event in PracticeEvent:
            assert after_practice(status, event) is TRANSITIONS.get((status, event))


def test_each_status_is_an_end_or_has_an_owner_a_limit_and_a_list():
    assert set(WAITS) == set(OPEN)
    ends = set(PracticeStatus) - set(OPEN)
    assert {TRANSITIONS[move] for move in TRANSITIONS if move[0] in ends} <= ends
    assert all(wait.owner and wait.limit and reverse(wait.list_name) for wait in WAITS.values())


# --- What is real goes on ------------------------------------------------------------------------


@pytest.mark.hazard("H64")
def test_a_real_order_is_never_held_by_a_drill(surgery, drill):
    made(surgery, drill, "print")
    item = surgery.released(CHEST)
    assert (item.status, message_of(item).state) == ("sent", "waiting")
    with pytest.raises(NoForm, match="The link works"):
        services.choose_form(
            item.request, department=item.department, how="print", by=surgery.acting("gp")
        )
    delivered = surgery.delivered(CHEST)
    assert delivered.status == "received"
    assert message_of(delivered).state != "held"
    assert is_held_nowhere()


def is_held_nowhere() -> bool:
    return not OutboundMessage.objects.filter(state="held").exists()


@pytest.mark.hazard("H64")
def test_a_whole_drill_makes_no_request_no_message_and_no_downtime_form(surgery, drill):
    agreed()
    before = (RequestItem.objects.count(), OutboundMessage.objects.count())
    form = made(surgery, drill, "email")
    drilling.key_in_practice_form(form, number="DRILL-1", by=radiographer())
    made(surgery, drill, "print", case="chest-urgent")
    older(PracticeForm.objects.latest("pk"), hours=90)
    drills.stop_drill(drill, by=surgery.acting("central"))
    assert (RequestItem.objects.count(), OutboundMessage.objects.count()) == before
    assert not DowntimeForm.objects.exists()
    assert forms_to_key_in(radiographer()) == ((), 0)
    forget()
    for who in (radiographer(), surgery.acting("gp"), surgery.acting("central")):
        assert downtime_forms(who) == []  # no alarm of a real clock
    assert services.sound_alarms() == 0


@pytest.mark.hazard("H49")
def test_when_the_link_falls_in_earnest_the_strip_says_only_what_is_real(surgery, drill):
    form, gp = made(surgery, drill, "print"), surgery.acting("gp")
    (told,) = drilling.drill_strip(gp)
    assert told[0].startswith("DRILL")
    links.declare_down(drill.partner, reason="The line is cut", by=surgery.acting("central"))
    forget()
    assert drilling.drill_strip(gp) == []
    page = World().client("gp").get("/requests/").content.decode()
    assert "Requests to Kingsmere Radiology are not getting through" in page
    assert "DRILL" not in page
    form.refresh_from_db()
    assert form.status == "left_over"
    item = surgery.released(CHEST)
    real = services.choose_form(
        item.request, department=item.department, how="print", by=surgery.acting("gp")
    )
    assert real.status == "printed"


def test_a_real_downtime_form_carries_no_word_of_a_drill(surgery):
    take_down(surgery, RADIOLOGY)
    item = surgery.released(CHEST)
    services.choose_form(item.request, department=item.department, how="print",
                         by=surgery.acting("gp"))  # fmt: skip
    form = DowntimeForm.objects.get()
    client = World().client("gp")
    text = client.get(reverse("requesting:form-sheet", args=[form.pk])).content.decode()
    file = client.get(reverse("requesting:form-pdf", args=[form.pk])).content
    words = "".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages)
    assert "drill" not in re.sub(r"downtime\.css", "", text + words).lower()


# --- Everything is marked ------------------------------------------------------------------------


@pytest.mark.hazard("H64")
def test_every_page_and_output_of_a_practice_form_says_drill(surgery, drill):
    agreed()
    form = made(surgery, drill, "email")
    radiographer()
    addresses = [
        reverse("requesting:drills"), reverse("requesting:drill", args=[drill.pk]),
        reverse("requesting:drill-report", args=[drill.pk]),
        reverse("requesting:practice-form", args=[form.pk]),
    ]  # fmt: skip
    world = World()
    for client in (world.client("gp"), world.client("central"),
                   world.client("kingsmere-radiographer")):  # fmt: skip
        for address in addresses:
            content = client.get(address).content.decode()
            heading = re.search(r"<h1[^>]*>(.*?)</h1>", content, re.S)
            assert heading
            assert "DRILL" in heading[1] or address == addresses[0]
            assert content.count("DRILL") >= 2, address


def test_each_page_of_the_pdf_says_drill_in_large_letters(surgery, drill):
    form = made(surgery, drill, "print")
    content = World().client("gp").get(reverse("requesting:practice-pdf", args=[form.pk]))
    assert content["Content-Disposition"] == f'inline; filename="{form.reference}.pdf"'
    file = PdfReader(BytesIO(content.content))
    assert file.metadata.title == f"DRILL: practice form {form.reference}"
    sizes = []
    for page in file.pages:
        found = []
        page.extract_text(visitor_text=lambda text, _c, _t, _f, size, found=found:
                          found.append((text.strip(), size)))  # fmt: skip
        assert any("DRILL" in text for text, _ in found)
        sizes.append(max(size for text, size in found if text.startswith("DRILL")))
        assert practice.NOT_A_REQUEST[:20] in page.extract_text() or page.page_number
    assert min(sizes) >= 100
    words = file.pages[0].extract_text()
    assert "Not a" not in words
    assert "NHS number" in words
    assert not re.search(r"\d{3} ?\d{3} ?\d{4}", words)  # nobody's number


@pytest.mark.hazard("H64")
def test_the_mail_says_drill_first_and_goes_only_where_drills_were_agreed(surgery, drill):
    mailbox("XR")  # the real one
    form = made(surgery, drill)
    with pytest.raises(NoForm, match="No mailbox was agreed for drills"):
        drilling.email_practice_form(form, by=surgery.acting("gp"))
    assert not MailMessage.objects.exists()
    agreed("US")
    Mailbox.objects.filter(purpose="drill").update(modality="")
    drilling.email_practice_form(form, by=surgery.acting("gp"))
    mail = MailMessage.objects.get()
    assert (mail.purpose, mail.to_address) == ("drill", "drill@kingsmere.nhs.example")
    assert mail.subject.startswith("DRILL")
    message = message_from_bytes(bytes(mail.raw), policy=policy.default)
    assert "DRILL" in message["From"]
    body = message.get_body(("plain",)).get_content()
    assert body.startswith("DRILL")
    assert body.count(practice.NOT_A_REQUEST) >= 2
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == f"{form.reference}.pdf"
    assert form.reference.startswith("DRILL-")


def test_every_line_of_audit_and_history_of_a_drill_says_so(surgery, drill):
    form = made(surgery, drill, "print")
    drilling.key_in_practice_form(form, number="DRILL-1", by=radiographer())
    rows = AccessEvent.objects.filter(
        object_type__in=["messaging.Drill", "requesting.PracticeForm"]
    )
    assert rows.count() >= 5
    assert set(rows.values_list("reason", flat=True)) == {"DRILL"}
    assert set(rows.values_list("patient_id", flat=True)) <= {"", None}
    with pytest.raises(DatabaseError), transaction.atomic():
        PracticeEventRow.objects.update(words="")


# --- Who takes part ------------------------------------------------------------------------------


def test_the_strip_is_for_who_takes_part_and_the_first_look_is_kept(surgery, drill):
    gp = surgery.acting("gp")
    for who in (gp, surgery.acting("central"), radiographer()):
        ((sentence, since, then, href, _),) = drilling.drill_strip(who)
        assert sentence.startswith("DRILL. This is practice")
        assert "Kingsmere Radiology" in sentence
        assert "Real requests are sent as usual" in then
        assert (since, href) == (drill.started_at, f"/downtime/drills/{drill.pk}/")
    for other in ("ahp", "lab", "radiologist"):
        assert drilling.drill_strip(surgery.acting(other)) == []
    assert drilling.drill_strip(None) == []
    drilling.drill_strip(surgery.acting("practice-admin"))
    (sight,) = drill.sights.all()
    assert (sight.what, sight.place, sight.by) == ("strip", gp.organisation, gp.label)


@pytest.mark.parametrize("who", ["ahp", "lab", "radiologist"])
def test_who_takes_no_part_finds_no_drill(surgery, drill, who):
    form = made(surgery, drill, "print")
    with pytest.raises(NotFound):
        practice.drill_or_404(surgery.acting(who), drill.pk)
    with pytest.raises(NotFound):
        practice.practice_form(surgery.acting(who), form.pk)
    with pytest.raises(Refused):
        drilling.key_in_practice_form(form, number="1", by=surgery.acting(who))
    with pytest.raises(Refused):
        made(surgery, drill, by=who)


def test_a_form_is_made_sent_and_keyed_in_once_each(surgery, drill):
    form, gp = made(surgery, drill), surgery.acting("gp")
    with pytest.raises(FormMoved):
        drilling.key_in_practice_form(form, number="1", by=radiographer())
    drilling.print_practice_form(form, by=gp)
    with pytest.raises(FormMoved):
        drilling.print_practice_form(form, by=gp)
    with pytest.raises(Refused, match="practice number"):
        drilling.key_in_practice_form(form, number=" ", by=radiographer())
    drilling.key_in_practice_form(form, number="DRILL-1", by=radiographer())
    with pytest.raises(FormMoved):
        drilling.key_in_practice_form(form, number="DRILL-2", by=radiographer())
    form.refresh_from_db()
    assert (form.status, form.number) == ("keyed_in", "DRILL-1")


def test_a_department_is_asked_only_for_what_it_does(surgery, drill):
    with pytest.raises(Refused, match="Choose a test of that department"):
        made(surgery, drill, case="bloods")
    page = World().client("gp").get(reverse("requesting:drill", args=[drill.pk])).content.decode()
    assert "DRILL: X-ray of the chest" in page
    assert "DRILL: full blood count" not in page


def test_after_the_end_nothing_is_practised_and_no_mail_of_it_leaves(surgery, drill):
    agreed()
    posted, printed = made(surgery, drill, "email"), made(surgery, drill, "print")
    drills.stop_drill(drill, by=surgery.acting("central"))
    assert MailMessage.objects.get().state == "withdrawn"
    assert {f.status for f in PracticeForm.objects.all()} == {"left_over"}
    for verb in (
        lambda: made(surgery, drill),
        lambda: drilling.print_practice_form(posted, by=surgery.acting("gp")),
        lambda: drilling.key_in_practice_form(printed, number="1", by=radiographer()),
    ):
        with pytest.raises(Refused, match="The drill is over"):
            verb()


def test_the_clock_of_a_drill_runs_as_fast_as_was_agreed(surgery, drill):
    form = made(surgery, drill, "print")
    older(form, minutes=30)
    assert practice.time_left(form) == ("41 drill hours left", False)
    older(form, minutes=75)
    assert practice.time_left(form)[1]
    drill.hour_seconds = 3600
    drill.save(update_fields=["hour_seconds"])
    form = PracticeForm.objects.get()
    assert practice.time_left(form) == ("70 drill hours left", False)


# --- The report ----------------------------------------------------------------------------------


def test_the_report_says_who_noticed_what_was_made_and_how_long_it_took(surgery, drill):
    gp, central = surgery.acting("gp"), surgery.acting("central")
    drilling.drill_strip(gp)
    drilling.open_practice_form(drill, by=gp)
    agreed()
    posted = made(surgery, drill, "email")
    came_back(MailMessage.objects.get())
    first, second = made(surgery, drill, "print"), made(surgery, drill, "print")
    for form in (first, second):
        drilling.key_in_practice_form(form, number="DRILL-1", by=radiographer())
    start = drill.started_at
    for form, slow in ((first, 2), (second, 26)):
        PracticeForm.objects.filter(pk=form.pk).update(
            made_at=start, out_at=start, keyed_in_at=start + timedelta(minutes=slow)
        )
    drills.note_drill(drill, words="Nobody knew the desk's number", by=gp)
    drills.stop_drill(drill, by=central)
    drill.refresh_from_db()
    report = drill_report.report_of(drill)
    (place,) = report.places
    assert (place.noticed.by, place.opened.by) == (gp.label, gp.label)
    assert (place.made, place.emailed, place.printed, place.keyed_in) == (3, 1, 2, 2)
    assert place.bounced == 1
    assert report.made_none == ()
    assert [each.address for each in report.bounced] == ["drill@kingsmere.nhs.example"]
    assert [form.pk for form in report.unreconciled] == [posted.pk]
    keyed = report.steps[-1]
    assert (keyed.count, keyed.median) == (2, timedelta(minutes=14))
    assert keyed.slowest == timedelta(minutes=26)
    assert report.late[0] == (24, 1)
    assert [note.words for note in report.notes] == ["Nobody knew the desk's number"]
    assert needing_somebody(central) == 0  # a drill's bounce is no figure of real work


def test_the_report_is_kept_as_a_file_in_which_each_line_says_drill(surgery, drill):
    drills.note_drill(drill, words="=cmd()", by=surgery.acting("gp"))
    drills.stop_drill(drill, by=surgery.acting("central"))
    client = World().client("central")
    response = client.get(reverse("requesting:drill-file", args=[drill.pk]))
    assert f"DRILL-report-{drill.pk}.csv" in response["Content-Disposition"]
    head, *rows = response.content.decode("utf-8-sig").splitlines()
    assert head.startswith("Drill,")
    assert all(row.startswith("DRILL,") for row in rows)
    assert any("'=cmd()" in row for row in rows)
    page = client.get(reverse("requesting:drill-report", args=[drill.pk])).content.decode()
    assert "Northgate" in page.split("Made none")[1][:200]


# --- The pages -----------------------------------------------------------------------------------


def test_the_central_team_plans_begins_and_stops_it_on_pages(surgery):
    partner = Partner.objects.get(departments__ods_code=RADIOLOGY)
    client = World().client("central")
    said = {"destination": f"partner-{partner.pk}", "places": ["P81001"], "reason": "Yearly",
            "minutes": "60", "hour_seconds": "60"}  # fmt: skip
    said["places"] = [surgery.acting("gp").organisation.ods_code]
    assert client.post("/downtime/drills/plan", said | {"reason": ""}).status_code == 422
    assert client.post("/downtime/drills/plan", said | {"day": "2026-01-01"}).status_code == 422
    assert client.post("/downtime/drills/plan", said | {"places": []}).status_code == 422
    response = client.post("/downtime/drills/plan", said)
    assert response.status_code == 302
    page = client.get(response["Location"]).content.decode()
    assert "Stop the drill now" in page
    again = client.post("/downtime/drills/plan", said)
    assert again.status_code == 422
    assert "There is a drill of this destination at that time" in again.content.decode()
    act = response["Location"] + "act"
    assert client.post(act, {"do": "start"}).status_code == 409
    assert client.post(act, {"do": "stop"}).status_code == 302
    assert client.post(act, {"do": "stop"}).status_code == 409


@pytest.mark.parametrize("who", ["gp", "kingsmere-radiographer"])
def test_who_may_not_declare_sees_no_button_and_stops_nothing(surgery, drill, who):
    radiographer()
    client = World().client(who)
    address = reverse("requesting:drill", args=[drill.pk])
    assert "Stop the drill" not in client.get(address).content.decode()
    assert client.post(address + "act", {"do": "stop"}).status_code == 403
    assert client.post(address + "act", {"do": "stop-all"}).status_code == 422
    drill.refresh_from_db()
    assert drill.state == "running"


def test_all_of_a_trust_is_one_exercise_of_several_drills(surgery):
    client, now = World().client("central"), timezone.now()
    response = client.post(
        "/downtime/drills/plan",
        {"destination": "trust-RZ1", "reason": "Yearly", "minutes": "30", "hour_seconds": "60",
         "places": [surgery.acting("gp").organisation.ods_code],
         "day": (now + timedelta(days=1)).date().isoformat(), "time": "10:00"},
    )  # fmt: skip
    assert response.status_code == 302
    page = client.get(response["Location"]).content.decode()
    assert "Together with" in page
    assert "Planned" in page
