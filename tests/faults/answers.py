"""F7: acknowledgements as bad as they come."""

import contextlib
from collections import Counter

from messaging.models import OutboundMessage

from . import oracle
from .outside import ANSWERS, GOOD, REFUSING, Receiver, mixed
from .report import Report
from .rig import Rig

TRIES = 8  # of a message that is answered AE


def bad_answers(rig: Rig, report: Report) -> None:
    """Each manner its share; nothing is believed that was not said of this very message."""
    share = 0.01 if rig.size.name != "small" else 0.02
    receiver = rig.add_receiver(manners=mixed({name: share for name in ANSWERS if name != GOOD}))
    rig.add_worker("hl7_out")
    # A stream for each order: what waits behind a dead letter waits for a person.
    ledger = rig.add_writer("writer-1", rig.size.answers, streams=rig.size.answers)
    writer = rig.children["writer-1"]
    limit = 180 + rig.size.answers / 10
    done = rig.until(
        lambda: writer.exit_code == 0 and oracle.is_quiet(), seconds=limit, act=_hours_pass
    )
    report.check("all came to an end", done, f"{_left()} left")
    oracle.judge_outbound(report, receiver, [ledger])
    oracle.judge_effects(report)
    _judge_refusals(report, receiver)
    oracle.judge_house(report, rig)
    manners = Counter(each.manner for each in receiver.seen)
    report.note(", ".join(f"{n} × {manner}" for manner, n in sorted(manners.items())))


def _hours_pass() -> None:
    """What waits after an AE waits no longer: two hours of tries in a minute."""
    from django.db import Error

    with contextlib.suppress(Error):
        waiting = OutboundMessage.objects.filter(state="waiting", failures__gt=0)
        waiting.update(not_before=None)


def _left() -> int:
    return OutboundMessage.objects.filter(state__in=("waiting", "sending")).count()


def _judge_refusals(report: Report, receiver: Receiver) -> None:
    answers: dict[str, list[str]] = {}
    for each in receiver.seen:
        answers.setdefault(each.control_id, []).append(each.manner)
    state = dict(OutboundMessage.objects.values_list("control_id", "state"))
    final = [of for of, given in answers.items() if given[-1] in ("AR", "CR")]
    kept = [of for of in final if state[of] != "dead"]
    report.check("AR and not a dead letter at once", not kept, f"{len(kept)} of {len(final)}")
    beyond = [of for of, given in answers.items() if {"AR", "CR"} & set(given[:-1])]
    report.check("sent again after AR", not beyond, len(beyond))
    errors = {of: sum(one in ("AE", "CE") for one in given) for of, given in answers.items()}
    report.check(
        "tries of what was answered AE", max(errors.values()) <= TRIES, max(errors.values())
    )
    only_errors = [
        of for of, given in answers.items()
        if set(given) <= REFUSING and state[of] == "acknowledged"
    ]  # fmt: skip
    report.check("refused and shown as delivered", not only_errors, len(only_errors))
