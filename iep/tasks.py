"""Doorbells and sweeps of the image exchange. The work itself is claimed from PostgreSQL."""
