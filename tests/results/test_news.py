"""News of results by mail: an extra from two senders, once a version; what is held is counted."""

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.policies import SYSTEM
from messaging.models import Mailbox, MailMessage, Partner
from messaging.services import mail
from results import services
from results.errors import NotAllowed
from results.models import Hold, Notice, Report
from results.notice_states import NOTICE_MOVES, NOTICE_WAITS, NoticeState, may_be_held
from results.states import Group, Significance

from .clinic import potassium

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def boxes(clinic):
    """Northgate has asked for both kinds of mail."""
    today = timezone.localdate()
    return {
        purpose: Mailbox.objects.create(
            organisation=clinic.gp.organisation, purpose=purpose, display_name="Northgate Surgery",
            address=f"{purpose}@northgate.nhs.example", verified_on=today, valid_from=today,
        )
        for purpose in ("results", "alerts", "requests")
    }  # fmt: skip


def in_an_hour():
    return time_machine.travel(timezone.now() + HOUR + timedelta(minutes=1), tick=False)


def digests():
    return MailMessage.objects.filter(purpose="results").order_by("pk")


def states():
    return sorted(Notice.objects.values_list("state", flat=True))


def seen_by_nobody(report):
    report.refresh_from_db()
    return report.state == "unread"


@pytest.mark.hazard("H35")
def test_routine_results_of_an_hour_are_one_mail_from_the_routine_sender(clinic, boxes):
    items = [clinic.sent() for _ in range(3)]
    for item in items:
        clinic.files(item)
    assert services.post_digests() == 0
    with in_an_hour():
        assert services.post_digests() == 1
        assert services.post_digests() == 0
    (digest,) = digests()
    assert digest.subject == "3 routine results have arrived"
    assert digest.from_address.startswith("no-reply-results@")
    text = bytes(digest.raw).decode()
    assert all(item.request.reference in text for item in items)
    assert "Testpatient" not in text
    assert items[0].patient.nhs_number not in text


@pytest.mark.hazard("H52")
def test_an_alerted_report_is_a_mail_of_its_own_at_once_from_the_other_sender(clinic, boxes):
    report = clinic.files(clinic.sent("ue"), potassium("6.8", "HH"))
    (written,) = MailMessage.objects.filter(purpose="alerts")
    assert written.from_address.startswith("no-reply-alerts@")
    assert written.subject.startswith("Action: an alerted report has arrived (ref R-")
    assert "Testpatient" not in bytes(written.raw).decode()
    assert seen_by_nobody(report)


@pytest.mark.hazard("H35")
def test_the_same_version_is_told_of_once(clinic, boxes):
    item = clinic.sent("ue")
    issued = timezone.now()
    for _ in range(3):
        clinic.files(item, potassium("6.8", "HH"), issued=issued)
    assert MailMessage.objects.count() == Notice.objects.count() == 1
    clinic.files(item, potassium("6.9", "HH"), status="C", issued=issued + HOUR)
    assert MailMessage.objects.count() == Notice.objects.count() == 2


def test_a_place_without_a_mailbox_gets_no_mail_and_its_result_all_the_same(clinic):
    report = clinic.files(clinic.sent("ue"), potassium("6.8", "HH"))
    assert not MailMessage.objects.exists()
    assert seen_by_nobody(report)


@pytest.mark.hazard("H52")
@pytest.mark.parametrize("fate", ["sent", "refused", "failed", "bounced", "handled"])
def test_the_result_is_untouched_by_what_becomes_of_the_mail(clinic, boxes, fate):
    report = clinic.files(clinic.sent("ue"), potassium("6.8", "HH"))
    before = Report.objects.filter(pk=report.pk).values().get()
    MailMessage.objects.update(state=fate)
    services.post_digests()
    assert Report.objects.filter(pk=report.pk).values().get() == before
    report.item.refresh_from_db()
    assert report.item.status == "reported"


def test_a_mail_that_cannot_be_written_stops_no_result(clinic, boxes, settings):
    settings.MAIL_DOMAINS = ["nhs.net"]
    report = clinic.files(clinic.sent("ue"), potassium("6.8", "HH"))
    assert seen_by_nobody(report)
    assert states() == ["waiting"]
    settings.MAIL_DOMAINS = ["*.nhs.example"]
    with in_an_hour():
        services.post_digests()
    assert states() == ["posted"]


def test_what_was_reviewed_before_the_digest_is_not_told(clinic, boxes):
    report = clinic.files(clinic.sent())
    services.review(report, version=report.current_id, outcome="normal", by=clinic.gp)
    with in_an_hour():
        assert services.post_digests() == 0
    assert states() == ["cancelled"]


# --- Held ----------------------------------------------------------------------------------------


@pytest.fixture
def hold(clinic, boxes):
    return services.hold_news(
        reason="The practice’s line is down", practice=clinic.gp.organisation,
        by=clinic.world.acting("central"),
    )  # fmt: skip


@pytest.mark.hazard("H54")
def test_held_news_is_released_and_counted_and_what_was_read_is_cancelled(clinic, boxes, hold):
    reports = [clinic.files(clinic.sent()) for _ in range(4)]
    with in_an_hour():
        assert services.post_digests() == 0
        assert states() == ["held"] * 4
        services.review(reports[0], version=reports[0].current_id, outcome="normal", by=clinic.gp)
        ended = services.release_news(hold, by=clinic.world.acting("central"))
        assert (ended.held, ended.released, ended.cancelled) == (4, 3, 1)
        assert services.post_digests() == 1
    assert digests().get().subject == "3 routine results have arrived"
    assert states() == ["cancelled"] + ["posted"] * 3


@pytest.mark.hazard("H54")
def test_the_result_itself_is_never_held(clinic, boxes, hold):
    report = clinic.files(clinic.sent())
    assert Notice.objects.get().state == "held"
    assert (report.state, report.owner_id) == ("unread", report.item.request.results_to_id)


@pytest.mark.hazard("H54")
@pytest.mark.parametrize("flag", ["HH", "H"])
def test_what_is_critical_or_abnormal_is_never_held(clinic, boxes, hold, flag):
    clinic.files(clinic.sent("ue"), potassium("6.8", flag))
    with in_an_hour():
        services.post_digests()
    assert states() == ["posted"]
    assert MailMessage.objects.count() == 1


@pytest.mark.hazard("H24")
@pytest.mark.hazard("H54")
def test_an_amended_report_is_never_held(clinic, boxes, hold):
    item = clinic.sent()
    clinic.files(item)
    clinic.files(item, potassium("4.4", "N"), status="C", issued=timezone.now() + HOUR)
    assert states() == ["held", "waiting"]


@pytest.mark.parametrize("significance", list(Significance))
@pytest.mark.parametrize("group", list(Group))
def test_only_what_worries_nobody_may_be_held(significance, group):
    calm = significance == "normal" and group in (Group.NORMAL, Group.INFORMATION)
    assert may_be_held(significance, group) is calm


@pytest.mark.hazard("H54")
def test_the_database_refuses_to_hold_what_may_not_be_held(clinic, boxes, hold):
    clinic.files(clinic.sent("ue"), potassium("6.8", "H"))
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.update(state="held", hold=hold)


@pytest.mark.hazard("H54")
def test_a_hold_cannot_end_with_news_unaccounted_for(clinic, boxes, hold):
    clinic.files(clinic.sent())
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.update(ended_at=timezone.now())


@pytest.mark.hazard("H54")
def test_a_forgotten_hold_ends_by_itself(clinic, boxes, hold):
    clinic.files(clinic.sent())
    assert services.release_due() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=4, minutes=1), tick=False):
        assert services.release_due() == 1
        assert services.post_digests() == 1
    hold.refresh_from_db()
    assert (hold.held, hold.released, hold.cancelled) == (1, 1, 0)
    assert states() == ["posted"]


def test_what_waited_when_the_hold_began_is_held_too(clinic, boxes):
    clinic.files(clinic.sent())
    held = services.hold_news(reason="Short outage", by=clinic.world.acting("central"))
    held.refresh_from_db()
    assert (states(), held.held) == (["held"], 1)


def test_a_hold_of_another_department_or_place_holds_nothing_here(clinic, boxes):
    by = clinic.world.acting("central")
    services.hold_news(reason="x", department=clinic.world.place("RZ1RAD"), by=by)
    services.hold_news(reason="x", practice=clinic.world.place("RZ1PATH"), by=by)
    clinic.files(clinic.sent())
    assert states() == ["waiting"]


@pytest.mark.hazard("H54")
def test_a_departments_link_that_goes_down_holds_its_news_and_releases_it_when_up(clinic, boxes):
    partner = Partner.objects.get(slug="lims")
    services.on_link(partner.pk, "suspect", "down")
    services.on_link(partner.pk, "suspect", "down")  # said twice: one hold
    clinic.files(clinic.sent())
    assert states() == ["held"]
    services.on_link(partner.pk, "down", "recovering")
    assert states() == ["held"]
    services.on_link(partner.pk, "recovering", "up")
    assert services.post_digests() == 1
    assert states() == ["posted"]
    assert Hold.objects.get().released == 1


@pytest.mark.parametrize("who", ["gp", "lab", "radiologist"])
def test_only_the_central_team_holds_news(clinic, who):
    with pytest.raises(NotAllowed):
        services.hold_news(reason="x", by=clinic.world.acting(who))


@pytest.mark.hazard("H22")
def test_a_place_that_nobody_knows_never_holds_the_news_of_all(clinic):
    client = clinic.world.client("central")
    answer = client.post(reverse("results:holds"), {"reason": "Practice", "department": "XX9"})
    assert answer.status_code == 422
    assert not Hold.objects.exists()


def test_news_in_every_state_has_an_end_or_a_clock():
    assert set(NOTICE_WAITS) == {before for before, _ in NOTICE_MOVES}
    assert set(NoticeState) - set(NOTICE_WAITS) == {NoticeState.POSTED, NoticeState.CANCELLED}


def test_mail_is_sent_by_nobody_but_the_mail_worker(clinic, boxes, settings):
    """Written with the result, claimed later: filing does not wait for a mail server."""
    clinic.files(clinic.sent("ue"), potassium("6.8", "HH"))
    settings.EMAIL_SERVER = None
    assert MailMessage.objects.get().state == "waiting"
    with transaction.atomic():
        assert mail.withdraw(
            subject_type="results.Notice", subject_id=Notice.objects.get().pk, by=SYSTEM
        ) == 1  # fmt: skip
