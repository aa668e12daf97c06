"""The clock of unread results, run by the `timers` workers. Safe to run late, and twice."""

from .services import escalate_due


def sweep_unread() -> None:
    """A turn of the clock (settings.SWEEPS)."""
    escalate_due()
