from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import AccessEvent
from accounts.policies import Acting
from accounts.roles import ROLES
from demo.people import MILLBROOK
from results import queries, services
from results.errors import NotFound
from results.states import Group

from .clinic import potassium, text
from .letters import obx

pytestmark = pytest.mark.django_db


def ids(inbox):
    return [row.id for part in inbox.parts for row in part.rows]


def groups(inbox):
    return [part.words for part in inbox.parts]


# --- The list ------------------------------------------------------------------------------------


def test_the_list_has_its_groups_in_the_order_of_what_matters(clinic):
    at = timezone.now()
    amended = clinic.sent()
    clinic.files(amended, issued=at)
    clinic.files(amended, obx(value="150"), status="C", issued=at + timedelta(minutes=1))
    clinic.report(status="P")
    clinic.report()
    clinic.imaging(flag="")
    clinic.report(potassium(flag="U"))
    clinic.critical()
    assert groups(queries.to_review(clinic.gp)) == [
        "Critical",
        "Unexpected",
        "Abnormal",
        "Normal",
        "Amended",
        "For information",
    ]


def test_in_a_group_the_longest_waiting_comes_first(clinic):
    first, second = clinic.abnormal(), clinic.abnormal()
    assert ids(queries.to_review(clinic.gp)) == [first.pk, second.pk]


@pytest.mark.hazard("H33")
def test_what_nobody_read_for_four_hundred_days_is_on_the_list(clinic):
    with time_machine.travel(timezone.now() - timedelta(days=400), tick=False):
        old = [clinic.report(), clinic.critical()]
    services.escalate_due()
    inbox = queries.to_review(clinic.gp)
    assert set(ids(inbox)) == {report.pk for report in old}
    assert inbox.total == inbox.counts.mine == 2
    assert all(row.is_overdue for part in inbox.parts for row in part.rows)


@pytest.mark.hazard("H33")
def test_every_unread_report_is_on_some_page(clinic, monkeypatch):
    monkeypatch.setattr("results.queries.lists.PAGE", 2)
    reports = {clinic.report().pk for _ in range(5)}
    pages = [queries.to_review(clinic.gp, page=page) for page in (1, 2, 3)]
    assert {each for page in pages for each in ids(page)} == reports
    assert [(page.shown_from, page.shown_to, page.total) for page in pages] == [
        (1, 2, 5),
        (3, 4, 5),
        (5, 5, 5),
    ]
    assert queries.to_review(clinic.gp, page=99).page == 3


def test_mine_is_mine_and_the_places_is_everybodys(clinic):
    mine, other = clinic.report(), clinic.files(clinic.sent(by="gp2"))
    assert ids(queries.to_review(clinic.gp)) == [mine.pk]
    assert set(ids(queries.to_review(clinic.gp, scope="practice"))) == {mine.pk, other.pk}
    counts = queries.counts(clinic.gp)
    assert (counts.mine, counts.place) == (1, 2)


@pytest.mark.hazard("H31")
def test_what_is_passed_on_is_on_the_list_of_every_clinician_there(clinic):
    report = clinic.critical()
    colleague = clinic.world.acting("gp2", at=report.organisation.ods_code)
    assert ids(queries.to_review(colleague)) == []
    with time_machine.travel(timezone.now() + timedelta(hours=3), tick=False):
        services.escalate_due()
        (part,) = queries.to_review(colleague).parts
    assert [(row.id, row.passed_to) for row in part.rows] == [
        (report.pk, "the practice’s duty clinician")
    ]


def test_admin_sees_everybodys_and_other_places_nothing(clinic):
    report = clinic.report()
    admin = queries.to_review(clinic.world.acting("practice-admin"))
    assert ids(admin) == [report.pk]
    for who in ("radiologist", "lab", "central"):
        assert ids(queries.to_review(clinic.world.acting(who))) == [], who


def test_a_copy_is_for_information_until_it_is_seen(clinic):
    report = clinic.files(clinic.sent("ue", copy_to=("gp2",)), potassium("6.8", "HH"))
    told = clinic.world.acting("gp2", at=report.organisation.ods_code)
    (part,) = queries.to_review(told).parts
    assert (part.group, part.rows[0].is_copy) == (Group.INFORMATION, True)
    assert queries.counts(told).mine == 1
    services.note_copy_seen(report, by=told)
    assert queries.to_review(told).parts == ()
    assert ids(queries.to_review(clinic.gp)) == [report.pk]


def test_only_laboratory_reports_are_offered_together(clinic):
    normal = clinic.report()
    clinic.imaging()
    (part,) = queries.to_review(clinic.gp).parts
    assert (part.total, part.together) == (2, 1)
    assert [row.id for row in queries.normal_rows(clinic.gp)] == [normal.pk]


def test_looking_at_the_list_is_on_record(clinic):
    clinic.report()
    queries.to_review(clinic.gp)
    assert AccessEvent.objects.get(action="list_results").reason == "mine: 1 shown"


# --- What is new, what is next -------------------------------------------------------------------


def test_what_came_since_is_counted_and_what_was_there_is_not(clinic):
    clinic.report()
    inbox = queries.to_review(clinic.gp)

    def fresh():
        return queries.fresh_since(clinic.gp, scope="mine", since=inbox.at, known=inbox.known)

    assert (fresh().new, fresh().critical) == (0, 0)
    clinic.critical()
    clinic.report()
    assert (fresh().new, fresh().critical) == (2, 1)


def test_what_was_being_filed_while_the_list_was_drawn_is_new(clinic):
    inbox = queries.to_review(clinic.gp)
    with time_machine.travel(inbox.at - timedelta(seconds=2), tick=False):
        clinic.critical()
    fresh = queries.fresh_since(clinic.gp, scope="mine", since=inbox.at, known=inbox.known)
    assert (fresh.new, fresh.critical) == (1, 1)


def test_next_is_the_one_below_and_after_the_last_the_first(clinic):
    first, second, third = clinic.critical(), clinic.abnormal(), clinic.report()
    assert queries.next_unread(clinic.gp, first).pk == second.pk
    assert queries.next_unread(clinic.gp, second).pk == third.pk
    assert queries.next_unread(clinic.gp, third).pk == first.pk


def test_when_all_are_read_there_is_no_next(clinic):
    report = clinic.report()
    services.review(report, version=report.current_id, outcome="normal", by=clinic.gp)
    assert queries.next_unread(clinic.gp, report) is None


# --- One report ----------------------------------------------------------------------------------


def acting_at(clinic, ods_code, role):
    """Somebody of that role at that place."""
    permissions = ROLES[role].permissions
    place = clinic.world.place(ods_code)
    return Acting(clinic.world.user("gp2"), place, role, permissions)


def test_the_door_opens_to_who_asked_and_who_answered(clinic):
    report = clinic.imaging()
    people = [clinic.world.acting(who) for who in ("gp", "gp2", "practice-admin")]
    people.append(acting_at(clinic, "RZ1RAD", "radiology-vetter"))
    for acting in people:
        assert queries.report_for(acting, report.pk).pk == report.pk
    assert AccessEvent.objects.filter(action="view_result", outcome="ok").count() == 4


@pytest.mark.hazard("H57")
@pytest.mark.parametrize(
    ("place", "role"),
    [
        (MILLBROOK, "gp"),
        (MILLBROOK, "practice-admin"),
        ("RZ2RAD", "radiology-vetter"),
        ("RZ1PATH", "radiology-vetter"),
        ("RZ1RAD", "laboratory"),
        ("Y90099", "central"),
    ],
)
def test_the_door_is_shut_to_everybody_else_and_the_try_is_on_record(clinic, place, role):
    report = clinic.imaging()
    with pytest.raises(NotFound):
        queries.report_for(acting_at(clinic, place, role), report.pk)
    assert AccessEvent.objects.get(action="view_result").outcome == "denied"
    assert AccessEvent.objects.get(action="view_result").patient_id == ""


@pytest.mark.hazard("H24")
def test_an_amended_report_shows_what_changed_since_it_was_reviewed(clinic):
    item, at = clinic.sent("ue"), timezone.now()
    minute = timedelta(minutes=1)
    clinic.files(item, potassium("5.1"), status="P", issued=at)
    read = clinic.files(item, potassium("5.2"), issued=at + minute)
    services.review(read, version=read.current_id, outcome="normal", by=clinic.gp)
    clinic.files(item, potassium("5.9", "H"), status="C", issued=at + 2 * minute)
    report = clinic.files(item, potassium("6.8", "HH"), status="C", issued=at + 3 * minute)
    page = queries.page_of(report, clinic.gp)
    (change,) = page.changed.values
    assert change.was.startswith("5.2 ")
    assert change.now.startswith("6.8 ")
    assert page.was_reviewed_before
    assert [version.words for version in page.versions] == [
        "Amended",
        "Amended",
        "Final",
        "Preliminary",
    ]


def on_days(clinic, patient, *values, service="ue"):
    """A report a day for each value, oldest first."""
    now = timezone.now()
    return [
        clinic.files(
            clinic.sent(service, patient), value, issued=now - timedelta(days=len(values) - day)
        )
        for day, value in enumerate(values)
    ]


def test_a_value_stands_beside_the_one_before_it(clinic):
    patient = clinic.world.patient()
    *_, last = on_days(clinic, patient, potassium("4.2"), potassium("5.0"), potassium("6.8", "HH"))
    (value,) = queries.page_of(last, clinic.gp).values
    assert (value.value, value.previous) == ("6.8", "5.0")
    assert [point.value for point in value.points] == [4.2, 5.0, 6.8]
    assert (value.low, value.high) == (3.5, 5.3)


@pytest.mark.hazard("H28")
def test_values_of_other_units_are_never_on_one_line(clinic):
    patient = clinic.world.patient()
    on_days(
        clinic, patient, obx("HB", "14.2", units="g/dL"), obx("HB", "142"), obx("HB", "139")
    )  # fmt: skip
    found = queries.over_time(clinic.gp, patient, "HB")
    assert [(series.units, len(series.points)) for series in found.series] == [
        ("g/L", 2),
        ("g/dL", 1),
    ]
    last = queries.report_for(clinic.gp, found.series[0].values[0].report_id)
    (value,) = queries.page_of(last, clinic.gp).values
    assert [point.value for point in value.points] == [142.0, 139.0]


def test_values_of_another_patient_are_never_on_the_line(clinic):
    patient, other = clinic.world.patient(), clinic.world.patient()
    on_days(clinic, other, potassium("5.0"))
    (mine,) = on_days(clinic, patient, potassium("4.0"))
    (value,) = queries.page_of(mine, clinic.gp).values
    assert (value.previous, len(value.points)) == ("", 1)


def test_what_was_superseded_or_withdrawn_is_not_on_the_line(clinic):
    patient, at = clinic.world.patient(), timezone.now()
    day = timedelta(days=1)
    item, gone = clinic.sent("ue", patient), clinic.sent("ue", patient)
    clinic.files(item, potassium("9.9", "HH"), issued=at - 3 * day)
    clinic.files(item, potassium("4.1"), status="C", issued=at - 2 * day)
    clinic.files(gone, potassium("8.8", "HH"), issued=at - 2 * day)
    clinic.files(gone, potassium("8.8", "HH"), status="W", issued=at - day)
    (series,) = queries.over_time(clinic.gp, patient, "K").series
    assert [value.value for value in series.values] == ["4.1"]


def test_earlier_reports_of_the_same_test_are_listed(clinic):
    patient, at = clinic.world.patient(), timezone.now()
    before = clinic.files(
        clinic.sent("chest-xray", patient), text("Clear."), issued=at - timedelta(days=9)
    )
    clinic.files(clinic.sent("fbc", patient), issued=at - timedelta(days=5))
    now = clinic.files(clinic.sent("chest-xray", patient), text("Nodule."), issued=at)
    (earlier,) = queries.page_of(now, clinic.gp).previous
    assert (earlier.id, earlier.text) == (before.pk, "Clear.")


def test_a_file_is_named_for_the_test_and_the_day_alone(clinic):
    report = clinic.imaging(issued=timezone.make_aware(timezone.datetime(2026, 11, 22, 10)))
    assert queries.download_name(report) == "chest-xray-2026-11-22"


# --- The record ----------------------------------------------------------------------------------


def test_the_record_shows_the_last_ten_results_newest_first(clinic):
    patient, at = clinic.world.patient(), timezone.now()
    reports = [
        clinic.files(clinic.sent("fbc", patient), issued=at - timedelta(days=day))
        for day in range(11)
    ]
    summary = queries.summary_for_patient(clinic.gp, patient)
    assert [row.id for row in summary.rows] == [report.pk for report in reports[:10]]
    assert summary.more


# --- Cost ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [3, 30])
def test_the_list_costs_the_same_however_long_it_is(clinic, count, django_assert_num_queries):
    for _ in range(count):
        clinic.abnormal()
    with django_assert_num_queries(8):
        queries.to_review(clinic.gp)
