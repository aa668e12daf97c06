"""A private PostgreSQL and a private Valkey, for a machine that runs neither.

Both run as foreground children on Unix sockets that only their owner can open: no port, no
system user, no service. `PG_BIN` names another PostgreSQL's `bin` folder (15 or later).
"""

from demo.embedded.places import CannotStart, Home, unprivileged
from demo.embedded.postgres import Postgres
from demo.embedded.valkey import Valkey

__all__ = ["CannotStart", "Home", "Postgres", "Valkey", "unprivileged"]
