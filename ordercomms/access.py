"""Who may open which address. A route that is missing here is refused to everybody.

Values: PUBLIC (nobody need sign in), SIGNED_IN (anyone acting for an organisation), or the
permission that is needed; where GET and POST differ, a dict by method.
"""

from accounts.roles import Permission as P

PUBLIC = "public"
SIGNED_IN = "signed_in"

ACCESS: dict[str, str | P | dict[str, str | P]] = {}
