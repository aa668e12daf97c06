"""Who acts, where, in which role; and the questions that every room asks of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .models import Organisation, User
from .roles import Permission


@dataclass(frozen=True)
class Acting:
    """A person acting for one organisation in one role, or a worker of the system itself."""

    user: User | None
    organisation: Organisation | None
    role: str
    permissions: frozenset[Permission] = field(default_factory=frozenset)
    supervisor: User | None = None
    name: str = ""

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    @property
    def label(self) -> str:
        """As people see it: `Dr A Patel, GP`."""
        if self.user is None:
            return self.name
        parts = [self.user.display_name, self.user.profession]
        return ", ".join(part for part in parts if part)

    @property
    def is_system(self) -> bool:
        return self.user is None


SYSTEM = Acting(user=None, organisation=None, role="system", name="ordercomms")


def partner_acting(name: str) -> Acting:
    """What another machine did by a message: shown under the partner's name."""
    return Acting(user=None, organisation=None, role="partner", name=name)
