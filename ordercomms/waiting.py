"""What waits without a state of its own: on which page, whose it is, by when (hazard H22).

`ordercomms.lists` has every table with a state. This is the rest: a row that waits because a field
says so (somebody has not read it, nobody was told, a machine is held back), and the tables of which
no row ever waits, each with the reason. A table that is in neither is one that nobody thought of:
a house test fails until somebody has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Model, Q

from accounts.models import Entitlement, Standby
from iep.models import (
    Lane,
    Node,
    OnCallPage,
    TicketDraft,
    TicketMail,
    Transaction,
    TransactionMessage,
    Transfer,
)
from messaging.models import Mailbox, MailLink, Partner, QueueAlert
from requesting.models import AccessTicket, Amendment, Draft, Request
from results.models import Copy, Hold


@dataclass(frozen=True)
class Waits:
    """Rows of a table that wait. `limit` None: the row's own field is the clock (`clock` says)."""

    model: type[Model]
    words: str
    rows: Q
    page: str  # a URL name
    owner: str
    clock: str  # what is counted from, or what rings
    limit: timedelta | None = None

    @property
    def name(self) -> str:
        return self.model._meta.label


_UNREAD = Q(direction="in", read_at__isnull=True)
WAITING: tuple[Waits, ...] = (
    Waits(
        Transaction, "the other installation was not told", ~Q(to_tell=[]), "iep:failures",
        "worker, then the service desk", "when it was put down", timedelta(minutes=15),
    ),
    Waits(
        Transfer, "its transaction does not know that it ended", Q(events_told=False),
        "iep:failures", "worker, then the service desk", "tried every minute",
        timedelta(minutes=1),
    ),
    Waits(
        TransactionMessage, "a message of theirs that nobody has read", _UNREAD, "iep:home",
        "service desk", "its transaction’s", None,
    ),
    Waits(
        TicketMail, "a mail to a requester that could not go", Q(mail__isnull=True), "iep:ticket",
        "service desk: rings", "its ticket’s; done is not done before", None,
    ),
    Waits(
        TicketMail, "a chase or a reminder that reached nobody",
        ~Q(not_sent="") & Q(ticket__state="awaiting_details"), "iep:home", "service desk: rings",
        "the desk’s open hours; the two weeks run all the same", timedelta(hours=4),
    ),
    Waits(
        OnCallPage, "a page that nobody has answered", Q(acknowledged_at__isnull=True),
        "iep:on-call", "the person who is on call", "the next one is paged", timedelta(minutes=5),
    ),
    Waits(
        Lane, "a lane that a person has paused, or that is full",
        Q(is_paused=True) | Q(said_full_at__isnull=False), "iep:queues", "service desk",
        "everybody is reminded", timedelta(hours=1),
    ),
    Waits(
        Node, "a machine that is paused or does not answer",
        Q(is_paused=True) | Q(failures__gte=2), "iep:queues", "service desk",
        "everybody is reminded; its transfers’ own", timedelta(hours=1),
    ),
    Waits(
        Partner, "a partner that is paused or does not answer",
        Q(is_paused=True) | Q(failing_since__isnull=False), "messaging:streams", "central team",
        "the link’s (messaging.link_states)", None,
    ),
    Waits(
        QueueAlert, "a queue that has backed up", Q(cleared_at__isnull=True), "messaging:queue",
        "as the alert says", "when it was raised", None,
    ),
    Waits(
        Mailbox, "an address of which nobody has made sure", Q(verified_on__isnull=True),
        "messaging:mailboxes", "a second person", "its mails’", None,
    ),
    Waits(
        MailLink, "a mail server that does not answer",
        Q(failing_since__isnull=False) | Q(bounces_failing_since__isnull=False),
        "messaging:mails", "central team", "messaging.queries.mails", None,
    ),
    Waits(
        Draft, "chosen, and not sent", Q(), "requesting:mine", "who began it",
        "none: nothing was asked for, and the list of drafts says so", None,
    ),
    Waits(
        TicketDraft, "a request for images, begun and not sent", Q(), "iep:mine", "who began it",
        "none: nothing was asked for, and it goes when nobody comes back", timedelta(days=3),
    ),
    Waits(
        Request, "sent, and can still be taken back",
        Q(released_at__isnull=True, undone_at__isnull=True), "requesting:practice", "worker",
        "release_at; its items’", None,
    ),
    Waits(
        Amendment, "a change of which the department has not spoken", Q(answered_at__isnull=True),
        "requesting:practice", "department", "its item’s due_at", None,
    ),
    Waits(
        AccessTicket, "somebody who works with tickets, not at an end", Q(closed_at__isnull=True),
        "requesting:tickets", "service desk", "valid_until", None,
    ),
    Waits(
        Copy, "a report that somebody has not seen", Q(seen_at__isnull=True), "results:inbox",
        "that person", "the report’s", None,
    ),
    Waits(
        Hold, "news of a result that are held", Q(ended_at__isnull=True), "results:holds",
        "who held them", "until", None,
    ),
    Waits(
        Entitlement, "an entitlement whose certificate runs out", Q(suspended_at__isnull=True),
        "accounts:entitlement", "who granted it", "certificate_expires_on", None,
    ),
    Waits(
        Standby, "a second server that is behind",
        Q(failing_since__isnull=False) | Q(copy_failing_since__isnull=False), "standby-page",
        "central team", "ordercomms.standby", None,
    ),
)  # fmt: skip

_HISTORY = "history: written once, and nothing follows"
_PART = "a part of another row, and waits as that does"
_AGREED = "agreed or entered by people, and in force until it is changed"
NEVER: Mapping[str, str] = {
    **dict.fromkeys((
        "accounts.AccessEvent", "accounts.LaunchUse", "iep.DiscEventRow", "iep.PauseEventRow",
        "iep.StudyEventRow", "iep.TicketEventRow", "iep.TransactionEventRow",
        "iep.TransferEventRow", "messaging.DrillEventRow", "messaging.DrillNote",
        "messaging.LinkEvent", "patients.MergeStep", "patients.PatientChange",
        "patients.SourceUpdate", "requesting.AlertOutcome", "requesting.DifferenceNote",
        "requesting.FormEventRow", "requesting.PracticeEventRow", "requesting.RequestEvent",
        "requesting.ReceivedList", "requesting.RuleCount", "results.ReportEvent",
        "results.Review", "iep.GatewayHeard", "iep.GatewayNonce", "iep.CallDay",
    ), _HISTORY),
    **dict.fromkeys((
        "iep.Attachment", "iep.ManifestLine", "iep.TicketExam", "messaging.DrillSight",
        "messaging.SyntheticOrder", "patients.Identifier", "patients.Relationship",
        "requesting.Answer", "requesting.OrderMessage", "requesting.PreviousResult",
        "requesting.RequestMessage", "results.Document", "results.Observation",
        "results.ReportVersion",
    ), _PART),
    **dict.fromkeys((
        "accounts.Borough", "accounts.Membership", "accounts.Organisation", "accounts.PackKey",
        "accounts.ServiceDesk", "accounts.Site", "accounts.User", "catalogue.Container",
        "catalogue.Offering", "catalogue.OrderSet", "catalogue.Question", "catalogue.Reason",
        "catalogue.Release", "catalogue.SearchTerm", "catalogue.Service", "catalogue.ServiceCode",
        "catalogue.ServiceVersion", "catalogue.SpecimenNeed", "iep.Alias", "iep.Institution",
        "iep.OnCallPerson", "messaging.Feed", "messaging.PartnerCode", "patients.Patient",
        "requesting.Expectation", "requesting.Rule", "results.AgreedHost",
    ), _AGREED),
}  # fmt: skip
