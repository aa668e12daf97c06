"""The stand-in hospital's own lists, read by the product's reader."""

from pathlib import Path
from urllib.request import urlopen

from demo.hospital import Hospital, lists
from requesting.partner_lists import ListKind, read_list

from .conftest import accepted


def fetched(hospital: Hospital, name: str) -> bytes:
    with urlopen(f"http://127.0.0.1:{hospital.web_port}/lists/{name}") as answer:  # noqa: S310
        return answer.read()


def test_an_order_is_on_its_list_with_its_accession_number(hospital, product, imaging):
    number = accepted(hospital, product, imaging)
    found = read_list(fetched(hospital, "rz1-ris/orders.csv"))
    assert (found.kind, found.partner) == (ListKind.ORDERS, "rz1-ris")
    (row,) = found.rows
    assert (row.placer, row.accession, row.status) == (imaging, number, "accepted")
    assert row.changed is not None


def test_a_report_is_on_the_list_of_reports_with_its_versions(hospital, product, imaging):
    number = accepted(hospital, product, imaging)
    hospital.act(imaging, "report")
    (row,) = read_list(fetched(hospital, "rz1-ris/reports.csv")).rows
    assert (row.placer, row.accession, row.count) == (imaging, number, 1)


def test_both_lists_of_every_department_are_put_into_the_folder(hospital: Hospital, tmp_path: Path):
    lists.drop(hospital.memory, tmp_path / "lists")
    files = sorted((tmp_path / "lists").iterdir())
    assert len(files) == 2 * len(list(hospital.memory.departments))
    assert all(read_list(path.read_bytes()).rows == () for path in files)
