"""What passes between two institutions: making a transaction, deciding on it, ending it.

Its type, its direction and where it goes are fixed once it exists: the service refuses to change
them and so does the database. Everything else of it moves by `record`, as states/transactions.py
says. The modules beside this one say what goes with it: `saying` (messages), `attaching`
(reports), `sending` (which images), `outcomes` (what became of them), `purging`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.policies import Acting
from iep import policies
from iep.errors import NotAccepted
from iep.models import Institution, Node, Study, Ticket, Transaction
from iep.services.exchange.about import (
    About,
    about_ticket,
    refuse_another_person,
    refuse_blue_light_without_reason,
    refuse_what_they_would_decline,
)
from iep.services.exchange.attaching import attach
from iep.services.exchange.saying import answered, heard, read_messages, say
from iep.services.gateway.telling import tell, tell_progress
from iep.services.moving import locked, move, write_event
from iep.states.priorities import PRIORITY_WORDS, Priority, Reason, keeps_its_clock
from iep.states.transactions import (
    TAKE_UP_LIMITS,
    UNFINISHED,
    DeclineReason,
    Direction,
    TransactionEvent,
    TransactionKind,
    decline_words,
)

__all__ = [
    "About", "about_ticket", "accept", "ask_details", "assign", "attach", "came_unasked",
    "cancel", "change_priority", "create", "decline", "details_came", "heard", "process_again",
    "read_messages", "record", "say", "tell",
]  # fmt: skip


# --- Making one ----------------------------------------------------------------------------------


def create(
    *,
    kind: TransactionKind | str,
    institution: Institution,
    by: Acting,
    ticket: Ticket | None = None,
    node: Node | None = None,
    priority: int = Priority.NORMAL,
    about: About | None = None,
    direction: Direction | str = Direction.OUT,
    organisation: Organisation | None = None,
    shared_id: UUID | None = None,
    **facts: Any,
) -> Transaction:
    """A new transaction; `facts`: fields of About that differ from the ticket, which is moved on.

    `node`: a machine of the institution, else its default one. What the other side made (direction
    in) is kept as they wrote it; ours is refused when it is not complete. Raises NotAccepted:
    incomplete, all_imaging, other_node, inactive, not_blue, no_trust, other_person.
    """
    trust = organisation or (ticket.organisation if ticket else policies.trust_of(by))
    if trust is None:
        raise NotAccepted("no_trust", "Choose the trust for which you are working.")
    with transaction.atomic():
        if ticket is not None:
            ticket = locked(ticket)  # its scans cannot be corrected any more from here on
        before = about or (about_ticket(ticket) if ticket else About())
        said = replace(before, **facts)
        refuse_another_person(before, said)
        if direction == Direction.OUT:
            refuse_what_they_would_decline(said, kind, institution, priority)
        made = _row(kind, institution, node, priority, direction, trust, ticket, said, by)
        made.shared_id = shared_id or uuid4()
        made.save(force_insert=True)
        write_event(made, TransactionEvent.CREATED, "", by=by)
        if direction == Direction.OUT:
            tell(made, "created")
        if ticket is not None:
            _tell_ticket_that_it_runs(made, ticket, by)
    return made


def _row(
    kind: TransactionKind | str,
    institution: Institution,
    node: Node | None,
    priority: int,
    direction: Direction | str,
    trust: Organisation,
    ticket: Ticket | None,
    said: About,
    by: Acting,
) -> Transaction:
    now = timezone.now()
    fields = {name: getattr(said, name) for name in About.__dataclass_fields__}
    return Transaction(
        number=_next_number(),
        kind=TransactionKind(kind).value,
        direction=Direction(direction).value,
        destination=institution.kind,
        institution=institution,
        node=_node_of(institution, node),
        organisation=trust,
        ticket=ticket,
        priority=int(priority),
        state_since=now,
        due_at=now + TAKE_UP_LIMITS[int(priority)],
        asked_at=ticket.asked_at if ticket and keeps_its_clock(ticket.priority, priority) else now,
        created_by=by.label[:150],
        created_by_user=by.user,
        **fields,
    )


def _next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('iep_transaction_number')")
        return int(cursor.fetchone()[0])


def _node_of(institution: Institution, node: Node | None) -> Node | None:
    if node is None:
        return institution.nodes.filter(is_default=True).first()
    if node.institution_id != institution.pk:
        raise NotAccepted("other_node", "That machine belongs to another institution.")
    return node


def _tell_ticket_that_it_runs(made: Transaction, ticket: Ticket, by: Acting) -> None:
    from iep.services.ticketing import tickets
    from iep.states.tickets import TicketEvent

    tickets.record(ticket, TicketEvent.REQUESTED, words=f"Transaction {made.number}", by=by)


def came_unasked(study: Study, *, by: Acting) -> Transaction:
    """The direct routing of a study that nobody asked for: for a person to match or to refuse."""
    if study.node is None:
        raise ValueError("a study that came by the network has a node")
    with transaction.atomic():
        made = create(
            kind=TransactionKind.DIRECT,
            direction=Direction.IN,
            institution=study.node.institution,
            node=study.node,
            organisation=study.organisation,
            by=by,
            about=_about_headers(study),
        )
        Study.objects.filter(pk=study.pk).update(transaction=made)
        study.transaction = made
        return record(made, TransactionEvent.DELIVERED, by=by, images=study.received)


def _about_headers(study: Study) -> About:
    """As its headers say; PN is `family^given^middle^prefix^suffix` (PS3.5 section 6.2)."""
    family, _, rest = study.header_name.split("=")[0].partition("^")
    return About(
        family_name=family[:80],
        given_names=" ".join(rest.split("^")[:2]).strip()[:80],
        birth_date=study.header_birth_date,
        nhs_number=study.header_nhs_number,
        local_number=study.header_patient_id[:40],
        exams=[_exam_of_study(study)],
    )


def _exam_of_study(study: Study) -> dict[str, str]:
    return {
        "acquired_on": study.acquired_on.isoformat() if study.acquired_on else "",
        "modality": "/".join(study.modalities)[:16],
        "description": study.description,
        "code": study.code,
        "study_uid": study.study_uid,
    }


# --- Moving it -----------------------------------------------------------------------------------


def record(
    thing: Transaction,
    event: TransactionEvent,
    *,
    words: str = "",
    by: Acting,
    **changes: Any,
) -> Transaction:
    """Move it by its table; `changes` are fields to set. Raises NoSuchMove.

    What is fixed once created cannot be among the changes (NotAccepted "fixed").
    """
    if fixed := FIXED & set(changes):
        raise NotAccepted("fixed", f"{', '.join(sorted(fixed))} cannot be changed. Start again.")
    with transaction.atomic():
        moved = move(locked(thing), event, by=by, words=words, **changes)
        said = words if event is TransactionEvent.DELIVERED else ""  # how many of how many
        tell_progress(moved, event, words=said)
        return moved


FIXED = frozenset({"kind", "direction", "destination", "institution", "institution_id", "number",
                   "organisation", "organisation_id", "shared_id"})  # fmt: skip


# --- What a person decides -----------------------------------------------------------------------


def accept(thing: Transaction, *, by: Acting) -> Transaction:
    """We shall do what they ask for; or: they told us that they will."""
    with transaction.atomic():
        done = record(thing, TransactionEvent.ACCEPTED, by=by)
        tell(done, "accepted")
    return done


def ask_details(thing: Transaction, text: str, *, by: Acting) -> Transaction:
    """Ask the other side for what is missing; it waits for their answer."""
    with transaction.atomic():
        say(thing, text, by)
        return record(thing, TransactionEvent.ASKED_DETAILS, words=text, by=by)


def details_came(thing: Transaction, *, by: Acting) -> Transaction:
    """They came by telephone, or in a report. Raises NoSuchMove."""
    with transaction.atomic():
        return answered(locked(thing), by=by)


def decline(
    thing: Transaction,
    reason: DeclineReason | str,
    words: str = "",
    *,
    sure: bool = False,
    by: Acting,
) -> Transaction:
    """Declined, by us or by them: the images are not sent, or not taken. That is no failure.

    Another reason than the two usual ones needs words. Our requester is told by our ticket, which
    comes back to the service desk. `sure`: what has come of it is given up. Raises NotAccepted:
    no_words, no_reason, not_sure, matched; NoSuchMove.
    """
    from iep.services.exchange import declining, setbacks

    sentence = _why_declined(thing, reason, words.strip())
    with transaction.atomic():
        declining.refuse(locked(thing), sure=sure)
        done = record(
            thing, TransactionEvent.DECLINED, by=by, words=sentence[:300],
            declined_reason=DeclineReason(reason).value, why=sentence[:300],
        )  # fmt: skip
        tell(done, "declined", reason=DeclineReason(reason).value, words=sentence[:300])
        declining.stop(done, why=sentence, by=by)
        setbacks.declined(done, by=by)
    return done


def _why_declined(thing: Transaction, reason: DeclineReason | str, words: str) -> str:
    if reason not in set(DeclineReason):
        raise NotAccepted("no_reason", "Choose why it is declined.")
    if reason != DeclineReason.OTHER:
        usual = decline_words(thing.kind)[DeclineReason(reason)]
        return f"{usual}. {words}" if words else usual
    if not words:
        raise NotAccepted("no_words", "Say why it is declined.")
    return words


def process_again(
    thing: Transaction, *, priority: int | None = None, by: Acting, **facts: Any
) -> Transaction:
    """A declined one, asked anew with what was missing: `facts` are fields of About.

    The other side is told of all of it again, and of the priority. Raises NotAccepted as `create`;
    NoSuchMove.
    """
    with transaction.atomic():
        row = locked(thing)
        before = _about(row)
        said = replace(before, **facts)
        wanted = row.priority if priority is None else int(priority)
        if row.direction == Direction.OUT:
            refuse_another_person(before, said)
            refuse_what_they_would_decline(said, row.kind, row.institution, wanted)
        if wanted != row.priority:
            why = said.eligibility if wanted == Priority.BLUE_LIGHT else said.reason
            row = _set_priority(row, wanted, why, by=by)
        changed = {name: value for name, value in facts.items() if value != getattr(row, name)}
        again = record(row, TransactionEvent.RETRIED, by=by, declined_reason="", why="", **changed)
        if again.direction == Direction.OUT:
            tell(again, "created")
        if again.ticket is not None:
            _tell_ticket_that_it_runs(again, again.ticket, by)
    return again


def _about(row: Transaction) -> About:
    return About(**{name: getattr(row, name) for name in About.__dataclass_fields__})


def cancel(thing: Transaction, why: str, *, by: Acting) -> Transaction:
    """Abort it: what waits in the lanes is cancelled. Not once an image has left for them.

    Raises NotAccepted: no_words, left; NoSuchMove.
    """
    from iep.services.exchange import sending

    if not why.strip():
        raise NotAccepted("no_words", "Say why it is cancelled.")
    with transaction.atomic():
        held = sending.hold(locked(thing))
        sending.refuse_if_left(held)
        done = record(thing, TransactionEvent.CANCELLED, words=why, by=by, why=why.strip()[:300])
        sending.stop(held, by=by, words="The transaction was cancelled.")
        tell(done, "cancelled", words=why.strip()[:300])
    return done


def assign(thing: Transaction, user: User | None, *, by: Acting) -> Transaction:
    """Whose it is to work on; None: nobody's."""
    words = f"Assigned to {user.display_name}" if user else "Assigned to nobody"
    return record(thing, TransactionEvent.NOTED, words=words, by=by, assigned_to=user)


def change_priority(thing: Transaction, priority: int, why: str, *, by: Acting) -> Transaction:
    """Up or down, written down either way; `why` is an Eligibility for Blue Light (hazard H39), or
    a Reason. Its transfers follow.

    The other side is told of what we made. What they made is theirs to hurry: here it may be more
    urgent than there, and nobody is told. Raises NotAccepted "not_blue".
    """
    with transaction.atomic():
        done = _set_priority(locked(thing), priority, why, by=by)
        if done.direction == Direction.OUT and done.state in UNFINISHED:
            tell(done, "created")  # all of it once more: a declined one would be asked for again
    return done


def _set_priority(row: Transaction, priority: int, why: str, *, by: Acting) -> Transaction:
    from iep.services.exchange import sending

    refuse_blue_light_without_reason(priority, why)
    is_blue = priority == Priority.BLUE_LIGHT
    words = f"{PRIORITY_SAID}{PRIORITY_WORDS[Priority(priority)]}. {why if not is_blue else ''}"
    done = record(
        row, TransactionEvent.NOTED, words=words.strip(), by=by, priority=int(priority),
        eligibility=why if is_blue else "",
        reason=Reason.BLUE_LIGHT.value if is_blue else _reason(row, why),
    )  # fmt: skip
    sending.change_priority(done, priority, why=why, by=by)
    return done


PRIORITY_SAID = "Priority: "  # so begins the history's line of a change


def _reason(row: Transaction, why: str) -> str:
    """Of what is not Blue Light, or is not any more."""
    if why in set(Reason) - {Reason.BLUE_LIGHT}:
        return why
    return "" if row.reason == Reason.BLUE_LIGHT else row.reason
