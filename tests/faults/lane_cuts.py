"""F22, the cable: a lane is cut off from the database, or from the node to which it sends."""

from __future__ import annotations

import os
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from .network import Proxy
from .report import Report
from .rig import Rig

LEASE = 6.0  # seconds until another lane has it: the plan's number for a partition


def from_the_database(rig: Rig, report: Report, pacs: Any, far: Any, images: Any) -> None:
    """The lane goes on sending what is on its way, and may write nothing when it is back."""
    from iep.models import Lane
    from iep.states.priorities import Priority

    from . import lanes

    url = urlsplit(os.environ["DATABASE_URL"])
    proxy = Proxy(f"{unquote(url.hostname or '')}/.s.PGSQL.5432", rig.seed)
    through = url._replace(netloc=f"{url.username}:{url.password}@127.0.0.1:{proxy.port}")
    lanes.run_lanes(rig, "lanes_out", "out-2", DATABASE_URL=through.geturl())
    lanes.run_lanes(rig, "lanes_out", "out-3")
    Lane.objects.filter(name="out-3").update(is_paused=True)  # it takes over, and nothing else
    pacs.came.clear()
    transfer = images.send(images.outgoing(200), far, priority=Priority.BLUE_LIGHT)
    rig.until(lambda: bool(lanes.now(transfer)) and transfer.images_done >= 5, seconds=60)
    proxy.mode, began, before = "cut", time.monotonic(), transfer.fence
    Lane.objects.filter(name="out-3").update(is_paused=False)
    rig.until(lambda: bool(lanes.now(transfer)) and transfer.fence > before, seconds=60)
    took = time.monotonic() - began
    report.check("cut off: taken over within 6 s, and the second that lanes look",
                 took <= LEASE + 1, f"{took:.2f} s")  # fmt: skip
    proxy.mode = "pass"
    done = rig.until(lambda: lanes.now(transfer) == "delivered", seconds=120)
    report.check("cut off: delivered in the end", done, transfer.state)
    twice = len(pacs.came) - len(set(pacs.came))
    report.check("cut off: images sent twice, but the one on its way", twice <= 1, twice)
    report.check("cut off: the fence grew once", transfer.fence == before + 1, transfer.fence)
    for name in ("out-2", "out-3"):
        rig.children.pop(name).stop()
    proxy.close()


def from_the_node(rig: Rig, report: Report, pacs: Any, images: Any) -> None:
    """The line goes silent in the middle: others are served, and it goes on by itself."""
    from . import lanes

    proxy = Proxy(pacs.port, rig.seed)
    beyond = images.node(proxy.port, name="BEYOND")
    pacs.came.clear()
    study = images.outgoing(60)
    transfer = images.send(study, beyond)
    lanes.run_lanes(rig, "lanes_out", "out-4")
    rig.until(lambda: bool(lanes.now(transfer)) and transfer.images_done >= 5, seconds=60)
    proxy.mode = "cut"
    lanes.run_lanes(rig, "lanes_out", "out-5")
    near = images.send(images.outgoing(20), images.node(pacs.port))
    served = rig.until(lambda: lanes.now(near) == "delivered", seconds=20)
    report.check("line cut: others are served meanwhile", served, near.state)
    given_up = rig.until(lambda: lanes.now(transfer) == "waiting", seconds=90)
    report.check("line cut: given up within the time-outs, and why is said",
                 given_up and bool(transfer.why), transfer.why)  # fmt: skip
    done = transfer.images_done
    report.check("line cut: never shown complete", 0 < done < 60, f"{done} of 60")
    proxy.mode = "pass"
    whole = rig.until(lambda: lanes.now(transfer) == "delivered", seconds=120)
    report.check("line cut: goes on by itself, at the next image", whole and
                 transfer.continued_from >= 5, f"from {transfer.continued_from}")  # fmt: skip
    ours = set(study.files.values_list("sop_uid", flat=True))
    came = [uid for uid in pacs.came if uid in ours]
    twice = len(came) - len(set(came))
    report.check("line cut: images sent twice, but the one on its way", twice <= 1, twice)
    for name in ("out-4", "out-5"):
        rig.children.pop(name).stop()
    proxy.close()
