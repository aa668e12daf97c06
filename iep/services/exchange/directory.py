"""The directory of institutions and their machines: who may be written to, and what they answer.

Kept by few (KEEP_INSTITUTIONS). A name that is easily taken for another is said before it is
entered, and again wherever somebody sends images there (hazard H43).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, transaction

from accounts import audit
from accounts.policies import Acting
from accounts.roles import Permission
from iep import dicom, policies
from iep.dicom.errors import DicomFailure
from iep.errors import NotAccepted
from iep.look_alikes import any_alike, normalised
from iep.models import Alias, Institution, Node, Ticket
from iep.queries.exchange.transactions import sees_everywhere
from iep.services.lanes.lines import peer_of
from iep.states.transactions import TransactionKind


def alike(
    name: str, aliases: Iterable[str] = (), *, but: Institution | None = None
) -> list[Institution]:
    """The institutions in use whose names are easily taken for this one's."""
    others = Institution.objects.filter(is_active=True).prefetch_related("aliases")
    names = [name, *aliases]
    return [
        other for other in others
        if (but is None or other.pk != but.pk)
        and any_alike(names, [other.name, *(each.name for each in other.aliases.all())])
    ]  # fmt: skip


def confirm_destination(institution: Institution, typed: str) -> None:
    """Where others have a name like it, the person types it. Raises NotAccepted "look_alike"."""
    names = [each.name for each in institution.aliases.all()]
    others = alike(institution.name, names, but=institution)
    if others and normalised(typed) != normalised(institution.name):
        listed = "; ".join(each.full_name for each in others[:5])
        raise NotAccepted(
            "look_alike",
            f"Other institutions have a name like this: {listed}. Type the name of the one you "
            f"mean: {institution.name}.",
        )


def is_typed_again(kind: TransactionKind, institution: Institution, ticket: Ticket | None) -> bool:
    """Whether the name is typed where others have one like it (hazard H43).

    Always before images go out, whoever wrote the address. A request carries a patient's details to
    the place that is asked: typed too, unless its ticket names that very place. Who opened the
    ticket wrote the name there and chose it from those like it.
    """
    is_named = ticket is not None and ticket.institution_id == institution.pk
    return kind is not TransactionKind.REQUEST or not is_named


# --- Keeping it ----------------------------------------------------------------------------------


def save_institution(
    institution: Institution | None,
    facts: dict[str, Any],
    *,
    aliases: Iterable[str] = (),
    alike_confirmed: bool = False,
    by: Acting,
) -> Institution:
    """Enter one (None), or change one. Raises NotAccepted: not_yours, code, look_alike."""
    _must_keep(by, institution)
    aliases = list(dict.fromkeys(" ".join(each.split())[:120] for each in aliases if each.strip()))
    kept = institution or Institution(entered_by=by.label[:150])
    others = alike(facts["name"], aliases, but=institution)
    named_anew = institution is None or institution.name != facts["name"]
    if others and named_anew and not alike_confirmed:
        listed = "; ".join(each.full_name for each in others[:5])
        raise NotAccepted("look_alike", f"The directory has names like this: {listed}.")
    for field, value in facts.items():
        setattr(kept, field, value)
    try:
        with transaction.atomic():
            kept.save()
            kept.aliases.exclude(name__in=aliases).delete()
            for name in aliases:
                Alias.objects.get_or_create(institution=kept, name=name)
            _audit(
                kept, "institution_entered" if institution is None else "institution_changed", by
            )
    except IntegrityError:
        raise NotAccepted("code", "Another institution has this code.") from None
    return kept


def save_node(
    node: Node | None, institution: Institution, facts: dict[str, Any], *, by: Acting
) -> Node:
    """Enter a machine (None), or change one. Raises NotAccepted: not_yours, name, ae_title."""
    _must_keep(by, institution)
    kept = node or Node(institution=institution)
    for field, value in facts.items():
        setattr(kept, field, value)
    try:
        with transaction.atomic():
            others = institution.nodes.exclude(pk=kept.pk)
            if kept.is_default:
                others.filter(is_default=True).update(is_default=False)
            elif not others.filter(is_default=True).exists():
                kept.is_default = True
            kept.save()
            _audit(kept, "node_entered" if node is None else "node_changed", by)
    except IntegrityError:
        raise NotAccepted(
            "name", "Another machine has this name, or calls us by the same AE title."
        ) from None
    return kept


def test_node(node: Node, *, by: Acting) -> str:
    """C-ECHO: the sentence that says how it went. Nothing of it is a fault of the page."""
    _must_keep(by, node.institution)
    _audit(node, "node_tested", by)
    try:
        dicom.echo(peer_of(node))
    except DicomFailure as failure:
        return f"{node.name} did not answer: {failure.sentence}"
    return f"{node.name} answers."


def _must_keep(by: Acting, institution: Institution | None) -> None:
    """A trust's own entry, with its PACS, is its own lead's, or the central team's."""
    if by.is_system:
        return
    if not by.may(Permission.KEEP_INSTITUTIONS):
        raise NotAccepted("not_yours", "Ask the service desk lead to change the directory.")
    own = institution.organisation_id if institution is not None else None
    if own and not policies.is_of_trust(by, own) and not sees_everywhere(by):
        raise NotAccepted("not_yours", "This is another trust's own entry. Ask its lead.")


def _audit(thing: Institution | Node, action: str, by: Acting) -> None:
    audit.record(
        acting=by, action=action, object_type=f"iep.{type(thing).__name__}", object_id=thing.pk
    )
