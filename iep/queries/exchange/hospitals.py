"""The other hospital on a ticket's form: chosen by its name, its code, or what people call it."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import Organisation
from iep.look_alikes import normalised
from iep.models import Institution

MOST_OFFERED = 8


def others(trust: Organisation | None) -> QuerySet[Institution]:
    """Every institution in use but the trust's own, from A to Z."""
    rows = Institution.objects.filter(is_active=True).exclude(organisation__isnull=False,
                                                              organisation=trust)  # fmt: skip
    return rows.prefetch_related("aliases").order_by("name", "city")


def by_key(trust: Organisation | None, key: str) -> Institution | None:
    return others(trust).filter(pk=int(key)).first() if key.isdecimal() else None


def names(trust: Organisation | None) -> dict[int, tuple[str, ...]]:
    """Each institution's key, with its name and its aliases: to be looked for in a text."""
    return {
        each.pk: (each.name, *(alias.name for alias in each.aliases.all()))
        for each in others(trust)
    }


def called(trust: Organisation | None, text: str) -> list[Institution]:
    """Those that are called exactly that; else those in whose names all its words stand."""
    wanted = normalised(text)
    if not wanted:
        return []
    rows = list(others(trust))
    exact = [each for each in rows if wanted in map(normalised, _all_names(each))]
    if exact:
        return exact[:MOST_OFFERED]
    words = wanted.split()
    near = [each for each in rows if _has_words(each, words)]
    return near[:MOST_OFFERED]


def _all_names(each: Institution) -> list[str]:
    return [each.code, each.name, each.full_name, *(alias.name for alias in each.aliases.all())]


def _has_words(each: Institution, words: list[str]) -> bool:
    """Every word begins a word of one of its names."""
    for name in _all_names(each):
        parts = normalised(name).split()
        if all(any(part.startswith(word) for part in parts) for word in words):
            return True
    return False
