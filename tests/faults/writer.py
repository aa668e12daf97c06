"""A process that orders: each order in a transaction, told in its ledger only after the commit.

`python -m tests.faults.writer NAME COUNT STREAMS LEDGER PACE`. Killed and started again, it goes on
where the database says that it was.
"""

import os
import sys
import time
from pathlib import Path

PARTNER = "ris"
CANARY = "Zzcanary"  # the patient's name, which no log and no broker may hold


def main(name: str, count: int, streams: int, ledger: Path, pace: float) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.messaging.process_settings")
    django.setup()
    from django.db import DatabaseError, connection

    number = 0
    with ledger.open("a") as book:
        while number < count:
            try:
                order(f"{name}-{number}", f"s{number % streams}")
            except DatabaseError:
                connection.close()
                time.sleep(0.1)
                continue
            book.write(f"{name}-{number}\n")
            book.flush()
            number += 1
            time.sleep(pace)


def order(subject: str, stream: str) -> None:
    """Save it, unless a life before this one has."""
    from django.db import transaction

    from messaging import services
    from messaging.models import OutboundMessage, Partner
    from tests.messaging import senders

    if OutboundMessage.objects.filter(subject_id=subject).exists():
        return
    partner = Partner.objects.get(slug=PARTNER)
    control_id = services.next_control_id()
    pid = senders.wire.segment("PID", {1: "1", 3: [subject], 5: [CANARY, "Ada"]})
    raw = senders.ours(control_id, partner, pid)
    with transaction.atomic():
        services.enqueue(
            partner=partner, kind="OMG^O19 NW", subject_type="tests.Order", subject_id=subject,
            stream=stream, raw=raw, control_id=control_id,
        )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), float(sys.argv[5]))
