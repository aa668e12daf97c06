"""Keys and images in folders of the test; two sides that have agreed on their keys."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from iep.gateway import line
from iep.models import Transaction
from iep.services.gateway import telling
from tests.iep.gateway.serving import serving
from tests.iep.gateway.sides import Sides
from tests.messaging.authority import Authority


@pytest.fixture(autouse=True)
def _folders(settings, tmp_path):
    settings.GATEWAY_DIR = tmp_path / "gateway"
    settings.IMAGES_DIR = tmp_path / "images"
    settings.IMAGES_RESERVE_BYTES = settings.IMAGES_LEAST_BYTES = 0
    yield
    for _, kept in line._lines().values():  # a line of this test leads to no later one
        kept.close()
    line._lines().clear()


@pytest.fixture
def sides(world) -> Sides:
    return Sides()


# --- Over a socket: such a test says django_db(transaction=True) --------------------------------


@pytest.fixture
def authority() -> Authority:
    return Authority()


@pytest.fixture
def web(sides: Sides, authority: Authority, tmp_path: Path) -> Iterator[str]:
    """The product behind TLS, where both sides find each other."""
    with serving(tmp_path / "tls", authority) as address:
        sides.serve_at(address, authority.pem)
        yield address


@pytest.fixture
def asked(sides: Sides, web: str) -> Transaction:
    """Kingsmere has asked, Eastmarsh has heard it: Eastmarsh's row."""
    ours = sides.ask()
    telling.tell_node(sides.to_eastmarsh.pk)
    return sides.here(ours, "eastmarsh")
