"""A lane or a machine is paused by a person of the desk, and started again: who, when and why.

What a lane has goes back to the queue after the image that is on its way, with what is done done.
Nothing is paused in silence: the board names who did it, and after an hour everybody of the desk
is reminded (queries.lanes.pauses).
"""

from __future__ import annotations

from typing import TypeVar

from django.db import connection
from django.db.transaction import atomic
from django.utils import timezone

from accounts import audit
from accounts.policies import Acting
from iep import policies
from iep.errors import NotAccepted
from iep.models import Lane, Node, PauseEventRow
from iep.models.directory import NodeKind
from iep.services.lanes.transfers import CHANNEL

Held = TypeVar("Held", Lane, Node)
MOST_WORDS = 200
_PAUSED, _RUNNING = "paused", "running"
BLUE_ONLY = (
    "This lane is kept for Blue Light. While it is paused a Blue Light has to wait until another "
    "lane has finished the image that it sends."
)


def pause_lane(lane: Lane, because: str, *, by: Acting, is_sure: bool = False) -> Lane:
    """It takes nothing more. The lane that is kept for Blue Light stops only who says so twice.

    Raises NotAccepted: not_yours, no_words, too_long, paused, blue_only.
    """
    _must_control(by)
    with atomic():
        held = Lane.objects.select_for_update().get(pk=lane.pk)
        _refuse_again(held, want=True)
        words = _said(because)
        if held.is_blue_only and not is_sure:
            raise NotAccepted("blue_only", "Say that you mean it.")
        return _write(held, words, is_paused=True, by=by)


def resume_lane(lane: Lane, *, by: Acting) -> Lane:
    """Raises NotAccepted: not_yours, running."""
    _must_control(by)
    with atomic():
        held = Lane.objects.select_for_update().get(pk=lane.pk)
        _refuse_again(held, want=False)
        _write(held, "", is_paused=False, by=by)
        _wake(held.direction)
    return held


def pause_node(node: Node, because: str, *, by: Acting) -> Node:
    """Nothing goes to it or comes from it by our lanes, Blue Light neither. Raises as a lane."""
    _must_control(by, node)
    with atomic():
        held = Node.objects.select_for_update().get(pk=node.pk)
        _refuse_again(held, want=True)
        return _write(held, _said(because), is_paused=True, by=by)


def resume_node(node: Node, *, by: Acting) -> Node:
    """It is asked at once, whatever had failed before.

    Raises NotAccepted: not_yours, running, withdrawn.
    """
    _must_control(by, node)
    with atomic():
        held = Node.objects.select_for_update().get(pk=node.pk)
        _refuse_again(held, want=False)
        if held.kind == NodeKind.GATEWAY and not held.their_key_sha256:
            words = "The agreement with them was withdrawn. Agree with them anew."
            raise NotAccepted("withdrawn", words)
        held.retry_at = None
        _write(held, "", is_paused=False, by=by)
        for direction in ("out", "in"):
            _wake(direction)
    return held


def _write(held: Held, words: str, *, is_paused: bool, by: Acting) -> Held:
    now, before = timezone.now(), held.is_paused
    held.is_paused, held.paused_because = is_paused, words
    held.paused_by = by.label[:150] if is_paused else ""
    held.paused_at = now if is_paused else None
    held.save()
    name = type(held).__name__.lower()
    PauseEventRow.objects.create(
        lane=held if isinstance(held, Lane) else None,
        node=held if isinstance(held, Node) else None,
        event="paused" if is_paused else "resumed",
        from_state=_PAUSED if before else _RUNNING, to_state=_PAUSED if is_paused else _RUNNING,
        at=now, by_name=by.label[:150], by_user_id=by.user.pk if by.user else None,
        organisation_code=by.organisation.ods_code if by.organisation else "", words=words,
    )  # fmt: skip
    audit.record(
        acting=by, action=f"{name}_{'paused' if is_paused else 'resumed'}",
        object_type=f"iep.{type(held).__name__}", object_id=held.pk,
    )  # fmt: skip
    return held


def _refuse_again(held: Lane | Node, *, want: bool) -> None:
    if held.is_paused and want:
        raise NotAccepted("paused", f"It is paused already, by {held.paused_by or 'somebody'}.")
    if not held.is_paused and not want:
        raise NotAccepted("running", "It is not paused any more.")


def _said(because: str) -> str:
    words = " ".join(because.split())
    if not words:
        raise NotAccepted("no_words", "Say why it is paused.")
    if len(words) > MOST_WORDS:
        raise NotAccepted("too_long", f"At most {MOST_WORDS} characters.")
    return words


def _must_control(by: Acting, node: Node | None = None) -> None:
    """Lanes are everybody's; a trust's own PACS is its own desk's."""
    if by.is_system:
        return
    own = node.institution.organisation_id if node is not None else None
    if not policies.may_control_lanes(by) or (own and not policies.is_of_trust(by, own)):
        raise NotAccepted("not_yours", "Ask the service desk of the trust whose it is.")


def _wake(direction: str) -> None:
    with connection.cursor() as cursor:
        for priority in (0, 1):
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{direction} {priority}"])
