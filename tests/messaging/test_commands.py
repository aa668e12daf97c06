"""`inbox`, `outbox` and `show_message`: what tools and people outside the code rely on."""

import hashlib
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from messaging import services
from messaging.models import InboundMessage, OutboundMessage
from tests.messaging.senders import note, ours, patient, sent

pytestmark = pytest.mark.django_db


def lines(command, *options):
    out = StringIO()
    call_command(command, "--json", *options, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def order(partner):
    control_id = services.next_control_id()
    return services.enqueue(
        partner=partner, kind="OMG^O19 NW", subject_type="tests.Order", subject_id="a", stream="s",
        raw=ours(control_id, partner, note("µ")), control_id=control_id,
    )  # fmt: skip


def test_the_inbox_has_a_line_for_each_message_without_its_content(ris):
    raws = [sent("1", patient("9990000018")), b"no message", sent("2", sender=("X", "Y"))]
    for raw in raws:
        services.accept(raw, peer="127.0.0.1")
    first, second, third = lines("inbox")
    assert [line["sha256"] for line in (first, second, third)] == [
        hashlib.sha256(raw).hexdigest() for raw in raws
    ]
    assert (first["partner"], first["control_id"], first["state"]) == ("ris", "1", "received")
    assert (second["state"], second["reason_code"]) == ("parked", "header")
    assert (third["partner"], third["state"]) == ("", "refused")
    assert first["received_at"].endswith("+00:00")
    assert "999" not in json.dumps(first["reason"])
    assert [line["id"] for line in lines("inbox", "--state", "parked")] == [second["id"]]


def test_the_outbox_has_a_line_for_each_message(ris):
    message = order(ris)
    (line,) = lines("outbox")
    assert line["id"] == f"out-{message.pk}"
    assert line["sha256"] == hashlib.sha256(bytes(message.raw)).hexdigest()
    assert (line["partner"], line["control_id"], line["state"]) == (
        "ris", message.control_id, "waiting",
    )  # fmt: skip


def test_a_message_is_shown_byte_for_byte(ris, capfdbinary):
    services.accept(b"\x00\xff\r\n no message")
    call_command("show_message", lines("inbox")[0]["id"])
    assert capfdbinary.readouterr().out == b"\x00\xff\r\n no message"
    message = order(ris)
    call_command("show_message", lines("outbox")[0]["id"])
    assert capfdbinary.readouterr().out == bytes(message.raw)


def test_a_bare_number_needs_its_direction_only_where_both_have_it(ris, capfdbinary):
    message = order(ris)
    call_command("show_message", str(message.pk))
    assert capfdbinary.readouterr().out == bytes(message.raw)
    services.accept(b"no message")
    InboundMessage.objects.update(id=message.pk)
    with pytest.raises(CommandError, match="Say which"):
        call_command("show_message", str(message.pk))
    call_command("show_message", str(message.pk), "--inbound")
    assert capfdbinary.readouterr().out == b"no message"
    call_command("show_message", str(message.pk), "--outbound")
    assert capfdbinary.readouterr().out == bytes(OutboundMessage.objects.get().raw)


@pytest.mark.parametrize("name", ["in-999999", "out-1x", "sideways-1", "", "-"])
def test_what_is_not_there_is_said_so(db, name):
    with pytest.raises(CommandError, match="message"):
        call_command("show_message", name)


def test_without_json_the_lines_are_for_people(ris):
    services.accept(sent("1", patient()))
    out = StringIO()
    call_command("inbox", stdout=out)
    assert "ris  ORU^R01  1  received" in out.getvalue()
