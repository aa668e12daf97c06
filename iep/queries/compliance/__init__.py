"""The figures of the half-year."""
