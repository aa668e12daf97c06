"""The words in which a story is told: each is something that a person or the hospital does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from accounts.policies import Acting
from demo.people import VETS_HERE
from patients.models import Patient
from requesting import services
from requesting.models import Request, RequestItem
from requesting.states import Status

from .past import NotLived, Past
from .stories import Story


class Telling:
    """A story while it is told: the request, who asked, and the past it happens in."""

    def __init__(self, past: Past, by: Acting, request: Request) -> None:
        self.past, self.by, self.request = past, by, request

    def items(self) -> list[RequestItem]:
        return list(self.request.items.order_by("position"))

    def at_hospital(self, action: str, **details: str) -> None:
        """With every test of the request."""
        self.past.hospital_does(self.items(), action, **details)

    # --- Time ------------------------------------------------------------------------------------

    def hours(self, words: str) -> None:
        self.past.clock.pass_by(hours=float(words))

    # --- The hospital ----------------------------------------------------------------------------

    def accept(self, _: str) -> None:
        self.past.clock.pass_by(minutes=self.past.chance.randint(2, 40))
        self.at_hospital("accept")

    def receive(self, _: str) -> None:
        self.at_hospital("receive")

    arrive = receive

    def perform(self, _: str) -> None:
        self.at_hospital("perform")

    def report(self, words: str) -> None:
        """Values of one's own are of the first test."""
        kind, _, values = words.partition(" ")
        first, *others = self.items()
        self.past.hospital_does([first], "report", kind=kind, text=values)
        self.past.hospital_does(others, "report", kind=kind)

    def amend(self, _: str) -> None:
        self.at_hospital("report", kind="amended")

    def book(self, words: str) -> None:
        """So many days ahead, at some quarter of an hour; the clock stands still."""
        self.past.clock.pass_by(minutes=self.past.chance.randint(5, 90))
        on = self.past.clock.london() + timedelta(days=float(words))
        on = on.replace(hour=self.past.chance.randint(9, 15), minute=20, second=0)
        self.at_hospital("schedule", at=f"{on:%Y-%m-%dT%H:%M}")
        if float(words) < 10:
            self.past.clock.pass_by(days=float(words))

    def dna(self, _: str) -> None:
        self.past.clock.pass_by(hours=3)
        self.at_hospital("did_not_attend")

    def reject(self, words: str) -> None:
        code, _, said = words.partition(" ")
        self.at_hospital("reject", code=code, words=said)

    def cancel(self, words: str) -> None:
        code, _, said = words.partition(" ")
        self.at_hospital("cancel", code=code, words=said)

    def confirm_cancel(self, _: str) -> None:
        self.at_hospital("confirm_cancel")

    def refuse_cancel(self, words: str) -> None:
        self.at_hospital("refuse_cancel", words=words)

    # --- Who asked -------------------------------------------------------------------------------

    def review(self, outcome: str) -> None:
        for item in self.items():
            if item.status == Status.REPORTED:
                self.past.clock.pass_by(seconds=self.past.chance.randint(15, 90))
                self.past.review(item, by=self.by, outcome=outcome)

    def ask_cancel(self, reason: str) -> None:
        for item in self.items():
            services.cancel(item, reason=reason, by=self.by)
        self.past.deliver()

    def collect(self, _: str) -> None:
        for item in self.items():
            services.collect(item, by=self.by)

    def seen(self, _: str) -> None:
        for item in self.items():
            if item.attention:
                services.seen(item, by=self.by)

    # --- Vetting here ----------------------------------------------------------------------------

    @property
    def vetter(self) -> Acting:
        return self.past.acting("radiologist", VETS_HERE)

    def vet_ask(self, question: str) -> None:
        for item in self.items():
            services.vet_ask(item, question=question, by=self.vetter)

    def vet_answer(self, text: str) -> None:
        for item in self.items():
            services.answer(item, text=text, by=self.by)

    def vet_reject(self, words: str) -> None:
        reason, _, said = words.partition(" ")
        for item in self.items():
            services.vet_reject(item, reason=reason, words=said, by=self.vetter)

    def vet_accept(self, _: str) -> None:
        """Accepted, and the order goes when the undo time is over."""
        for item in self.items():
            services.vet_accept(item, by=self.vetter)
        self.past.clock.pass_by(seconds=35)
        services.order_due(now=self.past.clock.at)
        self.past.deliver()


def tell(past: Past, story: Story, patient: Patient) -> Request:
    """Live a story from its first day on. Raises NotLived when it cannot have happened."""
    by = past.acting(story.by, story.place)
    request = past.ask(
        by, patient, story.codes.split(), details=story.details, side=story.side,
        priority=story.priority, hospital=story.hospital,
    )  # fmt: skip
    telling = Telling(past, by, request)
    for step in filter(None, (part.strip() for part in story.steps.split(";"))):
        name, _, words = step.partition(" ")
        deed: Callable[[str], None] | None = getattr(telling, name, None)
        if deed is None:
            raise NotLived(f"no step {name}")
        deed(words)
    return request
