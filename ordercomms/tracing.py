"""Each request has a trace: its caller's (`traceparent`), or one that begins here."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from messaging.tracing import following, trace_of


class TraceMiddleware:
    """Stands inside RequestIdMiddleware, whose id is on the same lines."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        trace_id = trace_of(request.headers.get("traceparent", ""))
        with following(trace_id, request_id=getattr(request, "request_id", "")):
            return self.get_response(request)
