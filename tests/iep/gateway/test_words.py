"""What is said of a transaction at the gateway: who may say it, and what it does here, once."""

import base64
import hashlib
import uuid

import pytest
from django.test import Client

from accounts.policies import SYSTEM
from iep.gateway import sign
from iep.models import GatewayHeard, GatewayNonce, Institution, Transaction, Transfer
from iep.services.exchange import transactions
from iep.services.lanes import transfers
from iep.states.priorities import Priority
from iep.states.transactions import TransactionState
from tests.iep.gateway.sides import (
    NAME,
    NUMBER,
    ROOT,
    Sides,
    created_body,
    headers,
    send,
    to,
)

pytestmark = pytest.mark.django_db


# --- Who is let in --------------------------------------------------------------------------------


def test_nobody_without_a_signature_is_let_in() -> None:
    answer = Client().get(f"{ROOT}/v1/")
    assert answer.status_code == 403
    assert answer.json()["code"] == "not_signed"


def test_whoever_was_agreed_on_is_told_who_is_here(sides: Sides) -> None:
    assert send("GET", "/").json() == {"versions": [1], "you": "RZ1", "we": "RZ2"}


def test_a_key_that_nobody_agreed_on_is_refused(sides: Sides) -> None:
    sign.make_key("stranger")
    answer = send("GET", "/", key="stranger")
    assert (answer.status_code, answer.json()["code"]) == (403, "unknown_key")


def test_one_institutions_key_does_not_speak_for_another(sides: Sides) -> None:
    assert send("GET", "/", parties=("RZ2", "RZ1")).status_code == 403


@pytest.mark.parametrize("parties", [("RZ9", "RZ2"), ("RZ1", "RZ9")])
def test_an_institution_that_is_not_known_or_is_not_us_is_refused(sides: Sides, parties) -> None:
    assert send("GET", "/", parties=parties).json()["code"] == "unknown_key"


def test_an_institution_that_is_no_longer_used_is_refused(sides: Sides) -> None:
    Institution.objects.filter(pk=sides.kingsmere.pk).update(is_active=False)
    assert send("GET", "/").status_code == 403


def test_a_request_that_was_heard_is_not_heard_again(sides: Sides) -> None:
    signed = headers("GET", f"{ROOT}/v1/")
    assert send("GET", "/", signed=signed).status_code == 200
    again = send("GET", "/", signed=signed)
    assert (again.status_code, again.json()["code"]) == (403, "replayed")
    assert GatewayNonce.objects.count() == 1


@pytest.mark.parametrize("seconds", [-301, 330])  # the clock goes on until it is looked at
def test_a_request_of_another_time_is_refused_and_the_clocks_are_named(
    sides: Sides, seconds: int
) -> None:
    import time

    answer = send("GET", "/", created=time.time() + seconds)
    assert answer.json()["code"] == "clock"
    assert "clocks" in answer.json()["sentence"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("HEAD", "/"), ("GET", "/transactions/11111111-1111-4111-8111-111111111111")],
)
def test_a_signature_is_of_one_method_and_one_address(sides: Sides, method, path) -> None:
    signed = headers("GET", f"{ROOT}/v1/")
    assert send(method, path, signed=signed).status_code == 403


def test_a_body_that_was_changed_on_the_way_has_no_effect(sides: Sides) -> None:
    shared = uuid.uuid4()
    path = f"{ROOT}/v1{to(shared)}"
    signed = headers("PUT", path, b"{}")
    answer = send("PUT", path, created_body(), signed=signed)
    assert (answer.status_code, answer.json()["code"]) == (403, "tampered")
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("name", ["Gateway-From", "Gateway-To", "Content-Digest", "Gateway-Key"])
def test_a_header_that_was_changed_on_the_way_breaks_the_signature(sides: Sides, name) -> None:
    signed = headers("GET", f"{ROOT}/v1/")
    signed[name] = signed[name].replace("RZ", "RX").replace("=:", "a=:")
    if name == "Gateway-Key":
        signed[name] = headers("GET", "/", key="eastmarsh")[name]
    assert send("GET", "/", signed=signed).status_code == 403


def test_a_refusal_is_written_down_without_a_name(sides: Sides, world) -> None:
    from accounts.models import AccessEvent

    before = AccessEvent.objects.filter(action="denied").count()
    send("PUT", to(uuid.uuid4()), created_body(), parties=("RZ9", "RZ2"))
    row = AccessEvent.objects.filter(action="denied").latest("pk")
    assert AccessEvent.objects.filter(action="denied").count() == before + 1
    assert (row.object_type, row.reason) == ("iep:gateway-transaction", "unknown_key")


def test_a_peer_that_runs_wild_is_held_back(sides: Sides, settings) -> None:
    settings.GATEWAY_REQUESTS_A_SECOND = 0.2
    codes = [send("GET", "/").status_code for _ in range(3)]
    assert 429 in codes


# --- Made -----------------------------------------------------------------------------------------


def test_a_request_of_theirs_is_new_here_and_shows_whose_images_it_asks_for(sides: Sides) -> None:
    shared = uuid.uuid4()
    answer = send("PUT", to(shared), created_body())
    assert answer.status_code == 200, answer.json()
    row = Transaction.objects.get(shared_id=shared)
    assert (row.direction, row.state, row.organisation) == (
        "in",
        "new",
        sides.eastmarsh.organisation,
    )
    assert (row.institution, row.node) == (sides.kingsmere, sides.to_kingsmere)
    assert (row.family_name, row.nhs_number, row.consultant) == (NAME, NUMBER, "Mr B Invented")
    assert row.exams[0]["description"] == "CT head"
    assert row.to_tell == [], "what they told us is not told back"
    assert set(answer.json()) == {"shared_id", "number", "state"}


def test_the_same_request_said_twice_is_one(sides: Sides) -> None:
    shared, body = uuid.uuid4(), created_body()
    first, second = (send("PUT", to(shared), body).json() for _ in range(2))
    assert first == second
    assert Transaction.objects.count() == 1
    assert GatewayHeard.objects.count() == 1


def test_details_that_they_change_are_changed_here_and_the_type_is_not(sides: Sides) -> None:
    shared = uuid.uuid4()
    send("PUT", to(shared), created_body())
    send("PUT", to(shared), created_body(comments="Before Friday, please"))
    assert Transaction.objects.get().comments == "Before Friday, please"
    refused = send("PUT", to(shared), created_body(kind="transfer"))
    assert (refused.status_code, refused.json()["code"]) == (409, "fixed")


def test_a_request_that_we_declined_is_new_again_when_they_ask_with_more(
    sides: Sides, world
) -> None:
    shared = uuid.uuid4()
    send("PUT", to(shared), created_body())
    row = transactions.decline(Transaction.objects.get(), "no_such_study", by=world.acting("mbp"))
    assert row.state == TransactionState.DECLINE
    send("PUT", to(shared), created_body(comments="It was the one of May"))
    assert Transaction.objects.get().state == TransactionState.NEW


@pytest.mark.hazard("H45")
def test_details_that_they_change_when_they_were_asked_are_an_answer(sides: Sides, world) -> None:
    shared, body = uuid.uuid4(), created_body()
    send("PUT", to(shared), body)
    row = Transaction.objects.get()
    transactions.ask_details(row, "Which scan?", by=world.acting("mbp"))
    send("PUT", to(shared), body | {"said": str(uuid.uuid4())})
    row.refresh_from_db()
    assert row.state == TransactionState.AWAITING_DETAILS, "nothing is different"
    send("PUT", to(shared), created_body(comments="The left"))
    row.refresh_from_db()
    assert row.state == TransactionState.NEW


def theirs_with_a_transfer(sides: Sides) -> tuple[uuid.UUID, Transfer]:
    shared = uuid.uuid4()
    send("PUT", to(shared), created_body())
    thing = Transaction.objects.get(shared_id=shared)
    return shared, transfers.queue_fetch(
        sides.to_kingsmere, "1.2.3", priority=Priority.NORMAL, purpose="from_pacs", title="CT",
        transaction=thing, by=SYSTEM,
    )  # fmt: skip


BLUE = {"priority": 0, "reason": "blue_light", "eligibility": "theatre"}


@pytest.mark.hazard("H39")
def test_a_priority_that_they_change_goes_to_what_waits_here(sides: Sides) -> None:
    shared, transfer = theirs_with_a_transfer(sides)
    for body, expected in ((BLUE, (0, "theatre")), ({"priority": 1, "reason": "mdt"}, (1, ""))):
        assert send("PUT", to(shared), created_body(**body)).status_code == 200
        row = Transaction.objects.get(shared_id=shared)
        transfer.refresh_from_db()
        assert (row.priority, row.eligibility) == expected
        assert (transfer.priority, row.reason) == (expected[0], body["reason"])


@pytest.mark.hazard("H39")
def test_what_somebody_here_has_raised_is_not_lowered_by_what_they_say(sides: Sides, world) -> None:
    shared, transfer = theirs_with_a_transfer(sides)
    row = Transaction.objects.get(shared_id=shared)
    transactions.change_priority(row, 0, "ambulance", by=world.acting("mbp"))
    send("PUT", to(shared), created_body(comments="Before Friday", priority=1, reason="mdt"))
    row.refresh_from_db()
    transfer.refresh_from_db()
    assert (row.priority, row.eligibility, transfer.priority) == (0, "ambulance", 0)
    assert row.comments == "Before Friday"
    said = "They say Standard. Here it stays Blue Light, as somebody here decided."
    assert row.events.filter(words=said).exists()


@pytest.mark.hazard("H39")
def test_a_declined_request_comes_again_with_its_new_priority(sides: Sides, world) -> None:
    shared = uuid.uuid4()
    send("PUT", to(shared), created_body())
    transactions.decline(Transaction.objects.get(), "no_such_study", by=world.acting("mbp"))
    send("PUT", to(shared), created_body(**BLUE))
    row = Transaction.objects.get()
    assert (row.state, row.priority, row.eligibility) == ("new", 0, "theatre")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"priority": 7}, "priority"),
        ({"priority": 0}, "eligibility"),
        ({"kind": "direct"}, "kind"),
        ({"patient": {"nhs_number": "9990000019"}}, "patient.nhs_number"),
        ({"patient": {"birth_date": "2 March"}}, "patient.birth_date"),
        ({"exams": [{"modality": "CT"}]}, "exams.0.description"),
        ({"exams": "all"}, "exams"),
        ({"said": "twice"}, "said"),
        ({"patient": None}, "patient"),
    ],
)
def test_what_cannot_be_used_is_named_in_words_and_not_repeated(
    sides: Sides, change, field
) -> None:
    answer = send("PUT", to(uuid.uuid4()), created_body(**change))
    assert (answer.status_code, answer.json()["code"]) == (422, "not_understood")
    assert field in answer.json()["fields"]
    said = answer.content.decode()
    assert NAME not in said
    assert "9990000019" not in said
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"[" * 100_000, b"\xff\xfe"])
def test_a_body_that_is_no_json_object_is_refused(sides: Sides, raw: bytes) -> None:
    answer = send("PUT", to(uuid.uuid4()), raw)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


def test_a_body_of_another_type_or_too_large_is_refused(sides: Sides) -> None:
    path = to(uuid.uuid4())
    assert send("PUT", path, created_body(), content_type="text/plain").status_code == 415
    assert send("PUT", path, b" " * (1024 * 1024 + 1)).status_code == 413


# --- Whose ----------------------------------------------------------------------------------------


def test_another_peers_transaction_is_as_if_it_were_not_there(sides: Sides) -> None:
    row = sides.heard_by_eastmarsh()
    other = {"key": "eastmarsh", "parties": ("RZ2", "RZ1")}
    event = {"event": "cancelled", "at": "2026-03-02T10:00:00Z", "words": "x"}
    assert send("GET", to(row.shared_id)).status_code == 200
    nobodys = uuid.uuid4()
    for method, rest, body in (
        ("GET", "", None), ("GET", "/manifest", None), ("GET", "/received", None),
        ("PUT", f"/events/{nobodys}", event), ("POST", "/studies", b"x"),
        ("GET", f"/instances/{nobodys}", None),
    ):  # fmt: skip
        theirs = send(method, to(row.shared_id, rest), body, **other)
        nothing = send(method, to(nobodys, rest), body)
        assert theirs.status_code == nothing.status_code == 404
        assert theirs.json() == nothing.json()
    row.refresh_from_db()
    assert row.state == TransactionState.NEW


# --- Decided, and how far -------------------------------------------------------------------------


def say(row: Transaction, event: str, *, said: str = "", by: str = "eastmarsh", **facts):
    """Something that the other side says of it."""
    parties = {"eastmarsh": ("RZ2", "RZ1"), "kingsmere": ("RZ1", "RZ2")}[by]
    body = {"event": event, "at": "2026-03-02T10:00:00Z", **facts}
    path = to(row.shared_id, f"/events/{said or uuid.uuid4()}")
    return send("PUT", path, body, key=by, parties=parties)


def test_that_they_accepted_is_seen_here_and_how_far_they_are(sides: Sides) -> None:
    row = sides.ask()
    for event in ("accepted", "uploading", "uploaded"):
        assert say(row, event).status_code == 200
    row.refresh_from_db()
    assert row.state == TransactionState.ON_IEP
    assert [each["what"] for each in row.to_tell] == ["created"]


def test_that_they_declined_is_seen_here_with_the_reason(sides: Sides) -> None:
    row = sides.ask()
    words = "The requested study does not exist at this institution. Ask Wychcombe"
    assert say(row, "declined", reason="no_such_study", words=words).status_code == 200
    row.refresh_from_db()
    assert (row.state, row.declined_reason, row.why) == ("decline", "no_such_study", words)
    assert say(row, "declined").status_code == 422


def test_whoever_was_asked_says_which_studies_they_send_and_changes_nothing_else(
    sides: Sides,
) -> None:
    row = sides.ask()
    named = {"description": "CT HEAD", "study_uid": "1.2.3", "images": "3", "modality": "CT"}
    body = created_body(exams=[named], comments="Changed", priority=2)
    answer = send("PUT", to(row.shared_id), body, key="eastmarsh", parties=("RZ2", "RZ1"))
    assert answer.status_code == 200
    row.refresh_from_db()
    assert (row.exams[0]["study_uid"], row.exams[0]["images"]) == ("1.2.3", "3")
    assert (row.comments, row.priority) == ("", 1)


def test_the_same_thing_said_twice_is_one_line_of_the_history(sides: Sides) -> None:
    row, said = sides.ask(), str(uuid.uuid4())
    for _ in range(3):
        assert say(row, "accepted", said=said).status_code == 200
    assert row.events.filter(event="accepted").count() == 1


def test_what_comes_late_is_noted_and_changes_nothing(sides: Sides, world) -> None:
    row = sides.ask()
    transactions.cancel(row, "Not needed any more", by=world.acting("mbp"))
    assert say(row, "accepted").status_code == 200
    row.refresh_from_db()
    assert row.state == TransactionState.CANCELLED
    assert row.events.last().words == "They say: Accepted."


@pytest.mark.hazard("H40")
def test_that_all_is_delivered_is_not_for_the_sender_to_say(sides: Sides) -> None:
    row = sides.ask()
    assert say(row, "delivered").status_code == 200
    row.refresh_from_db()
    assert row.state == TransactionState.NEW
    assert "Delivered" in row.events.last().words


def test_who_asks_cannot_accept_their_own_request(sides: Sides) -> None:
    row = sides.heard_by_eastmarsh()
    answer = say(row, "accepted", by="kingsmere")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_yours_to_say")
    assert say(row, "uploaded", by="kingsmere").status_code == 409
    assert say(row, "cancelled", by="kingsmere", words="Found them").status_code == 200
    row.refresh_from_db()
    assert row.state == TransactionState.CANCELLED


# --- Messages and documents -----------------------------------------------------------------------


def test_a_message_of_theirs_is_kept_once(sides: Sides) -> None:
    row, message = sides.heard_by_eastmarsh(), uuid.uuid4()
    body = {"text": "The one of May, please", "by": "Sam", "at": "2026-03-02T10:00:00Z"}
    for _ in range(2):
        assert send("PUT", to(row.shared_id, f"/messages/{message}"), body).status_code == 200
    kept = row.messages.get()
    assert (kept.text, kept.by_name, kept.direction) == ("The one of May, please", "Sam", "in")


def document(**changes):
    content = b"%PDF-1.7 invented"
    return {
        "kind": "document", "title": "Report", "content_type": "application/pdf",
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": base64.b64encode(content).decode(),
        "confirmed_by": "Dr Invented", "confirmed_at": "2026-03-02T10:00:00Z",
    } | changes  # fmt: skip


def test_a_report_of_theirs_is_kept_once_if_it_is_what_its_hash_says(sides: Sides) -> None:
    row, ident = sides.heard_by_eastmarsh(), uuid.uuid4()
    path = to(row.shared_id, f"/documents/{ident}")
    assert send("PUT", path, document(sha256="0" * 64)).status_code == 422
    for _ in range(2):
        assert send("PUT", path, document()).status_code == 200
    kept = row.attachments.get()
    assert (kept.came_in, kept.confirmed_by) == (True, "Dr Invented")
    assert bytes(kept.content) == b"%PDF-1.7 invented"


@pytest.mark.parametrize(
    "change",
    [{"content_type": "text/html"}, {"content": "!"}, {"content_type": "image/png"},
     {"study_uid": "../../etc"}],
)  # fmt: skip
def test_what_is_no_report_is_refused(sides: Sides, change) -> None:
    row = sides.heard_by_eastmarsh()
    path = to(row.shared_id, f"/documents/{uuid.uuid4()}")
    assert send("PUT", path, document(**change)).status_code == 422
    assert not row.attachments.exists()
