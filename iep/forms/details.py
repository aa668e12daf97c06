"""The fields that an answer to missing details is typed into, and what was typed means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from iep.forms.tickets import TEXTS, day_of, lines_of
from iep.queries.ticketing.answering import fields_of, in_words
from iep.states.priorities import Reason
from patients import nhs_number


def of_ticket(ticket: Any) -> dict[str, str]:
    """The fields that were asked for, as they stand; an address by lines, a reason by its value."""
    texts = {name: in_words(name, ticket) for name in fields_of(ticket)}
    if "address" in texts:
        texts["address"] = "\n".join(ticket.address_lines)
    return texts | ({"reason": ticket.reason} if "reason" in texts else {})


def of_post(names: Iterable[str], data: Mapping[str, str]) -> dict[str, str]:
    """What was typed into those of the fields that the page had. Too long a text is cut, as on the
    page that asks for images."""
    return {name: data[name].strip()[: TEXTS[name]] for name in names if name in data}


def read(texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the texts mean, and what could not be read: field → words."""
    problems: dict[str, str] = {}
    values: dict[str, Any] = dict(texts)
    if "birth_date" in values:
        text = values["birth_date"]
        values["birth_date"] = day_of(text, "birth_date", problems, "the date of birth")
    for name, meaning in _MEANINGS.items():
        if name in values:
            values[name] = meaning(values[name])
    if values.get("reason", Reason.OTHER) is not Reason.OTHER:
        values["reason_words"] = ""
    return values, problems


_MEANINGS: Final = {
    "nhs_number": nhs_number.normalise,
    "s_number": lambda text: "".join(text.split()).upper(),
    "address": lines_of,
    "reason": lambda text: Reason(text) if text in {each.value for each in Reason} else None,
}
