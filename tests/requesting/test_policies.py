"""Who may ask for what: role, place, registration, entitlement, scope, and the day."""

from datetime import UTC, date, datetime

import pytest
import time_machine

from accounts.models import Entitlement, Membership, Organisation
from accounts.policies import Acting
from accounts.queries import acting_at
from accounts.roles import ROLES
from requesting import queries, services
from requesting.errors import Refused
from requesting.policies import may_request

from .surgery import line, service

EXAMS = ("chest-xray", "knee-xray", "ct-head", "us-abdomen", "mri-knee", "fbc")
RADIOLOGY, PATHOLOGY = "RZ1RAD", "RZ1PATH"


def department(code: str) -> Organisation:
    wanted = PATHOLOGY if code == "fbc" else RADIOLOGY
    return Organisation.objects.select_related("parent").get(ods_code=wanted)


def rule(acting: Acting, code: str, **fields) -> str:
    decision = may_request(acting, service(code), department(code), **fields)
    assert decision.allowed == (decision.rule == "")
    return decision.rule or "allowed"


# Everything that each role may ask of Kingsmere; whatever is not here is refused.
MATRIX = {
    "gp": dict.fromkeys(EXAMS, "allowed"),
    "ahp": {
        "chest-xray": "allowed", "knee-xray": "allowed", "ct-head": "scope",
        "us-abdomen": "scope", "mri-knee": "scope", "fbc": "allowed",
    },
    "ahp-expired": {**dict.fromkeys(EXAMS, "expired"), "fbc": "allowed"},
    "practice-admin": dict.fromkeys(EXAMS, "role"),
    "radiologist": dict.fromkeys(EXAMS, "organisation"),
    "lab": dict.fromkeys(EXAMS, "organisation"),
    "central": dict.fromkeys(EXAMS, "organisation"),
}  # fmt: skip


@pytest.mark.hazard("H06")
@pytest.mark.parametrize("exam", EXAMS)
@pytest.mark.parametrize("username", sorted(MATRIX))
def test_each_role_may_ask_exactly_what_is_its_own(surgery, username, exam):
    assert rule(surgery.acting(username), exam) == MATRIX[username][exam]


@pytest.mark.hazard("H06")
def test_a_network_that_is_not_switched_on_asks_for_nothing(surgery):
    acting = acting_at(surgery.user("gp2"), "U90001")
    assert rule(acting, "fbc") == "organisation"
    assert rule(surgery.acting("gp2"), "fbc") == "allowed"
    with pytest.raises(Refused):
        services.save_draft(surgery.patient(), content={}, by=acting)


@pytest.mark.hazard("H06")
def test_without_a_registration_number_nobody_asks(surgery):
    for username, field in (
        ("gp", "registration_number"),
        ("ahp", "registration_number"),
        ("ahp", "registration_body"),
    ):
        user = surgery.user(username)
        setattr(user, field, "")
        user.save()
        assert rule(surgery.acting(username), "fbc") == "registration"


@pytest.mark.hazard("H06")
def test_a_number_that_nobody_checked_is_not_enough_for_another_profession(surgery):
    ahp = surgery.user("ahp")
    ahp.registration_checked_on = None
    ahp.save()
    assert rule(surgery.acting("ahp"), "fbc") == "registration"


@pytest.mark.hazard("H06")
def test_a_gp_role_without_a_doctors_registration_needs_an_entitlement(surgery):
    ahp = surgery.user("ahp")
    Membership.objects.filter(user=ahp).update(role="gp")
    assert rule(surgery.acting("ahp"), "ct-head") == "scope"


@pytest.mark.hazard("H06")
def test_one_trusts_entitlement_says_nothing_at_another(surgery):
    Entitlement.objects.filter(user__username="ahp", trust__ods_code="RZ1").delete()
    assert rule(surgery.acting("ahp"), "chest-xray") == "not_entitled"


@pytest.mark.hazard("H06")
def test_a_suspended_or_a_future_entitlement_is_none(surgery):
    mine = Entitlement.objects.filter(user__username="ahp", trust__ods_code="RZ1")
    mine.update(suspended_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert rule(surgery.acting("ahp"), "chest-xray") == "suspended"
    mine.update(suspended_at=None, granted_on=date(2999, 1, 1))
    assert rule(surgery.acting("ahp"), "chest-xray") == "not_yet"


@pytest.mark.hazard("H06")
@pytest.mark.parametrize(
    ("last_day", "in_date", "out_of_date"),
    [
        # London's midnight: summer time begins on 28-Mar-2027, so it is 23:00 the day before in UTC
        ("2027-03-28", "2027-03-28T22:59:59+00:00", "2027-03-28T23:00:00+00:00"),
        # the last day of summer time: 24:00 London is 00:00 UTC
        ("2026-10-25", "2026-10-25T23:59:59+00:00", "2026-10-26T00:00:00+00:00"),
        ("2026-12-31", "2026-12-31T23:59:59+00:00", "2027-01-01T00:00:00+00:00"),
        ("2027-06-30", "2027-06-30T22:59:59+00:00", "2027-06-30T23:00:00+00:00"),
    ],
)
def test_a_certificate_is_good_to_midnight_in_london(surgery, last_day, in_date, out_of_date):
    Entitlement.objects.filter(user__username="ahp").update(
        certificate_expires_on=last_day, granted_on="2026-01-01"
    )
    acting = surgery.acting("ahp")
    with time_machine.travel(datetime.fromisoformat(in_date), tick=False):
        assert rule(acting, "chest-xray") == "allowed"
    with time_machine.travel(datetime.fromisoformat(out_of_date), tick=False):
        assert rule(acting, "chest-xray") == "expired"


def test_the_refusals_are_in_the_words_of_the_boxes(surgery):
    expired = may_request(
        surgery.acting("ahp-expired"), service("chest-xray"), department("chest-xray")
    )
    assert expired.heading.startswith("Your IR(ME)R certificate ran out on ")
    assert expired.body.startswith("You can still request blood tests.")
    scope = may_request(surgery.acting("ahp"), service("ct-head"), department("ct-head"))
    assert scope.heading == "You cannot request CT head."
    assert scope.body.startswith("Your entitlement covers X-ray of limbs and chest until ")


def test_the_form_stops_what_the_policy_refuses(surgery):
    patient = surgery.patient()
    draft = surgery.draft(patient, line("chest-xray"), line("fbc"), by="ahp-expired")
    page = queries.compose(draft, surgery.acting("ahp-expired"))
    chest, fbc = page.lines
    assert chest.box.alert.rule_key == "entitlement"
    assert fbc.box.alert is None
    assert page.missing[0].sentence.startswith("Your IR(ME)R certificate ran out")


def test_an_absent_person_may_nothing(surgery):
    nobody = Acting(user=None, organisation=None, role="gp", permissions=ROLES["gp"].permissions)
    assert rule(nobody, "fbc") == "role"


# --- Who sees what -------------------------------------------------------------------------------


def test_each_sees_what_is_theirs_and_nothing_else(surgery):
    held, sent, vetting = surgery.item(), surgery.delivered(), surgery.vetting()
    seen = {
        name: {item.pk for item in queries.visible_to(surgery.acting(name))}
        for name in ("gp", "gp2", "practice-admin", "ahp", "radiologist", "lab", "central")
    }
    ours = {held.pk, sent.pk, vetting.pk}
    assert seen["gp"] == seen["gp2"] == seen["practice-admin"] == ours
    assert seen["radiologist"] == {vetting.pk}
    assert seen["ahp"] == seen["lab"] == seen["central"] == set()
    assert not queries.visible_to(None).exists()


@pytest.mark.hazard("H12")
def test_who_gets_the_results_sees_the_request_also_from_their_other_place(surgery):
    item = surgery.item(line("fbc"), results_to=surgery.user("gp2").pk)
    at_the_network = acting_at(surgery.user("gp2"), "U90001")
    assert queries.item_for(at_the_network, item.pk).item == item
    assert item not in queries.visible_to(surgery.acting("ahp"))
