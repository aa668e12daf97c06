"""One message, laid open. Each look is audited."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import BinaryField, F, Func
from django.db.models.functions import Length
from django.http import Http404, HttpRequest

from accounts import audit
from accounts.policies import Acting
from messaging.anatomy import Anatomy, anatomy, byte_lines
from messaging.causes import CAUSE_BY_ANSWER, NO_ANSWER, Cause, cause_of
from messaging.correcting import LONGEST_TEXT, text_of
from messaging.models import Correction, InboundMessage, OutboundMessage
from messaging.policies import may_operate_message
from messaging.states import (
    IN_MOVES,
    OUT_MOVES,
    CorrectionState,
    InEvent,
    InState,
    OutEvent,
    OutState,
)

from .lists import Line, line_in, line_out


@dataclass(frozen=True)
class MessagePage:
    """All that the page of one message shows."""

    line: Line
    message: InboundMessage | OutboundMessage
    anatomy: Anatomy
    cause: Cause | None
    may_retry: bool
    may_handle: bool
    may_correct: bool
    correction: Correction | None  # one that waits for a second person
    corrected_by: int | None  # the message that stands in its place
    kept_back: int  # later messages of its stream that wait for it
    earlier: int | None  # an earlier parked message of the same patient
    is_handled_apart: bool  # held: the form that went in its place decides, on another page


def inbound_for(
    acting: Acting, pk: int, *, request: HttpRequest, action: str = "view_message"
) -> InboundMessage:
    """One message that came; the look at it is audited. Raises Http404 for absent and forbidden."""
    message = (
        InboundMessage.objects.select_related("partner", "repeat_of", "corrects")
        .filter(pk=pk)
        .first()
    )
    return _seen(acting, message, request, action)


def outbound_for(
    acting: Acting, pk: int, *, request: HttpRequest, action: str = "view_message"
) -> OutboundMessage:
    """One message that goes; as `inbound_for`."""
    message = OutboundMessage.objects.select_related("partner", "corrects").filter(pk=pk).first()
    return _seen(acting, message, request, action)


def _seen(acting: Acting, message: Any, request: HttpRequest, action: str = "view_message") -> Any:
    if message is None or not may_operate_message(acting, message):
        raise Http404
    audit.record(
        acting=acting,
        action=action,
        object_type=f"messaging.{type(message).__name__}",
        object_id=message.pk,
        request=request,
    )
    return message


def page_of_inbound(message: InboundMessage) -> MessagePage:
    charset = message.partner.character_set if message.partner else "ASCII"
    can = {event for state, event in IN_MOVES if state == message.state}
    parked = message.state == InState.PARKED
    return MessagePage(
        line=line_in(message),
        message=message,
        anatomy=anatomy(bytes(message.raw), default_charset=charset),
        cause=cause_of("in", message.reason_code, message.reason) if parked else None,
        may_retry=InEvent.RETRY in can,
        may_handle=InEvent.HANDLE in can,
        may_correct=InEvent.REPLACE in can and _fits(message),
        correction=_open_correction(message),
        corrected_by=_corrected_by(message),
        kept_back=0,
        earlier=_earlier(message) if parked else None,
        is_handled_apart=False,
    )


def page_of_outbound(message: OutboundMessage) -> MessagePage:
    can = {event for state, event in OUT_MOVES if state == message.state}
    answered = CAUSE_BY_ANSWER.get(message.acknowledgement, NO_ANSWER)
    return MessagePage(
        line=line_out(message),
        message=message,
        anatomy=anatomy(bytes(message.raw), default_charset=message.partner.character_set),
        cause=cause_of("out", answered) if message.state == OutState.DEAD else None,
        may_retry=OutEvent.RETRY in can,
        may_handle=OutEvent.HANDLE in can,
        may_correct=OutEvent.REPLACE in can and _fits(message),
        correction=_open_correction(message),
        corrected_by=_corrected_by(message),
        kept_back=_kept_back(message),
        earlier=None,
        is_handled_apart=message.state == OutState.HELD,
    )


def text_of_message(message: InboundMessage | OutboundMessage) -> str:
    """The message as text that a person can edit: see messaging.correcting."""
    charset = message.partner.character_set if message.partner else "8859/1"
    return text_of(bytes(message.raw), default_charset=charset)


def _kept_back(message: OutboundMessage) -> int:
    return OutboundMessage.objects.filter(
        partner=message.partner,
        stream=message.stream,
        sequence__gt=message.sequence,
        state=OutState.WAITING,
    ).count()


def _fits(message: Any) -> bool:
    return len(message.raw) <= LONGEST_TEXT


def _open_correction(message: Any) -> Correction | None:
    return message.corrections.filter(state=CorrectionState.PROPOSED).defer("raw").first()


def _corrected_by(message: Any) -> int | None:
    return type(message).objects.filter(corrects=message).values_list("pk", flat=True).first()


def _earlier(message: InboundMessage) -> int | None:
    """The oldest parked message of the same patient, if it came before this one."""
    if not message.ordering_key:
        return None
    rows = InboundMessage.objects.filter(
        state=InState.PARKED, ordering_key=message.ordering_key, pk__lt=message.pk
    )
    return rows.order_by("pk").values_list("pk", flat=True).first()


# --- Byte by byte --------------------------------------------------------------------------------

BYTES_A_PAGE = 4096


@dataclass(frozen=True)
class BytesPage:
    """A stretch of a message's bytes; only that stretch is fetched."""

    direction: str
    pk: int
    size: int
    start: int
    lines: list[tuple[str, str, str]]
    page: int
    pages: int


def bytes_page(
    acting: Acting, direction: str, pk: int, *, page: int, request: HttpRequest
) -> BytesPage:
    """The bytes from a page on; the look at them is audited. Raises Http404."""
    model = InboundMessage if direction == "in" else OutboundMessage
    rows: Any = model.objects.select_related("partner").defer("raw")
    message = _seen(acting, rows.annotate(size=Length("raw")).filter(pk=pk).first(), request)
    pages = max(1, -(-message.size // BYTES_A_PAGE))
    page = min(max(page, 1), pages)
    start = (page - 1) * BYTES_A_PAGE
    part = Func(F("raw"), start + 1, BYTES_A_PAGE, function="substring", output_field=BinaryField())
    found = model.objects.filter(pk=pk).annotate(part=part).values_list("part", flat=True).first()
    lines = byte_lines(bytes(found or b""), start=start)
    return BytesPage(direction, pk, message.size, start, lines, page, pages)
