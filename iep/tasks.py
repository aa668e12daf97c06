"""Doorbells and sweeps of the image exchange. The work itself is claimed from PostgreSQL."""

from . import lanes  # noqa: F401 - the lanes start with the worker
from .services import arrivals, chasing


def sweep_arrivals() -> None:
    """Discs are unpacked, quarantined files looked into, studies settled (settings.SWEEPS)."""
    arrivals.read_waiting(patience=20.0)


def sweep_tickets() -> None:
    """Missing details: the reminders that are due, and the end after two weeks."""
    chasing.sweep()
