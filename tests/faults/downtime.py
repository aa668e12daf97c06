"""F10: a downtime and its end are noticed, on the real clocks; a flapping link is calm."""

import time
from collections.abc import Callable

from django.core.cache import cache
from django.db.models import Q

from accounts.policies import SYSTEM
from messaging.models import Link, LinkEvent, Partner
from messaging.queries import links_not_working

from .outside import always, mixed
from .report import Report
from .rig import Rig

NOTICED = 60.0
FLAPS = {"small": 0, "usual": 6, "long": 45}  # of twenty seconds each


def noticed(rig: Rig, report: Report) -> None:
    """Acknowledgements stop, come back, get lost one in ten, and come and go."""
    receiver = rig.add_receiver()
    rig.add_worker("hl7_out")
    rig.add_writer("writer-1", 100_000, streams=100_000, pace=1.0)
    rig.until(lambda: len(receiver.seen) > 2, seconds=40)
    receiver.manners = always("silent")
    down, seconds = _wait(rig, "down")
    report.check("noticed within 60 s", down and seconds <= NOTICED, f"{seconds:.0f} s")
    told, more = _until(rig, lambda: bool(_not_working()), seconds=10)
    report.check(
        "and said on every page", told and seconds + more <= NOTICED, f"{seconds + more:.0f} s"
    )
    receiver.manners = always("AA")
    back, seconds = _wait(rig, "recovering", "up")
    report.check("its end noticed within 60 s", back and seconds <= NOTICED, f"{seconds:.0f} s")
    up, seconds = _wait(rig, "up")
    report.note(f"wholly up {seconds:.0f} s after that" if up else "not yet wholly up")
    receiver.manners = mixed({"silent": 0.1})
    fell, _ = _until(rig, lambda: _state() == "down", seconds=40)
    report.check("one acknowledgement in ten lost is no downtime", not fell)
    _flap(rig, report)


def _flap(rig: Rig, report: Report) -> None:
    if not (flaps := FLAPS[rig.size.name]):
        return
    receiver = rig.receivers[0]
    before, began = _transitions(), time.monotonic()
    for n in range(flaps):
        receiver.manners = always("silent" if n % 2 == 0 else "AA")
        rig.until(lambda: False, seconds=20)
    moves = _transitions() - before
    most = 1 + int((time.monotonic() - began) / 300) + 1
    report.check("transitions while it flaps every 20 s", moves <= most, f"{moves}, at most {most}")


def _transitions() -> int:
    """Those that people are told of: into downtime, and out of it."""
    return LinkEvent.objects.filter(Q(after="down") | Q(before="recovering", after="up")).count()


def _state() -> str:
    link = Link.objects.filter(partner=Partner.objects.get(slug="ris")).first()
    return link.state if link else "up"


def _not_working() -> list:
    cache.clear()
    return list(links_not_working(SYSTEM))


def _wait(rig: Rig, *states: str) -> tuple[bool, float]:
    return _until(rig, lambda: _state() in states, seconds=150)


def _until(rig: Rig, question: Callable[[], bool], *, seconds: float) -> tuple[bool, float]:
    began = time.monotonic()
    answer = rig.until(question, seconds=seconds)
    return answer, time.monotonic() - began
