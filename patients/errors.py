"""The rules about patients that can be broken. Each error holds data, never a name or a number."""

from uuid import UUID

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


class MergedInto(NotFound):
    """The record was merged into another, which this person may see."""

    def __init__(self, survivor_id: UUID, retired_id: UUID) -> None:
        super().__init__("merged")
        self.survivor_id = survivor_id
        self.retired_id = retired_id


class NotMerged(Exception):
    """A merge cannot be made, decided or undone; `field` is the form's. The words are for a person
    and name nobody."""

    def __init__(self, words: str, *, field: str = "") -> None:
        super().__init__(words)
        self.field = field


class NotCancelled(NotMerged):
    """A test that was to be cancelled with the merge cannot be."""
