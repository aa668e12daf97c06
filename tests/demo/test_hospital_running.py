"""The hospital over time: what is sent again, outages, its clock, and kill -9."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from demo.hospital import Hospital
from demo.hospital.journal import InUse, Journal
from tests.demo.peers import Dial, Product, Sender, field, imaging_order

ROOT = Path(__file__).parents[2]


def hospital_in(folder: Path, product: Product, **settings: object) -> Hospital:
    return Hospital(folder, product=product.address, web_port=None, **settings)


# --- Delivery -------------------------------------------------------------------------------------


def test_a_message_is_repeated_with_the_same_bytes_until_it_is_acknowledged(
    tmp_path: Path, product: Product, dial: Dial
) -> None:
    product.listener.close()
    with hospital_in(tmp_path, product, automatic=None) as hospital:
        sender = dial(hospital.mllp_port)
        sender.ask(imaging_order())
        hospital.act("OC1-1", "accept")
        assert hospital.wait_for(lambda: hospital.post.trouble)
        product.listener.open()
        product.wait_for(1)
        hospital.wait_for(lambda: hospital.messages()[0].is_done)
        assert hospital.messages()[0].raw == product.got[0]
        assert hospital.messages()[0].answer == "AA"
        assert not hospital.memory.waiting


def test_a_rejected_message_is_given_up_at_once_and_can_be_sent_again(
    hospital: Hospital, sender: Sender, product: Product
) -> None:
    product.answer = "AR"
    sender.ask(imaging_order())
    (number,) = hospital.act("OC1-1", "accept")
    assert hospital.wait_for(lambda: hospital.memory.log[number].is_done)
    assert (hospital.memory.log[number].answer, len(product.got)) == ("AR", 1)
    product.answer = "AA"
    hospital.act_at_large("again", number=number)
    assert hospital.wait_for(lambda: hospital.memory.log[number].answer == "AA")
    assert product.got[0] == product.got[1]


def test_messages_leave_in_the_order_in_which_they_were_made(
    hospital: Hospital, sender: Sender, product: Product
) -> None:
    numbers = []
    for place in range(5):
        sender.ask(imaging_order(f"OC1-{place}", control=f"C{place}"))
        numbers += hospital.act(f"OC1-{place}", "report", kind="normal")
    assert [field(raw, "MSH", 9) for raw in product.wait_for(10)] == numbers


def test_the_wrong_acknowledgement_does_not_count(tmp_path: Path, dial: Dial) -> None:
    """Somebody else's MSA-2 is passed over, and the message is sent again."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        Hospital(
            tmp_path, product=server.getsockname(), web_port=None, automatic=None, patience=0.3
        ) as hospital,
    ):
        sender = dial(hospital.mllp_port)
        sender.ask(imaging_order())
        (number,) = hospital.act("OC1-1", "accept")
        connection, _ = server.accept()
        first = connection.recv(65536)
        connection.sendall(b"\x0bMSH|^~\\&|A|B|||||ACK|1|T|2.4\rMSA|AA|ELSE\r\x1c\r")
        again, _ = server.accept()
        assert again.recv(65536) == first
        assert not hospital.memory.log[number].is_done
        connection.close()
        again.close()


# --- Outages --------------------------------------------------------------------------------------


def test_a_silent_hospital_keeps_the_order_and_answers_its_repeat(
    hospital: Hospital, product: Product, dial: Dial
) -> None:
    hospital.act_at_large("mode", mode="silent")
    lost = dial(hospital.mllp_port)
    lost.socket.settimeout(0.4)
    with pytest.raises(TimeoutError):
        lost.ask(imaging_order())
    hospital.act_at_large("mode", mode="working")
    assert "|AA|" not in lost.ask(imaging_order())[:5]
    assert len(hospital.orders()) == 1


def test_a_refusing_hospital_closes_what_is_open_and_opens_on_the_same_port(
    hospital: Hospital, sender: Sender, dial: Dial
) -> None:
    port = hospital.mllp_port
    hospital.act_at_large("mode", mode="refusing")
    with pytest.raises((ConnectionError, OSError)):
        sender.ask(imaging_order())
    with pytest.raises(ConnectionRefusedError):
        dial(port)
    hospital.act_at_large("mode", mode="working")
    assert "MSA|AA" in dial(port).ask(imaging_order())


def test_what_is_done_in_an_outage_is_sent_afterwards(
    hospital: Hospital, sender: Sender, product: Product
) -> None:
    sender.ask(imaging_order())
    hospital.act_at_large("mode", mode="silent")
    hospital.act("OC1-1", "accept")
    time.sleep(0.3)
    assert product.got == []
    hospital.act_at_large("mode", mode="working")
    product.wait_for(1)


def test_a_slow_hospital_answers_late(
    hospital: Hospital, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.hospital.hospital.SLOW_SECONDS", 0.5)
    hospital.act_at_large("mode", mode="slow")
    began = time.monotonic()
    assert "MSA|AA" in sender.ask(imaging_order())
    assert time.monotonic() - began >= 0.5


# --- By itself ------------------------------------------------------------------------------------


def test_an_automatic_department_accepts_and_answers_cancellations_by_itself(
    tmp_path: Path, product: Product, dial: Dial
) -> None:
    with hospital_in(tmp_path, product, automatic=0.0) as hospital:
        sender = dial(hospital.mllp_port)
        sender.ask(imaging_order("OC1-1", control="C1"))
        assert hospital.wait_for(lambda: hospital.orders()[0].status == "accepted")
        sender.ask(imaging_order("OC1-1", control="C2", order="CA"))
        assert hospital.wait_for(lambda: hospital.orders()[0].status == "cancelled")
        assert [field(raw, "ORC", 1) for raw in product.wait_for(2)] == ["OK", "CR"]


def test_an_examination_that_is_done_is_too_late_to_cancel(
    tmp_path: Path, product: Product, dial: Dial
) -> None:
    with hospital_in(tmp_path, product, automatic=0.0) as hospital:
        sender = dial(hospital.mllp_port)
        sender.ask(imaging_order("OC1-1", control="C1"))
        hospital.wait_for(lambda: hospital.orders()[0].status == "accepted")
        hospital.act("OC1-1", "perform")
        sender.ask(imaging_order("OC1-1", control="C2", order="CA"))
        assert [field(raw, "ORC", 1) for raw in product.wait_for(3)] == ["OK", "SC", "UC"]


def test_a_department_told_to_wait_waits_also_after_a_restart(
    tmp_path: Path, product: Product
) -> None:
    with hospital_in(tmp_path, product) as hospital:
        hospital.act_at_large("settings", department="RIS/RZ1", accept_after=None)
    with hospital_in(tmp_path, product) as hospital:
        departments = hospital.memory.departments.by_key
        assert departments["RIS/RZ1"].accept_after is None
        assert departments["LIMS/RZ1"].accept_after is not None


# --- Memory ---------------------------------------------------------------------------------------


def test_a_restart_keeps_orders_answers_and_what_was_not_delivered(
    tmp_path: Path, product: Product, dial: Dial
) -> None:
    product.listener.close()
    with hospital_in(tmp_path, product, automatic=None) as hospital:
        reply = dial(hospital.mllp_port).ask(imaging_order())
        hospital.act("OC1-1", "report", kind="abnormal")
        before = hospital.orders()[0].as_json()
    product.listener.open()
    with hospital_in(tmp_path, product, automatic=None) as hospital:
        assert hospital.orders()[0].as_json() == before
        assert dial(hospital.mllp_port).ask(imaging_order()) == reply
        assert [field(raw, "ORC", 1) for raw in product.wait_for(2)] == ["OK", "RE"]
        hospital.act("OC1-1", "report", kind="amended")
        controls = [field(raw, "MSH", 9) for raw in product.wait_for(3)]
        assert len(set(controls)) == 3


def test_a_line_torn_by_a_crash_is_cut_off_and_the_rest_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append([{"do": "a"}, {"do": "b"}])
    journal.close()
    with (tmp_path / "j.jsonl").open("ab") as file:
        file.write(b'[{"do": "tor')
    journal = Journal(tmp_path / "j.jsonl")
    assert [entry["do"] for entry in journal.read()] == ["a", "b"]
    journal.append([{"do": "c"}])
    journal.close()
    journal = Journal(tmp_path / "j.jsonl")
    assert [entry["do"] for entry in journal.read()] == ["a", "b", "c"]
    journal.close()


def test_two_hospitals_do_not_write_one_journal(tmp_path: Path, product: Product) -> None:
    with hospital_in(tmp_path, product), pytest.raises(InUse):
        hospital_in(tmp_path, product)


def start(folder: Path, product: Product, ports: tuple[int, int]) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "DATA_DIR": str(folder),
        "MLLP_PORT": str(product.address[1]),
        "HOSPITAL_MLLP_PORT": str(ports[0]),
        "HOSPITAL_PORT": str(ports[1]),
        "MAIL_PORT": str(free_port()),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "demo.hospital"], cwd=ROOT, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def connected(port: int, dial: Dial) -> Sender:
    for _ in range(200):
        try:
            return dial(port)
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the hospital did not listen within 10 s")


@pytest.mark.slow
def test_a_killed_hospital_has_every_order_that_it_acknowledged(
    tmp_path: Path, product: Product, dial: Dial
) -> None:
    ports = (free_port(), free_port())
    process = start(tmp_path, product, ports)
    try:
        sender = connected(ports[0], dial)
        for number in range(20):
            assert "MSA|AA" in sender.ask(imaging_order(f"OC1-{number}", control=f"C{number}"))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
        process = start(tmp_path, product, ports)
        connected(ports[0], dial)
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[1]}/api/orders") as page:
            held = {order["placer"] for order in json.load(page)}
        assert held == {f"OC1-{number}" for number in range(20)}
    finally:
        process.kill()
        process.communicate()
