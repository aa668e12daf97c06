"""C2: what a launch link opens, and the page for each way that it does not."""

import re
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.errors import LaunchRefused
from accounts.launch import Launch, make_token, new_nonce
from accounts.models import AccessEvent, LaunchUse
from accounts.services import use_launch
from demo.people import HARBOUR, NORTHGATE, PCN
from patients.models import Patient
from tests.world import World

SYSTEM = "demo-gp-system"


@pytest.fixture
def agnes(world: World) -> Patient:
    return world.patient()


def link(patient: Patient, **facts: object) -> str:
    whole = {
        "system": SYSTEM, "nonce": new_nonce(), "go": "request", "username": "gp",
        "organisation_code": NORTHGATE, "nhs_number": patient.nhs_number,
        "birth_date": patient.birth_date,
    }  # fmt: skip
    launch = Launch(**(whole | facts))
    return f"/launch?link={make_token(launch, secret=settings.LAUNCH_SECRETS[SYSTEM])}"


def refusal(client: Client, address: str) -> str:
    """The reason in the audit trail, after checking that nothing was opened."""
    response = client.get(address)
    assert response.status_code == 403
    assert "Nothing was opened" in response.content.decode()
    assert "_auth_user_id" not in client.session
    row = AccessEvent.objects.filter(action="launch").latest("id")
    assert row.outcome == "refused"
    return row.reason


def test_a_link_signs_the_person_in_at_the_place_and_the_patient(
    agnes: Patient, client: Client
) -> None:
    response = client.get(link(agnes))
    assert response["Location"] == f"/p/{agnes.pk}/request/"
    assert client.session["context_patient"] == str(agnes.pk)
    page = client.get("/settings/").content.decode()
    assert "Dr A Patel, GP" in page
    assert "Northgate Surgery" in page
    row = AccessEvent.objects.get(action="launch")
    assert (row.username, row.organisation_code) == ("gp", NORTHGATE)
    assert (row.patient_id, row.outcome, row.reason) == (str(agnes.pk), "ok", SYSTEM)


def test_a_link_to_look_opens_the_patient_s_page(agnes: Patient, client: Client) -> None:
    assert client.get(link(agnes, go="view"))["Location"] == f"/p/{agnes.pk}/"


def test_who_may_not_request_lands_at_the_patient_s_page(agnes: Patient, client: Client) -> None:
    assert client.get(link(agnes, username="practice-admin"))["Location"] == f"/p/{agnes.pk}/"


def test_the_link_and_the_page_after_it_have_no_identifier_in_their_address(
    agnes: Patient, client: Client
) -> None:
    address = link(agnes)
    after = client.get(address)["Location"]
    for text in (address, after):
        assert agnes.nhs_number not in text
        assert str(agnes.birth_date) not in text
        assert "Testpatient" not in text


def test_a_link_opens_once(agnes: Patient, client: Client) -> None:
    address = link(agnes)
    assert client.get(address).status_code == 302
    assert refusal(Client(), address) == "replayed"


def test_of_two_people_who_open_one_link_at_the_same_moment_one_gets_in(agnes: Patient) -> None:
    nonce = new_nonce()
    use_launch(nonce)
    with pytest.raises(LaunchRefused, match="replayed"):
        use_launch(nonce)


def test_a_link_older_than_a_minute_is_refused(agnes: Patient, client: Client) -> None:
    address = link(agnes)
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert refusal(client, address) == "expired"


def test_a_link_that_was_changed_is_refused(agnes: Patient, client: Client) -> None:
    assert refusal(client, link(agnes)[:-3] + "AAA") == "not-ours"


@pytest.mark.parametrize("address", ["/launch", "/launch?link=", "/launch?link=%00", "/launch?x=1"])
def test_no_link_at_all_is_refused_like_a_bad_one(
    world: World, client: Client, address: str
) -> None:
    assert refusal(client, address) == "not-ours"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"username": "nobody"}, "unknown-user"),
        ({"organisation_code": "RZ1RAD"}, "wrong-organisation"),
        ({"organisation_code": HARBOUR}, "wrong-organisation"),
        ({"organisation_code": ""}, "wrong-organisation"),
        ({"nhs_number": "9990000019"}, "bad-number"),
        ({"nhs_number": ""}, "bad-number"),
        ({"nhs_number": "9990009996"[:9]}, "bad-number"),
        ({"nhs_number": "9999999468"}, "unknown-patient"),
        ({"birth_date": date(1985, 3, 2)}, "birth-date"),
        ({"username": "central", "organisation_code": "Y90099"}, "not-registered"),
    ],
)
def test_each_wrong_part_has_its_own_page_and_reason(
    agnes: Patient, client: Client, facts: dict, reason: str
) -> None:
    assert refusal(client, link(agnes, **facts)) == reason


def test_a_patient_of_another_practice_is_not_opened(world: World, client: Client) -> None:
    assert refusal(client, link(world.patient(at=HARBOUR))) == "not-registered"


def test_a_person_who_left_is_unknown(agnes: Patient, world: World, client: Client) -> None:
    user = world.user("gp")
    user.is_active = False
    user.save()
    assert refusal(client, link(agnes)) == "unknown-user"


def test_demo_people_cannot_be_launched_where_the_demo_does_not_run(
    agnes: Patient, client: Client, settings: object
) -> None:
    settings.DEMO_ALLOWED = False
    assert refusal(client, link(agnes)) == "unknown-user"


def test_a_link_that_failed_is_not_used_up(agnes: Patient, world: World, client: Client) -> None:
    address = link(agnes, username="gp2", organisation_code=PCN)
    assert refusal(client, address) == "not-registered"
    assert LaunchUse.objects.count() == 0


def test_a_second_launch_in_the_same_browser_changes_the_patient(
    agnes: Patient, world: World, client: Client
) -> None:
    other = world.patient(given_names="Ann")
    client.get(link(agnes))
    session = client.session
    session["kept"] = "by the same person"
    session.save()
    client.get(link(other))
    assert client.session["context_patient"] == str(other.pk)
    assert client.session["kept"] == "by the same person"


def test_a_launch_of_another_person_leaves_nothing_of_the_first(
    agnes: Patient, world: World
) -> None:
    client = world.client("gp")
    session = client.session
    session["kept"] = "by gp"
    session.save()
    before = session.session_key
    client.get(link(agnes, username="practice-admin"))
    assert "kept" not in client.session
    assert client.session.session_key != before
    assert "Mrs J Whitfield" in client.get("/settings/").content.decode()


def test_a_refused_link_leaves_the_one_who_is_signed_in_as_they_were(
    agnes: Patient, world: World
) -> None:
    client = world.client("gp2", at=NORTHGATE)
    assert client.get(link(agnes, username="nobody")).status_code == 403
    assert "Dr S Shah" in client.get("/settings/").content.decode()


def test_a_launch_can_only_be_a_get(agnes: Patient, client: Client) -> None:
    assert client.post(link(agnes)).status_code == 405


def test_notes_of_used_links_go_after_a_day(db: None) -> None:
    old, new = new_nonce(), new_nonce()
    with time_machine.travel(timezone.now() - timedelta(days=2)):
        use_launch(old)
    use_launch(new)
    assert set(LaunchUse.objects.values_list("nonce", flat=True)) == {new}


# --- The stand-in for the GP system, and the page for its makers ---------------------------------


def command(*words: str) -> str:
    out = StringIO()
    call_command("make_launch_link", *words, stdout=out)
    return out.getvalue().strip()


def test_the_command_prints_a_link_that_opens(agnes: Patient, client: Client) -> None:
    printed = command("--user", "gp", "--nhs-number", "999 000 0018")
    assert printed.startswith("http://127.0.0.1:8000/launch?link=")
    assert agnes.nhs_number not in printed
    assert client.get(printed.partition("8000")[2]).status_code == 302


def test_the_command_takes_the_place_where_the_patient_is_registered(
    agnes: Patient, client: Client
) -> None:
    client.get(command("--user", "gp2", "--nhs-number", agnes.nhs_number).partition("8000")[2])
    assert "Northgate Surgery" in client.get("/settings/").content.decode()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--user", "gp", "--nhs-number", "9990000019"), "not correct"),
        (("--user", "gp", "--nhs-number", "9999999468"), "Nobody has told"),
        (("--user", "nobody", "--nhs-number", "9990000018"), "no user nobody"),
    ],
)
def test_the_command_says_what_it_cannot_do(agnes: Patient, words: tuple, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        command(*words)


def test_the_example_in_the_documentation_makes_a_link_that_opens(
    agnes: Patient, client: Client
) -> None:
    page = Path("docs/launch.md").read_text()
    example = re.search(r"```python\n(.*?)```", page, re.DOTALL).group(1)
    example = example.replace('"1965-07-14"', f'"{agnes.birth_date}"')
    names = {"secret": settings.LAUNCH_SECRETS[SYSTEM], "address": ""}
    exec(compile(example, "docs/launch.md", "exec"), names)  # noqa: S102
    assert client.get(names["link"]).status_code == 302


def test_the_documentation_names_every_reason() -> None:
    from accounts.launch import REFUSALS

    named = set(re.findall(r"^\| `([a-z-]+)` \|", Path("docs/launch.md").read_text(), re.MULTILINE))
    assert set(REFUSALS) <= named
