"""What the engine says: one box a test, and the words in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .facts import Given, Level

MOST_WORDS = 40
MOST_ACTIONS = 2


@dataclass(frozen=True)
class Action:
    """A button. `verb`: use_existing, take_later, swap, keep, reason, remove, agreed."""

    verb: str
    words: str
    value: str = ""


@dataclass(frozen=True)
class Link:
    """The item of the record that the box speaks of: kind (item, report, …) and its id."""

    kind: str
    id: str
    words: str


@dataclass(frozen=True)
class Alert:
    """One thing that a rule found. `body` ends with the rule's source in brackets."""

    rule_key: str
    rule_version: int
    level: Level
    heading: str
    body: str
    source: str
    link: Link
    actions: tuple[Action, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)
    answered: Given | None = None
    asks_for: str = ""  # the answer that would lift a stop: "agreed_with"

    @property
    def stops_sending(self) -> bool:
        """Is there something left to do before the request can go?"""
        return self.level is Level.STOP or (self.level is Level.REASON and not self.answered)

    @property
    def word_count(self) -> int:
        return len(f"{self.heading} {self.body}".split())


@dataclass(frozen=True)
class Box:
    """What stands under one test: at most one box, and everything else behind "n more notes"."""

    alert: Alert | None
    more: tuple[Alert, ...] = ()

    @classmethod
    def of(cls, alerts: Iterable[Alert]) -> Box:
        """The highest that still asks for something; context never makes a box."""
        ranked = sorted(alerts, key=lambda alert: alert.level, reverse=True)
        shown = next((each for each in ranked if _makes_a_box(each)), None)
        return cls(shown, tuple(each for each in ranked if each is not shown))


def _makes_a_box(alert: Alert) -> bool:
    return alert.level is not Level.CONTEXT and not alert.answered
