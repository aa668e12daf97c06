"""Alive, ready, metrics: for machines, and the page of the same for people."""

import re
import socket

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from iep.models import Lane
from messaging import services
from ordercomms import health
from tests.messaging import peer
from tests.messaging.senders import make_partner
from tests.messaging.test_delivery import queue
from tests.world import World


@pytest.fixture
def lane(db: None) -> Lane:
    """One that nobody runs. A browser's test may have emptied the table before us."""
    Lane.objects.all().delete()
    return Lane.objects.create(name="out-2", direction="out")


@pytest.fixture
def listener(settings: object) -> socket.socket:
    """Somebody who accepts connections where the HL7 listener should be."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        settings.MLLP_HOST, settings.MLLP_PORT = door.getsockname()
        settings.DICOM_HOST, settings.DICOM_PORT = door.getsockname()
        yield door


def test_alive_needs_nothing_else(client: Client, django_assert_num_queries: object) -> None:
    assert client.get("/healthz").content == b"ok\n"


def test_ready_names_each_part(lane: Lane, client: Client, listener: socket.socket) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "database": "ok",
        "broker": "ok",
        "HL7 listener": "ok",
        "DICOM listener": "ok",
        "image lanes": "away",
        "virus scanner": "off",
        "e-mail": "off",
    }


def test_without_broker_or_listener_the_work_goes_on_and_the_body_says_so(
    lane: Lane, client: Client, settings: object
) -> None:
    settings.REDIS_URL = "unix:///nowhere/at-all.sock"
    settings.MLLP_PORT = settings.DICOM_PORT = _free_port()
    Lane.objects.update(seen_at=timezone.now())
    response = client.get("/readyz")
    assert response.status_code == 200
    away = {"broker": "away", "HL7 listener": "away", "DICOM listener": "away"}
    off = {"virus scanner": "off", "e-mail": "off"}
    assert response.json() == {"database": "ok", "image lanes": "ok", **off, **away}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return door.getsockname()[1]


def test_without_the_database_it_is_not_ready(
    db: None, client: Client, listener: socket.socket
) -> None:
    def refused(execute: object, sql: str, *rest: object) -> None:
        raise DatabaseError("the database is away")

    with connection.execute_wrapper(refused):
        assert not health.database_answers()
        response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["database"] == "away"


def test_metrics_are_for_the_addresses_that_were_named(db: None, client: Client) -> None:
    assert b"django_http_requests" in client.get("/metrics").content
    foreign = client.get("/metrics", REMOTE_ADDR="10.1.2.3")
    assert foreign.status_code == 404


@pytest.mark.hazard("H49")
def test_metrics_of_the_wire_are_of_the_database_and_name_no_patient(
    db: None, client: Client
) -> None:
    with peer.listening() as other:
        partner = make_partner("ris", port=other.port)
        for n in range(3):
            queue(partner, stream=str(n))
        waiting = lines(client)
        assert waiting['ordercomms_queue_depth{partner="ris",queue="waiting"}'] == 3
        assert waiting['ordercomms_queue_oldest_seconds{partner="ris",queue="waiting"}'] > 0
        services.judge_links()
        services.deliver(partner.pk)
    done = lines(client)
    assert done['ordercomms_queue_depth{partner="ris",queue="waiting"}'] == 0
    assert done['ordercomms_acknowledged_5m{partner="ris"}'] == 3
    assert done['ordercomms_link_state{partner="ris",state="up"}'] == 1
    assert done['ordercomms_link_state{partner="ris",state="down"}'] == 0
    assert done['ordercomms_foreign_acknowledgements_total{partner="ris"}'] == 0
    latency = "ordercomms_acknowledgement_seconds"
    assert done[latency + '_gcount{partner="ris"}'] == 3
    assert done[latency + '_bucket{le="+Inf",partner="ris"}'] == 3
    assert 0 < done[latency + '_gsum{partner="ris"}'] < 60
    # A number of the test range that stands alone: the digits of a measurement are none.
    alone = re.compile(r"(?<![\d.])999\d{7}(?![\d.e])")
    assert not alone.search(client.get("/metrics").content.decode())


def lines(client: Client) -> dict[str, float]:
    """A scrape, as names with labels to values."""
    text = client.get("/metrics").content.decode()
    pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in pairs}


def test_metrics_of_images_say_which_lanes_run(lane: Lane, client: Client) -> None:
    Lane.objects.create(name="in-1", direction="in")
    Lane.objects.filter(pk=lane.pk).update(seen_at=timezone.now())
    found = lines(client)
    assert found['ordercomms_lane_up{lane="out-2"}'] == 1
    assert found['ordercomms_lane_up{lane="in-1"}'] == 0
    assert found["ordercomms_files_in_quarantine"] == 0


def test_metrics_are_given_without_the_database_too(db: None, client: Client) -> None:
    def refused(execute: object, sql: str, *rest: object) -> None:
        raise DatabaseError("the database is away")

    with connection.execute_wrapper(refused):
        assert b"django_http_requests" in client.get("/metrics").content


def test_the_services_page_says_what_works_and_what_does_not(
    world: World, listener: socket.socket, settings: object
) -> None:
    settings.REDIS_URL = "unix:///nowhere/at-all.sock"
    page = world.client("central").get("/services/").content.decode()
    plain = re.sub(r"<[^>]*>", " ", page)
    for part, state in (("Database", ""), ("HL7 listener", ""), ("Broker", "Not ")):
        assert re.search(rf"\b{part}\s+{state}[Ww]orking\b", plain), part


def test_what_is_not_well_is_on_every_page_until_it_is_well(world: World, settings: object) -> None:
    settings.STATUS_SOURCES = ["tests.ordercomms.test_health.not_well"]
    page = world.client("gp").get("/settings/").content.decode()
    assert "Duplicate checks are not running." in page
    settings.STATUS_SOURCES = []
    page = world.client("gp").get("/settings/").content.decode()
    assert "app-status-strip__list" not in page


def not_well(acting: object) -> list[tuple[str, None]]:
    """A room's status source."""
    return [("Duplicate checks are not running.", None)] if acting else []
