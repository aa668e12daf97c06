"""The rules about patients that can be broken. Each error holds data, never a name or a number."""

from django.http import Http404


class NotFound(Http404):
    """There is no such patient, or this person may not see them: the two look the same."""


class AlreadyRegistered(Exception):
    """Somebody registered the same number a moment ago."""


class NumberBelongsToAnother(Exception):
    """The hospital number is another patient's."""

    def __init__(self, issuer: str) -> None:
        super().__init__(issuer)
        self.issuer = issuer


class TooLong(Exception):
    """A value does not fit; identity is never cut short. `field` is the model's field name."""

    def __init__(self, field: str, longest: int) -> None:
        super().__init__(field)
        self.field = field
        self.longest = longest
