"""Rules as data: a change is a new version, and what people saw keeps the version they saw."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts import audit
from accounts.policies import Acting
from accounts.roles import Permission
from requesting.errors import Refused
from requesting.models import Rule
from requesting.rules import KINDS, Level


def publish_rule(
    key: str, *, kind: str, level: str, source: str, parameters: dict[str, Any], by: Acting
) -> Rule:
    """The rule's live version from now on; the same again is no new version.

    Raises Refused for whoever may not, and for a kind or level that the engine does not have.
    """
    if not (by.is_system or by.may(Permission.OPERATE_MESSAGES)):
        raise Refused("Only the central team publishes rules.", rule="publish_rule")
    if kind not in KINDS or level not in set(Level):
        raise Refused(f"There is no rule of the kind {kind} at {level}.", rule="publish_rule")
    facts = {"kind": kind, "level": level, "source": source, "parameters": parameters}
    with transaction.atomic():
        live = Rule.objects.select_for_update().filter(key=key, is_live=True).first()
        if live and all(getattr(live, name) == value for name, value in facts.items()):
            return live
        version = live.version + 1 if live else _next_version(key)
        Rule.objects.filter(key=key, is_live=True).update(is_live=False)
        rule = Rule.objects.create(key=key, version=version, **facts)
        audit.record(acting=by, action="publish_rule", object_type="requesting.Rule",
                     object_id=rule.pk, reason=f"{key} {version}")  # fmt: skip
        return rule


def _next_version(key: str) -> int:
    last = Rule.objects.filter(key=key).order_by("-version").first()
    return last.version + 1 if last else 1


def retire_rule(key: str, *, by: Acting) -> None:
    """No box of this rule any more."""
    if not (by.is_system or by.may(Permission.OPERATE_MESSAGES)):
        raise Refused("Only the central team retires rules.", rule="publish_rule")
    Rule.objects.filter(key=key, is_live=True).update(is_live=False)
    audit.record(acting=by, action="retire_rule", object_type="requesting.Rule", reason=key)
