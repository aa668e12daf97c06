"""Every row that can wait is on exactly one list: which, by its state (hazard H22).

Each table with a state is here once, with the page that lists each of its states. A state that is
missing is a state that no screen shows: `unlisted` counts such rows, a house test compares the
table with the database's own constraints, and `manage.py check_lists` asks a running system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from accounts.roles import ROLES, Permission, role_may
from iep.models import Disc, ReceivedFile, Study, Ticket, Transaction, Transfer, TransferInstance
from iep.states.discs import TERMINAL as DISCS_OVER
from iep.states.discs import WAITS as DISC_WAITS
from iep.states.studies import TERMINAL as STUDIES_OVER
from iep.states.studies import WAITS as STUDY_WAITS
from iep.states.studies import FileState
from iep.states.tickets import TERMINAL as TICKETS_OVER
from iep.states.tickets import WAITS as TICKET_WAITS
from iep.states.transactions import TransactionState
from iep.states.transfers import TERMINAL as TRANSFERS_OVER
from iep.states.transfers import WAITS as TRANSFER_WAITS
from iep.states.transfers import InstanceState
from messaging.drill_states import DRILL_OVER, DRILL_WAITS
from messaging.link_states import LinkStatus
from messaging.mail_states import BOUNCE_LISTS, MAIL_LISTS
from messaging.models import (
    Bounce,
    Correction,
    Drill,
    InboundMessage,
    Link,
    MailMessage,
    OutboundMessage,
    PartnerChange,
    Replay,
)
from messaging.states import CORRECTION_LISTS, IN_LISTS, OUT_LISTS, REPLAY_LISTS
from ordercomms.access import ACCESS
from patients.models import Merge
from patients.states import MergeState
from requesting.drill_states import PracticeStatus
from requesting.form_states import WAITS as FORM_WAITS
from requesting.form_states import FormStatus
from requesting.models import Difference, DowntimeForm, PracticeForm, RequestItem
from requesting.reconciling import LISTS as DIFFERENCE_LISTS
from requesting.states import TERMINAL, WAITS
from results.models import Attachment, Notice, Report
from results.notice_states import NoticeState
from results.states import Filing
from results.unmatched import LISTS as ATTACHMENT_LISTS


@dataclass(frozen=True)
class Listed:
    """A table whose rows have a state, and the page (a URL name) that lists each state."""

    model: type[Model]
    field: str
    pages: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.model._meta.label


def _all_on(page: str, states: Any) -> dict[str, str]:
    return {state.value: page for state in states}


def _pages(lists: Mapping[Any, Any]) -> dict[str, str]:
    """From a room's table of waits, each of which names its page."""
    return {state.value: wait.list_name for state, wait in lists.items()}


LISTED: tuple[Listed, ...] = (
    Listed(InboundMessage, "state", _all_on("messaging:queue", IN_LISTS)),
    Listed(OutboundMessage, "state", _all_on("messaging:queue", OUT_LISTS)),
    Listed(Correction, "state", {state.value: page for state, page in CORRECTION_LISTS.items()}),
    Listed(Replay, "state", {state.value: page for state, page in REPLAY_LISTS.items()}),
    Listed(MailMessage, "state", _all_on("messaging:mails", MAIL_LISTS)),
    Listed(Bounce, "state", _all_on("messaging:mails", BOUNCE_LISTS)),
    Listed(Link, "state", _all_on("messaging:streams", LinkStatus)),
    Listed(Drill, "state", _pages(DRILL_WAITS) | _all_on("requesting:drills", DRILL_OVER)),
    Listed(PracticeForm, "status", _all_on("requesting:drills", PracticeStatus)),
    Listed(PartnerChange, "state", _all_on("messaging:partner", PartnerChange.State)),
    Listed(
        RequestItem,
        "status",
        _pages(WAITS) | _all_on("requesting:practice", TERMINAL),
    ),
    Listed(
        DowntimeForm,
        "status",
        _pages(FORM_WAITS) | {FormStatus.RECONCILED.value: "requesting:keying"},
    ),
    Listed(
        Report, "state", {Filing.UNREAD.value: "results:inbox", Filing.REVIEWED.value: "record"}
    ),
    Listed(Difference, "state", {each.value: page for each, page in DIFFERENCE_LISTS.items()}),
    Listed(Attachment, "state", {each.value: page for each, page in ATTACHMENT_LISTS.items()}),
    Listed(Notice, "state", _all_on("results:holds", NoticeState)),
    Listed(Study, "state", _pages(STUDY_WAITS) | _all_on("iep:arrivals", STUDIES_OVER)),
    Listed(ReceivedFile, "state", _all_on("iep:arrivals", FileState)),
    Listed(Disc, "state", _pages(DISC_WAITS) | _all_on("iep:discs", DISCS_OVER)),
    Listed(
        Ticket,
        "state",
        _pages(TICKET_WAITS) | _all_on("iep:home", TICKETS_OVER),
    ),
    Listed(Transaction, "state", _all_on("iep:home", TransactionState)),
    Listed(Transfer, "state", _pages(TRANSFER_WAITS) | _all_on("iep:queues", TRANSFERS_OVER)),
    Listed(TransferInstance, "state", _all_on("iep:queues", InstanceState)),
    Listed(Merge, "state", _all_on("patients:merges", MergeState)),
)


def unlisted() -> dict[str, int]:
    """How many rows of each table are in a state that no page lists: all must be 0."""
    return {each.name: _count(each) for each in LISTED}


def _count(listed: Listed) -> int:
    rows = listed.model._default_manager.exclude(**{f"{listed.field}__in": list(listed.pages)})
    return rows.count()


def roles_that_open(page: str) -> set[str]:
    """The roles that may read a page; every role where being signed in is enough."""
    needed = ACCESS[page]
    needed = needed.get("GET", ()) if isinstance(needed, dict) else needed
    wanted = needed if isinstance(needed, tuple) else (needed,)
    permissions = [each for each in wanted if isinstance(each, Permission)]
    if not permissions:
        return set(ROLES)
    return {role for role in ROLES for each in permissions if role_may(role, each)}
