"""The clock of unread results, run by the `timers` workers. Safe to run late, and twice."""

from .services import escalate_due, keep_watch, post_digests, release_due


def sweep_unread() -> None:
    """A turn of the clock (settings.SWEEPS)."""
    escalate_due()


def sweep_news() -> None:
    """End the holds whose time is over, and write the digests that are due (settings.SWEEPS)."""
    release_due()
    post_digests()


def sweep_reconciliation() -> None:
    """Partners' lists as they come, orders and results that are late, rates (settings.SWEEPS)."""
    keep_watch()
