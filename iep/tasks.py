"""Doorbells and sweeps of the image exchange. The work itself is claimed from PostgreSQL."""

from . import lanes  # noqa: F401 - the lanes start with the worker
from .services import arrivals, chasing, discs, filing, on_call


def sweep_arrivals() -> None:
    """Discs are unpacked, quarantined files looked into, studies settled (settings.SWEEPS)."""
    discs.read_discs(patience=20.0)
    arrivals.read_waiting(patience=20.0)
    discs.finish_read()


def sweep_tickets() -> None:
    """Missing details: the reminders that are due, and the end after two weeks."""
    chasing.sweep()


def sweep_filing() -> None:
    """Copies of matched studies are made and queued for PACS; what PACS has is filed."""
    filing.file_waiting()


def sweep_on_call() -> None:
    """Blue Light while the desk is closed: the next person of the list is paged."""
    on_call.page_due()
