"""C2: the link that a GP system makes, verified. What it opens is in test_landing.py."""

import base64
import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.errors import LaunchRefused
from accounts.launch import REFUSALS, Launch, make_token, new_nonce, read_token

NOW = datetime(2026, 11, 22, 10, 42, tzinfo=UTC)
SECRETS = {"north": "north's secret", "south": "south's secret"}


def launch(**facts: object) -> Launch:
    whole = {
        "system": "north", "nonce": new_nonce(), "go": "request", "username": "gp",
        "organisation_code": "Y90001", "nhs_number": "9990000018",
        "birth_date": date(1965, 7, 14),
    }  # fmt: skip
    return Launch(**(whole | facts))


def token(**facts: object) -> str:
    said = launch(**facts)
    return make_token(said, secret=SECRETS[said.system], now=NOW)


def why_not(text: str, *, now: datetime = NOW, secrets: dict[str, str] = SECRETS) -> str:
    with pytest.raises(LaunchRefused) as caught:
        read_token(text, secrets=secrets, now=now)
    return caught.value.reason


def test_a_link_says_what_its_maker_said() -> None:
    said = launch(go="view")
    text = make_token(said, secret=SECRETS["north"], now=NOW)
    assert read_token(text, secrets=SECRETS, now=NOW) == said


def test_the_link_shows_nothing_of_whom_it_is_about() -> None:
    text = token()
    opened = b"".join(
        base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split(".")
    )
    for told in (b"9990000018", b"1965", b"Y90001", b'"gp"'):
        assert told not in opened
        assert told.decode().strip('"') not in text.partition(".")[2] or len(told) < 6


def test_the_same_launch_never_gives_the_same_link() -> None:
    said = launch()
    links = {make_token(said, secret="s", now=NOW) for _ in range(20)}
    assert len(links) == 20


def test_who_it_is_about_is_not_printed() -> None:
    assert "9990000018" not in repr(launch())
    assert "1965" not in repr(launch())


@pytest.mark.parametrize(("seconds", "reason"), [(60, "expired"), (3600, "expired")])
def test_a_link_runs_out_after_sixty_seconds(seconds: int, reason: str) -> None:
    text = token()
    read_token(text, secrets=SECRETS, now=NOW + timedelta(seconds=59))
    assert why_not(text, now=NOW + timedelta(seconds=seconds)) == reason


def test_a_clock_that_is_far_ahead_is_named_and_a_little_is_borne() -> None:
    text = token()
    read_token(text, secrets=SECRETS, now=NOW - timedelta(seconds=29))
    assert why_not(text, now=NOW - timedelta(seconds=31)) == "clock"


def test_a_link_that_wants_to_live_longer_is_not_ours() -> None:
    text = make_token(launch(), secret=SECRETS["north"], now=NOW, lives=61)
    assert why_not(text) == "not-ours"


def test_one_system_s_secret_opens_nothing_under_another_s_name() -> None:
    assert why_not(make_token(launch(system="south"), secret=SECRETS["north"], now=NOW)) == (
        "not-ours"
    )


def test_a_system_that_we_do_not_know_is_refused() -> None:
    assert why_not(make_token(launch(system="west"), secret="s", now=NOW)) == "not-ours"


def test_no_secret_means_no_link() -> None:
    assert why_not(token(), secrets={}) == "not-ours"


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "none", "enc": "none", "kid": "north"},
        {"alg": "HS256", "kid": "north"},
        {"alg": "A256KW", "enc": "A256GCM", "kid": "north"},
        {"alg": "dir", "enc": "A128GCM", "kid": "north"},
        {"alg": "dir", "enc": "A256GCM", "kid": "north", "zip": "DEF"},
        {"alg": "dir", "enc": "A256GCM", "kid": ["north"]},
        {"alg": "dir", "enc": "A256GCM", "kid": {}},
        [],
        "north",
        None,
    ],
)
def test_no_other_algorithm_is_read(header: object) -> None:
    rest = token().partition(".")[2]
    assert why_not(f"{encoded(header)}.{rest}") == "not-ours"


@given(position=st.integers(min_value=0), character=st.sampled_from("AZaz09-_.=+/ \x00é"))
def test_a_link_with_any_character_changed_is_refused_or_says_the_same(
    position: int, character: str
) -> None:
    said = launch()
    text = make_token(said, secret=SECRETS["north"], now=NOW)
    at = position % len(text)
    changed = text[:at] + character + text[at + 1 :]
    try:
        # The last character of a part may carry bits that base64 leaves unused.
        assert read_token(changed, secrets=SECRETS, now=NOW) == said
    except LaunchRefused as refused:
        assert refused.reason == "not-ours"  # noqa: PT017


@given(text=st.text(max_size=300))
def test_any_text_at_all_is_refused_and_never_an_accident(text: str) -> None:
    assert why_not(text) == "not-ours"


@given(parts=st.lists(st.from_regex(r"\A[A-Za-z0-9_-]{0,40}\Z"), min_size=5, max_size=5))
def test_anything_of_the_right_shape_is_refused_too(parts: list[str]) -> None:
    assert why_not(".".join(parts)) == "not-ours"


@pytest.mark.parametrize("cut", [0, 1, 16, 100])
def test_a_shortened_link_is_refused(cut: int) -> None:
    text = token()
    assert why_not(text[: len(text) - cut - 1]) == "not-ours"


def test_a_very_long_link_is_refused_without_being_read() -> None:
    assert why_not("A" * 5_000_000) == "not-ours"


@pytest.mark.parametrize(
    "claims",
    [
        {},
        [],
        "text",
        None,
        {"jti": "x"},
        {"dob": "22/11/2026"},
        {"dob": 19650714},
        {"iat": "soon"},
        {"iat": None},
        {"go": "anywhere"},
        {"jti": "not-a-uuid"},
        {"jti": 7},
        {"user": None, "go": None},
        {"exp": 1e400},
    ],
)
def test_claims_that_do_not_make_sense_are_refused(
    claims: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts import launch as module

    issued = int(NOW.timestamp())
    good = {
        "jti": str(new_nonce()), "iat": issued, "exp": issued + 60, "user": "gp", "org": "Y90001",
        "nhs": "9990000018", "dob": "1965-07-14", "go": "request",
    }  # fmt: skip
    said = good | claims if isinstance(claims, dict) and claims else claims
    dumps = json.dumps
    monkeypatch.setattr(
        module.json, "dumps", lambda content, **kw: dumps(said if "jti" in content else content)
    )
    text = make_token(launch(), secret=SECRETS["north"], now=NOW)
    monkeypatch.undo()
    assert why_not(text) == "not-ours"


def test_every_refusal_has_a_heading_and_says_what_to_do() -> None:
    assert len(REFUSALS) == 10
    assert all(each.heading and len(each.what_to_do.split()) > 5 for each in REFUSALS.values())
