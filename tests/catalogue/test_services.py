"""Releases succeed each other: what changes is closed and opened, what is left out is retired."""

from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta

import pytest
import time_machine
from django.db import IntegrityError

from accounts.models import AccessEvent
from accounts.policies import SYSTEM
from catalogue import queries, services
from catalogue.errors import NotTheirs, ReleaseNotDue, ReleaseTooOld, UnknownCode, UnknownService
from catalogue.importers import OUR_RELEASE, read_release
from catalogue.models import (
    Attendance,
    Offering,
    Question,
    Reason,
    Release,
    SearchTerm,
    Service,
    ServiceVersion,
)
from catalogue.services import Offer
from tests.catalogue import places

pytestmark = pytest.mark.usefixtures("our_catalogue")

OURS = read_release(OUR_RELEASE)
FIRST_DAY = OURS.valid_from
NEXT = date(2030, 3, 1)  # long after the release was imported
DAY_BEFORE = NEXT - timedelta(days=1)


@pytest.fixture
def release():
    """Our release again, to be changed by the test."""
    return replace(deepcopy(OURS), digest="another")


@pytest.fixture
def later():
    """A day on which a later release is imported."""
    with time_machine.travel(f"{NEXT}T12:00Z", tick=False):
        yield


def bring_in(release):
    return services.import_release(release, by=SYSTEM)


def test_the_first_release_holds_from_its_own_date():
    assert set(Service.objects.values_list("valid_from", flat=True)) == {FIRST_DAY}
    assert queries.service("fbc", on=FIRST_DAY).name == "Full blood count"
    with pytest.raises(UnknownService):
        queries.service("fbc", on=FIRST_DAY - timedelta(days=1))


def test_importing_again_changes_nothing(later):
    before = list(SearchTerm.objects.values_list("pk", flat=True).order_by("pk"))
    counts = bring_in(OURS)
    assert not counts.is_change
    assert counts.unchanged > 1000
    assert list(SearchTerm.objects.values_list("pk", flat=True).order_by("pk")) == before
    assert Release.objects.count() == 1


def test_a_changed_reason_closes_the_old_row_and_opens_a_new(release, later):
    chest = release.services["chest-xray"]
    chest.reasons[0] = replace(chest.reasons[0], sentence="Cough for at least 3 weeks.")
    counts = bring_in(release)
    assert (counts.opened, counts.changed, counts.retired) == (0, 1, 0)
    code = chest.reasons[0].code
    old, new = Reason.objects.filter(service__code="chest-xray", code=code).order_by("valid_from")
    assert (old.valid_to, old.sentence) == (NEXT, "Cough for more than 3 weeks.")
    assert (new.valid_from, new.valid_to) == (NEXT, None)
    assert [reason.pk for reason in queries.service("chest-xray").reasons.all()].count(new.pk) == 1
    past = queries.service("chest-xray", on=DAY_BEFORE).reasons.all()
    assert old in past
    assert new not in past


def test_a_changed_service_stays_the_same_service_and_keeps_what_it_said(release, later):
    before = Service.objects.get(code="fbc")
    release.services["fbc"].usual_days = 3
    bring_in(release)
    after = Service.objects.get(code="fbc")
    assert (after.pk, after.usual_days) == (before.pk, 3)
    assert queries.facts_on("fbc", DAY_BEFORE)["usual_days"] == 1
    assert queries.facts_on("fbc", NEXT)["usual_days"] == 3


def test_a_changed_code_is_ordered_by_from_that_day_however_the_service_was_read(release, later):
    knee = release.services["knee-xray"]
    knee.codes = [
        replace(code, code="XKNEW", display="XR Knee new Lt") if code.side == "L" else code
        for code in knee.codes
    ]
    bring_in(release)
    for service in (queries.service("knee-xray"), Service.objects.get(code="knee-xray")):
        assert queries.code_for(service, side="L").code == "XKNEW"
    before = queries.service("knee-xray", on=DAY_BEFORE)
    assert queries.code_for(before, side="L", on=DAY_BEFORE).code == "XKNEL"
    with pytest.raises(UnknownCode):
        queries.by_code("NICIP", "XKNEL")


def test_a_change_on_the_day_of_the_import_is_a_correction(release, later):
    release.services["fbc"].usual_days = 3
    bring_in(release)
    release.services["fbc"].usual_days = 4
    bring_in(replace(release, digest="a third"))
    versions = ServiceVersion.objects.filter(service__code="fbc").order_by("valid_from")
    assert [version.facts["usual_days"] for version in versions] == [1, 4]


def test_a_service_that_a_release_lacks_is_retired_with_all_it_has(release, later):
    del release.services["zinc"]
    counts = bring_in(release)
    assert counts.retired > 1
    with pytest.raises(UnknownService):
        queries.service("zinc")
    assert queries.search("zinc") == []
    assert queries.service("zinc", on=DAY_BEFORE).specimens.count() == 1
    assert Service.objects.get(code="zinc").valid_to == NEXT


def test_a_service_that_comes_back_is_the_same_service_again(release, later):
    before = Service.objects.get(code="zinc").pk
    shorter = replace(release, services=dict(release.services), digest="shorter")
    del shorter.services["zinc"]
    bring_in(shorter)
    bring_in(release)
    zinc = queries.service("zinc")
    assert zinc.pk == before
    assert [code.code for code in zinc.codes.all()] == ["ZN"]
    assert queries.search("zinc")[0].code == "zinc"


def test_a_new_service_joins_the_questions_that_concern_it(release, later):
    twin = deepcopy(release.services["mri-knee"])
    twin.code, twin.name = "mri-thigh", "MRI thigh"
    twin.codes = [replace(code, code=f"{code.code}X") for code in twin.codes]
    release.services["mri-thigh"] = twin
    bring_in(release)
    asked = {question.code for question in queries.service("mri-thigh").questions.all()}
    assert {"mri-implant", "mri-eye-metal"} <= asked
    assert Question.objects.filter(code="mri-implant").count() == 1


def test_a_changed_tube_is_a_new_tube_and_a_new_need_from_that_day(release, later):
    release.containers = [
        replace(tube, name="Red (EDTA)") if tube.code == "lavender" else tube
        for tube in release.containers
    ]
    bring_in(release)

    def tube_on(day):
        return queries.service("fbc", on=day).specimens.get().container.name

    assert (tube_on(DAY_BEFORE), tube_on(NEXT)) == ("Lavender (EDTA)", "Red (EDTA)")


def test_ages_of_the_pregnancy_question_are_a_setting_and_kept_as_they_were_asked(
    release, later, settings
):
    settings.PREGNANCY_AGES = (10, 55)
    bring_in(release)
    old, new = Question.objects.filter(code="pregnant").order_by("valid_from")
    assert (old.applies_when["age_from"], new.applies_when["age_from"]) == (12, 10)
    assert "ages 10 to 55" in new.hint
    hip = queries.service("hip-xray")
    assert "pregnant" in {question.code for question in queries.questions_for(hip, 10)}


def test_a_release_that_is_not_due_is_refused(release):
    with pytest.raises(ReleaseNotDue):
        bring_in(replace(release, valid_from=date(2099, 1, 1)))
    assert Release.objects.count() == 1


def test_a_release_older_than_the_one_loaded_is_refused(release):
    with pytest.raises(ReleaseTooOld):
        bring_in(replace(release, valid_from=FIRST_DAY - timedelta(days=1)))


def test_an_import_is_audited_once(release, later):
    events = AccessEvent.objects.filter(action="import-catalogue")
    assert events.count() == 1
    bring_in(OURS)
    assert events.count() == 1
    bring_in(release)
    assert events.count() == 2


def test_a_retired_test_can_no_longer_be_asked_for_and_its_offerings_end(later):
    xray = places.department(places.trust())
    services.set_offerings(xray, [Offer("chest-xray", Attendance.BOOKED)], by=SYSTEM)
    services.retire(Service.objects.get(code="chest-xray"), by=SYSTEM)
    assert queries.search("cxr") == []
    assert Offering.objects.get().valid_to == NEXT
    assert AccessEvent.objects.filter(action="retire-service").count() == 1


def test_retiring_twice_keeps_the_first_day(later):
    fbc = Service.objects.get(code="fbc")
    services.retire(fbc, by=SYSTEM, on=NEXT)
    services.retire(fbc, by=SYSTEM, on=NEXT + timedelta(days=9))
    assert Service.objects.get(code="fbc").valid_to == NEXT


def test_no_row_may_end_before_it_begins():
    reason = Reason.objects.first()
    reason.valid_to = reason.valid_from - timedelta(days=1)
    with pytest.raises(IntegrityError, match="reason_ends_after_it_begins"):
        reason.save()


# --- Offerings -----------------------------------------------------------------------------------


def test_offerings_are_replaced_as_a_whole_and_repeating_changes_nothing(later):
    xray = places.department(places.trust())
    both = [Offer("chest-xray", Attendance.WALK_IN), Offer("us-pelvis", Attendance.BOOKED)]
    assert services.set_offerings(xray, both, by=SYSTEM).opened == 2
    assert not services.set_offerings(xray, both, by=SYSTEM).is_change
    counts = services.set_offerings(xray, both[:1], by=SYSTEM)
    assert (counts.retired, counts.unchanged) == (1, 1)


def test_one_department_s_offerings_leave_another_s_alone(later):
    first, second = places.department(places.trust()), places.department(places.trust())
    for xray in (first, second):
        services.set_offerings(xray, [Offer("chest-xray", Attendance.BOOKED)], by=SYSTEM)
    services.set_offerings(first, [], by=SYSTEM)
    assert Offering.objects.filter(valid_to__isnull=True).get().department == second


def test_a_department_cannot_offer_another_discipline_s_test_or_another_s_site(later):
    xray, other = places.department(places.trust()), places.department(places.trust())
    with pytest.raises(NotTheirs):
        services.set_offerings(xray, [Offer("fbc", Attendance.BOOKED)], by=SYSTEM)
    elsewhere = Offer("chest-xray", Attendance.BOOKED, places.site(other))
    with pytest.raises(NotTheirs):
        services.set_offerings(xray, [elsewhere], by=SYSTEM)


def test_an_unknown_test_cannot_be_offered():
    with pytest.raises(UnknownService):
        services.set_offerings(
            places.department(places.trust()), [Offer("nose-xray", Attendance.BOOKED)], by=SYSTEM
        )
