"""Every address, asked by everybody, in every way (reliability 4.1, 4.2, 4.4; ux C1).

Roles and methods against `who.py`; ids of another organisation against ids that nobody has;
headers, identifiers and audit on every answer.
"""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from accounts.middleware import PUBLIC
from accounts.models import AccessEvent
from ordercomms.access import ACCESS
from tests.house import about
from tests.house.routes import Cast, Route, absent, address, routes
from tests.house.who import (
    EVERYWHERE,
    NOT_THEIR_OWN,
    NOT_THEIRS_TO_READ,
    OF_EVERY_TRUST,
    ROLES,
    WHO,
)

READING = ("GET", "HEAD")
METHODS = (*READING, "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
pytestmark = pytest.mark.django_db
ALL = routes()
NAMED = [route for route in ALL if route.name in WHO]
# A code is of the product: it belongs to nobody, and its page shows what the person may see.
WITH_IDS = [route for route in NAMED if set(route.parameters) - {"code"}]
# A fragment of a page that was written down when it was opened; it has a status and no name.
SHOWS_NOBODY = {"requesting:status"}
# Files to be kept elsewhere and read without us: their styles and their program are inside them,
# under a policy of their own (tests/ordercomms/test_standby.py).
STANDS_ALONE = {"standby-page", "pack-file"}
ABOUT_A_PATIENT = {"patient_id", "item_id", "request_id", "report_id"}
REFUSED, NO_SUCH_DEED, ABSENT = 403, 405, 404
# An answer to a deed with an empty form: done, led on, not there, not understood, not now.
UNDERSTOOD = {200, 204, 302, 303, 400, 404, 409, 422}


def arguments_of(route: Route, world: Cast) -> dict[str, Any]:
    arguments = world.arguments(route)
    if arguments is None:
        pytest.fail(f"{route.name} needs an example in tests/house/routes.py")
    return arguments


def ask(client: Client, method: str, where: str) -> Any:
    """One question, after which nothing has changed: neither the tables nor the browser."""
    jar = deepcopy(client.cookies)
    with transaction.atomic():
        response = client.generic(method, where)
        # Read while the transaction is open: what streams asks the database as it goes.
        parts = response.streaming_content if response.streaming else [response.content]
        response.body = b"".join(parts)
        transaction.set_rollback(True)
    client.cookies = jar
    return response


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[Cast]:
    """One cast for every question here: each question is undone."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield Cast()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def browsers(world: Cast) -> dict[str, Client]:
    """A signed-in browser for each role, and a stranger's."""
    return {"": Client()} | {username: world.client(username) for username in ROLES}


@pytest.fixture(scope="module")
def browsers_elsewhere(world: Cast) -> dict[str, Client]:
    """The same roles at places that have nothing to do with Northgate."""
    return {username: world.client_elsewhere(username) for username in ROLES}


# --- The tables ----------------------------------------------------------------------------------


def test_every_route_has_a_name() -> None:
    assert [route.path for route in ALL if not route.name] == []


def test_every_route_is_in_the_access_table_and_every_line_of_it_is_a_route() -> None:
    names = {route.name for route in ALL}
    assert names - set(ACCESS) == set(), "without a line: refused to everybody"
    assert set(ACCESS) - names == set(), "without a route"


def test_every_route_is_in_the_promise_and_every_line_of_it_is_a_route() -> None:
    names = {route.name for route in ALL}
    assert names - set(WHO) == set(), "add to tests/house/who.py"
    assert set(WHO) - names == set()


def test_public_pages_are_few_and_known() -> None:
    public = {name for name, needed in ACCESS.items() if PUBLIC in (needed, *_values(needed))}
    machines = {name for name in public if name.startswith("iep:gateway-")}  # each is signed
    assert public - machines == {
        "accessibility", "accounts:sign-in", "accounts:sign-out", "accounts:signed-out", "healthz",
        "keyboard", "launch", "metrics", "readyz",
    }  # fmt: skip


def _values(needed: object) -> tuple[object, ...]:
    return tuple(needed.values()) if isinstance(needed, dict) else ()


@pytest.mark.parametrize("route", ALL, ids=str)
def test_no_address_has_room_for_an_identifier(route: Route) -> None:
    """Ids of ours and codes of the catalogue: never a name, an NHS number or a date of birth."""
    free = {n for n, kind in route.parameters.items() if kind in ("str", "path")}
    assert free <= {"code"}, "free text in an address"
    assert re.findall(r"nhs|surname|birth|dob", route.path) == []


# --- Who ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", NAMED, ids=str)
def test_every_role_is_let_in_or_refused_as_promised(
    route: Route, world: Cast, browsers: dict[str, Client]
) -> None:
    where = address(route, arguments_of(route, world))
    readers, doers = WHO[route.name]
    wrong = []
    for username, browser in browsers.items():
        for method in METHODS:
            status = ask(browser, method, where).status_code
            granted = username in (readers if method in READING else doers)
            if status == REFUSED and _may_be_refused(route, method, username):
                continue
            if not _as_promised(status, method, username, granted=granted, known=readers | doers):
                wrong.append(f"{username or 'a stranger'} {method}: {status}")
    assert wrong == []


def _may_be_refused(route: Route, method: str, username: str) -> bool:
    """The page of a launch link that does not open; a deed on what is another clinician's."""
    is_launch = route.name == "launch" and method in READING
    others = NOT_THEIRS_TO_READ if method in READING else NOT_THEIR_OWN
    return is_launch or (route.name, username) in others


def _as_promised(status: int, method: str, username: str, *, granted: bool, known: set) -> bool:
    if method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        return status in (NO_SUCH_DEED, REFUSED)
    if granted:
        return status in UNDERSTOOD
    if username == "" and method in READING:
        return status in (302, REFUSED, NO_SUCH_DEED)
    return status == REFUSED or (status == NO_SUCH_DEED and username in known)


@pytest.mark.parametrize("route", NAMED, ids=str)
def test_the_example_is_real_for_somebody(
    route: Route, world: Cast, browsers: dict[str, Client]
) -> None:
    """So that no promise is kept only because there was nothing there."""
    if route.name == "launch" or not WHO[route.name][0]:
        return
    where = address(route, arguments_of(route, world))
    answers = {ask(browsers[name], "GET", where).status_code for name in WHO[route.name][0]}
    assert answers & {200, 302, 405}


@pytest.mark.parametrize("route", NAMED, ids=str)
def test_a_stranger_sees_nothing_but_the_sign_in_page(
    route: Route, world: Cast, browsers: dict[str, Client]
) -> None:
    if "" in WHO[route.name][0] | WHO[route.name][1]:
        return
    response = ask(browsers[""], "GET", address(route, arguments_of(route, world)))
    assert response.status_code in (302, REFUSED)
    if response.status_code == 302:
        assert response["Location"].startswith("/sign-in?next=")
        assert response.body == b""


@pytest.mark.parametrize("route", NAMED, ids=str)
def test_every_refusal_is_written_down(
    route: Route, world: Cast, browsers: dict[str, Client]
) -> None:
    where = address(route, arguments_of(route, world))
    for username in ROLES:
        if username in WHO[route.name][0] | WHO[route.name][1]:
            continue
        before = AccessEvent.objects.filter(action="denied").count()
        assert browsers[username].get(where).status_code == REFUSED
        rows = AccessEvent.objects.filter(action="denied", username=username)
        assert AccessEvent.objects.filter(action="denied").count() == before + 1
        assert rows.latest("id").object_type == route.name[:40]


# --- Whose ----------------------------------------------------------------------------------------


def without_token(page: bytes) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page.decode())


@pytest.mark.hazard("H57")
@pytest.mark.parametrize(
    "route", [each for each in WITH_IDS if each.name not in OF_EVERY_TRUST], ids=str
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_belongs_elsewhere_looks_as_if_it_were_not_there(
    route: Route, method: str, world: Cast, browsers_elsewhere: dict[str, Client]
) -> None:
    """Each granted role, at another organisation: the same answer as for an id that nobody has."""
    arguments = arguments_of(route, world)
    for username in WHO[route.name][0 if method == "GET" else 1] - EVERYWHERE - {""}:
        browser = browsers_elsewhere[username]
        foreign = ask(browser, method, address(route, arguments))
        nothing = ask(browser, method, address(route, absent(route, arguments)))
        assert foreign.status_code == nothing.status_code == ABSENT, username
        assert without_token(foreign.body) == without_token(nothing.body)


# --- What every answer carries --------------------------------------------------------------------

HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
POLICY = (
    "default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "object-src 'none'",
    "script-src 'self'", "style-src 'self'", "form-action 'self'",
)  # fmt: skip

POLICY_OF_A_FILE = ("default-src 'none'", "sandbox")  # what somebody else wrote: nothing runs in it


@pytest.mark.hazard("H58")
@pytest.mark.parametrize("route", NAMED, ids=str)
def test_every_answer_carries_the_headers_that_protect_it(
    route: Route, world: Cast, browsers: dict[str, Client]
) -> None:
    where = address(route, arguments_of(route, world))
    for username in ("", "gp", "lab"):
        answer = ask(browsers[username], "GET", where)
        lacking = {n: answer.get(n) for n, value in HEADERS.items() if answer.get(n) != value}
        assert lacking == {}
        policy = answer["Content-Security-Policy"]
        wanted = POLICY_OF_A_FILE if "sandbox" in policy else POLICY
        assert [part for part in wanted if part not in policy] == []
        assert "unsafe" not in policy
        assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])


@pytest.mark.parametrize("route", NAMED, ids=str)
def test_every_page_keeps_identity_out_of_its_address_title_and_links(
    route: Route, world: Cast, browsers: dict[str, Client]
) -> None:
    where = address(route, arguments_of(route, world))
    secrets = identity_of(world)
    for username in WHO[route.name][0] - {""}:
        answer = ask(browsers[username], "GET", where)
        if not answer.get("Content-Type", "").startswith("text/html"):
            continue
        page = answer.body.decode()
        outside = [*re.findall(r"<title>(.*?)</title>", page, re.DOTALL), where]
        outside += re.findall(r'(?:href|action|src|hx-get|hx-post)="([^"]*)"', page)
        outside += [answer.get("Location", ""), answer.get("Content-Disposition", "")]
        leaked = [text for text in outside for secret in secrets if secret in text.lower()]
        assert leaked == []


def identity_of(world: Cast) -> tuple[str, ...]:
    agnes = world.agnes
    return (agnes.family_name.lower(), agnes.nhs_number, str(agnes.birth_date), "02-mar-1958")


@pytest.mark.parametrize("route", NAMED, ids=str)
def test_every_page_is_whole(route: Route, world: Cast, browsers: dict[str, Client]) -> None:
    """One h1, a title, tables with captions, forms with tokens, months in letters."""
    where = address(route, arguments_of(route, world))
    for username in WHO[route.name][0]:
        answer = ask(browsers[username], "GET", where)
        page = answer.body.decode(errors="replace")
        if answer.status_code == 200 and "<html" in page and route.name not in STANDS_ALONE:
            assert faults_of(page) == [], username


def faults_of(page: str) -> list[str]:
    """What a page lacks, in words."""
    bare = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
    title = re.search(r"<title>(.*?)</title>", page).group(1)
    forms = re.findall(r'<form\b[^>]*method="post".*?</form>', page, re.DOTALL)
    tables = re.findall(r"<table\b.*?</table>", page, re.DOTALL)
    wrong = {
        "not one h1": len(re.findall(r"<h1\b", page)) != 1,
        "title": not re.fullmatch(r"(Error: )?\S.* – Diagnostics ordering – NHS( – \w+)?", title),
        "language": '<html lang="en-GB">' not in page,
        "form without token": any("csrfmiddlewaretoken" not in form for form in forms),
        "table without caption": any("<caption" not in table for table in tables),
        "header cell without scope": bool(re.search(r"<th(?![^>]*scope=)[\s>]", page)),
        "inline style": bool(re.search(r"\sstyle=", page) or "<style" in page),
        "inline script": bool(re.search(r"<script(?![^>]*src=)|\son[a-z]+=", page)),
        "a date with the month as a number": bool(re.search(r">[^<]*\b\d\d?/\d\d?/\d{4}", bare)),
        "a value that is not there": bool(re.search(r'="None"|/None\b|\bUndefined\b', page)),
    }
    return [words for words, is_wrong in wrong.items() if is_wrong]


# --- Whose page it is (ux C2) ---------------------------------------------------------------------

READ = [route for route in NAMED if WHO[route.name][0]]  # a machine's or a deed's has no reader


def test_every_address_is_declared_as_of_one_patient_or_not() -> None:
    declared = [about.ONE, about.ONCE_KNOWN, about.NONE, about.NO_PAGE]
    whole = frozenset().union(*declared)
    assert {route.name for route in READ} - whole == set(), "add to tests/house/about.py"
    assert whole - {route.name for route in READ} == set(), "without a page"
    assert sum(map(len, declared)) == len(whole), "declared twice"


@pytest.mark.hazard("H01")
@pytest.mark.parametrize("route", READ, ids=str)
def test_a_page_of_one_patient_has_one_banner_and_every_other_has_none(
    route: Route, world: Cast, browsers: dict[str, Client]
) -> None:
    where = address(route, arguments_of(route, world))
    answer = first_that_opens(route, where, browsers)
    banners = len(re.findall(rb'<section class="app-banner[ "]', answer.body))
    if route.name in about.ONCE_KNOWN:
        assert banners <= 1
    else:
        assert banners == (route.name in about.ONE)


def first_that_opens(route: Route, where: str, browsers: dict[str, Client]) -> Any:
    """The page as the first who may has it; where nobody has it in this state, the last answer."""
    answer = None
    for username in sorted(WHO[route.name][0], key=("mbp", "lab", "gp").__contains__, reverse=True):
        answer = ask(browsers[username], "GET", where)
        if answer.status_code == 200:
            break
    return answer


@pytest.mark.hazard("H57")
@pytest.mark.parametrize("route", WITH_IDS, ids=str)
def test_every_page_about_a_patient_writes_down_that_it_was_seen(
    route: Route, world: Cast, browsers: dict[str, Client]
) -> None:
    if not ABOUT_A_PATIENT & set(route.parameters) or route.name in SHOWS_NOBODY:
        return
    where = address(route, arguments_of(route, world))
    for username in WHO[route.name][0] - {""}:
        before = set(AccessEvent.objects.values_list("pk", flat=True))
        if browsers[username].get(where).status_code == ABSENT and username != "gp":
            continue  # not asked by that place, or not of that department
        rows = AccessEvent.objects.exclude(pk__in=before).filter(
            username=username, patient_id=str(world.agnes.pk)
        )
        assert rows.exists(), username
