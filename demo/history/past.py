"""The demo's past, lived: requests are sent, delivered, answered and reviewed by the services that
the product itself uses, and the hospital's side is the stand-in hospital's own desk.

Only the sockets between them are left out, and the clock is set by hand.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from accounts.policies import Acting
from accounts.queries import acting_at, user_by_username
from catalogue.models import Service
from demo.hospital import actions, intake
from demo.hospital.hl7 import read
from demo.hospital.memory import Memory
from messaging.models import InboundMessage, OutboundMessage
from messaging.services import accept, process_waiting
from messaging.states import InState, OutState
from patients.models import Patient
from requesting import drafts, queries, services
from requesting.errors import Incomplete
from requesting.models import Request, RequestItem
from results import services as results
from results.models import Report

from .clock import Clock

ANSWERS = {"yes_no": "no", "yes_no_unsure": "no", "text": "Nothing to add", "date": "2026-01-05"}
GO_ON = {"reason": "monitoring", "words": ""}


class NotLived(Exception):
    """The past cannot have happened: a service or the hospital refused it."""


class Past:
    """One thread of the past. `chance` decides what nobody says; the same every time."""

    def __init__(self, hospital: Memory, clock: Clock, chance: random.Random) -> None:
        self.hospital, self.clock, self.chance = hospital, clock, chance
        self._people: dict[tuple[str, str], Acting] = {}

    # --- Who -------------------------------------------------------------------------------------

    def acting(self, username: str, place: str) -> Acting:
        """The person, working there. The role is today's: memberships have no past."""
        key = (username, place)
        if key not in self._people:
            user = user_by_username(username)
            acting = acting_at(user, place) if user else None
            if acting is None:
                raise NotLived(f"{username} does not work at {place}")
            self._people[key] = acting
        return self._people[key]

    # --- The product's side ----------------------------------------------------------------------

    def ask(
        self, by: Acting, patient: Patient, codes: Iterable[str], *, details: str = "",
        side: str = "", priority: str = "routine", answers: dict[str, str] | None = None,
        reasons: tuple[str, ...] = (), replaces: RequestItem | None = None,
        hospital: str = "",
    ) -> Request:  # fmt: skip
        """Send a request, let its undo time pass, and let it go."""
        content: dict[str, Any] = {
            "items": [{"service": code, "details": details, "reasons": list(reasons)}
                      for code in codes],
            "priority": priority,
            "hospital": hospital,
            "results_to": by.user.pk if by.user else None,
        }  # fmt: skip
        self._complete(content, by, patient, side, answers or {})
        key = UUID(int=self.chance.getrandbits(128), version=4)
        try:
            request = services.send(
                patient, content=content, idempotency_key=key, replaces=replaces, by=by
            )
        except Incomplete as problems:
            words = "; ".join(problem.sentence for problem in problems.problems)
            raise NotLived(f"{story_words(codes)}: {words}") from problems
        self.clock.pass_by(seconds=35)
        services.release_due(request_id=request.pk)
        self.deliver()
        return Request.objects.get(pk=request.pk)

    def _complete(
        self, content: dict[str, Any], by: Acting, patient: Patient, side: str,
        given: dict[str, str],
    ) -> None:  # fmt: skip
        """Sides, reasons and answers as this patient and the tests need them."""
        items = {item["service"]: item for item in content["items"]}
        known = queries.look_up(items, patient, by)
        for code, item in items.items():
            if code not in known.services:
                raise NotLived(f"{code} cannot be asked for")
            self._choose(item, known.services[code], side)
        for test in queries.examine(drafts.read(content), known):
            item = items[test.service.code]
            item["answers"] = {
                question.code: given.get(question.code) or _answer(question)
                for question in test.questions
                if question.is_required or question.code in given
            }
            item["alerts"] = {alert.rule_key: GO_ON for alert in test.alerts}

    def _choose(self, item: dict[str, Any], service: Service, side: str) -> None:
        if service.sides:
            item["side"] = side or self.chance.choice("LR")
        ticked = [reason.code for reason in service.reasons.all()]
        if not item["reasons"] and not item["details"] and ticked:
            item["reasons"] = [self.chance.choice(ticked)]

    def deliver(self) -> None:
        """What waits in the outbox goes over the hospital's desk, and is acknowledged."""
        for message in OutboundMessage.objects.filter(state=OutState.WAITING).order_by("id"):
            self.clock.pass_by(seconds=2)
            reply, _ = intake.take(self.hospital, bytes(message.raw))
            answer = read(reply).first("MSA")
            if answer is None or answer.get(1) != "AA":
                raise NotLived(f"{message.kind}: {answer and answer.get(3)}")
            services.record_delivery(message.subject_id, "delivered", "")
            OutboundMessage.objects.filter(pk=message.pk).update(
                state=OutState.ACKNOWLEDGED,
                attempts=1,
                acknowledgement="AA",
                first_sent_at=self.clock.at,
                acknowledged_at=self.clock.at,
            )

    def hear(self) -> None:
        """What the hospital has to say arrives in the inbox and is processed."""
        numbers = list(self.hospital.waiting)
        if not numbers:
            return
        self.clock.pass_by(seconds=2)
        for number in numbers:
            reply = read(accept(self.hospital.log[number].raw)).first("MSA")
            answer = reply.get(1) if reply else "none"
            if answer != "AA":
                raise NotLived(f"{number}: {answer} {reply and reply.get(3)}")
            self.hospital.record(
                [{"do": "answered", "number": number, "answer": answer, "words": ""}]
            )
        inbound = InboundMessage.objects.filter(control_id__in=numbers)
        inbound.update(received_at=self.clock.at)
        process_waiting()
        inbound.update(processed_at=self.clock.at)

    def expect_processed(self) -> None:
        """Nothing of the past was parked."""
        left = InboundMessage.objects.filter(state__in=(InState.PARKED, InState.RECEIVED)).first()
        if left:
            raise NotLived(f"{left.message_type}: {left.reason_code} {left.reason}")

    def review(self, item: RequestItem, *, by: Acting, outcome: str, words: str = "") -> None:
        """Somebody reads every report of the item."""
        for report in Report.objects.filter(item=item, state="unread"):
            results.review(
                report, version=report.current_id or 0, outcome=outcome, words=words, by=by
            )

    # --- The hospital's side ---------------------------------------------------------------------

    def hospital_does(self, items: Iterable[RequestItem], action: str, **details: Any) -> None:
        """A deed at the hospital with each of the tests, and what it sends is heard."""
        for item in items:
            actions.act(self.hospital, item.placer_number, action, details)
        self.hear()


def story_words(codes: Iterable[str]) -> str:
    return " ".join(codes)


def _answer(question: Any) -> str:
    if question.choices:
        return str(question.choices[0][0])
    return ANSWERS[question.kind]
