"""Messages that other people's systems sent, as files: ../shared/corpora/hl7v2."""

import hashlib

import pytest

from messaging import wire
from messaging.models import InboundMessage
from tests.found import ABSENT, MESSAGES
from tests.messaging.processes import Line, listening
from tests.messaging.senders import make_partner, sent

pytestmark = pytest.mark.skipif(not MESSAGES.is_dir(), reason=ABSENT)


@pytest.fixture(scope="module")
def messages():
    files = sorted(MESSAGES.rglob("*.hl7"))
    assert len(files) >= 1000, "the corpus is not whole"
    return {str(file.relative_to(MESSAGES)): file.read_bytes() for file in files}


def header(raw: bytes) -> list[bytes]:
    fields = raw.split(b"\r")[0].split(raw[3:4])
    return fields + [b""] * (20 - len(fields))


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
def test_each_gets_one_well_formed_acknowledgement_and_is_stored_byte_for_byte(messages):
    make_partner("ris")
    with listening() as (port, child):
        with Line(port) as line:
            for name, raw in messages.items():
                line.send(raw)
                expect_answer(name, raw, line.answer())
            # Nothing more came than one answer each: the next answer is to the next message.
            line.send(sent("after-all"))
            assert wire.parse(line.answer()).get("MSA", 2) == "after-all"
        assert child.is_running
    stored = list(InboundMessage.objects.order_by("id").values_list("sha256", "raw"))
    assert [bytes(raw) for _, raw in stored[:-1]] == list(messages.values())
    assert all(hashlib.sha256(raw).hexdigest() == digest for digest, raw in stored)


def expect_answer(name: str, raw: bytes, answer: bytes) -> None:
    """An acknowledgement to that message, with what HL7 v2 asks of one (2.9.2, 2.15)."""
    assert answer.startswith(b"MSH|^~\\&|"), name
    assert answer.endswith(b"\r"), name
    message = wire.parse(answer)
    names = [segment.name for segment in message]
    assert names[:2] == ["MSH", "MSA"], name
    assert set(names[2:]) <= {"ERR"}, name
    assert message.code == "ACK", name
    assert message.control_id, name
    # No file is of a partner of ours; those with MSH-15 or MSH-16 ask for enhanced mode.
    assert message.get("MSA", 1) in ("AE", "AR", "CE", "CR"), name
    assert message.get("MSA", 3), name
    application, control_id = header(raw)[2].decode("latin-1"), header(raw)[9].decode("latin-1")
    assert message.get("MSA", 2) == control_id, name
    assert message.header.raw(5) == (application if application.isprintable() else ""), name


def test_whatever_reads_loses_nothing(messages):
    """Every field of every message that we read is, written again, the bytes that came."""
    read = 0
    for name, raw in messages.items():
        try:
            message = wire.parse(raw)
        except wire.Unparseable:
            continue
        read += 1
        again = "\r".join(segment.source for segment in message)
        assert again.encode(wire.CHARSETS[message.charset]) == raw.rstrip(b"\r\n"), name
        for segment in message:
            for number in range(1, len(segment) + 1):
                leaves = [
                    leaf
                    for part in segment.repetitions(number)
                    for component in part.components
                    for leaf in component
                ]
                assert "".join(leaves) or not segment.raw(number).strip("~^&"), name
    assert read > 1000
