"""Whose address a request has when a proxy of ours stands in front.

Sign-in limits and the audit of refusals go by the address of the source. Behind a proxy every
request has the proxy's, so one attacker would lock out everybody; and whoever believes the header
from anyone lets an attacker choose. So: only from the addresses of TRUSTED_PROXIES, and only the
last hop, which is the one that our proxy wrote.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse


class ClientAddressMiddleware:
    """Puts the source's own address into REMOTE_ADDR."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.META.get("REMOTE_ADDR") in settings.TRUSTED_PROXIES:
            last_hop = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
            request.META["REMOTE_ADDR"] = last_hop or request.META["REMOTE_ADDR"]
        return self.get_response(request)
