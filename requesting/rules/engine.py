"""The engine: what the rules find, calmed so that boxes stay rare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from requesting.reasons import GO_ON, OTHER_MIN_CHARACTERS

from .alerts import Alert
from .facts import ABNORMAL, FATIGUING, Facts, Given, Level, Rule
from .kinds import KINDS


def evaluate(rules: Iterable[Rule], facts: Facts) -> list[Alert]:
    """What the rules find for one test, the highest level first, fatigue rules applied."""
    found = [alert for rule in rules for alert in KINDS[rule.kind](rule, facts)]
    calm = [_answered(_calmed(alert, facts), facts) for alert in found]
    return sorted(calm, key=lambda alert: alert.level, reverse=True)


def _calmed(alert: Alert, facts: Facts) -> Alert:
    """Fatigue rule 1: after an abnormal result a person has every reason to ask again."""
    last = facts.previous[0] if facts.previous else None
    if alert.level in FATIGUING and last and last.significance in ABNORMAL:
        return replace(alert, level=Level.CONTEXT, actions=())
    return alert


def _answered(alert: Alert, facts: Facts) -> Alert:
    """Fatigue rule 2: what this person answered in the last 24 hours is not asked again."""
    for given in (facts.given.get(alert.rule_key), facts.earlier.get(alert.rule_key)):
        if given is not None and alert.level in FATIGUING and _is_enough(given, alert):
            return replace(alert, answered=given)
    return alert


def _is_enough(given: Given, alert: Alert) -> bool:
    """One of the reasons, "other" with its words; advice may simply be kept aside."""
    if given.reason == "other":
        return len(given.words) >= OTHER_MIN_CHARACTERS
    return given.reason in GO_ON or (given.reason == "keep" and alert.level is Level.ADVICE)
