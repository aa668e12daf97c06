"""How two hospitals agree that their gateways speak: by fingerprints that two persons compare."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AccessEvent
from demo.people import EASTMARSH, KINGSMERE
from iep.gateway import sign
from iep.models import Institution, Node
from iep.queries.exchange import gateway as queries
from iep.services.exchange import transactions
from tests.iep.gateway.sides import Sides, _institution

URL = "https://gateway.eastmarsh.example/iep/gateway"


def agree(*words: str) -> str:
    said = StringIO()
    call_command("agree_gateway", *words, stdout=said)
    return said.getvalue()


def refusal(*words: str) -> str:
    with pytest.raises(CommandError) as caught:
        agree(*words)
    return str(caught.value)


@pytest.fixture
def them(world) -> Institution:
    _institution(KINGSMERE)
    return Institution.objects.create(code=EASTMARSH, name="Eastmarsh")


@pytest.fixture
def theirs(them) -> str:
    """The fingerprint of a key of theirs."""
    return sign.fingerprint(sign.shown(sign.make_key("theirs")))


@pytest.mark.django_db
def test_our_key_is_made_once_and_its_fingerprint_can_be_read_aloud(them) -> None:
    first, second = agree(EASTMARSH), agree(EASTMARSH)
    assert first == second
    groups = first.strip().removeprefix("Our key gateway: ").split()
    assert [len(each) for each in groups] == [4] * 16
    assert "".join(groups) == sign.fingerprint(sign.shown(sign.our_key("gateway")))
    assert not Node.objects.exists(), "nothing is agreed by looking"


@pytest.mark.django_db
def test_what_is_agreed_is_a_node_and_who_agreed_is_written_down(them, theirs) -> None:
    aloud = " ".join(theirs[at : at + 4] for at in range(0, 64, 4)).upper()
    agree(EASTMARSH, "--url", URL, "--theirs", aloud, "--by", "mbp-lead")
    node = Node.objects.get()
    assert (node.name, node.kind, node.is_default) == ("RZ2-GATEWAY", "gateway", True)
    assert (node.base_url, node.their_key_sha256, node.secret_name) == (URL, theirs, "gateway")
    assert queries.peer(theirs, EASTMARSH, KINGSMERE).node == node
    event = AccessEvent.objects.get(action="gateway_agreed")
    assert (event.username, event.object_id) == ("mbp-lead", str(node.pk))


@pytest.mark.django_db
def test_a_key_that_is_changed_replaces_the_one_before(them, theirs) -> None:
    agree(EASTMARSH, "--url", URL, "--theirs", theirs, "--by", "mbp-lead")
    agree(EASTMARSH, "--url", URL, "--theirs", "ab" * 32, "--by", "mbp-lead")
    assert Node.objects.get().their_key_sha256 == "ab" * 32
    assert queries.peer(theirs, EASTMARSH, KINGSMERE) is None


@pytest.mark.django_db
def test_what_was_agreed_can_be_taken_back_at_once_and_agreed_anew(them, theirs) -> None:
    agree(EASTMARSH, "--url", URL, "--theirs", theirs, "--by", "mbp-lead")
    agree(EASTMARSH, "--withdraw", "--by", "mbp-lead")
    assert queries.peer(theirs, EASTMARSH, KINGSMERE) is None
    assert Node.objects.get().is_paused
    assert AccessEvent.objects.filter(action="gateway_withdrawn").exists()
    agree(EASTMARSH, "--url", URL, "--theirs", theirs, "--by", "mbp-lead")
    assert queries.peer(theirs, EASTMARSH, KINGSMERE) is not None
    assert not Node.objects.get().is_paused


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("RX9",), "RX9 is not another institution"),
        ((KINGSMERE,), "RZ1 is not another institution"),
        ((EASTMARSH, "--key", "../x"), "A key has a name"),
        ((EASTMARSH, "--url", URL, "--theirs", "1234", "--by", "mbp-lead"), "64 digits"),
        ((EASTMARSH, "--url", URL, "--theirs", "ab" * 32), "--by"),
        ((EASTMARSH, "--url", URL, "--theirs", "ab" * 32, "--by", "gp"), "--by"),
        ((EASTMARSH, "--url", URL, "--theirs", "ab" * 32, "--by", "nobody"), "--by"),
        ((EASTMARSH, "--url", "http://x.example/", "--theirs", "ab" * 32, "--by", "mbp-lead"),
         "not an https address"),
        ((EASTMARSH, "--check"), "Nothing is agreed"),
    ],
)  # fmt: skip
def test_what_cannot_be_agreed_is_refused_in_words_and_leaves_nothing(them, words, said) -> None:
    assert said in refusal(*words)
    assert not Node.objects.exists()


@pytest.mark.django_db
def test_one_key_is_not_two_hospitals(them, theirs) -> None:
    Institution.objects.create(code="RX1", name="Another")
    agree(EASTMARSH, "--url", URL, "--theirs", theirs, "--by", "mbp-lead")
    assert "is RZ2-GATEWAY's" in refusal(
        "RX1", "--url", URL, "--theirs", theirs, "--by", "mbp-lead"
    )


@pytest.mark.django_db
def test_a_file_that_is_no_certificate_vouches_for_nobody(them, theirs, tmp_path: Path) -> None:
    for content in ("", "no certificate"):
        (tmp_path / "ca.pem").write_text(content)
        words = ("--url", URL, "--theirs", theirs, "--by", "mbp-lead")
        assert "ca.pem" in refusal(EASTMARSH, *words, "--anchors", str(tmp_path / "ca.pem"))


@pytest.mark.django_db
def test_a_person_sees_on_the_page_what_is_not_told_yet_and_since_when(sides: Sides, world) -> None:
    ours = sides.ask()
    page = world.client("mbp").get(f"/iep/t/{ours.number}/").content.decode()
    assert "Not told to the other side yet, since" in page
    transactions.cancel(ours, "Not needed", by=world.acting("mbp"))
    assert queries.not_told(sides.here(ours, "kingsmere")).count == 2
