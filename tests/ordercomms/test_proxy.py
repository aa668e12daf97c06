"""The source's address, with a proxy of ours in front and without."""

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from ordercomms.proxy import ClientAddressMiddleware


def address(remote: str, forwarded: str | None) -> str:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", REMOTE_ADDR=remote, headers=headers)
    ClientAddressMiddleware(lambda _: HttpResponse())(request)
    return request.META["REMOTE_ADDR"]


@pytest.mark.parametrize(
    ("remote", "forwarded", "seen"),
    [
        ("10.0.0.9", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.9", "203.0.113.1, 192.0.2.7", "192.0.2.7"),
        ("10.0.0.9", None, "10.0.0.9"),
        ("10.0.0.9", "", "10.0.0.9"),
        ("198.51.100.1", "192.0.2.7", "198.51.100.1"),
    ],
)
def test_only_our_own_proxy_says_whose_address_it_is(
    settings: object, remote: str, forwarded: str | None, seen: str
) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.9"]
    assert address(remote, forwarded) == seen


def test_without_a_proxy_nobody_is_believed(settings: object) -> None:
    settings.TRUSTED_PROXIES = [""]
    assert address("198.51.100.1", "192.0.2.7") == "198.51.100.1"
