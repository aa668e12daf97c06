"""The sandbox: what it reads, what it refuses, and that nothing that comes in ends its parent."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iep.dicom.header import Header, header_of
from iep.sandbox import Sandbox, parent
from tests import found

from . import bytes as files
from .hostile import COSTLY, PREAMBLES, SHAPES

CORPUS = found.CORPORA / "dicom"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason=found.ABSENT)


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as running:
        yield running


def answer_to(sandbox: Sandbox, folder: Path, content: bytes):
    path = folder / "file"
    path.write_bytes(content)
    return sandbox.read(path)


def test_a_proper_file_is_read_as_it_stands(sandbox, tmp_path):
    other_ids = files.item(
        files.element(0x00100020, "LO", "999 000 0018"), files.element(0x00100021, "LO", "NHS")
    )
    code = files.item(files.element(0x00080100, "SH", "CSKUH"))
    content = files.image(
        study_uid="1.2.3", other_ids=other_ids, procedures=code, frames="7", name="Äpfel^Zoë",
        charset="ISO_IR 192", series_description="Axial", instance_number="12",
    )  # fmt: skip
    header = answer_to(sandbox, tmp_path, content).header
    assert (header.name, header.nhs_number, header.code) == ("Äpfel^Zoë", "9990000018", "CSKUH")
    assert (header.study_uid, header.frames, header.rows) == ("1.2.3", 7, 4)
    assert (header.instance_number, header.series_description) == (12, "Axial")
    assert header.transfer_syntax == files.EXPLICIT


def test_a_number_that_nobody_calls_an_nhs_number_is_none(sandbox, tmp_path):
    content = files.image(patient_id="9990000018", issuer="STMARY")
    header = answer_to(sandbox, tmp_path, content).header
    assert (header.nhs_number, header.patient_id) == ("", "9990000018")


def test_a_header_prints_neither_itself_nor_its_values(sandbox, tmp_path):
    header = answer_to(sandbox, tmp_path, files.image()).header
    assert "Testpatient" not in f"{header} {header!r} {[header]}"


@needs_corpus
def test_every_file_of_the_corpus_is_read_or_refused_with_a_reason_and_the_sandbox_lives(sandbox):
    ledger = {
        path: sandbox.read(path) for path in sorted(CORPUS.rglob("*")) if path.is_file()
    }  # fmt: skip
    assert len(ledger) > 400
    unexplained = [path for path, answer in ledger.items() if not (answer.header or answer.words)]
    assert unexplained == []
    broken = {"crashed", "time", "garbage", "unreadable", "memory"}
    assert [path for path, answer in ledger.items() if answer.code in broken] == []
    assert sum(answer.header is not None for answer in ledger.values()) > 350


@needs_corpus
def test_every_transfer_syntax_of_the_corpus_is_known(sandbox):
    codes = {sandbox.read(path).code for path in CORPUS.rglob("*.dcm")}
    assert "transfer_syntax" not in codes


EXPECTED = {
    "lies_about_a_length": {"truncated", "structure", "too_long"},
    "nests": {"nesting"},
    "deflate_bomb": {"inflates"},
    "many_values": {"too_long", ""},
    "unknown_transfer_syntax": {"transfer_syntax", "no_transfer_syntax"},
    "wicked_uid": {"bad_uid", "no_uid"},
    "huge_pixels": {"too_many_pixels"},
    "said_twice": {"said_twice"},
    "wrong_group_length": {""},
}


@pytest.mark.hazard("H48")
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
@pytest.mark.parametrize("shape", sorted(set(SHAPES) - COSTLY))
def test_a_file_that_means_harm_is_refused_or_read_and_the_same_child_goes_on(
    sandbox, tmp_path, shape, seed
):
    content = SHAPES[shape](Random(seed))
    assert_harmless(sandbox, tmp_path, shape, content)


@pytest.mark.hazard("H48")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("shape", sorted(COSTLY))
def test_a_file_that_would_cost_much_is_refused_or_read_within_the_limits(
    sandbox, tmp_path, shape, seed
):
    assert_harmless(sandbox, tmp_path, shape, SHAPES[shape](Random(seed)))


def assert_harmless(sandbox: Sandbox, folder: Path, shape: str, content: bytes) -> None:
    answer = answer_to(sandbox, folder, content)
    assert answer.header is not None or answer.words
    assert answer.code not in {"crashed", "time", "garbage", "memory"}
    if answer.header is not None:
        assert set("./\\\0") & set(answer.header.study_uid) <= {"."}
    if shape in EXPECTED:
        assert answer.code in EXPECTED[shape]
    assert [path.name for path in folder.iterdir()] == ["file"]


@pytest.mark.hazard("H40")
def test_a_file_that_was_cut_off_is_refused_wherever_that_was_inside_an_element(sandbox, tmp_path):
    content = files.image(pixels=bytes(400))
    for short in range(1, 400):
        assert answer_to(sandbox, tmp_path, content[:-short]).code == "truncated"


@pytest.mark.hazard("H48")
@pytest.mark.parametrize("kind", PREAMBLES)
def test_a_program_before_the_image_is_zeroed_on_the_way_in(exchange, kind):
    from iep import storage

    (file,) = exchange.came(files.image(preamble=PREAMBLES[kind]))
    assert file.preamble_zeroed
    assert storage.path_of(file.pk).read_bytes()[:128] == bytes(128)
    assert file.state == "kept"


# --- A child that is broken ----------------------------------------------------------------------

READY = 'import json,os,socket,sys\nline=socket.socket(fileno=int(sys.argv[1]))\n' \
        'line.sendall(b\'{"ready": {}}\\n\')\nword,fds,_,_=socket.recv_fds(line,1,1)\n'  # fmt: skip


def broken(code: str) -> Sandbox:
    return Sandbox((sys.executable, "-c", READY + code))


@pytest.mark.hazard("H48")
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("os._exit(1)", "crashed"),
        ("os.kill(os.getpid(), 11)", "crashed"),
        ("os.kill(os.getpid(), 24)", "time"),
        ("line.sendall(b'rubbish\\n'); line.recv(1)", "garbage"),
        ("line.sendall(b'x' * 200000); line.recv(1)", "garbage"),
        ("line.sendall(b'[]\\n'); line.recv(1)", "garbage"),
        ("line.sendall(b'[' * 60000 + b'\\n'); line.recv(1)", "garbage"),
        ('line.sendall(b\'{"facts": {"name": 1}}\\n\'); line.recv(1)', "garbage"),
        ("line.sendall(b'{\"refused\": 1}\\n'); line.recv(1)", "garbage"),
        ("line.recv(1)", "time"),
    ],
)
def test_whatever_a_broken_child_does_the_parent_has_an_answer(
    tmp_path, monkeypatch, code, expected
):
    monkeypatch.setattr(parent, "PATIENCE", 1.5)
    with broken(code) as sandbox:
        answer = answer_to(sandbox, tmp_path, files.image())
        assert (answer.header, answer.code) == (None, expected)
        assert answer.words


def test_a_child_that_died_of_the_files_before_is_no_fault_of_this_file(sandbox, tmp_path):
    answer_to(sandbox, tmp_path, files.image())
    sandbox.running.process.kill()
    sandbox.running.process.wait()
    assert answer_to(sandbox, tmp_path, files.image()).header is not None


def test_what_a_broken_sandbox_says_is_held_to_the_same_bounds():
    good = Header("1.2", "1.3", "1.4", "1.5", files.EXPLICIT).facts()
    assert header_of(good)
    for name, value in [("name", "x" * 201), ("study_uid", "../x"), ("frames", None),
                        ("rows", True), ("sex", "\x00"), ("nhs_number", "1" * 11),
                        ("study_uid", "1.2\n"), ("name", 4)]:  # fmt: skip
        with pytest.raises(ValueError, match="out of bounds"):
            header_of(good | {name: value})
    with pytest.raises(ValueError, match="no facts"):
        header_of({**good, "more": 1})


TRIES = """
import os, socket, sys
from iep.sandbox.limits import take_away
taken = take_away()
did = []
for name, deed in {
    "memory": lambda: bytearray(600 * 1024 * 1024),
    "write": lambda: os.write(os.open(sys.argv[1], os.O_WRONLY), b"x") or 1 / 0,
    "grow": lambda: os.write(int(sys.argv[2]), b"x"),
}.items():
    try:
        deed()
        did.append(name)
    except (MemoryError, OSError, ZeroDivisionError):
        pass
if taken["calls"]:
    for name, deed in {
        "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
        "socket": lambda: socket.socket(),
        "fork": os.fork,
        "run": lambda: os.execv("/bin/true", ["true"]),
    }.items():
        try:
            deed()
            did.append(name)
        except OSError:
            pass
sys.exit(",".join(did) or 0)
"""


@pytest.mark.hazard("H48")
def test_the_child_can_neither_take_memory_nor_write_nor_reach_anything(tmp_path):
    import signal

    target = tmp_path / "target"
    target.write_bytes(b"")
    with target.open("r+b") as handle:
        tried = subprocess.run(
            [sys.executable, "-c", TRIES, str(target), str(handle.fileno())],
            cwd=parent.HOME, capture_output=True, text=True, check=False,
            pass_fds=[handle.fileno()],
            preexec_fn=lambda: signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
        )  # fmt: skip
    assert (tried.returncode, tried.stderr) == (0, "")
    assert target.read_bytes() == b""


@pytest.mark.hazard("H48")
def test_the_limits_of_the_child_are_those_that_are_promised(sandbox, tmp_path):
    answer_to(sandbox, tmp_path, files.image())
    child = sandbox.running.process.pid
    lines = Path(f"/proc/{child}/limits").read_text().splitlines()
    said = {line[:26].strip(): line[26:68].split() for line in lines}
    assert said["Max address space"] == [str(512 * 1024**2)] * 2
    assert said["Max cpu time"] == ["10", "10"]
    assert said["Max core file size"] == said["Max file size"] == ["0", "0"]
    assert os.getsid(child) == child


def test_the_child_knows_nothing_of_our_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_OF_OURS", "value")
    code = (
        "names = 'x' + '_'.join(sorted(os.environ))\n"
        "line.sendall(json.dumps({'refused': names, 'words': 'w'}).encode() + b'\\n')"
    )
    with broken(code) as sandbox:
        answer = answer_to(sandbox, tmp_path, files.image())
    assert "SECRET" not in answer.code
    assert "DATABASE" not in answer.code
