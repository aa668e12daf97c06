"""What the failures page tells a person to do: fits what failed, and what the machine can."""

from typing import Any

import pytest
from django.urls import reverse

from accounts.policies import SYSTEM
from iep.models import Node, Transfer
from iep.queries.lanes.advice import NO_SUCH_CLASS, advice_on
from iep.services.lanes import transfers
from iep.services.moving import locked, move
from iep.states.priorities import Priority
from iep.states.transfers import TransferEvent
from tests.iep.lanes.images import node, outgoing, send
from tests.iep.transactions import exchange

pytestmark = pytest.mark.django_db


def transfer(direction: str, family: str, **more: Any) -> Transfer:
    """One that failed at a machine as `at` has it."""
    at = {"name": "FARPACS", "kind": "dimse", "ae_title": "FAR"} | more.pop("at", {})
    said = {"direction": direction, "family": family, "state": "failed", "images": 30}
    return Transfer(node=Node(**at), **said | more)


def words(direction: str, family: str, refused: Any = (), **more: Any) -> str:
    return advice_on(transfer(direction, family, **more), refused).words


GATEWAY = {"kind": "gateway"}
OURS = {"is_our_pacs": True}
MOVES = {"fetches_by_move": True}


@pytest.mark.parametrize(
    ("direction", "family", "at", "said"),
    [
        ("in", "no_context", {}, "does not answer C-GET. On its page under Institutions set it to"),
        ("in", "no_context", MOVES, "does not hand out images, neither way"),
        ("in", "refused", MOVES, "enter ORDERCOMMS as a destination for C-MOVE"),
        ("in", "refused", {}, "they refuse to hand it out"),
        ("in", "refused", GATEWAY, "withdrawn it"),
        ("in", "not_found", {}, "ask them to send it to us"),
        ("in", "not_found", GATEWAY, "They have not uploaded it"),
        ("in", "not_found", OURS, "Look the study up in PACS"),
        ("out", "no_context", {}, "Ask them to allow it, or use a disc"),
        ("out", "no_context", OURS, "Ring our PACS team. Tell them which"),
        ("out", "not_found", {}, "make a new transaction"),
        ("out", "refused", {}, "Retry once: only what is missing goes"),
        ("out", "refused", GATEWAY, "and would again"),
        ("out", "rejected", {}, "ask them to let ORDERCOMMS in"),
        ("out", "rejected", GATEWAY, "does not accept our key"),
        ("out", "unreachable", {}, "Ring their PACS team: is the machine on"),
        ("out", "unreachable", OURS, "Ring our PACS team: is the machine on"),
        ("in", "out_of_resources", {}, "Retry when they have made room"),
        ("in", "out_of_resources", GATEWAY, "theirs or ours"),
        ("out", "unconfirmed", {}, "They may have all 30 images. Ask them to count"),
    ],
)
def test_the_advice_fits_what_failed_and_where(
    settings: Any, direction: str, family: str, at: dict[str, Any], said: str
) -> None:
    settings.DICOM_AET = "ORDERCOMMS"
    assert said in words(direction, family, at=at)


@pytest.mark.parametrize("at", [{}, MOVES, GATEWAY, OURS])
def test_nobody_is_told_to_use_a_disc_for_what_is_only_asked_for_in_the_wrong_way(
    at: dict[str, Any],
) -> None:
    for family in ("no_context", "refused", "not_found"):
        assert "use a disc" not in words("in", family, at=at)


def test_a_kind_of_image_that_is_not_taken_is_told_from_images_that_are_refused() -> None:
    why = "FAR does not take this kind of object in this encoding."
    assert "does not take this kind of image" in words("out", "refused", {NO_SUCH_CLASS})
    assert "does not take this kind of image" in words("out", "refused", {None}, why=why)
    gone = "The file is no longer in our own storage."
    assert "Retry once" in words("out", "refused", {None}, why=gone)
    assert "Retry once" in words("out", "refused", {NO_SUCH_CLASS, 0xC000})


def test_what_came_in_part_is_fetched_on_before_anything_else() -> None:
    assert words("in", "not_found", images_done=3).startswith("Retry: only what is missing")


def test_blue_light_does_not_wait_for_a_machine() -> None:
    blue = {"priority": Priority.BLUE_LIGHT}
    assert words("out", "timeout", **blue).startswith("Blue Light: do not wait")
    assert "Send a disc as well" in words("out", "timeout", **blue)
    assert "disc" not in words("out", "timeout", at=OURS, **blue)


_DISC = ">Disc<span"  # the way that asks for one


def _failed(row: Transfer, family: str) -> Transfer:
    move(locked(row), TransferEvent.FAILED, by=SYSTEM, family=family, why="They do not offer this.")
    return row


def _page(world: Any) -> str:
    answer = world.client("mbp").get(reverse("iep:failures"))
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_a_message_is_offered_where_somebody_reads_it_and_nowhere_else(world: Any) -> None:
    thing = exchange.request(world)
    fetched = transfers.queue_fetch(
        thing.node, "1.2.3", priority=Priority.NORMAL, purpose="in", title="CT head",
        transaction=thing, by=SYSTEM,
    )  # fmt: skip
    _failed(fetched, "no_context")
    page = _page(world)
    assert "set it to C-MOVE" in page
    assert f'href="/iep/institutions/{thing.institution_id}/"' in page
    assert "Ask sender to resend" not in page, "nobody reads messages at a plain DICOM machine"
    Node.objects.filter(pk=thing.node.pk).update(kind="gateway", base_url="https://far.example")
    assert "Ask sender to resend" in _page(world)


def test_no_disc_is_offered_of_what_only_our_own_pacs_refuses(world: Any) -> None:
    row = _failed(send(outgoing(1), node()), "refused")
    assert _DISC in _page(world)
    Node.objects.filter(pk=row.node_id).update(is_our_pacs=True)
    assert _DISC not in _page(world)
