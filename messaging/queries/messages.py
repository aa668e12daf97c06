"""One message, laid open. Each look is audited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest

from accounts import audit
from accounts.policies import Acting
from messaging.anatomy import Anatomy, anatomy
from messaging.models import InboundMessage, OutboundMessage
from messaging.policies import may_operate_message
from messaging.states import IN_MOVES, OUT_MOVES, InEvent, InState, OutEvent, OutState

from .lists import Line, line_in, line_out


@dataclass(frozen=True)
class MessagePage:
    """All that the page of one message shows."""

    line: Line
    message: InboundMessage | OutboundMessage
    anatomy: Anatomy
    may_retry: bool
    may_handle: bool
    kept_back: int  # later messages of its stream that wait for it


def inbound_for(acting: Acting, pk: int, *, request: HttpRequest) -> InboundMessage:
    """One message that came; the look at it is audited. Raises Http404 for absent and forbidden."""
    message = InboundMessage.objects.select_related("partner", "repeat_of").filter(pk=pk).first()
    return _seen(acting, message, request)


def outbound_for(acting: Acting, pk: int, *, request: HttpRequest) -> OutboundMessage:
    """One message that goes; as `inbound_for`."""
    message = OutboundMessage.objects.select_related("partner").filter(pk=pk).first()
    return _seen(acting, message, request)


def _seen(acting: Acting, message: Any, request: HttpRequest) -> Any:
    if message is None or not may_operate_message(acting, message):
        raise Http404
    audit.record(
        acting=acting,
        action="view_message",
        object_type=f"messaging.{type(message).__name__}",
        object_id=message.pk,
        request=request,
    )
    return message


def page_of_inbound(message: InboundMessage) -> MessagePage:
    charset = message.partner.character_set if message.partner else "ASCII"
    return MessagePage(
        line=line_in(message),
        message=message,
        anatomy=anatomy(bytes(message.raw), default_charset=charset),
        may_retry=(InState(message.state), InEvent.RETRY) in IN_MOVES,
        may_handle=(InState(message.state), InEvent.HANDLE) in IN_MOVES,
        kept_back=0,
    )


def page_of_outbound(message: OutboundMessage) -> MessagePage:
    kept_back = OutboundMessage.objects.filter(
        partner=message.partner,
        stream=message.stream,
        sequence__gt=message.sequence,
        state=OutState.WAITING,
    ).count()
    return MessagePage(
        line=line_out(message),
        message=message,
        anatomy=anatomy(bytes(message.raw), default_charset=message.partner.character_set),
        may_retry=(OutState(message.state), OutEvent.RETRY) in OUT_MOVES,
        may_handle=(OutState(message.state), OutEvent.HANDLE) in OUT_MOVES,
        kept_back=kept_back,
    )
