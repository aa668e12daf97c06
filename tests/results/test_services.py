from datetime import timedelta
from itertools import pairwise

import pytest
import time_machine
from django.db import InternalError, connection, transaction
from django.utils import timezone

from accounts.models import AccessEvent, Membership
from requesting.models import PreviousResult
from results import services
from results.errors import (
    AlreadyReviewed,
    ChangedSince,
    NotAllowed,
    NotAnAnswer,
    NotFiledTogether,
)
from results.ladder import LIMITS, Rung
from results.models import Copy, Observation, Report, ReportEvent, ReportVersion, Review
from results.states import Group

from .clinic import potassium, text
from .letters import obx

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=5)


def events(report):
    return list(report.events.order_by("pk").values_list("event", flat=True))


def now_of(report):
    return Report.objects.get(pk=report.pk)


def review(report, outcome="tell_patient", words="", *, by, version=None):
    return services.review(
        report, version=version or report.current_id, outcome=outcome, words=words, by=by
    )


# --- Filing --------------------------------------------------------------------------------------


def test_a_normal_report_is_in_front_of_who_gets_the_result(clinic):
    item = clinic.sent()
    report = clinic.files(item)
    assert (report.state, report.list_group, report.owner) == (
        "unread",
        Group.NORMAL,
        item.request.results_to,
    )
    assert report.due_at - report.arrived_at == timedelta(days=7)
    assert events(report) == ["filed"]


def test_a_filed_report_moves_its_request_and_is_context_for_the_next(clinic):
    item = clinic.sent("ue")
    report = clinic.files(item, potassium("6.8", "HH"))
    item.refresh_from_db()
    assert (item.status, item.significance) == ("reported", "critical")
    before = PreviousResult.objects.get(report_id=report.pk)
    assert (before.value, before.units, before.flag) == ("6.8", "mmol/L", "HH")


@pytest.mark.hazard("H25")
def test_values_are_kept_as_they_were_sent_and_nothing_is_cut(clinic):
    long = "x" * 4000
    report = clinic.report(obx(value="6.80", units=long, limits="3.5-5.3 " + long, name=long))
    kept = report.current.observations.get()
    assert (kept.value, kept.units, kept.name) == ("6.80", long, long)
    assert kept.reference_range == "3.5-5.3 " + long


def test_the_value_that_matters_most_leads(clinic):
    report = clinic.report(obx("NA", "140"), potassium("6.8", "HH"), obx("UREA", "12", flag="H"))
    assert report.leading.name == "Potassium"


def test_the_text_of_imaging_is_its_lines_in_order(clinic):
    report = clinic.report(text("Line 1\nLine 2"), text("Line 3"), service="chest-xray")
    assert report.current.text == "Line 1\nLine 2\nLine 3"
    assert report.headline == "Line 1"
    assert report.leading is None


@pytest.mark.hazard("H27")
def test_imaging_without_a_flag_is_never_normal(clinic):
    report = clinic.imaging(flag="")
    assert report.significance == "unclassified"
    assert report.list_group == Group.ABNORMAL


@pytest.mark.hazard("H27")
def test_imaging_with_one_part_without_a_flag_is_never_normal(clinic):
    report = clinic.report(text("Fine.", flag="N"), text("But."), service="chest-xray")
    assert report.significance == "unclassified"


@pytest.mark.hazard("H27")
def test_a_number_in_an_imaging_report_makes_it_not_normal_by_its_range(clinic):
    report = clinic.report(obx("EF", "62", flag="", limits="55-70"), service="chest-xray")
    assert report.significance == "unclassified"


@pytest.mark.hazard("H27")
def test_a_value_with_a_status_that_nobody_knows_is_never_normal(clinic):
    assert clinic.report(obx(status="Q"), status="F").significance == "abnormal"


def test_a_document_that_is_not_shown_is_never_normal(clinic):
    value = ["lab", "application", "PDF", "Base64", "JVBERi0xLjQK"]
    report = clinic.report(obx(value=value, kind="ED", flag="N"))
    assert report.significance == "unclassified"
    assert report.current.observations.get().document == "application PDF"


# --- Versions ------------------------------------------------------------------------------------


@pytest.mark.hazard("H26")
def test_the_same_report_again_asks_nobody_for_anything(clinic):
    item, at = clinic.sent(), timezone.now()
    report = clinic.files(item, issued=at)
    review(report, "normal", by=clinic.gp)
    again = clinic.files(item, issued=at)
    assert again.pk == report.pk
    assert again.state == "reviewed"
    assert events(again) == ["filed", "reviewed", "resent"]
    assert ReportVersion.objects.count() == 1


@pytest.mark.hazard("H26")
def test_the_same_content_issued_later_asks_nobody_for_anything(clinic):
    item, at = clinic.sent(), timezone.now()
    report = clinic.files(item, issued=at)
    review(report, "normal", by=clinic.gp)
    again = clinic.files(item, issued=at + LATER)
    assert again.state == "reviewed"
    assert again.arrived_at == report.arrived_at


@pytest.mark.hazard("H24")
def test_each_step_from_preliminary_to_corrected_opens_the_review_again(clinic):
    item, at = clinic.sent("ue"), timezone.now()
    for step, status in enumerate(("P", "F", "C")):
        issued = at + step * LATER
        report = clinic.files(item, potassium(f"5.{step}"), status=status, issued=issued)
        assert report.state == "unread", status
        assert report.review is None
        item.refresh_from_db()
        assert item.status == "reported"
        review(report, "tell_patient", by=clinic.gp)
    assert now_of(report).state == "reviewed"
    assert report.is_amended
    assert report.list_group == Group.AMENDED


@pytest.mark.hazard("H23")
def test_an_older_version_is_kept_and_changes_nothing_for_the_reader(clinic):
    item, at = clinic.sent(), timezone.now()
    report = clinic.files(item, status="F", issued=at)
    review(report, "normal", by=clinic.gp)
    late = clinic.files(item, obx(value="139"), status="P", issued=at - LATER)
    assert late.state == "reviewed"
    assert late.current_id == report.current_id
    assert late.versions.count() == 2
    assert events(late)[-1] == "older"


def test_a_second_final_report_with_other_content_is_a_conflict_and_opens_the_review(clinic):
    item, at = clinic.sent(), timezone.now()
    review(clinic.files(item, issued=at), "normal", by=clinic.gp)
    report = clinic.files(item, obx(value="95", flag="L"), issued=at + LATER)
    assert (report.is_conflicting, report.state) == (True, "unread")
    assert events(report)[-1] == "contradicted"


def test_an_older_contradicting_version_opens_the_review_too(clinic):
    item, at = clinic.sent(), timezone.now()
    review(clinic.files(item, issued=at), "normal", by=clinic.gp)
    report = clinic.files(item, obx(value="61", flag="LL"), issued=at - LATER)
    assert (report.is_conflicting, report.state) == (True, "unread")
    assert report.list_group == Group.CRITICAL


def test_a_withdrawn_report_is_read_again_and_is_nobodys_context_any_more(clinic):
    item, at = clinic.sent(), timezone.now()
    review(clinic.files(item, issued=at), "normal", by=clinic.gp)
    report = clinic.files(item, status="W", issued=at + LATER)
    assert (report.state, report.list_group) == ("unread", Group.UNEXPECTED)
    assert not PreviousResult.objects.filter(report_id=report.pk).exists()


def test_an_amendment_never_puts_off_what_was_due(clinic):
    item, at = clinic.sent("ue"), timezone.now()
    with time_machine.travel(at, tick=False):
        first = clinic.files(item, potassium("6.8", "HH"), issued=at)
    with time_machine.travel(at + timedelta(minutes=90), tick=False):
        issued = at + timedelta(minutes=90)
        second = clinic.files(item, potassium("6.9", "HH"), status="C", issued=issued)
    assert second.due_at == first.due_at
    assert second.escalates_at == first.escalates_at


def test_a_worse_version_is_due_sooner_and_a_better_one_later(clinic):
    item, at = clinic.sent("ue"), timezone.now()
    mild = clinic.files(item, potassium("5.5", "H"), status="P", issued=at)
    grave = clinic.files(item, potassium("6.8", "HH"), status="F", issued=at + LATER)
    assert grave.due_at < mild.due_at
    calm = clinic.files(item, potassium("4.5"), status="C", issued=at + 2 * LATER)
    assert calm.due_at > grave.due_at
    assert calm.list_group == Group.AMENDED


def test_versions_and_values_cannot_be_changed_or_removed(clinic):
    report = clinic.report()
    review(report, "normal", by=clinic.gp)
    for model in (ReportVersion, Observation, Review, ReportEvent):
        table = model._meta.db_table
        for deed in (f"UPDATE {table} SET id = id", f"DELETE FROM {table}"):  # noqa: S608
            with (
                pytest.raises(InternalError, match="Cannot update or delete"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(deed)


# --- Who answers for it --------------------------------------------------------------------------


@pytest.mark.hazard("H12")
def test_the_result_of_a_person_who_left_is_the_practices_from_the_start(clinic):
    item = clinic.sent()
    Membership.objects.filter(user=item.request.results_to).update(ended_at=timezone.now())
    report = clinic.files(item)
    assert report.rung == Rung.DUTY


def test_whoever_was_to_be_told_gets_a_copy_and_each_version_anew(clinic):
    item, at = clinic.sent(copy_to=("gp2",)), timezone.now()
    report = clinic.files(item, issued=at)
    copied = clinic.world.acting("gp2")
    assert services.note_copy_seen(report, by=copied)
    assert not services.note_copy_seen(report, by=copied)
    clinic.files(item, obx(value="150"), status="C", issued=at + LATER)
    assert Copy.objects.get().seen_at is None


# --- Reviewing -----------------------------------------------------------------------------------


def test_a_review_says_who_what_and_of_which_version(clinic):
    report = clinic.abnormal()
    review(report, "repeat", "In two weeks", by=clinic.gp)
    done = Review.objects.get()
    assert (done.version_id, done.outcome, done.words) == (
        report.current_id,
        "repeat",
        "In two weeks",
    )
    assert done.by_user == clinic.gp.user
    report = now_of(report)
    assert (report.state, report.review, report.escalates_at) == ("reviewed", done, None)
    assert AccessEvent.objects.filter(action="review_result", object_id=str(report.pk)).exists()
    report.item.refresh_from_db()
    assert report.item.status == "reviewed"


def test_a_colleague_of_the_practice_may_review(clinic):
    report = clinic.abnormal()
    review(report, by=clinic.world.acting("gp2", at=report.organisation.ods_code))
    assert now_of(report).state == "reviewed"


@pytest.mark.parametrize("who", ["practice-admin", "radiologist", "lab", "central"])
def test_nobody_else_may_review(clinic, who):
    report = clinic.abnormal()
    with pytest.raises(NotAllowed):
        review(report, by=clinic.world.acting(who))
    assert now_of(report).state == "unread"
    assert not Review.objects.exists()


@pytest.mark.parametrize(
    ("outcome", "words", "field"),
    [
        ("", "", "outcome"),
        ("nothing", "", "outcome"),
        ("normal", "", "outcome"),
        ("other", "", "words"),
        ("other", "too short", "words"),
        ("repeat", "x" * 301, "words"),
    ],
)
def test_a_critical_result_needs_an_answer_that_is_one(clinic, outcome, words, field):
    report = clinic.critical()
    with pytest.raises(NotAnAnswer) as problem:
        review(report, outcome, words, by=clinic.gp)
    assert problem.value.field == field
    assert now_of(report).state == "unread"


def test_the_second_to_review_hears_who_was_faster(clinic):
    report = clinic.abnormal()
    review(report, by=clinic.gp)
    with pytest.raises(AlreadyReviewed) as faster:
        review(report, by=clinic.gp)
    assert faster.value.by_name == clinic.gp.label


def test_what_changed_while_it_was_read_is_not_reviewed(clinic):
    item, at = clinic.sent(), timezone.now()
    read = clinic.files(item, issued=at)
    clinic.files(item, obx(value="61", flag="LL"), status="C", issued=at + LATER)
    with pytest.raises(ChangedSince):
        review(read, version=read.current_id, by=clinic.gp)
    assert now_of(read).state == "unread"


def test_a_request_is_done_only_when_its_last_report_is_read_and_final(clinic):
    item, at = clinic.sent(), timezone.now()
    first = clinic.files(item, issued=at)
    second = clinic.files(item, obx("ESR"), code="ESR", status="P", issued=at)
    assert first.pk != second.pk
    for report in (first, second):
        review(report, by=clinic.gp)
        item.refresh_from_db()
        assert item.status == "reported"
    final = clinic.files(item, obx("ESR"), code="ESR", status="F", issued=at + LATER)
    review(final, by=clinic.gp)
    item.refresh_from_db()
    assert item.status == "reviewed"


# --- Together ------------------------------------------------------------------------------------


def ticked(*reports):
    return {report.pk: report.current_id for report in reports}


def test_normal_laboratory_reports_are_filed_together_each_with_its_own_review(clinic):
    reports = [clinic.report(), clinic.report()]
    services.review_together(ticked(*reports), by=clinic.gp)
    assert [now_of(report).state for report in reports] == ["reviewed", "reviewed"]
    assert [each.together for each in Review.objects.all()] == [True, True]


@pytest.mark.hazard("H32")
def test_one_that_has_to_be_opened_stops_them_all(clinic):
    normal, at = clinic.report(), timezone.now()
    amended = clinic.sent()
    clinic.files(amended, issued=at)
    others = [
        clinic.imaging(),
        clinic.imaging(flag=""),
        clinic.abnormal(),
        clinic.critical(),
        clinic.report(status="P"),
        clinic.files(amended, obx(value="150"), status="C", issued=at + LATER),
    ]
    for other in others:
        with pytest.raises(NotFiledTogether) as refused:
            services.review_together(ticked(normal, other), by=clinic.gp)
        assert refused.value.reports == (other.pk,)
    assert not Review.objects.exists()


def test_what_is_read_or_changed_or_not_theirs_is_not_filed_together(clinic):
    report = clinic.report()
    with pytest.raises(NotFiledTogether):
        services.review_together({report.pk: report.current_id + 1}, by=clinic.gp)
    with pytest.raises(NotFiledTogether):
        services.review_together(ticked(report), by=clinic.world.acting("practice-admin"))
    services.review_together(ticked(report), by=clinic.gp)
    with pytest.raises(NotFiledTogether):
        services.review_together(ticked(report), by=clinic.gp)


# --- The ladder ----------------------------------------------------------------------------------


@pytest.mark.hazard("H31")
def test_every_unread_report_climbs_to_the_top_on_time_and_never_closes_by_itself(clinic):
    """Thirty days, and nobody is there."""
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        reports = [clinic.critical(), clinic.report(potassium(flag="U")), clinic.abnormal()]
        reports += [clinic.report(), clinic.imaging(flag="")]
    for hour in range(0, 30 * 24, 6):
        with time_machine.travel(start + timedelta(hours=hour), tick=False):
            services.escalate_due()
        for report in reports:
            limit = LIMITS[report.significance]
            expected = min(timedelta(hours=hour) // limit, int(Rung.MANAGER))
            report.refresh_from_db()
            assert report.rung == expected, (report.significance, hour)
            assert report.state == "unread"
    for report in reports:
        assert events(report) == ["filed", "escalated", "escalated"]


@pytest.mark.hazard("H31")
def test_a_reviewed_report_does_not_climb(clinic):
    report = clinic.critical()
    review(report, by=clinic.gp)
    with time_machine.travel(timezone.now() + timedelta(days=30), tick=False):
        assert services.escalate_due() == 0


def test_the_history_says_to_whom_and_why_it_was_passed_on(clinic):
    report = clinic.critical()
    with time_machine.travel(timezone.now() + timedelta(hours=3), tick=False):
        assert services.escalate_due() == 1
    words = report.events.get(event="escalated").words
    assert words == "To the practice’s duty clinician: not reviewed within 2hr"


def test_the_same_turn_of_the_clock_twice_moves_once(clinic):
    clinic.critical()
    with time_machine.travel(timezone.now() + timedelta(hours=3), tick=False):
        assert (services.escalate_due(), services.escalate_due()) == (1, 0)


def test_every_move_has_one_event_that_joins_the_one_before(clinic):
    item, at = clinic.sent("ue"), timezone.now()
    report = clinic.files(item, potassium("5.5", "H"), issued=at)
    review(report, by=clinic.gp)
    clinic.files(item, potassium("6.9", "HH"), status="C", issued=at + LATER)
    rows = list(report.events.order_by("pk"))
    assert [row.event for row in rows] == ["filed", "reviewed", "changed"]
    assert all(one.to_state == two.from_state for one, two in pairwise(rows))
