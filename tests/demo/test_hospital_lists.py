"""The stand-in hospital's own lists, read by the product's reader."""

from pathlib import Path
from urllib.request import urlopen

import pytest

from demo.hospital import Hospital, lists
from requesting.partner_lists import ListKind, read_list
from tests.demo.peers import Sender, imaging_order


@pytest.fixture
def imaging(sender: Sender) -> str:
    """The number of an imaging order that it has."""
    sender.ask(imaging_order("OC1-1"))
    return "OC1-1"


def fetched(hospital: Hospital, name: str) -> bytes:
    with urlopen(f"http://127.0.0.1:{hospital.web_port}/lists/{name}") as answer:
        return answer.read()


def accepted(hospital: Hospital, placer: str) -> str:
    """Its accession number."""
    hospital.act(placer, "accept")
    order = hospital.order(placer)
    assert order is not None
    return order.filler


def test_an_order_is_on_its_list_with_its_accession_number(hospital, imaging):
    number = accepted(hospital, imaging)
    found = read_list(fetched(hospital, "rz1-ris/orders.csv"))
    assert (found.kind, found.partner) == (ListKind.ORDERS, "rz1-ris")
    (row,) = found.rows
    assert (row.placer, row.accession, row.status) == (imaging, number, "accepted")
    assert row.changed is not None


def test_a_report_is_on_the_list_of_reports_with_its_versions(hospital, imaging):
    number = accepted(hospital, imaging)
    hospital.act(imaging, "report", kind="normal")
    (row,) = read_list(fetched(hospital, "rz1-ris/reports.csv")).rows
    assert (row.placer, row.accession, row.count) == (imaging, number, 1)


def test_both_lists_of_every_department_are_put_into_the_folder(hospital: Hospital, tmp_path: Path):
    lists.drop(hospital.memory, tmp_path / "lists")
    files = sorted((tmp_path / "lists").iterdir())
    assert len(files) == 2 * len(list(hospital.memory.departments))
    assert all(read_list(path.read_bytes()).rows == () for path in files)
