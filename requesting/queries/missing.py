"""What still has to be put right before a request can go: every problem, in the page's order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from accounts.models import User
from catalogue.models import Question
from requesting.drafts import ANSWER_LENGTH, DETAILS_LENGTH, Content, Line
from requesting.errors import Problem
from requesting.hl7 import MOST_COPIES
from requesting.models import Priority
from requesting.reasons import OTHER_MIN_CHARACTERS
from requesting.rules import Alert, Given, Level

from .examining import Examined

FURTHEST = timedelta(days=366)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def problems_of(
    content: Content, tests: tuple[Examined, ...], people: frozenset[int], today: date
) -> tuple[Problem, ...]:
    """`people` are the ids that results may go to at this place."""
    found = [problem for test in tests for problem in _of_test(test, today)]
    if not content.lines:
        found.append(Problem("find", "Choose a test", "a test"))
    known = {test.line.service for test in tests}
    for line in content.lines:
        if line.service not in known:
            words = f"{line.service} can no longer be requested. Remove it"
            found.append(Problem("find", words, "a test that is gone"))
    return (*found, *_of_request(content, people))


def _of_request(content: Content, people: frozenset[int]) -> Iterator[Problem]:
    if content.priority not in Priority.values:
        yield Problem("priority", "Choose a priority", "priority")
    if content.results_to is None or content.results_to not in people:
        yield Problem("results_to", "Choose who the results go to", "results to")
    if len(content.copy_to) > MOST_COPIES:
        words = f"Copy the results to at most {MOST_COPIES} people"
        yield Problem("copy_to", words, "copy to")
    elif not set(content.copy_to) <= people:
        yield Problem("copy_to", "Choose people of your practice to copy to", "copy to")


def _of_test(test: Examined, today: date) -> Iterator[Problem]:
    code = test.service.code
    yield from _of_alerts(test, code)
    yield from _of_side(test, code)
    yield from _of_reasons(test, code)
    for question in test.questions:
        yield from _of_question(question, test.line, code)
    yield from _of_details(test, code)
    later = test.line.take_from
    if later and not today <= later <= today + FURTHEST:
        yield Problem(f"{code}.take_from", "Choose a date within a year from today", "date")


def _of_alerts(test: Examined, code: str) -> Iterator[Problem]:
    for alert in test.alerts:
        field = f"{code}.alert.{alert.rule_key}"
        if alert.level is Level.STOP:
            yield Problem(field, f"{alert.heading} {alert.body}", _stop_words(alert))
        elif alert.stops_sending:
            yield _unanswered(test, field, test.line.alerts.get(alert.rule_key))
        elif alert.answered and _is_unsendable(alert.answered.words):
            words = f"Say why in {ANSWER_LENGTH} plain characters or fewer"
            yield Problem(field, words, "reason in words")


def _unanswered(test: Examined, field: str, given: Given | None) -> Problem:
    if given is not None and given.reason == "other":
        words = f"Say why in {OTHER_MIN_CHARACTERS} characters or more"
        return Problem(field, words, "reason in words")
    return Problem(field, f"Give a reason to request {_named(test)} now", "reason to go on")


def _is_unsendable(words: str) -> bool:
    return len(words) > ANSWER_LENGTH or bool(_CONTROL.search(words))


def _stop_words(alert: Alert) -> str:
    return "who agreed it" if alert.asks_for else alert.heading.rstrip(".")


def _of_side(test: Examined, code: str) -> Iterator[Problem]:
    sides = test.service.sides
    if sides and test.line.side not in tuple(sides):
        both = ", right or both" if "B" in sides else " or right"
        yield Problem(f"{code}.side", f"Choose left{both}", "side")
    elif test.code is None:
        words = f"{test.service.name} has no code to send it by. Ring your service desk"
        yield Problem("find", words, "a code")


def _of_reasons(test: Examined, code: str) -> Iterator[Problem]:
    """Imaging needs a reason, ticked or typed (IR(ME)R 2017, reg. 10: sufficient data)."""
    known = {reason.code for reason in test.service.reasons.all()}
    if not set(test.line.reasons) <= known:
        yield Problem(f"{code}.reason", "Choose from the reasons that are listed", "reason")
    elif test.is_imaging and not (test.line.reasons or test.line.details):
        yield Problem(f"{code}.reason", f"Enter a reason for {_named(test)}", "reason")


def _named(test: Examined) -> str:
    """`the chest X-ray`, `another FBC`: the test inside a sentence."""
    if not test.is_imaging:
        return test.service.short_name
    name = test.service.name
    return f"the {name[0].lower() if name[1:2].islower() else name[0]}{name[1:]}"


def _of_question(question: Question, line: Line, code: str) -> Iterator[Problem]:
    field, value = f"{code}.q.{question.code}", line.answers.get(question.code, "")
    if not value:
        if question.is_required:
            yield Problem(field, f"Answer: {question.text}", short_question(question))
        return
    if not _fits(question, value):
        yield Problem(field, _how_to_answer(question), short_question(question))


def short_question(question: Question) -> str:
    return question.code.replace("-", " ")


def _fits(question: Question, value: str) -> bool:
    if question.kind == Question.Kind.TEXT:
        return len(value) <= ANSWER_LENGTH and not _CONTROL.search(value)
    if question.kind == Question.Kind.DATE:
        return _is_date(value)
    return value in dict(options(question))


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value) is not None
    except ValueError:
        return False


def _how_to_answer(question: Question) -> str:
    if question.kind == Question.Kind.TEXT:
        return f"Answer in {ANSWER_LENGTH} plain characters or fewer"
    if question.kind == Question.Kind.DATE:
        return "Enter a date, like 22 11 2026"
    return f"Choose one of the answers: {question.text}"


def options(question: Question) -> tuple[tuple[str, str], ...]:
    """The values of a question that is ticked, with their words; none for words and dates."""
    kinds = Question.Kind
    yes_no = (("yes", "Yes"), ("no", "No"))
    fixed: dict[str, tuple[tuple[str, str], ...]] = {
        kinds.YES_NO: (("no", "No"), ("yes", "Yes")),
        kinds.YES_NO_UNSURE: (*reversed(yes_no), ("unsure", "Not sure")),
        kinds.CHOICE: tuple((value, words) for value, words in question.choices),
    }
    return fixed.get(question.kind, ())


def _of_details(test: Examined, code: str) -> Iterator[Problem]:
    details = test.line.details
    if len(details) > DETAILS_LENGTH:
        words = f"Clinical details must be {DETAILS_LENGTH} characters or fewer"
        yield Problem(f"{code}.details", words, "shorter details")
    if _CONTROL.search(details):
        words = "Clinical details have a character that cannot be sent. Type them again"
        yield Problem(f"{code}.details", words, "plain details")


def people_words(user: User, me: int | None) -> str:
    words = ", ".join(part for part in (user.display_name, user.profession) if part)
    return f"You ({words})" if user.pk == me else words
