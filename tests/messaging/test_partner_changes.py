"""What was agreed with a partner is changed by two people, or not at all."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessEvent
from messaging import agreement_forms, services
from messaging.agreement import BadAgreement, agreement_of
from messaging.errors import NoSuchMove, NothingChanged, ReasonMissing
from messaging.models import Feed, Link, Partner, PartnerChange, PartnerCode
from messaging.queries import agreements
from messaging.tls import certificates
from tests.messaging.authority import Authority, pem
from tests.messaging.senders import make_partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner(world):
    """A partner in clear text for a while, as a proposal may leave it."""
    clear = {"cleartext_until": timezone.now() + timedelta(days=90)}
    partner = make_partner("ris", **clear)
    Feed.objects.update(**clear)
    return partner


@pytest.fixture
def first(world):
    return world.acting("central")


@pytest.fixture
def second(world):
    return world.acting(world.stranger("central").username)


def propose(partner, by, why="It moves", **wanted):
    wanted = wanted or {"port": 2600}
    held = agreement_of(Partner.objects.get(pk=partner.pk))
    return services.propose_change(partner.slug, held | wanted, why=why, by=by)


def port():
    return Partner.objects.get().port


@pytest.mark.hazard("H19")
def test_a_change_holds_only_when_another_person_has_applied_it(partner, first, second):
    change = propose(partner, first)
    assert (port(), change.differences) == (2576, [{"path": "port", "from": 2576, "to": 2600}])
    with pytest.raises(services.SamePerson):
        services.apply_change(change, by=first)
    assert port() == 2576
    services.apply_change(change, by=second)
    assert port() == 2600
    deeds = AccessEvent.objects.filter(object_type="messaging.PartnerChange")
    assert [(deed.action, deed.username) for deed in deeds.order_by("id")] == [
        ("propose_partner_change", first.user.username),
        ("apply_partner_change", second.user.username),
    ]


@pytest.mark.hazard("H19")
@pytest.mark.parametrize("state", ["applied", "refused"])
def test_the_database_itself_refuses_one_person_for_both(partner, first, state):
    change = propose(partner, first)
    with pytest.raises(IntegrityError, match="two_people"), transaction.atomic():
        PartnerChange.objects.filter(pk=change.pk).update(
            state=state, decided_by=first.user, decided_at=timezone.now()
        )
    with pytest.raises(IntegrityError, match="has_a_person"), transaction.atomic():
        PartnerChange.objects.filter(pk=change.pk).update(state=state)


def test_a_change_that_was_refused_changes_nothing(partner, first, second):
    change = propose(partner, first)
    with pytest.raises(ReasonMissing):
        services.refuse_change(change, reason=" ", by=second)
    services.refuse_change(change, reason="Not before Monday", by=second)
    assert port() == 2576
    with pytest.raises(NoSuchMove):
        services.apply_change(change, by=second)


def test_who_proposed_a_change_takes_it_back_and_nobody_else_does(partner, first, second):
    change = propose(partner, first)
    with pytest.raises(PermissionDenied):
        services.withdraw_change(change, by=second)
    assert services.withdraw_change(change, by=first).state == "withdrawn"
    for verb in (services.apply_change, services.withdraw_change):
        with pytest.raises(NoSuchMove):
            verb(change, by=second if verb is services.apply_change else first)
    assert port() == 2576
    waiting, decided = agreements.changes_for(first)
    assert (waiting, [each.state for each in decided]) == ([], ["withdrawn"])


def test_a_change_is_withdrawn_on_its_page_by_its_proposer_alone(partner, world, first):
    change = propose(partner, first)
    there = reverse("messaging:partner-change", args=[change.pk])
    other = world.client(world.stranger("central").username)
    assert "Withdraw it" not in other.get(there).content.decode()
    own = world.client("central")
    assert "Withdraw it" in own.get(there).content.decode()
    own.post(reverse("messaging:withdraw-change", args=[change.pk]))
    assert "Withdrawn by" in own.get(there).content.decode()
    assert port() == 2576


@pytest.mark.hazard("H49")
def test_synthetic_orders_are_agreed_by_two_people_and_so_is_their_end(partner, first, second):
    agreed = {"synthetic_patient": "9999999999", "synthetic_code": "SYNTHETIC"}
    for seconds in (60, 0):
        change = propose(partner, first, synthetic_seconds=seconds, **agreed)
        with pytest.raises(services.SamePerson):
            services.apply_change(change, by=first)
        services.apply_change(change, by=second)
        assert Link.objects.get(partner=partner).synthetic_seconds == seconds
        assert agreement_of(partner)["synthetic_seconds"] == seconds


@pytest.mark.hazard("H19")
def test_the_second_person_sees_which_certificate_takes_the_place_of_which(partner, first):
    """Of the same name and to the same day: only the fingerprint tells them apart."""
    authority = Authority()
    one, other = (pem(authority.gives("ris", days=(-1, 300))[0]) for _ in range(2))
    Feed.objects.update(client_certificates=one)
    change = propose(partner, first, **{"feed all.client_certificates": other})
    (step,) = agreements.change_in_words(change, first).steps
    assert step.before != step.after
    assert certificates(other)[0].fingerprint(SHA256()).hex()[:16] in step.after


def test_a_change_is_not_applied_over_another_that_came_between(partner, first, second):
    change, other = propose(partner, first), propose(partner, first, port=2700)
    services.apply_change(other, by=second)
    with pytest.raises(services.ChangedMeanwhile):
        services.apply_change(change, by=second)
    assert port() == 2700


def test_two_changes_of_different_things_are_both_applied(partner, first, second):
    change, other = propose(partner, first), propose(partner, first, acknowledgement_seconds=9)
    services.apply_change(other, by=second)
    services.apply_change(change, by=second)
    partner.refresh_from_db()
    assert (partner.port, partner.acknowledgement_seconds) == (2600, 9)


def test_feeds_and_codes_change_the_same_way(partner, first, second):
    codes = (
        "ours,theirs,display,system,direction,valid_from,valid_to\nXCHES,CXR,,,both,2026-01-01,\n"
    )
    change = propose(
        partner, first, **{"feed all.largest_bytes": 5000, "codes exam": codes}
    )  # fmt: skip
    assert not PartnerCode.objects.exists()
    services.apply_change(change, by=second)
    assert Feed.objects.get().largest_bytes == 5000
    assert PartnerCode.objects.get().theirs == "CXR"
    gone = propose(partner, first, **{"codes exam": ""})
    services.apply_change(gone, by=second)
    assert not PartnerCode.objects.exists()


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"port": 0}, "1 to 65535"),
        ({"uses_tls": True}, "who may vouch"),
        ({"processing_id": "P"}, "never meet"),
        ({"feed all.facility": ""}, "MSH-3 and MSH-4"),
        ({"feed all.client_certificates": "rubbish"}, "PEM"),
        ({"cleartext_until": None}, "Without TLS"),
    ],
)
def test_what_cannot_hold_is_not_even_proposed(partner, first, wanted, words):
    with pytest.raises(BadAgreement, match=words):
        propose(partner, first, **wanted)
    assert not PartnerChange.objects.exists()


def test_nothing_is_no_change(partner, first):
    with pytest.raises(NothingChanged):
        propose(partner, first, port=2576)
    with pytest.raises(ReasonMissing):
        propose(partner, first, why="  ")


@pytest.mark.parametrize("who", ["lab", "gp", "radiologist"])
def test_nobody_but_the_central_team_changes_a_partner(partner, world, first, who):
    with pytest.raises(PermissionDenied):
        propose(partner, world.acting(who))
    change = propose(partner, first)
    with pytest.raises(PermissionDenied):
        services.apply_change(change, by=world.acting(who))


def test_one_person_may_stop_sending_at_once(partner, first):
    services.pause_partner(partner, reason="It answers for somebody else", by=first)
    assert Partner.objects.get().is_paused


@pytest.mark.hazard("H22")
def test_a_change_that_waits_is_on_a_list_with_its_owner_and_is_late_after_a_day(
    partner, first, second, time_machine
):
    change = propose(partner, first)
    waiting, _ = agreements.changes_for(second)
    assert [(each.pk, each.is_late, each.is_own) for each in waiting] == [(change.pk, False, False)]
    PartnerChange.objects.update(proposed_at=timezone.now() - timedelta(hours=25))
    waiting, decided = agreements.changes_for(first)
    assert [(each.is_late, each.is_own) for each in waiting] == [(True, True)]
    assert decided == []


@pytest.mark.parametrize(("days", "said"), [(29, 2), (31, 0)])
def test_what_runs_out_within_a_month_is_said_to_the_central_team_alone(
    partner, first, world, days, said
):
    until = timezone.now() + timedelta(days=days, minutes=5)
    Partner.objects.update(cleartext_until=until)
    Feed.objects.update(cleartext_until=until)
    agreements.cache.delete("agreements_running_out")
    found = [words for words, _ in agreements.running_out(first)]
    agreements.cache.delete("agreements_running_out")
    assert len(found) == said
    assert all("Clear text" in words and "29 days" in words for words in found)
    assert agreements.running_out(world.acting("gp")) == agreements.running_out(None) == []


# --- The pages -----------------------------------------------------------------------------------


def form(client, partner, part="line"):
    """What a browser sends of the form as it stands."""
    page = client.get(reverse("messaging:agreement", args=[partner.pk, part]))
    assert page.status_code == 200
    held = agreement_of(partner)
    found = {name: paths for _, name, paths in agreements.parts_of(held)}
    fields = agreement_forms.fields_of(found.get(part, [part.replace("-", " ")]), held)
    assert all(f'name="{field.name}"' in page.content.decode() for field in fields)
    return {each.name: each.value for each in fields if each.kind != "yes" or each.value}


def test_a_change_is_proposed_and_applied_on_pages(partner, world):
    client = world.client("central")
    data = form(client, partner) | {"port": "2600", "why": "It moves"}
    answer = client.post(reverse("messaging:agreement", args=[partner.pk, "line"]), data)
    change = PartnerChange.objects.get()
    assert answer.url == reverse("messaging:partner-change", args=[change.pk])
    assert [each["path"] for each in change.differences] == ["port"]
    page = client.get(answer.url).content.decode()
    assert "Apply it" not in page
    apply = reverse("messaging:apply-change", args=[change.pk])
    assert client.post(apply).status_code == 422
    assert port() == 2576
    other = world.client_elsewhere("central")
    assert "Apply it" in other.get(answer.url).content.decode()
    assert other.post(apply).status_code == 302
    assert port() == 2600


@pytest.mark.parametrize("part", ["line", "orders", "feed-all", "codes-exam"])
def test_a_form_that_is_sent_as_it_stands_changes_nothing(partner, world, part):
    client = world.client("central")
    data = form(client, partner, part) | {"why": "x"}
    answer = client.post(reverse("messaging:agreement", args=[partner.pk, part]), data)
    assert answer.status_code == 422
    assert "Nothing is different" in answer.content.decode()


@pytest.mark.parametrize(
    ("part", "field", "value", "words"),
    [
        ("line", "port", "many", "The port is a number"),
        ("line", "cleartext-until", "soon", "is an instant"),
        ("orders", "version", "2.3", "is there from version 2.4"),
        ("feed-all", "feed-all-most-connections", "900", "1 to 100"),
        ("codes-exam", "codes-exam", "a;b", "begins with the line"),
        ("line", "why", "", "Enter why"),
    ],
)
def test_a_mistake_on_the_page_is_told_beside_its_field(partner, world, part, field, value, words):
    client = world.client("central")
    data = {"why": "x"} | form(client, partner, part) | {"port": "2601"} | {field: value}
    answer = client.post(reverse("messaging:agreement", args=[partner.pk, part]), data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not PartnerChange.objects.exists()


def test_a_part_that_is_not_there_is_not_found(partner, world):
    client = world.client("central")
    for part in ("feed-none", "codes-colour", "other"):
        assert client.get(
            reverse("messaging:agreement", args=[partner.pk, part])
        ).status_code == 404  # fmt: skip


def test_a_refusal_needs_its_reason(partner, world, first):
    change = propose(partner, first)
    other = world.client_elsewhere("central")
    refuse = reverse("messaging:refuse-change", args=[change.pk])
    assert other.post(refuse).status_code == 422
    assert other.post(refuse, {"reason": "Not yet"}).status_code == 302
    assert PartnerChange.objects.get().decided_because == "Not yet"


def test_the_partners_page_says_what_is_agreed_in_words(partner, world):
    Partner.objects.update(foreign_answers=3, foreign_answer_at=timezone.now())
    page = world.client("central").get(reverse("messaging:partner", args=[partner.pk]))
    text = page.content.decode()
    for words in ("What is agreed", "Clear text is allowed until", "3 answers", "OMG^O19"):
        assert words in text


def test_a_laboratory_reads_the_agreement_and_sees_no_way_to_change_it(partner, world):
    partner.departments.add(world.acting("lab").organisation)
    client = world.client("lab")
    text = client.get(reverse("messaging:partner", args=[partner.pk])).content.decode()
    assert "What is agreed" in text
    assert "Propose a change" not in text
    assert client.get(reverse("messaging:partner-changes")).status_code == 403
