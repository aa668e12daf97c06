"""The numbers that we give, from sequences: no rollback gives one back (docs/adr/007)."""

from django.conf import settings
from django.db import connection

LONGEST_PLACER_NUMBER = 22  # HL7 v2.4: ORC-2.1


def next_reference() -> str:
    """`R-100482`: what people say on the telephone."""
    return f"R-{_next('requesting_reference')}"


def next_placer_number() -> str:
    """ORC-2: the site's prefix and ten digits or more."""
    number = f"{settings.HL7_SITE_PREFIX}{_next('requesting_placer_number'):010d}"
    if len(number) > LONGEST_PLACER_NUMBER:
        raise OverflowError("HL7_SITE_PREFIX is too long for a placer number")
    return number


def _next(sequence: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(%s::regclass)", [sequence])
        return cursor.fetchone()[0]
