"""An examined test as the order will say it, for the preview and for the rehearsal."""

from __future__ import annotations

from datetime import date

from catalogue.models import Question
from nhsuk.formats import cdate_text
from requesting.hl7 import Answered, Line, Reason

from .examining import Examined
from .missing import options

AGREED = "agreed-with"  # an answer's code that ends so is a name that the person typed


def answers_of(test: Examined) -> tuple[Answered, ...]:
    """The answers to the questions that were asked, and who agreed what, in the page's order."""
    values = test.line.answers
    found = [
        Answered(
            code=question.code,
            question=question.text,
            kind=question.kind,
            value=values[question.code],
            label=_label(question, values[question.code]),
        )
        for question in test.questions
        if values.get(question.code)
    ]
    asked = {question.code for question in test.questions}
    for code, value in values.items():
        if code.endswith(AGREED) and any(code.startswith(each) for each in asked):
            found.append(Answered(code, "Agreed in radiology with", "text", value, value))
    return tuple(found)


def _label(question: Question, value: str) -> str:
    if question.kind == "date":
        try:
            return cdate_text(date.fromisoformat(value))
        except ValueError:
            return value
    return dict(options(question)).get(value, value)


def reasons_of(test: Examined) -> tuple[Reason, ...]:
    """The ticked reasons, in the catalogue's order."""
    return tuple(
        Reason(each.code, each.text, each.sentence)
        for each in test.service.reasons.all()
        if each.code in test.line.reasons
    )


def line_as_sent(test: Examined) -> Line:
    """The words of the order; numbers come when it is sent."""
    return Line(
        placer="", code="", name="", system="", priority="",
        reasons=reasons_of(test), details=test.line.details, answers=answers_of(test),
    )  # fmt: skip
