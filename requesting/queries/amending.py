"""A sent test as a form again, so that it can be changed before the department has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from accounts.policies import Acting
from requesting.drafts import Content, Line
from requesting.errors import Problem
from requesting.models import Draft, Priority, RequestItem
from requesting.policies import may_amend

from .composing import PRIORITY_WORDS, Composition, compose


def may_be_amended(acting: Acting, item: RequestItem) -> bool:
    return may_amend(acting, item)


def as_asked(item: RequestItem) -> Content:
    """What it was asked with, as a draft's content."""
    line = Line(
        service=item.service.code,
        reasons=tuple(each["code"] for each in item.reasons),
        details=item.clinical_details,
        answers={each.question_code: each.value for each in item.answers.all()},
    )
    return amended(item, Content(lines=(line,), priority=item.priority))


def amended(item: RequestItem, posted: Content) -> Content:
    """What was posted of this test, and nothing that can not be changed: its side, its place, its
    day, who gets the results."""
    code = item.service.code
    found = next((line for line in posted.lines if line.service == code), Line(service=code))
    fixed = replace(found, side=item.side, take_from=item.take_from, collection=item.collection)
    trust = item.department.parent or item.department
    return Content(
        lines=(fixed,), hospital=trust.ods_code, priority=posted.priority,
        results_to=item.request.results_to_id,
    )  # fmt: skip


def amendable(
    item: RequestItem, acting: Acting, content: Content, *, problems: Iterable[Problem] = ()
) -> Composition:
    """The small form: one test, with only the priorities that are not lower than its own."""
    draft = Draft(
        user=acting.user, organisation=acting.organisation, patient=item.patient,
        content=content.as_json(), replaces=item,
    )  # fmt: skip
    page = compose(draft, acting, problems=problems)
    ranked = list(PRIORITY_WORDS)
    choices = ranked[ranked.index(Priority(item.priority)) :]
    return replace(page, priorities=tuple((each, PRIORITY_WORDS[each]) for each in choices))
