"""A downtime form as it is read: the same words on the screen, on paper and in the e-mail's text.

Plain Python. `requesting.queries.sheets` fills it, `requesting.paper` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass

Pair = tuple[str, str]  # a heading and its words


@dataclass(frozen=True)
class Ordered:
    """One test of a form. `facts` are its reasons, details and answers."""

    name: str
    code: str
    facts: tuple[Pair, ...]


@dataclass(frozen=True)
class Sheet:
    """All of a form. `never` are the words that must not stand in a subject or a file's name."""

    reference: str
    department: str
    priority: str  # "Urgent"
    is_urgent: bool
    state: str  # "Made 22-Nov-2026 10:42 by Dr A Patel, GP"
    to_do: tuple[str, ...]  # what the department must do, in order
    send_to: tuple[Pair, ...]  # ("X-ray", "xray@..."); the words where there is no address
    patient: tuple[Pair, ...]
    requester: tuple[Pair, ...]
    results: tuple[Pair, ...]
    tests: tuple[Ordered, ...]
    boxes: tuple[str, ...]  # to be filled in by hand at the department
    blanks: tuple[str, ...] = ()  # to be filled in by hand by who asks
    ticket: str = ""
    never: tuple[str, ...] = ()
    drill: str = ""  # a practice form: the words that stand over everything of it

    @property
    def cover(self) -> str:
        """The first lines of the e-mail."""
        if self.drill:
            return f"{self.drill} {self.title} for {self.department}. The form is attached."
        return f"{self.title} for {self.department}. The form is attached."

    @property
    def title(self) -> str:
        """Of the document, and at the foot of each page."""
        kind = "DRILL: practice form" if self.drill else "Downtime request"
        return f"{kind} {self.reference}"

    def as_text(self) -> str:
        """The whole form in plain lines."""
        parts = [self._block("What to do", tuple(("", words) for words in self.to_do))]
        parts += [self._block("Patient", self.patient), self._block("Asked by", self.requester)]
        parts += [self._block("Results to", self.results)]
        parts += [self._block(f"{test.name} ({test.code})", test.facts) for test in self.tests]
        top = [f"Priority: {self.priority}. {self.state}"]
        around = [self.drill] if self.drill else []
        return "\n\n".join([*around, *top, *parts, *around])

    def _block(self, heading: str, pairs: tuple[Pair, ...]) -> str:
        lines = [f"- {head}: {words}" if head else f"- {words}" for head, words in pairs]
        return "\n".join([heading, *lines])
