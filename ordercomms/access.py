"""Who may open which address. A route that is missing here is refused to everybody.

Values: PUBLIC (nobody need sign in), ANYONE_NAMED (signed in, though no place is chosen yet),
SIGNED_IN (anyone acting for an organisation), or the permission that is needed; where methods
differ, a dict by method ("GET" covers HEAD; a method that is not there is refused).
"""

from accounts.middleware import ANYONE_NAMED, PUBLIC, SIGNED_IN
from accounts.roles import Permission as P

ACCESS: dict[str, str | P | dict[str, str | P]] = {
    # The house
    "home": SIGNED_IN,
    "record": P.TRACK_REQUESTS,
    "services": P.VIEW_SERVICES,
    "keyboard": PUBLIC,
    "accessibility": PUBLIC,
    "healthz": PUBLIC,
    "readyz": PUBLIC,
    "metrics": PUBLIC,
    "launch": PUBLIC,
    # Who you are
    "accounts:sign-in": PUBLIC,
    "accounts:sign-out": {"POST": PUBLIC},
    "accounts:signed-out": PUBLIC,
    "accounts:place": ANYONE_NAMED,
    "accounts:settings": SIGNED_IN,
    "accounts:entitlement": SIGNED_IN,
    # Patients
    "patients:find": P.FIND_PATIENTS,
}
