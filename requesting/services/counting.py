"""What becomes of each rule's boxes: shown, changed, reasoned, not helpful (ux.md 2.4, rule 5)."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F

from requesting.models import Draft, RuleCount
from requesting.queries.examining import Examined
from requesting.rules import Alert, Level

Shown = dict[str, dict[str, int]]  # service → rule → version


def _add(key: str, version: int, column: str) -> None:
    RuleCount.objects.get_or_create(key=key, version=version)
    RuleCount.objects.filter(key=key, version=version).update(**{column: F(column) + 1})


def _boxes(test: Examined) -> list[Alert]:
    return [alert for alert in test.alerts if alert.level is not Level.CONTEXT]


def count_shown(draft: Draft, tests: Iterable[Examined]) -> None:
    """Each box once a draft; a test that was taken out after its box was shown has changed."""
    shown: Shown = {service: dict(rules) for service, rules in draft.shown.items()}
    present = {test.service.code: test for test in tests}
    for service in [code for code in shown if code not in present]:
        for key, version in shown.pop(service).items():
            _add(key, version, "changed")
    for service, test in present.items():
        for alert in _boxes(test):
            seen = shown.setdefault(service, {})
            if alert.rule_key not in seen:
                seen[alert.rule_key] = alert.rule_version
                _add(alert.rule_key, alert.rule_version, "shown")
    draft.shown = shown


def count_answers(draft: Draft, tests: Iterable[Examined]) -> None:
    """At the send: what the last save did not see, and every reason that was given."""
    tests = list(tests)
    count_shown(draft, tests)
    for test in tests:
        for alert in _boxes(test):
            if alert.rule_key in test.line.alerts:
                _add(alert.rule_key, alert.rule_version, "reasoned")


def count_not_helpful(draft: Draft, service_code: str, rule_key: str) -> bool:
    """Once for each box of a draft; whether it counted."""
    marked = f"{rule_key} not helpful"
    seen = draft.shown.get(service_code, {})
    if rule_key not in seen or marked in seen:
        return False
    _add(rule_key, seen[rule_key], "not_helpful")
    draft.shown[service_code][marked] = seen[rule_key]
    return True
