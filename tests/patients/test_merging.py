"""Two records become one by a message, or by a person; each keeps its trail, and both come back."""

from datetime import date, datetime
from itertools import pairwise

import pytest
import time_machine
from django.db import connection
from django.db.utils import InternalError
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AccessEvent
from accounts.policies import SYSTEM
from messaging.errors import Park
from patients import inbound_merging, queries, services
from patients.errors import MergedInto, NotCancelled, NotMerged
from patients.hl7 import pid_segment
from patients.matching import HospitalNumber
from patients.models import ChangeKind, Merge, MergeStep, Patient, Relationship
from patients.states import TRANSITIONS, WAITS, MergeState, Why, working_time_after
from requesting.models import Draft
from requesting.queries import requests_of_patient
from results.models import Report
from tests.patients.mergers import (
    a40,
    asked_and_answered,
    choose_all,
    hear_report,
    merged,
    number_of,
    pas,
    refreshed,
    two,
    whole,
)
from tests.requesting.surgery import CHEST, FBC, KINGSMERE, line, next_number

pytestmark = pytest.mark.django_db
KNEE = line("knee-xray", side="L", reasons=["injury-and-cannot-bear-weight"])


def parked(surgery, raw, sender=None):
    with pytest.raises(Park) as caught:
        surgery.hear(raw, sender or pas())
    return caught.value.reason_code


# --- A merge that nothing speaks against ---------------------------------------------------------


@pytest.mark.hazard("H21")
@pytest.mark.parametrize("trigger", ["A40", "A34"])
def test_everything_of_the_retired_record_is_the_survivors(surgery, trigger):
    survivor, retired = two(surgery)
    report = asked_and_answered(surgery, retired)
    draft = surgery.draft(retired, KNEE)
    merge = merged(surgery, survivor, retired, trigger=trigger)
    assert merge.state == MergeState.APPLIED
    report.refresh_from_db()
    draft.refresh_from_db()
    assert report.patient_id == report.item.patient_id == survivor.pk
    assert report.item.request.patient_id == draft.patient_id == survivor.pk
    assert set(report.current.observations.values_list("patient", flat=True)) == {survivor.pk}
    kept = whole(retired)
    assert kept.pop("Identifier")
    assert kept.pop("Relationship")
    assert set(map(len, kept.values())) == {0}


@pytest.mark.hazard("H21")
def test_a_merge_changes_no_demographics(surgery):
    survivor, retired = two(surgery, preferred_name="Aggie", phone="01632 960001")
    before = [dict(Patient.objects.filter(pk=each.pk).values()[0]) for each in (survivor, retired)]
    merged(surgery, survivor, retired)
    after = [dict(Patient.objects.filter(pk=each.pk).values()[0]) for each in (survivor, retired)]
    for old, new in zip(before, after, strict=True):
        for field in ("merged_into_id", "updated_at"):
            old.pop(field)
            new.pop(field)
        assert old == new


def test_the_same_merge_twice_is_one(surgery):
    survivor, retired = two(surgery)
    asked_and_answered(surgery, retired)
    surgery.hear(a40(survivor, retired), pas())
    once = whole(survivor), Merge.objects.values().get(), MergeStep.objects.count()
    surgery.hear(a40(survivor, retired), pas())  # under another control id
    assert (whole(survivor), Merge.objects.values().get(), MergeStep.objects.count()) == once


@pytest.mark.hazard("H21")
def test_numbers_of_the_retired_record_find_the_survivor(surgery):
    number = next_number()
    survivor, retired = two(surgery, nhs_number=number)
    survivor = services.correct(survivor, details={"nhs_number": None}, by=SYSTEM)
    merged(surgery, survivor, retired)
    assert queries.by_nhs_number(number) == survivor
    assert queries.by_identifier(KINGSMERE, number_of(retired)) == survivor
    gp = surgery.acting("gp")
    by_number = queries.find(number, acting=gp)
    assert by_number.exact == survivor
    assert by_number.merged == {survivor.pk: retired.pk}
    by_hospital = queries.find(number_of(retired), acting=gp)
    assert by_hospital.patients == (survivor,)
    assert by_hospital.merged == {survivor.pk: retired.pk}


def test_an_address_of_the_retired_record_says_where_it_is_now(surgery):
    survivor, retired = two(surgery)
    merged(surgery, survivor, retired)
    with pytest.raises(MergedInto) as caught:
        queries.patient_for(surgery.acting("gp"), retired.pk)
    assert (caught.value.survivor_id, caught.value.retired_id) == (survivor.pk, retired.pk)


def test_who_may_see_the_retired_record_may_see_the_survivor(surgery):
    survivor, retired = surgery.patient(practice=None), two(surgery)[1]
    surgery.delivered(FBC, patient=retired, by="ahp")
    clinic = surgery.acting("ahp")
    assert not queries.visible_to(clinic).filter(pk=survivor.pk).exists()
    merged(surgery, survivor, retired)
    assert queries.patient_for(clinic, survivor.pk) == survivor


@pytest.mark.hazard("H21")
def test_a_result_for_the_retired_identity_is_filed_for_the_survivor(surgery):
    survivor, retired = two(surgery, nhs_number=next_number())
    survivor = services.correct(survivor, details={"nhs_number": None}, by=SYSTEM)
    item = surgery.delivered(FBC, patient=retired)
    merged(surgery, survivor, retired)
    hear_report(surgery, item, refreshed(retired))
    assert Report.objects.get(item=item).patient_id == survivor.pk


@pytest.mark.hazard("H21")
def test_a_result_that_mixes_the_two_identities_is_quarantined(surgery):
    survivor, retired = two(
        surgery, nhs_number=next_number(), given_names="Agnes Mary", family_name="Testpatient"
    )
    survivor = services.correct(survivor, details={"nhs_number": None}, by=SYSTEM)
    item = surgery.delivered(FBC, patient=retired)
    merged(surgery, survivor, retired)
    mixed = refreshed(retired)
    mixed.family_name = "Somebodyelse"
    with pytest.raises(Park) as caught:
        hear_report(surgery, item, mixed)
    assert caught.value.reason_code == "identity_mismatch"
    assert not Report.objects.filter(item=item).exists()


def test_both_trails_stay_and_are_read_from_the_survivor(surgery):
    survivor, retired = two(surgery)
    own = list(queries.history(retired).values_list("pk", flat=True))
    gp = surgery.acting("gp")
    queries.patient_for(gp, retired.pk)
    looks = list(AccessEvent.objects.filter(patient_id=str(retired.pk)).order_by("id").values())
    merged(surgery, survivor, retired)
    read = set(queries.whole_history(survivor).values_list("pk", flat=True))
    assert set(own) <= read
    kept = AccessEvent.objects.filter(pk__in=[each["id"] for each in looks])
    assert list(kept.order_by("id").values()) == looks  # never rewritten
    assert {each["id"] for each in looks} <= set(
        queries.looked_at(survivor).values_list("id", flat=True)
    )
    kinds = [queries.history(each).first().kind for each in (survivor, retired)]
    assert kinds == [ChangeKind.MERGED, ChangeKind.MERGED]


def test_lines_begun_for_both_records_come_together(surgery):
    survivor, retired = two(surgery)
    surgery.draft(survivor, CHEST)
    theirs = surgery.draft(retired, KNEE)
    merge = merged(surgery, survivor, retired)
    codes = [each["service"] for each in Draft.objects.get(patient=survivor).content["items"]]
    assert codes == ["chest-xray", "knee-xray"]
    services.unmerge(merge, chosen=choose_all(merge, "survivor"), words="Two people after all",
                     by=surgery.acting("central"))  # fmt: skip
    theirs.refresh_from_db()
    assert theirs.patient_id == retired.pk
    assert [each["service"] for each in theirs.content["items"]] == ["knee-xray"]


def test_every_row_that_points_at_a_patient_is_known_to_the_merge():
    """A table that is added later must say how it follows a merge."""
    known = {
        "patients.Identifier", "patients.Relationship", "patients.SourceUpdate",
        "patients.PatientChange", "patients.Merge", "patients.Patient",
        "requesting.Draft", "requesting.Request", "requesting.RequestItem",
        "requesting.PreviousResult", "requesting.DowntimeForm",
        "results.Report", "results.Observation",
        "iep.Ticket", "iep.Transaction", "iep.Study",
    }  # fmt: skip
    pointing = {
        relation.related_model._meta.label
        for relation in Patient._meta.get_fields(include_hidden=True)
        if relation.auto_created and relation.is_relation and not relation.concrete
    }
    assert pointing == known


def test_a_page_of_requests_costs_the_same_after_a_merge(surgery):
    survivor, retired = two(surgery)
    gp = surgery.acting("gp")
    surgery.delivered(FBC, patient=survivor)
    surgery.delivered(KNEE, patient=retired)
    requests_of_patient(gp, survivor.pk)
    with CaptureQueriesContext(connection) as before:
        requests_of_patient(gp, survivor.pk)
    merged(surgery, survivor, retired)
    with CaptureQueriesContext(connection) as after:
        rows = requests_of_patient(gp, survivor.pk)
    assert len(rows) == 2
    assert len(after) <= len(before) + 1
    assert str(survivor.pk).replace("-", "") in after[0]["sql"].replace("-", "")


# --- A merge that waits for a person -------------------------------------------------------------

CONTRADICTIONS = {
    Why.NHS_NUMBERS: {"nhs_number": next_number(), "nhs_number_verified": True},
    Why.BIRTH_DATES: {"birth_date": date(1958, 3, 3)},
    Why.NAMES: {"family_name": "Otherwise", "given_names": "Beryl"},
    Why.DEATH: {"is_deceased": True},
}


@pytest.mark.hazard("H21")
@pytest.mark.parametrize("why", CONTRADICTIONS)
def test_records_that_contradict_each_other_wait_for_a_person(surgery, why):
    survivor, retired = two(surgery, **CONTRADICTIONS[why])
    merge = merged(surgery, survivor, retired)
    assert (merge.state, merge.reasons) == (MergeState.HELD, [why])
    assert refreshed(retired).merged_into is None
    assert merge.due_at > timezone.now()


def test_open_requests_for_the_same_test_wait_for_a_person(surgery):
    survivor, retired = two(surgery)
    items = [surgery.delivered(CHEST, patient=each) for each in (survivor, retired)]
    merge = merged(surgery, survivor, retired)
    assert merge.reasons == [Why.SAME_TEST]
    page = queries.merge_for(surgery.acting("central"), merge.pk)
    assert page.same == {str(each.pk) for each in items}


def test_requests_for_the_two_sides_are_not_the_same_test(surgery):
    survivor, retired = two(surgery)
    surgery.delivered(KNEE, patient=survivor)
    surgery.delivered(KNEE | {"side": "R"}, patient=retired)
    assert merged(surgery, survivor, retired).state == MergeState.APPLIED


def test_messages_of_both_go_on_while_a_merge_waits(surgery):
    survivor, retired = two(surgery, birth_date=date(1958, 3, 3))
    item = surgery.delivered(FBC, patient=retired)
    merged(surgery, survivor, retired)
    hear_report(surgery, item, retired)
    assert Report.objects.get(item=item).patient_id == retired.pk


def test_a_person_merges_after_all_and_keeps_both_requests(surgery):
    survivor, retired = two(surgery)
    items = [surgery.delivered(CHEST, patient=each) for each in (survivor, retired)]
    merge = merged(surgery, survivor, retired)
    services.merge_after_all(merge, words="Rang the PAS office", by=surgery.acting("central"))
    merge.refresh_from_db()
    assert (merge.state, merge.due_at) == (MergeState.APPLIED, None)
    assert "central" in AccessEvent.objects.get(action="merge.applied",
                                                patient_id=str(retired.pk)).username  # fmt: skip
    assert {surgery.fresh(each).patient_id for each in items} == {survivor.pk}
    assert {surgery.fresh(each).cancel_requested_at for each in items} == {None}


def test_a_person_merges_and_has_one_of_two_requests_cancelled(surgery):
    survivor, retired = two(surgery)
    kept, gone = (surgery.delivered(CHEST, patient=each) for each in (survivor, retired))
    merge = merged(surgery, survivor, retired)
    services.merge_after_all(
        merge, cancel=[str(gone.pk)], words="Asked twice", by=surgery.acting("central")
    )
    gone = surgery.fresh(gone)
    assert gone.cancel_requested_at
    assert gone.attention == "cancelled"  # its requester has to look
    assert surgery.orders(gone)[-1].get("ORC", 1) == "CA"
    assert surgery.orders(gone)[-1].get("ORC", 2) == gone.placer_number
    assert surgery.fresh(kept).cancel_requested_at is None


@pytest.mark.hazard("H10")
def test_a_test_that_was_cancelled_with_a_merge_stays_with_its_requester_when_it_is_confirmed(
    surgery,
):
    survivor, retired = two(surgery)
    gone = [surgery.delivered(CHEST, patient=each) for each in (survivor, retired)][1]
    services.merge_after_all(
        merged(surgery, survivor, retired), cancel=[str(gone.pk)], words="Asked twice",
        by=surgery.acting("central"),
    )  # fmt: skip
    surgery.says(surgery.fresh(gone), "CR", patient=retired)
    gone = surgery.fresh(gone)
    assert (gone.status, gone.attention) == ("cancelled", "cancelled")
    assert gone.due_at  # still on the list of what needs the requester


@pytest.mark.hazard("H57")
@pytest.mark.parametrize("key", ["of a third patient", "not-a-key"])
def test_a_merge_cancels_nothing_that_is_of_neither_record(surgery, key):
    survivor, retired = two(surgery)
    for each in (survivor, retired):
        surgery.delivered(CHEST, patient=each)
    strange = surgery.delivered(CHEST)
    merge = merged(surgery, survivor, retired)
    with pytest.raises(NotCancelled):
        services.merge_after_all(
            merge, cancel=[str(strange.pk) if key.startswith("of") else key], words="Asked twice",
            by=surgery.acting("central"),
        )  # fmt: skip
    merge.refresh_from_db()
    assert merge.state == MergeState.HELD
    assert surgery.fresh(strange).cancel_requested_at is None


def test_a_request_that_cannot_be_cancelled_stops_the_merge(surgery):
    survivor, retired = two(surgery)
    held = surgery.item(CHEST, patient=retired)
    surgery.delivered(CHEST, patient=survivor)
    merge = merged(surgery, survivor, retired)
    with pytest.raises(NotCancelled):
        services.merge_after_all(
            merge, cancel=[str(held.pk)], words="Asked twice", by=surgery.acting("central")
        )
    merge.refresh_from_db()
    assert merge.state == MergeState.HELD
    assert refreshed(retired).merged_into is None


def test_a_refused_merge_leaves_both_records_and_waits_again_when_it_is_sent_again(surgery):
    survivor, retired = two(surgery, birth_date=date(1958, 3, 3))
    merge = merged(surgery, survivor, retired)
    services.refuse(merge, words="Sisters. Rang the PAS.", by=surgery.acting("central"))
    assert refreshed(retired).merged_into is None
    again = merged(surgery, survivor, retired)
    assert again.pk != merge.pk
    assert Why.UNDONE_BEFORE in again.reasons


def test_nobody_decides_twice_nor_without_a_word(surgery):
    survivor, retired = two(surgery, birth_date=date(1958, 3, 3))
    merge = merged(surgery, survivor, retired)
    central = surgery.acting("central")
    with pytest.raises(NotMerged, match="Say why"):
        services.refuse(merge, words="  no ", by=central)
    services.refuse(merge, words="Two sisters", by=central)
    with pytest.raises(NotMerged, match="meanwhile"):
        services.merge_after_all(merge, words="Surely one person", by=central)


@pytest.mark.parametrize("who", ["gp", "ahp", "practice-admin", "radiologist"])
def test_only_operators_decide(surgery, who):
    survivor, retired = two(surgery, birth_date=date(1958, 3, 3))
    surgery.delivered(FBC, patient=retired)
    merge = merged(surgery, survivor, retired)
    with pytest.raises(NotMerged, match="cannot decide"):
        services.refuse(merge, words="Two sisters", by=surgery.acting(who))
    with pytest.raises(NotMerged, match="cannot decide"):
        services.refuse(merge, words="Two sisters", by=SYSTEM)


def test_a_laboratory_decides_for_its_own_patients_and_for_no_others(surgery):
    laboratory = surgery.acting("lab")
    theirs = two(surgery, birth_date=date(1958, 3, 3))
    surgery.delivered(FBC, patient=theirs[1])
    merge = merged(surgery, *theirs)
    other = merged(surgery, *two(surgery, birth_date=date(1958, 3, 3)))
    assert queries.merge_for(laboratory, merge.pk).merge == merge
    listed = {each.merge.pk for each in queries.merge_lists(laboratory).waiting}
    assert listed == {merge.pk}
    with pytest.raises(NotMerged):
        services.refuse(other, words="Two sisters", by=laboratory)


def test_every_state_that_is_not_an_end_has_an_owner_a_clock_and_a_list():
    leaving = {state for state, _ in TRANSITIONS if state is not None}
    unfinished = leaving - {MergeState.APPLIED}  # undone only by somebody who wants to
    assert unfinished == set(WAITS)
    for wait in WAITS.values():
        assert wait.owner
        assert wait.limit.total_seconds() > 0
        assert wait.list_name == "patients:merges"


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        ("2026-11-23T10:00+00:00", "2026-11-23T11:00+00:00"),
        ("2026-11-23T16:30+00:00", "2026-11-24T09:30+00:00"),  # over night
        ("2026-11-20T16:30+00:00", "2026-11-23T09:30+00:00"),  # over a weekend
        ("2026-11-22T12:00+00:00", "2026-11-23T10:00+00:00"),  # on a Sunday
        ("2026-07-01T06:00+00:00", "2026-07-01T09:00+00:00"),  # London is an hour ahead
    ],
)
def test_the_clock_counts_working_time(asked, due):
    limit = WAITS[MergeState.HELD].limit
    assert working_time_after(datetime.fromisoformat(asked), limit) == datetime.fromisoformat(due)


# --- What is no merge ----------------------------------------------------------------------------


def test_a_discarded_number_that_nobody_has_is_noted_on_the_survivor(surgery):
    survivor, _ = two(surgery)
    surgery.hear(a40(survivor, survivor, mrg=f"S9999999^^^{KINGSMERE}^MR"), pas())
    assert queries.by_identifier(KINGSMERE, "S9999999") == survivor
    assert survivor.identifiers.get(value="S9999999").former_since
    assert not Merge.objects.exists()


def test_a_survivor_whom_nobody_knows_is_parked(surgery):
    survivor, retired = two(surgery)
    unknown = f"S9999998^^^{KINGSMERE}^MR"
    assert parked(surgery, a40(survivor, retired, pid=unknown)) == "patient_identity"
    assert refreshed(retired).merged_into is None


def test_numbers_of_two_people_in_one_field_are_parked(surgery):
    survivor, retired = two(surgery)
    third = surgery.patient()
    both = f"{number_of(retired)}^^^{KINGSMERE}^MR~{number_of(third)}^^^{KINGSMERE}^MR"
    assert parked(surgery, a40(survivor, retired, mrg=both)) == "patient_identity"
    assert parked(surgery, a40(survivor, retired, pid=both)) == "patient_identity"


@pytest.mark.hazard("H21")
def test_a_survivor_of_another_name_and_birth_date_is_parked(surgery):
    survivor, retired = two(surgery)
    raw = a40(survivor, retired).replace(
        b"Testpatient^Agnes||19580302", b"Otherwise^Beryl||19010101"
    )
    assert parked(surgery, raw) == "patient_identity"


@pytest.mark.hazard("H21")
@pytest.mark.parametrize(
    ("name", "merges"),
    [("Testpatient^Agnes", True), ("Married^Agnes", True), ("", True), ("Other^Bernard", False)],
)
def test_a_discarded_number_under_the_name_of_somebody_else_merges_nobody(surgery, name, merges):
    survivor, retired = two(surgery)
    raw = a40(survivor, retired, mrg=f"{number_of(retired)}^^^{KINGSMERE}^MR||||||{name}")
    if merges:
        surgery.hear(raw, pas())
        assert Merge.objects.get().state == MergeState.APPLIED
    else:
        assert parked(surgery, raw) == "patient_identity"
        assert not Merge.objects.exists()


def test_an_nhs_number_that_is_on_both_sides_says_nothing_of_the_discarded_record(surgery):
    survivor, retired = two(surgery)
    nhs = f"{survivor.nhs_number}^^^NHS^NH"
    raw = a40(
        survivor, retired, pid=f"{number_of(survivor)}^^^{KINGSMERE}^MR~{nhs}",
        mrg=f"{number_of(retired)}^^^{KINGSMERE}^MR~{nhs}",
    )  # fmt: skip
    surgery.hear(raw, pas())
    assert refreshed(retired).merged_into == survivor


def test_a_merge_back_the_other_way_is_parked(surgery):
    survivor, retired = two(surgery)
    merged(surgery, survivor, retired)
    assert parked(surgery, a40(retired, survivor)) == "patient_identity"


def test_a_chain_of_merges_leads_to_the_last_survivor(surgery):
    first, second = two(surgery)
    _, third = two(surgery)
    report = asked_and_answered(surgery, third)
    merged(surgery, second, third)
    merged(surgery, first, second)
    report.refresh_from_db()
    assert report.patient_id == first.pk
    assert queries.by_identifier(KINGSMERE, number_of(third)) == first
    assert queries.retired_records(first) == (second, third)


def test_news_of_the_retired_number_alone_is_parked_and_changes_nobody(surgery):
    survivor, retired = two(surgery)
    merged(surgery, survivor, retired)
    raw = (
        f"MSH|^~\\&|PAS|{KINGSMERE}|ORDERCOMMS|OC1|20261122100000+0000||ADT^A31|Z1|T|2.4\r"
        f"EVN|A31|20261122100000+0000\rPID|1||{number_of(retired)}^^^{KINGSMERE}^MR||New^Name\r"
    ).encode()
    assert parked(surgery, raw) == "patient_identity"
    assert refreshed(survivor).family_name == "Testpatient"


def test_a_changed_number_finds_the_patient_under_both_and_only_the_new_one_is_sent(surgery):
    patient, _ = two(surgery)
    old = number_of(patient)
    new = f"S8888888^^^{KINGSMERE}^MR"
    raw = a40(patient, patient, trigger="A47", pid=new, mrg=f"{old}^^^{KINGSMERE}^MR")
    surgery.hear(raw, pas())
    assert queries.by_identifier(KINGSMERE, "S8888888") == patient
    assert queries.by_identifier(KINGSMERE, old) == patient
    sent = pid_segment(refreshed(patient)).raw(3)
    assert "S8888888" in sent
    assert old not in sent


def test_a_number_that_is_changed_to_another_records_is_parked_as_a_merge(surgery):
    patient, other = two(surgery)
    raw = a40(other, patient, trigger="A47")
    assert parked(surgery, raw) == inbound_merging.MERGE


def test_merged_visits_are_parked(surgery):
    survivor, retired = two(surgery)
    assert parked(surgery, a40(survivor, retired, trigger="A42")) == inbound_merging.VISITS


def test_no_sentence_of_a_parked_merge_names_anybody(surgery):
    survivor, retired = two(surgery)
    raw = a40(survivor, retired, pid=f"S9999998^^^{KINGSMERE}^MR")
    with pytest.raises(Park) as caught:
        surgery.hear(raw, pas())
    for secret in ("S9999998", "Testpatient", number_of(retired), "1958"):
        assert secret not in caught.value.sentence


# --- Undone --------------------------------------------------------------------------------------


@pytest.mark.hazard("H21")
def test_undoing_puts_back_exactly_what_was(surgery):
    survivor, retired = two(surgery)
    asked_and_answered(surgery, survivor)
    asked_and_answered(surgery, retired, "ue")
    surgery.draft(retired, KNEE)
    surgery.delivered(line("hba1c"), patient=retired, by="ahp")
    before = whole(survivor), whole(retired)
    merge = merged(surgery, survivor, retired)
    assert (whole(survivor), whole(retired)) != before
    services.unmerge(merge, chosen={}, words="Two people", by=surgery.acting("central"))
    assert (whole(survivor), whole(retired)) == before
    assert refreshed(retired).merged_into is None


@pytest.mark.hazard("H21")
def test_what_came_after_a_merge_goes_where_a_person_says(surgery):
    """Merge, new orders and results, undo: every row is where it belongs."""
    survivor, retired = two(surgery)
    old = surgery.delivered(FBC, patient=retired)
    merge = merged(surgery, survivor, retired)
    survivor = refreshed(survivor)
    hear_report(surgery, old, survivor)  # an answer to the retired record's own request
    ours = asked_and_answered(surgery, survivor, "ue")
    theirs = asked_and_answered(surgery, survivor, "hba1c")
    services.add_hospital_numbers(survivor, numbers=[HospitalNumber("RZ2", "E77")], by=SYSTEM)
    merge.refresh_from_db()
    rows = {row.key: row for row in queries.rows_to_place(merge)}
    (number,) = (key for key in rows if key.startswith("identifiers:"))
    assert set(rows) == {
        f"requests:{old.request_id}", f"requests:{ours.item.request_id}",
        f"requests:{theirs.item.request_id}", number,
    }  # fmt: skip
    assert rows[f"requests:{old.request_id}"].was == "retired"
    chosen = {
        f"requests:{old.request_id}": "retired",
        f"requests:{ours.item.request_id}": "survivor",
        f"requests:{theirs.item.request_id}": "retired",
        number: "retired",
    }
    services.unmerge(merge, chosen=chosen, words="Two people", by=surgery.acting("central"))
    assert {each.item_id for each in Report.objects.filter(patient=survivor)} == {ours.item_id}
    assert {each.item_id for each in Report.objects.filter(patient=retired)} == {
        old.pk, theirs.item_id,
    }  # fmt: skip
    for report in Report.objects.filter(patient__in=[survivor, retired]):
        values = set(report.current.observations.values_list("patient", flat=True))
        assert values == {report.patient_id} == {report.item.patient_id}
        assert report.item.request.patient_id == report.patient_id
    assert queries.by_identifier("RZ2", "E77") == retired
    step = MergeStep.objects.get(merge=merge, event="undone")
    assert step.details == {"placed": chosen}


@pytest.mark.hazard("H21")
def test_nothing_is_undone_while_one_row_has_no_place(surgery):
    survivor, retired = two(surgery)
    merge = merged(surgery, survivor, retired)
    asked_and_answered(surgery, refreshed(survivor))
    with pytest.raises(NotMerged, match="Choose whose") as caught:
        services.unmerge(merge, chosen={}, words="Two people", by=surgery.acting("central"))
    assert caught.value.field.startswith("requests:")
    assert refreshed(retired).merged_into == survivor


def test_an_nhs_number_that_was_given_to_the_survivor_goes_where_a_person_says(surgery):
    number = next_number()
    survivor, retired = two(surgery, nhs_number=number)
    survivor = services.correct(survivor, details={"nhs_number": None}, by=SYSTEM)
    merge = merged(surgery, survivor, retired)
    services.correct(survivor, details={"nhs_number": number}, by=SYSTEM)
    services.unmerge(
        merge, chosen={"nhs_number:": "retired"}, words="Two people", by=surgery.acting("central")
    )
    assert refreshed(survivor).nhs_number is None
    assert queries.by_nhs_number(number) == retired


def test_merges_are_undone_in_the_other_order(surgery):
    survivor, second = two(surgery)
    _, third = two(surgery)
    report = asked_and_answered(surgery, second)
    before = [whole(each) for each in (survivor, second, third)]
    merges = [merged(surgery, survivor, each) for each in (second, third)]
    central = surgery.acting("central")
    with pytest.raises(NotMerged, match="later"):
        services.unmerge(merges[0], chosen={}, words="Two people", by=central)
    for merge in reversed(merges):
        services.unmerge(merge, chosen={}, words="Two people", by=central)
    assert [whole(each) for each in (survivor, second, third)] == before
    report.refresh_from_db()
    assert report.patient_id == second.pk


def test_what_the_merge_lent_is_taken_back_and_what_was_earned_stays(surgery):
    survivor, retired = two(surgery)
    surgery.delivered(FBC, patient=retired, by="ahp")
    merge = merged(surgery, survivor, retired)
    clinic = surgery.acting("ahp")
    later = surgery.delivered(line("ue"), patient=refreshed(survivor), by="ahp")
    services.unmerge(
        merge, chosen={f"requests:{later.request_id}": "retired"}, words="Two people",
        by=surgery.acting("central"),
    )  # fmt: skip
    assert not Relationship.objects.filter(patient=survivor).exists()
    assert queries.patient_for(clinic, retired.pk) == retired


def test_steps_of_a_merge_are_never_changed(surgery):
    merge = merged(surgery, *two(surgery))
    step = MergeStep.objects.get(merge=merge)
    with pytest.raises(InternalError, match="Cannot update or delete"):
        step.delete()


def test_the_steps_of_a_merge_follow_each_other(surgery):
    merge = merged(surgery, *two(surgery, birth_date=date(1958, 3, 3)))
    central = surgery.acting("central")
    services.merge_after_all(merge, words="One person", by=central)
    services.unmerge(merge, chosen={}, words="Two people", by=central)
    steps = list(merge.steps.order_by("pk"))
    assert [each.to_state for each in steps] == ["held", "applied", "undone"]
    assert all(a.to_state == b.from_state for a, b in pairwise(steps))
    assert steps[-1].words == "Two people"


def test_a_held_merge_is_late_when_its_clock_has_run_out(surgery):
    merge = merged(surgery, *two(surgery, birth_date=date(1958, 3, 3)))
    central = surgery.acting("central")
    assert [each.is_late for each in queries.merge_lists(central).waiting] == [False]
    with time_machine.travel(merge.due_at.replace(year=merge.due_at.year + 1)):
        assert [each.is_late for each in queries.merge_lists(central).waiting] == [True]
