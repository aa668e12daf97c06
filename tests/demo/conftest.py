"""A hospital and the product's side of its wire, on free ports."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from demo.hospital import Hospital
from tests.demo.peers import Dial, Product, Sender


@pytest.fixture
def product() -> Iterator[Product]:
    with Product() as product:
        yield product


@pytest.fixture
def hospital(tmp_path: Path, product: Product) -> Iterator[Hospital]:
    """It waits for a person with every order."""
    with Hospital(tmp_path, product=product.address, automatic=None) as hospital:
        yield hospital


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Connects to a port of this machine; closed when the test ends."""
    with ExitStack() as opened:
        yield lambda port: opened.enter_context(closing(Sender(port)))


@pytest.fixture
def sender(hospital: Hospital, dial: Dial) -> Sender:
    return dial(hospital.mllp_port)
