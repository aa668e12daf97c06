"""What the request form posts, as a draft's content. Only declared fields are read.

Each chosen test has its fields under its service code: `chest-xray.reason`,
`chest-xray.q.pregnant`, `chest-xray.alert.dup-open`. The codes are in `item`, as they were chosen.
"""

import uuid
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

DETAILS_LENGTH = 500


@dataclass(frozen=True)
class Press:
    """The button that was pressed: `add chest-xray` is the verb `add` with one argument."""

    verb: str
    arguments: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return self.arguments[0] if self.arguments else ""

    @property
    def ends(self) -> tuple[str, str]:
        """The test, and the last word: a day, a side, an id."""
        return self.arguments[0], self.arguments[-1]

    @property
    def three(self) -> tuple[str, ...]:
        """The test, the rule, the answer."""
        return self.arguments[:3]


def pressed(data: QueryDict) -> Press:
    """The last `do` counts: a click's own value comes after any hidden one."""
    verb, *arguments = (data.get("do") or "save").split()
    return Press(verb, tuple(arguments))


def content(data: QueryDict) -> dict[str, Any]:
    """The draft's content, in the shape that `requesting.models.Draft` describes."""
    codes = list(dict.fromkeys(data.getlist("item")))
    return {
        "items": [_item(code, data) for code in codes],
        "hospital": data.get("hospital", ""),
        "priority": data.get("priority", "routine"),
        "results_to": _number(data.get("results_to")),
        "copy_to": [n for n in map(_number, data.getlist("copy_to")) if n],
    }


def _item(code: str, data: QueryDict) -> dict[str, Any]:
    return {
        "service": code,
        "side": data.get(f"{code}.side", ""),
        "reasons": data.getlist(f"{code}.reason"),
        "details": data.get(f"{code}.details", ""),
        "answers": _under(f"{code}.q.", data),
        "alerts": _alerts(code, data),
        "take_from": data.get(f"{code}.take_from", ""),
        "collection": data.get(f"{code}.collection", ""),
    }


def _under(prefix: str, data: QueryDict) -> dict[str, str]:
    """The non-empty fields whose names begin so, without the beginning."""
    found = {name.removeprefix(prefix): data[name] for name in data if name.startswith(prefix)}
    return {name: value for name, value in found.items() if value.strip()}


def _alerts(code: str, data: QueryDict) -> dict[str, dict[str, str]]:
    fields = _under(f"{code}.alert.", data)
    keys = {name.removesuffix(".words") for name in fields}
    return {
        key: {"reason": fields.get(key, ""), "words": fields.get(f"{key}.words", "")}
        for key in sorted(keys)
    }


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None


def add_service(draft: dict[str, Any], code: str) -> dict[str, Any]:
    """The content with the test at its end; unchanged when it is there already."""
    if any(item["service"] == code for item in draft["items"]):
        return draft
    return draft | {"items": [*draft["items"], _item(code, QueryDict())]}


def remove_service(draft: dict[str, Any], code: str) -> dict[str, Any]:
    return draft | {"items": [item for item in draft["items"] if item["service"] != code]}


def take_later(draft: dict[str, Any], code: str, day: str) -> dict[str, Any]:
    """The test set for a later day: the answer to "too soon" in one click."""
    return _with_item(draft, code, take_from=day)


def _with_item(draft: dict[str, Any], code: str, **changes: Any) -> dict[str, Any]:
    items = [item | changes if item["service"] == code else item for item in draft["items"]]
    return draft | {"items": items}


def choose_side(draft: dict[str, Any], code: str, side: str) -> dict[str, Any]:
    return _with_item(draft, code, side=side)


def answer_alert(draft: dict[str, Any], code: str, rule: str, reason: str) -> dict[str, Any]:
    """The test is kept though a rule advised something else."""
    alerts = _alerts_of(draft, code) | {rule: {"reason": reason, "words": ""}}
    return _with_item(draft, code, alerts=alerts)


def forget_alert(draft: dict[str, Any], code: str, rule: str) -> dict[str, Any]:
    """The answer is taken back, so that the box opens again."""
    alerts = {key: given for key, given in _alerts_of(draft, code).items() if key != rule}
    return _with_item(draft, code, alerts=alerts)


def _alerts_of(draft: dict[str, Any], code: str) -> dict[str, Any]:
    return next((item["alerts"] for item in draft["items"] if item["service"] == code), {})


def version(data: QueryDict) -> int:
    """The draft's version that this form was drawn from."""
    return _number(data.get("version")) or 0


def idempotency_key(data: QueryDict) -> uuid.UUID | None:
    """The form's own key, one for each time it was drawn; None when it is not one."""
    try:
        return uuid.UUID(data.get("key", ""))
    except ValueError:
        return None
