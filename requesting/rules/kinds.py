"""The kinds of rule: each looks at the facts and says what it found, in the words of ux.md 2.4."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from .alerts import MOST_ACTIONS, MOST_WORDS, Action, Alert, Link
from .facts import NORMAL, Facts, Level, Previous, Rule
from .wording import cut, day, days, short

Found = Iterable[Alert]


def duplicate_open(rule: Rule, facts: Facts) -> Found:
    """The same examination of the same side is asked for and not done (DUP-OPEN)."""
    for item in facts.open_items:
        if _same_side(item.side, facts.test.side):
            yield _alert(
                rule,
                heading=f"{short(item.name)} is already requested.",
                body=f"By {item.requested_by} on {day(item.requested_on)}, {item.status_words}",
                link=Link("item", item.item_id, "See that request"),
                actions=(
                    Action("use_existing", "Use that request", item.item_id),
                    Action("reason", "Request another: give a reason"),
                ),
                evidence={"item": item.item_id, "requested_on": item.requested_on.isoformat()},
            )
            return


def retest_interval(rule: Rule, facts: Facts) -> Found:
    """A result of the same examination is younger than the interval (DUP-NORMAL, IMG-RECENT).

    Parameters: `groups`, `days`; `reason_days`, inside which the level is the rule's own and not
    advice (imaging: radiation within 28 days).
    """
    last = next((each for each in facts.previous if _same_side(each.side, facts.test.side)), None)
    if last is None or facts.test.group not in rule.parameters["groups"]:
        return
    due = last.observed_on + timedelta(days=rule.parameters["days"])
    if due <= max(facts.today, facts.take_from or facts.today):
        return
    if facts.test.is_imaging:
        yield _recent_imaging(rule, facts, last, due)
    elif last.significance == NORMAL:
        yield _normal_result(rule, facts, last, due)


def _normal_result(rule: Rule, facts: Facts, last: Previous, due: date) -> Alert:
    what = f" was {last.value}" if last.value else " was normal"
    return _alert(
        rule,
        heading=f"{short(facts.test.name)}{what} on {_when(last, facts)}.",
        body=f"Normal. Next useful from {day(due)}",
        link=_report(last, "See the result"),
        actions=(
            Action("take_later", f"Take it on {day(due)}", due.isoformat()),
            Action("reason", "Request now: give a reason"),
        ),
        evidence=_evidence(last, due),
    )


def _recent_imaging(rule: Rule, facts: Facts, last: Previous, due: date) -> Alert:
    ago = (facts.today - last.observed_on).days
    asks = ago <= rule.parameters.get("reason_days", rule.parameters["days"])
    heading = f"{short(facts.test.name)} done {days(ago)} ago."
    where = f"{day(last.observed_on)}, {last.place}" if last.place else day(last.observed_on)
    budget = MOST_WORDS - len(f"{heading} {where} {rule.source}".split())
    words = cut(last.headline, budget)
    return _alert(
        rule if asks else replace(rule, level=min(rule.level, Level.ADVICE)),
        heading=heading,
        body=f"{where}: ‘{words}’" if words else where,
        link=_report(last, "Read the report"),
        actions=(
            Action("take_later", f"Set for {day(due)}", due.isoformat()),
            Action("reason", "Request now: give a reason") if asks else _KEEP,
        ),
        evidence=_evidence(last, due),
    )


_KEEP = Action("keep", "Keep it", "keep")


def better_test(rule: Rule, facts: Facts) -> Found:
    """Another test usually answers this question first (IMG-ALT).

    Parameters: `from`, `to` (service codes), `from_words`, `to_words`, `reasons` (codes) and
    `phrases` (in the details) of which one must be there, `for_words`.
    """
    wanted = rule.parameters
    if facts.test.code not in wanted["from"] or wanted["to"] in facts.also_chosen:
        return
    said = facts.details.lower()
    if not (
        facts.reasons & set(wanted.get("reasons", ()))
        or any(phrase in said for phrase in wanted.get("phrases", ()))
    ):
        return
    yield _alert(
        rule,
        heading=f"{wanted['to_words']} usually answers this first.",
        body=f"For {wanted['for_words']}",
        link=Link("service", wanted["to"], f"About {wanted['to_words'].lower()}"),
        actions=(
            Action("swap", f"Swap to {wanted['to_words'].lower()}", wanted["to"]),
            Action("keep", f"Keep {wanted['from_words']}", "keep"),
        ),
        evidence={"to": wanted["to"]},
    )


def entitlement(rule: Rule, facts: Facts) -> Found:
    """This person may not ask for this test (AHP-SCOPE, AHP-EXPIRED, …)."""
    decision = facts.decision
    if not decision.allowed:
        yield _alert(
            rule,
            heading=decision.heading,
            body=decision.body,
            link=Link("entitlement", "", "See what you can request"),
            actions=(_remove(facts),),
            evidence={"rule": decision.rule},
        )


def pregnancy_answer(rule: Rule, facts: Facts) -> Found:
    """The answer says that the patient may be pregnant: the practitioner decides (PREG-YES).

    Parameters: `question`, `stops_on` (answers), `agreed` (the answer that lifts it).
    """
    question, agreed = rule.parameters["question"], rule.parameters["agreed"]
    if facts.answers.get(question) not in rule.parameters["stops_on"]:
        return
    if facts.answers.get(agreed, "").strip():
        return
    alert = _alert(
        rule,
        heading="Ring radiology before requesting.",
        body=f"{facts.phone}. If you have agreed it, record who with".lstrip(". "),
        link=Link("question", question, "Change the answer"),
        actions=(_remove(facts), Action("agreed", "Record who agreed it", agreed)),
        evidence={"answer": facts.answers[question]},
    )
    yield replace(alert, asks_for=agreed)


def deceased(rule: Rule, facts: Facts) -> Found:
    """The patient has died (DECEASED)."""
    if facts.is_deceased:
        on = day(facts.died_on) if facts.died_on else "not known"
        yield _alert(
            rule,
            heading="This patient has died.",
            body=f"You cannot request tests. Date of death {on}",
            link=Link("patient", "", "Back to the record"),
            actions=(_remove(facts),),
            evidence={"died_on": facts.died_on.isoformat() if facts.died_on else ""},
        )


def min_age(rule: Rule, facts: Facts) -> Found:
    """The patient is younger than the department takes for this test."""
    least = facts.test.min_age
    if least is None or facts.age is None or facts.age >= least:
        return
    ring = f" Ring {facts.phone}" if facts.phone else " Ring the department"
    yield _alert(
        rule,
        heading=f"{short(facts.test.name)} is for people aged {least} and over here.",
        body=f"This patient is {facts.age}.{ring}",
        link=Link("patient", "", "Check the birth date"),
        actions=(_remove(facts),),
        evidence={"age": str(facts.age), "min_age": str(least)},
    )


def side_words(rule: Rule, facts: Facts) -> Found:
    """The details name the other side than the one that was chosen (hazard H02)."""
    chosen = {"L": "left", "R": "right"}.get(facts.test.side)
    if chosen is None:
        return
    other = "right" if chosen == "left" else "left"
    said = {word.strip(".,;:()?!'\"‘’“”") for word in facts.details.lower().split()}
    if other not in said or chosen in said:
        return
    yield _alert(
        rule,
        heading=f"You chose {chosen} and wrote ‘{other}’.",
        body="Check the side",
        link=Link("question", "side", "Change the side"),
        actions=(
            Action("change_side", f"Change to {other}", other[0].upper()),
            Action("reason", f"Keep {chosen}: give a reason"),
        ),
        evidence={"side": facts.test.side},
    )


KINDS: dict[str, Callable[[Rule, Facts], Found]] = {
    kind.__name__: kind
    for kind in (
        duplicate_open, retest_interval, better_test, entitlement, pregnancy_answer, deceased,
        min_age, side_words,
    )
}  # fmt: skip


def _alert(
    rule: Rule,
    *,
    heading: str,
    body: str,
    link: Link,
    actions: tuple[Action, ...] = (),
    evidence: Mapping[str, str],
) -> Alert:
    return Alert(
        rule_key=rule.key,
        rule_version=rule.version,
        level=rule.level,
        heading=heading,
        body=f"{body} ({rule.source}).",
        source=rule.source,
        link=link,
        actions=actions[:MOST_ACTIONS],
        evidence=evidence,
    )


def _remove(facts: Facts) -> Action:
    return Action("remove", f"Remove {short(facts.test.name)}", facts.test.code)


def _report(last: Previous, words: str) -> Link:
    return Link("report", last.report_id, words)


def _evidence(last: Previous, due: date) -> dict[str, str]:
    return {
        "report": last.report_id,
        "observed_on": last.observed_on.isoformat(),
        "due_from": due.isoformat(),
    }


def _same_side(one: str, other: str) -> bool:
    """Both sides, or no side said, is the same examination as either."""
    return not one or not other or one == other or "B" in (one, other)


def _when(last: Previous, facts: Facts) -> str:
    ago = (facts.today - last.observed_on).days
    return f"{day(last.observed_on)} ({days(ago)} ago)"
