"""Which boxes stand under a test: rules are data, this is the engine that reads them.

Plain Python; any room may enter. A rule names one of KINDS, a level and its parameters; a kind
looks at the facts of one test for one patient and says what it found, or nothing. What keeps
alerts rare and short (ux.md 2.4) is in `evaluate` and `Box`, and not in the kinds.
"""

from .alerts import MOST_ACTIONS, MOST_WORDS, Action, Alert, Box, Link
from .engine import evaluate
from .facts import (
    ALLOWED,
    FATIGUING,
    Decision,
    Facts,
    Given,
    Level,
    OpenItem,
    Previous,
    Rule,
    Subject,
)
from .kinds import KINDS
from .wording import day

__all__ = [
    "ALLOWED", "FATIGUING", "KINDS", "MOST_ACTIONS", "MOST_WORDS", "Action", "Alert", "Box",
    "Decision", "Facts", "Given", "Level", "Link", "OpenItem", "Previous", "Rule", "Subject",
    "day", "evaluate",
]  # fmt: skip
