"""Try a partner's samples against what is to be agreed, and leave nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import transaction

from messaging.agreement import Agreement, differences
from messaging.errors import NotEncodable, NotSendable, Unparseable
from messaging.models import Partner
from messaging.partner_folder import Folder, Sample
from messaging.states import InState
from messaging.wire import header_of

from .inbox import routes
from .outbox import refuse_unsendable
from .partners import standing, write_agreement
from .receiving import Directory, Origin, examine

_DOOR = {InState.RECEIVED: "accepted", InState.REFUSED: "refused", InState.PARKED: "parked"}


def rehearse_samples(folder: Folder, wanted: Agreement) -> list[tuple[str, str]]:
    """What does not become of a sample what the folder says: (sample, sentence)."""
    with transaction.atomic():
        partner = write_agreement(folder.slug, differences(standing(folder.slug), wanted))
        problems = [
            (f"{sample.direction}/{sample.name}", words)
            for sample in folder.samples
            for words in (_in if sample.direction == "in" else _out)(partner, sample)
        ]
        transaction.set_rollback(True)
    return problems


def _in(partner: Partner, sample: Sample) -> Iterator[str]:
    """As if it came on a line that proves who the partner is."""
    arrival = examine(sample.raw, Origin(partner_id=partner.pk), Directory(seconds=0))
    became, reason = _DOOR[arrival.state], arrival.verdict.reason_code
    if (became, reason) != (sample.becomes, sample.reason):
        yield f"becomes {_said(became, reason)}, not {_said(sample.becomes, sample.reason)}."
    if became == "accepted" and sample.handler:
        of = arrival.envelope
        handler = routes().get((of.message_code, of.trigger))
        name = getattr(handler, "__name__", "nobody")
        if name != sample.handler:
            yield f"is handled by {name}, not by {sample.handler}."


def _out(partner: Partner, sample: Sample) -> Iterator[str]:
    """As if it were to be queued for the partner."""
    became, reason = "sendable", ""
    try:
        refuse_unsendable(sample.raw, partner, header_of(sample.raw).get(10))
    except (NotSendable, NotEncodable, Unparseable) as refusal:
        became, reason = "refused", refusal.reason_code
    if (became, reason) != (sample.becomes, sample.reason):
        yield f"becomes {_said(became, reason)}, not {_said(sample.becomes, sample.reason)}."


def _said(became: str, reason: str) -> str:
    return f"{became} ({reason})" if reason else became
