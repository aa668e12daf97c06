"""The seeded world: believable, whole, and the same when it is seeded again.

Seeded once for this file, in a transaction that is rolled back.
"""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Membership, Organisation
from accounts.queries import acting_at, user_by_username
from catalogue.models import ServiceCode
from demo.exchange import agreed_studies, people_with_images
from demo.history import NotLived, choose, live_stories
from demo.history.multiply import TABLES, TREE, make_copies
from demo.history.stories import STORIES, Story
from demo.hospital.departments import read_departments
from demo.hospital.memory import Memory
from demo.people import KINGSMERE, NORTHGATE, VETS_HERE
from demo.tonight import report_tonight
from demo.world import seed
from iep.queries.trauma import reports_of
from messaging.models import InboundMessage, OutboundMessage, Partner
from patients.models import Patient
from requesting import drafts, queries
from requesting.models import OrderMessage, Request, RequestEvent, RequestItem
from requesting.services.numbers import next_reference
from requesting.states import TRANSITIONS, Event, Lane, Status, lane_of
from results.models import Observation, Report, ReportVersion
from results.states import Group

NOT_IN_THE_PAST = {Status.HELD, Status.QUEUED, Status.SENT}  # they last for seconds


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The hospital's folder of a world of 200 patients."""
    folder = tmp_path_factory.mktemp("hospital")
    with django_db_blocker.unblock(), transaction.atomic():
        seed(hospital=folder)
        yield folder
        transaction.set_rollback(True)


@pytest.fixture
def hospital(world: Path) -> Iterator[Memory]:
    """The hospital of that folder, running for one test."""
    with contextlib.closing(Memory(world)) as memory:
        yield memory


# Each test in a savepoint of its own, inside the transaction of the world.
pytestmark = [pytest.mark.usefixtures("world"), pytest.mark.django_db]


def counts() -> dict[str, int]:
    tables = (*(model for model, _ in TREE), Patient, Partner, InboundMessage, OutboundMessage)
    return {model.__name__: model._base_manager.count() for model in tables}


def lived() -> models.QuerySet[RequestItem]:
    """Items that the services made: only their orders were ever on the wire."""
    return RequestItem.objects.filter(
        order_messages__control_id__in=OutboundMessage.objects.values("control_id")
    )


# --- As a whole -----------------------------------------------------------------------------------


def test_seeding_twice_is_seeding_once(world: Path) -> None:
    before, journal = counts(), (world / "journal.jsonl").read_bytes()
    seed(hospital=world)
    assert counts() == before
    assert (world / "journal.jsonl").read_bytes() == journal


def test_the_world_has_its_size() -> None:
    assert Patient.objects.count() == 200
    assert Request.objects.count() == 400
    assert Report.objects.count() > 400


def test_nothing_of_the_past_is_in_the_future() -> None:
    now = timezone.now() + timedelta(minutes=1)
    assert not RequestEvent.objects.filter(at__gt=now).exists()
    assert not ReportVersion.objects.filter(received_at__gt=now).exists()
    assert not Request.objects.filter(requested_at__gt=now).exists()


def test_the_same_stories_are_lived_the_same(world: Path, tmp_path: Path) -> None:
    """Twice over, in a world without a past."""
    some = [story for story in STORIES if story.patient in (0, 3, 20)]
    told = []
    for name in ("first", "second"):
        _forget_the_past()
        live_stories(tmp_path / name, stories=some)
        values = Observation.objects.order_by("observed_at", "pk")
        told.append(list(values.values_list("patient__nhs_number", "code", "value", "flags")))
    assert told[0] == told[1]
    assert len(told[0]) > 20


def _forget_the_past() -> None:
    """Out of the way for one test: its savepoint brings it back."""
    tables = ", ".join(model._meta.db_table for model, _ in TREE)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(f"TRUNCATE {tables} CASCADE")
        # As in an empty database: the hospital's values follow from the number of the order.
        cursor.execute("ALTER SEQUENCE requesting_placer_number RESTART")


def test_copies_are_chosen_the_same() -> None:
    now = timezone.now()
    first = choose(40, reports=1.5, open_share=0.1, now=now)
    assert [(one.pattern.request_id, one.target.patient_id, one.earlier) for one in first] == [
        (one.pattern.request_id, one.target.patient_id, one.earlier)
        for one in choose(40, reports=1.5, open_share=0.1, now=now)
    ]


# --- What a newcomer finds ------------------------------------------------------------------------


def test_every_status_that_lasts_is_in_the_demo() -> None:
    found = set(RequestItem.objects.values_list("status", flat=True))
    assert found == {status.value for status in Status} - NOT_IN_THE_PAST


def test_every_lane_of_the_gps_tracker_has_something_in_it() -> None:
    gp = user_by_username("gp")
    now = timezone.now()
    lanes = Counter(
        lane_of(Status(item.status), due=item.due_at, now=now)
        for item in RequestItem.objects.filter(requester=gp)
    )
    assert set(lanes) == set(Lane)
    assert lanes[Lane.NEEDS_YOU] >= 8


@pytest.mark.parametrize("group", [Group.CRITICAL, Group.ABNORMAL, Group.NORMAL, Group.INFORMATION])
def test_each_usual_group_of_results_waits_for_the_gp(group: Group) -> None:
    unread = Report.objects.filter(state="unread", owner__username="gp")
    assert unread.filter(list_group=group).exists()


def test_a_report_was_amended_after_it_was_read() -> None:
    assert Report.objects.filter(state="unread", is_amended=True, versions__reviews__isnull=False)


def test_requests_wait_for_the_vetters_and_one_was_asked_about() -> None:
    vetting = RequestItem.objects.filter(department__ods_code=VETS_HERE, status=Status.VETTING)
    assert vetting.count() >= 3
    asked = RequestItem.objects.get(status=Status.INFO)
    assert asked.messages.filter(from_department=True).exists()


def test_the_demo_patient_has_five_hba1c_over_two_years_and_they_rise() -> None:
    values = Observation.objects.filter(
        patient__nhs_number="9990000018", code="999791000000106"
    ).order_by("observed_at")
    numbers = [float(one.value) for one in values]
    assert numbers == [44, 46, 47, 50, 52]
    first, last = values[0].observed_at, values[len(numbers) - 1].observed_at
    assert last - first > timedelta(days=600)


def test_the_demo_patient_can_be_asked_for_a_chest_x_ray_without_being_stopped() -> None:
    gp = user_by_username("gp")
    acting = acting_at(gp, NORTHGATE) if gp else None
    assert acting is not None
    patient = Patient.objects.get(nhs_number="9990000018")
    codes = ["chest-xray", "fbc", "ue"]
    known = queries.look_up(codes, patient, acting)
    content = drafts.read({"items": [{"service": code} for code in codes]})
    for test in queries.examine(content, known):
        assert not [alert for alert in test.alerts if alert.stops_sending], test.name


# --- That it could have happened ------------------------------------------------------------------


def test_every_event_is_a_move_of_the_table_and_the_last_one_is_the_status() -> None:
    for item in RequestItem.objects.prefetch_related("events"):
        events = sorted(item.events.all(), key=lambda event: event.pk)
        assert events[0].event == Event.SUBMITTED
        for before, event in pairwise(events):
            assert event.from_status == before.to_status
            moved = TRANSITIONS[Status(event.from_status), Event(event.event)]
            assert moved == event.to_status
        assert events[-1].to_status == item.status


def test_nothing_waits_on_the_wire_and_nothing_was_parked() -> None:
    assert set(InboundMessage.objects.values_list("state", flat=True)) == {"processed"}
    assert set(OutboundMessage.objects.values_list("state", flat=True)) == {"acknowledged"}


def test_the_hospital_holds_every_order_that_it_was_sent(hospital: Memory) -> None:
    sent = set(lived().values_list("placer_number", flat=True))
    assert set(hospital.orders) == sent
    assert not hospital.waiting


def test_what_is_open_at_the_hospital_can_be_gone_on_with(hospital: Memory) -> None:
    for item in lived().filter(status__in=("received", "accepted", "walkin", "booked", "progress")):
        assert hospital.orders[item.placer_number].actions, item.status


# --- Copies ---------------------------------------------------------------------------------------


def _copies() -> models.QuerySet[Request]:
    """Their orders never left: the wire has none of their control ids."""
    sent = OutboundMessage.objects.values("control_id")
    return Request.objects.filter(
        pk__in=OrderMessage.objects.exclude(control_id__in=sent).values("request")
    )


def _shape(request: Request) -> dict[str, list[tuple[bool, ...]]]:
    """Of each table: which columns of which of its rows are empty."""
    found = {}
    for model, way in TREE:
        names = [field.attname for field in model._meta.concrete_fields if field.name != "message"]
        rows = model._base_manager.filter(**{way: request.pk}).order_by("pk").values_list(*names)
        found[model.__name__] = sorted(tuple(value in (None, "") for value in row) for row in rows)
    return found


def test_a_copy_has_the_rows_that_the_services_made() -> None:
    """As many in each table, with the same columns filled, as some request that was lived."""
    originals = [
        _shape(request) for request in Request.objects.filter(pk__in=lived().values("request"))
    ]
    for copy in _copies().order_by("reference")[:40]:
        assert _shape(copy) in originals, copy.reference


def test_a_copy_is_about_one_patient_and_asked_for_by_somebody_of_the_practice() -> None:
    items = RequestItem.objects.filter(request__in=_copies())
    assert items.count() > 300
    assert not items.exclude(patient=F("request__patient")).exists()
    assert not items.exclude(organisation=F("patient__practice")).exists()
    reports = Report.objects.filter(item__in=items)
    assert not reports.exclude(patient=F("item__patient")).exists()
    assert not reports.exclude(owner=F("item__request__results_to")).exists()
    values = Observation.objects.filter(version__report__in=reports)
    assert not values.exclude(patient=F("version__report__patient")).exists()
    working = set(Membership.objects.filter(role="gp").values_list("user_id", "organisation_id"))
    assert {(item.requester_id, item.organisation_id) for item in items} <= working


def _definitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = ANY(%s::regclass[]) "
            "UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename = ANY(%s)",
            [TABLES, TABLES],
        )
        return {row[0] for row in cursor.fetchall()}


def test_a_large_copy_leaves_every_key_and_index_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("demo.history.multiply.MANY", 1)
    before, requests = _definitions(), Request.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    make_copies(choose(30, reports=2, open_share=0.3, now=timezone.now()))
    assert _definitions() == before
    assert Request.objects.count() == requests + 30


def test_open_copies_are_recent_and_of_what_rests_with_somebody() -> None:
    copies = choose(60, reports=1, open_share=1, now=timezone.now())
    assert {copy.pattern.request_id for copy in copies}
    assert all(copy.earlier <= timedelta(days=6) for copy in copies)
    statuses = RequestItem.objects.filter(
        request__in=[copy.pattern.request_id for copy in copies]
    ).values_list("status", flat=True)
    assert not set(statuses) & {"held", "queued", "sent", "reviewed", "cancelled"}


def test_no_number_was_given_twice() -> None:
    for model, name in ((Request, "reference"), (RequestItem, "placer_number")):
        numbers = list(model.objects.values_list(name, flat=True))
        assert len(numbers) == len(set(numbers))
    fresh = Request.objects.order_by("-reference").first()
    assert fresh is not None
    assert int(next_reference()[2:]) > int(fresh.reference[2:])


# --- The links ------------------------------------------------------------------------------------


def test_every_department_has_a_link_that_the_hospital_answers_to(world: Path) -> None:
    agreed = read_departments(world)
    for department in Organisation.objects.filter(kind="department"):
        partner = Partner.objects.get(departments=department)
        assert agreed.find(partner.their_application, partner.their_facility) is not None
        assert partner.processing_id == "T"


def test_two_laboratories_like_o21_and_one_o33() -> None:
    liked = Counter(Partner.objects.values_list("order_message", flat=True))
    assert liked == {"OMG^O19": 3, "OML^O21": 2, "OML^O33": 1}


def test_the_hospital_agreed_to_every_code_of_the_catalogue(world: Path) -> None:
    agreed = read_departments(world)
    for code in ServiceCode.objects.select_related("service"):
        system = "RIS" if code.service.discipline == "radiology" else "LIMS"
        department = agreed.find(system, "RZ1")
        assert department is not None
        assert department.does(code.code, code.display), code.code


def test_a_story_that_cannot_happen_is_not_half_told(tmp_path: Path) -> None:
    _forget_the_past()
    with pytest.raises(NotLived, match="no step fly"):
        live_stories(tmp_path, stories=[Story(30, 0, "chest-xray", "accept; fly")])
    assert not Request.objects.exists()
    assert not (tmp_path / "journal.jsonl").exists()


# --- Tonight --------------------------------------------------------------------------------------


def test_the_trauma_patients_ct_of_tonight_has_a_report_to_go_with_it(world: Path) -> None:
    patient = people_with_images()[0]
    trust = Organisation.objects.get(ods_code=KINGSMERE)
    held = agreed_studies(world.parent / "pacs")
    ours = [each for each in held if (each.ae_title, each.nhs_number) == (
        "HOSPITALPACS", patient.nhs_number)]  # fmt: skip
    found = reports_of(patient, [each.accession for each in ours], trust)
    yesterday = timezone.localtime() - timedelta(hours=20)
    fresh = [
        each
        for each in ours
        if each.accession in found
        and f"{each.acquired_on}{each.acquired_time}" >= f"{yesterday:%Y%m%d%H%M%S}"
    ]
    assert [each.modality for each in fresh] == ["CT"]
    assert "intracranial" in found[fresh[0].accession].whole


def test_tonights_ct_is_told_anew_when_it_has_grown_old(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In a copy of the folder: a savepoint takes nothing back from a journal, and the tests after
    # this one find the hospital as the world left it.
    world = shutil.copytree(world, tmp_path / "hospital")
    assert not report_tonight(world)
    before = Report.objects.filter(item__service__code="ct-head").count()
    with monkeypatch.context() as later:
        later.setattr("demo.tonight.FRESH", timedelta(hours=1))  # it was taken before that
        assert report_tonight(world)
    assert Report.objects.filter(item__service__code="ct-head").count() == before + 1
    with contextlib.closing(Memory(world)):
        monkeypatch.setattr("demo.tonight.FRESH", timedelta())
        assert not report_tonight(world)  # the hospital runs, and says these things itself
