"""One trace from a request to the row that it leaves, and to the worker that delivers it."""

import json
import logging

import pytest
from django.test import Client, RequestFactory
from structlog.testing import capture_logs

from messaging import services, tracing
from messaging.models import OutboundMessage
from ordercomms.logs import RESOURCE, _last_steps
from ordercomms.tracing import TraceMiddleware
from tests.messaging import peer
from tests.messaging.senders import make_partner
from tests.messaging.test_delivery import queue

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    "header",
    [
        "", "nonsense", PARENT.upper(), PARENT + "-more", "01" + PARENT[2:],
        f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{TRACE}-{'0' * 16}-01",
        "00-9991234567-b7ad6b7169203331-01",
    ],
)  # fmt: skip
def test_what_is_no_traceparent_begins_a_trace_of_its_own(header: str) -> None:
    found = tracing.trace_of(header)
    assert len(found) == 32
    assert found != TRACE
    assert found not in header or not header


def test_the_caller_s_trace_is_on_the_row_and_around_its_delivery(db: None) -> None:
    with peer.listening(peer.hangs_up) as other:
        partner = make_partner("ris", port=other.port)

        def page(request: object) -> object:
            assert tracing.current_trace() == TRACE
            return queue(partner)

        request = RequestFactory().get("/", headers={"traceparent": PARENT})
        TraceMiddleware(page)(request)
        assert OutboundMessage.objects.get().trace_id == TRACE
        assert tracing.current_trace() == "", "the next request does not inherit it"
        seen = []
        other.answers[:] = [peer.hangs_up]
        from messaging.services import outcome

        original = outcome.log.warning
        outcome.log.warning = lambda event, **_: seen.append((event, tracing.current_trace()))
        try:
            services.deliver(partner.pk)
        finally:
            outcome.log.warning = original
    assert seen == [("link_failing", TRACE)]


def test_every_request_has_a_trace_and_no_response_names_it(db: None, client: Client) -> None:
    with capture_logs():
        response = client.get("/healthz", headers={"traceparent": PARENT})
    assert response.status_code == 200
    assert TRACE not in str(response.headers)


def test_a_json_line_names_its_service_and_process_and_no_identity() -> None:
    steps = _last_steps(as_json=True)
    event = {"event": "parked 9991234567", "trace_id": TRACE, "_record": None}
    event["_record"] = logging.makeLogRecord({})
    event["_from_structlog"] = True
    for step in steps:
        event = step(None, "", event)
    line = json.loads(event)
    assert line["resource"]["service.name"] == RESOURCE["service.name"] == "ordercomms"
    assert line["resource"]["process.pid"] > 0
    assert line["trace_id"] == TRACE
    assert "9991234567" not in event
