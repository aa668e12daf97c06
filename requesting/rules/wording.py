"""How a box writes dates, counts and long names."""

from datetime import date

_LONGEST_NAME = 12  # words
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(value: date) -> str:
    """`22-Nov-2026`, as the staff screens write it (ux.md 2.1.2)."""
    return f"{value.day:02d}-{_MONTHS[value.month - 1]}-{value.year:04d}"


def days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


def short(name: str) -> str:
    return cut(name, _LONGEST_NAME)


def cut(text: str, most_words: int) -> str:
    words = text.split()
    if len(words) <= most_words:
        return " ".join(words)
    return " ".join(words[: max(most_words, 0)]).rstrip(".,;:") + "…" if most_words > 0 else ""
