"""Doorbells and sweeps of the image exchange. The work itself is claimed from PostgreSQL."""

from . import lanes  # noqa: F401 - the lanes start with the worker
