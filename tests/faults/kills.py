"""F1 to F6: processes and servers die, at any time and at named places."""

import re
import time
from collections.abc import Callable
from pathlib import Path

from demo.processes import wait_until
from tests.messaging.senders import patient, sent, wire

from . import oracle
from .outside import Sender
from .report import Report
from .rig import Rig
from .writer import CANARY

ROOT = Path(__file__).resolve().parents[2]
# How often each dies, of a hundred: as the plan's first prototype had it.
TARGETS = {"hl7_out": 34, "hl7_in": 24, "writer-1": 11, "writer-2": 10, "listener": 10,
           "postgres": 8, "broker": 3}  # fmt: skip


def results(prefix: str, count: int) -> list[bytes]:
    """Results of patients whose name is the canary's."""
    name = wire.segment("PID", {1: "1", 3: ["1", "", "", "LOCAL"], 5: [CANARY, "Ada"]})
    return [sent(f"{prefix}{n}", patient(f"{prefix}{n % 97}"), name) for n in range(count)]


def start_everything(
    rig: Rig, *, out: int, into: int, lasting: float = 0.0
) -> tuple[list[Path], list[Sender]]:
    """Listener, workers, two writers, two senders, who spread their work over `lasting` seconds."""
    rig.add_listener()
    rig.add_worker("hl7_out")
    rig.add_worker("hl7_in")
    pace = lasting / (out / 2)
    ledgers = [rig.add_writer(f"writer-{n}", out // 2, pace=pace) for n in (1, 2)]
    pace = lasting / (into / 2)
    senders = [Sender(rig.port, results(f"r{n}x", into // 2), pace=pace) for n in (1, 2)]
    for sender in senders:
        sender.start()
    return ledgers, senders


def has_ended(rig: Rig, senders: list[Sender]) -> bool:
    return not what_goes_on(rig, senders)


def what_goes_on(rig: Rig, senders: list[Sender]) -> str:
    """In words; "" when all is quiet."""
    writing = [name for name in ("writer-1", "writer-2") if rig.children[name].exit_code != 0]
    sending = [sender.name for sender in senders if sender.is_alive()]
    waiting = [] if oracle.is_quiet() else ["messages"]
    return ", ".join([*writing, *sending, *waiting])


def await_end(rig: Rig, report: Report, senders: list[Sender], *, seconds: float) -> None:
    rig.until(lambda: has_ended(rig, senders), seconds=seconds)
    report.check("all came to an end", has_ended(rig, senders), what_goes_on(rig, senders))


def judge(report: Report, rig: Rig, ledgers: list[Path], senders: list[Sender]) -> None:
    oracle.judge_outbound(report, rig.receivers[0], ledgers)
    oracle.judge_effects(report)
    oracle.judge_inbound(report, senders)
    oracle.judge_house(report, rig)


def random_kills(rig: Rig, report: Report) -> None:
    """F1: kill -9 of every kind of process, the postmaster and the broker among them."""
    size = rig.size
    rig.add_receiver()
    pause = max(1.2, (size.out + size.into) / 220 / size.kills)
    ledgers, senders = start_everything(
        rig, out=size.out, into=size.into, lasting=size.kills * pause
    )
    left, next_at = size.kills, time.monotonic() + 4

    def strike() -> None:
        nonlocal left, next_at
        if left and time.monotonic() > next_at:
            name = rig.chance.choices(list(TARGETS), weights=TARGETS.values())[0]
            left -= rig.kill(name)
            next_at = time.monotonic() + pause * rig.chance.uniform(0.3, 1.7)

    limit = 240 + (size.out + size.into) / 40 + size.kills * 6
    rig.until(lambda: has_ended(rig, senders), seconds=limit, act=strike)
    await_end(rig, report, senders, seconds=1)
    judge(report, rig, ledgers, senders)


# --- F2 ------------------------------------------------------------------------------------------


def crash_points() -> list[str]:
    """The places named in the product's own code."""
    rooms = ("messaging", "requesting", "results", "patients")
    code = "".join(path.read_text() for room in rooms for path in (ROOT / room).rglob("*.py"))
    return sorted(set(re.findall(r'crash\.point\("([^"]+)"\)', code)))


STATEMENTS = {"hl7_out": 14, "hl7_in": 12}  # after each of so many of its statements


def named_crashes(rig: Rig, report: Report) -> None:
    """F2: a process dies at each named place, and after each of its first statements."""
    rig.add_receiver()
    places = [(who, "CRASH_AT", point) for point in crash_points() for who in _who_passes(point)]
    places += [
        (who, "CRASH_AFTER_STATEMENT", str(n))
        for who, count in STATEMENTS.items()
        for n in range(1, count + 1)
    ]
    if rig.size.name != "long":
        places = rig.chance.sample(places, 6 if rig.size.name == "small" else 16)
    ledgers: list[Path] = []
    senders: list[Sender] = []
    survived: list[str] = []
    for round_number in range(rig.size.repeats):
        for place_number, place in enumerate(places):
            name = f"p{round_number}x{place_number}"
            ledger, sender, has_died = _crash_once(rig, name, *place)
            ledgers.append(ledger)
            senders.append(sender)
            survived += [] if has_died else [" ".join(place)]
    tried = len(places) * rig.size.repeats
    report.check("places where nothing died", not survived, f"{survived or 0} of {tried}")
    judge(report, rig, ledgers, senders)


def _who_passes(point: str) -> list[str]:
    room = point.split(".")[0]
    return {"listener": ["listener"], "delivery": ["hl7_out"], "inbox": ["hl7_in"]}.get(room, [])


def _crash_once(rig: Rig, name: str, who: str, how: str, place: str) -> tuple[Path, Sender, bool]:
    """One life ends at the place; the next goes on. Five orders and five results."""
    add: dict[str, Callable[..., object]] = {
        "listener": rig.add_listener,
        "hl7_out": lambda **more: rig.add_worker("hl7_out", **more),
        "hl7_in": lambda **more: rig.add_worker("hl7_in", **more),
    }
    for each, start in add.items():
        if each == who:
            start(**{how: place})
        elif not (each in rig.children and rig.children[each].is_running):
            start()
    ledger = rig.add_writer(name, 5, streams=2)
    sender = Sender(rig.port, results(name, 5))
    sender.start()
    mortal = rig.children[who]
    died = wait_until(lambda: mortal.exit_code == 137, seconds=90)  # it has to start first
    mortal.stop()
    add[who]()
    writer = rig.children[name]
    rig.until(
        lambda: writer.exit_code == 0 and not sender.is_alive() and oracle.is_quiet(), seconds=60
    )
    del rig.children[name]
    return ledger, sender, died


# --- F4, F5, F6 ----------------------------------------------------------------------------------


def database_dies(rig: Rig, report: Report) -> None:
    """F4: the database is killed, frozen, restarted while orders and results flow."""
    rig.add_receiver()
    ledgers, senders = start_everything(
        rig, out=rig.size.out // 4, into=rig.size.into // 4, lasting=20
    )
    back: list[float] = []
    for _ in range(3 if rig.size.name != "small" else 1):
        rig.until(lambda: False, seconds=4)
        rig.kill("postgres")
        rig.tend()
        began, before = time.monotonic(), sum(len(each.accepted) for each in senders)
        alive = any(each.is_alive() for each in senders)
        went_on = rig.until(
            lambda seen=before: sum(len(each.accepted) for each in senders) > seen, seconds=60
        )
        if alive and went_on:
            back.append(time.monotonic() - began)
    await_end(rig, report, senders, seconds=300)
    slowest = max(back, default=0)
    report.check(
        "results are taken again within 30 s of its return", slowest <= 30, f"{slowest:.1f} s"
    )
    judge(report, rig, ledgers, senders)


def broker_dies(rig: Rig, report: Report) -> None:
    """F5: the broker is killed, emptied, full, and away; nothing waits for it longer than 10 s."""
    from messaging.models import Partner
    from tests.failures.test_message_faults import is_acknowledged, send_order

    rig.add_receiver()
    ledgers, senders = start_everything(
        rig, out=rig.size.out // 4, into=rig.size.into // 4, lasting=20
    )
    rig.until(lambda: False, seconds=3)
    rig.kill("broker")
    rig.tend()
    _broker_says(rig, "flushall")
    rig.until(lambda: False, seconds=2)
    _broker_says(rig, "config", "set", "maxmemory", "1")
    await_end(rig, report, senders, seconds=90)
    rig.broker_is_away = True  # type: ignore[attr-defined]
    rig.kill("broker")
    partner, slowest = Partner.objects.get(slug="ris"), 0.0
    for n in range(5):
        began = time.monotonic()
        order = send_order(partner, f"without-{n}")
        rig.until(lambda order=order: is_acknowledged(order), seconds=30)
        slowest = max(slowest, time.monotonic() - began)
    rig.broker_is_away = False  # type: ignore[attr-defined]
    report.check("added delay while it is away is at most 10 s", slowest <= 10, f"{slowest:.1f} s")
    await_end(rig, report, senders, seconds=90)
    judge(report, rig, ledgers, senders)


def _broker_says(rig: Rig, *words: str) -> None:
    with rig.servers.broker._client() as client:
        client.execute_command(*words)


def broker_flaps(rig: Rig, report: Report) -> None:
    """F6: the broker comes and goes; a stuck consumer is no stuck worker."""
    from messaging.models import Partner
    from tests.failures.test_message_faults import is_acknowledged, send_order

    rig.add_receiver()
    rig.add_worker("hl7_out")
    partner, slowest = Partner.objects.get(slug="ris"), 0.0
    rig.until(lambda: False, seconds=4)
    for n in range(rig.size.broker_cuts):
        rig.kill("broker")
        began = time.monotonic()
        order = send_order(partner, f"cut-{n}")
        rig.until(lambda order=order: is_acknowledged(order), seconds=90)
        slowest = max(slowest, time.monotonic() - began)
    report.check("each order left within 60 s", slowest <= 60, f"{slowest:.1f} s at most")
    report.check("the worker never had to be started again", "hl7_out" not in rig.kills)
    oracle.judge_outbound(report, rig.receivers[0])
    oracle.judge_effects(report)
    oracle.judge_house(report, rig)
