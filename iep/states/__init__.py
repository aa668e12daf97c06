"""How far each thing of the image exchange has got. Plain Python, a module for each thing.

Each module has its states, its events, the one table that joins them (TRANSITIONS), and for every
state that is not an end who owns it, for how long, and which page lists it (WAITS). Only the
service of the same name moves a row, and only by the table.
"""

from .waits import Wait

__all__ = ["Wait"]
