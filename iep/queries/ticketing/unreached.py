"""Who was asked for details and does not know of it: no mail could go, and nobody rang.

The two weeks run all the same and end the ticket, so somebody of the desk rings (hazard H45).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, When

from iep import hours
from iep.models import Ticket, TicketEventRow, TicketMail
from iep.states.tickets import RANG, TicketState

RING_WITHIN: Final = timedelta(hours=4)  # of the desk's open hours, as the first look at a ticket
_OF_CHASE: Final = Q(occasion__startswith="missing") | Q(occasion__startswith="reminder")
_LOST: Final = ~Q(not_sent="") | ~Q(outcome__in=["", "sent"])  # it never went, or came back


def unreached_since() -> Subquery:
    """Of a ticket that is being chased: since when its latest chase or reminder has reached
    nobody; null where it went, or somebody rang after it."""
    rang = TicketEventRow.objects.filter(
        ticket=OuterRef("ticket"), words__startswith=RANG, at__gte=OuterRef("at")
    )
    mails = TicketMail.objects.filter(_OF_CHASE, ticket=OuterRef("pk"))
    latest = mails.filter(at__gte=OuterRef("chased_since")).order_by("-pk")
    lost = Case(When(_LOST & ~Q(Exists(rang)), then=F("at")))
    return Subquery(latest.annotate(lost_at=lost).values("lost_at")[:1])


def not_reached(ticket: Ticket) -> datetime | None:
    """As unreached_since, of one ticket."""
    if ticket.state != TicketState.AWAITING_DETAILS:
        return None
    rows = Ticket.objects.filter(pk=ticket.pk)
    return rows.values_list(unreached_since(), flat=True).first()


def ring_by(since: datetime) -> datetime:
    return hours.working_time_after(since, RING_WITHIN)
