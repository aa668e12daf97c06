"""What each worker's sweeper runs, by the queue it serves (messaging/sweeper.py): dotted paths.

Part of settings.py, and read there. Each takes no argument, and is safe beside itself.
"""

SWEEPS: dict[str, list[str]] = {
    "hl7_in": ["messaging.tasks.sweep_inbox", "messaging.tasks.sweep_operators"],
    "hl7_out": [
        "messaging.tasks.sweep_links",
        "messaging.tasks.sweep_probes",
        "messaging.tasks.sweep_outbox",
        "messaging.tasks.sweep_unanswered",
    ],
    "mail": ["messaging.tasks.sweep_mail"],
    "timers": [
        "messaging.tasks.sweep_links",  # here too: a dead worker out must not go unseen
        "requesting.tasks.sweep",
        "messaging.tasks.sweep_drills",
        "iep.tasks.sweep_on_call",
        "results.tasks.sweep_unread",
        "results.tasks.sweep_news",
        "results.tasks.sweep_reconciliation",
        "ordercomms.standby.turn.sweep",
    ],
    # The image exchange: what came, clocks, what the other side is to be told
    "images": [
        "iep.tasks.sweep_telling",
        "iep.tasks.sweep_arrivals",
        "iep.tasks.sweep_leftovers",
        "iep.tasks.sweep_tickets",
        "iep.tasks.sweep_transactions",
        "iep.tasks.sweep_filing",
    ],
}
