"""What the page that asks for images posts: texts as they were typed, and what they mean.

Only declared fields are read. Whatever was typed comes back to the page as it was.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from django.http import QueryDict

from accounts.models import Organisation
from iep.asking import MOST_EXAMS, STEPS, Exam, NewTicket
from iep.picking import Picked
from iep.picking.scans import modality_of
from iep.queries.exchange import hospitals
from iep.states.priorities import Eligibility, Priority, Reason
from iep.states.tickets import TicketKind
from nhsuk.dates import read_day
from patients import nhs_number

TEXTS: Final[dict[str, int]] = {
    "family_name": 80, "given_names": 80, "birth_date": 30, "s_number": 20, "nhs_number": 30,
    "no_nhs_number_reason": 120, "address": 400, "postcode": 10, "where": 150, "institution": 12,
    "other_name": 120, "other_position": 120, "other_phone": 60, "other_email": 120,
    "requester_name": 120, "requester_phone": 60, "requester_email": 120, "consultant": 120,
    "department": 120, "reason_words": 200, "needed_by": 30, "instructions": 1000, "discs": 4,
    "internal_address": 200, "pasted": 20_000, "kind": 8, "priority": 1, "reason": 12,
    "eligibility": 20,
}  # fmt: skip
ROW: Final[dict[str, int]] = {"date": 30, "description": 120, "modality": 16, "code": 20}
_NOT_A_DATE: Final = "Enter {what} like 22 11 2026"


@dataclass
class Typed:
    """The page as it stands: texts by field, rows of scans, and what was picked out of a text."""

    texts: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, str]] = field(default_factory=list)
    picked: set[str] = field(default_factory=set)  # fields, and rows as "exam-1"
    notes: dict[str, str] = field(default_factory=dict)
    key: str = ""

    def get(self, name: str) -> str:
        return self.texts.get(name, "")

    def fill(self, **texts: str) -> list[str]:
        """Into fields that are empty; which."""
        new = {name: text for name, text in texts.items() if text and not self.get(name)}
        self.texts |= new
        return list(new)


def typed(data: QueryDict) -> Typed:
    """Longer texts than a field takes are cut: the page says how much it takes."""
    texts = {name: data.get(name, "").strip()[:most] for name, most in TEXTS.items()}
    if data.get("several") and texts["institution"]:
        texts["where"] = ""  # the one that was chosen of several stands for what was typed
    count = min(int(data["rows"]) if data.get("rows", "").isdecimal() else 1, MOST_EXAMS)
    rows = [
        {name: data.get(f"exam-{number}-{name}", "").strip()[:most] for name, most in ROW.items()}
        for number in range(1, max(count, 1) + 1)
    ]
    picked, key = set(data.get("picked", "").split()), data.get("key", "")
    form = Typed(texts, rows, picked, _notes(data), key)
    form.key = str(key_of(form))
    return form


def _notes(data: QueryDict) -> dict[str, str]:
    """What was said of a picked field stays beside it."""
    known = [*TEXTS, *(f"exam-{number}" for number in range(1, MOST_EXAMS + 1))]
    found = {name: data.get(f"note-{name}", "")[:200] for name in known}
    return {name: note for name, note in found.items() if note}


def empty() -> Typed:
    return Typed(rows=[row_of()], key=str(uuid.uuid4()))


def laid_over(kept: Typed, new: Typed, data: QueryDict, step: str) -> Typed:
    """One page of the form over the rest of it: what that page asks is as it was typed now, and a
    page that was open for long does not take the others back."""
    asked = {name: new.texts[name] for name in STEPS[step] if name in new.texts and name in data}
    rows = new.rows if step == "scans" else kept.rows
    return Typed(kept.texts | asked, rows, kept.picked, kept.notes, kept.key)


def carried(form: Typed, but: str = "") -> list[tuple[str, str]]:
    """Everything that was typed, as hidden fields; without what the page `but` shows itself."""
    shown = _shown(form, but)
    fields = [(name, text) for name, text in form.texts.items() if text and name not in shown]
    for number, row in enumerate(form.rows if but != "scans" else [], 1):
        fields += [(f"exam-{number}-{name}", text) for name, text in row.items() if text]
    fields += [(f"note-{name}", note) for name, note in form.notes.items()]
    fields += [("rows", str(len(form.rows))), ("picked", " ".join(sorted(form.picked)))]
    return [*fields, ("key", form.key)]


def _shown(form: Typed, step: str) -> set[str]:
    """A button says which way, a choice of several hospitals which one; discs are asked for where
    there are some."""
    is_disc = form.get("kind") == TicketKind.DISC
    unseen = {"kind", "institution"} | (set() if is_disc else {"discs", "internal_address"})
    return set(STEPS.get(step, ())) - unseen


def key_of(form: Typed) -> uuid.UUID:
    """The form's own key, one for each time it was drawn: a ticket is opened once from it."""
    try:
        return uuid.UUID(form.key)
    except ValueError:
        return uuid.uuid4()


def add_row(form: Typed) -> None:
    if len(form.rows) < MOST_EXAMS:
        form.rows.append(row_of())


def row_of() -> dict[str, str]:
    return dict.fromkeys(ROW, "")


def remove_row(form: Typed, number: int) -> None:
    """Row `number`, from 1. The last one is emptied."""
    if 1 <= number <= len(form.rows):
        del form.rows[number - 1]
        form.picked = {each for each in form.picked if not each.startswith("exam-")}
        form.notes = {k: v for k, v in form.notes.items() if not k.startswith("exam-")}
    if not form.rows:
        add_row(form)


def take_picked(form: Typed, found: Picked) -> None:
    """What was picked out, into fields that are empty; each is marked, with its note."""
    form.picked |= set(form.fill(**found.fields))
    for name, note in found.notes.items():
        form.notes["where" if name == "institution" else name] = note
    form.rows = [row for row in form.rows if any(row.values())]
    for scan in found.scans[: MOST_EXAMS - len(form.rows)]:
        row = {
            "date": scan.acquired_on, "description": scan.description,
            "modality": scan.modality, "code": scan.code,
        }  # fmt: skip
        if row not in form.rows:
            form.rows.append(row)
            name = f"exam-{len(form.rows)}"
            form.picked.add(name)
            form.notes |= {name: scan.note} if scan.note else {}
    if not form.rows:
        add_row(form)


# --- What it means -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """The ticket that the page asks for, and what could not be read: field → words."""

    new: NewTicket
    problems: dict[str, str]
    choices: tuple[Any, ...] = ()  # hospitals that what was typed can mean


def read(form: Typed, trust: Organisation | None) -> Read:
    problems: dict[str, str] = {}
    institution, choices = _hospital(form, trust)
    if choices:
        problems["institution"] = "Choose which of these hospitals it is"
    elif form.get("where") and institution is None:
        problems["institution"] = "No hospital is called that. Choose one of the list"
    new = NewTicket(
        kind=_kind(form, problems),
        birth_date=day_of(form.get("birth_date"), "birth_date", problems, "the date of birth"),
        needed_by=day_of(form.get("needed_by"), "needed_by", problems, "the date"),
        exams=_exams(form, problems),
        institution=institution,
        address_lines=lines_of(form.get("address")),
        discs=int(form.get("discs")) if form.get("discs").isdecimal() else None,
        nhs_number=nhs_number.normalise(form.get("nhs_number")),
        s_number="".join(form.get("s_number").split()).upper(),
        key=key_of(form),
        **_urgency(form, problems),
        **{name: form.get(name) for name in _PLAIN},
    )
    return Read(new, problems, tuple(choices))


_PLAIN: Final = (
    "family_name", "given_names", "no_nhs_number_reason", "postcode", "other_name",
    "other_position", "other_phone", "other_email", "requester_name", "requester_phone",
    "requester_email", "consultant", "department", "instructions", "internal_address", "pasted",
)  # fmt: skip


def _kind(form: Typed, problems: dict[str, str]) -> TicketKind:
    try:
        return TicketKind(form.get("kind"))
    except ValueError:
        problems["kind"] = "Choose which way the images go"
        return TicketKind.IMPORT


def day_of(text: str, name: str, problems: dict[str, str], what: str) -> date | None:
    if not text:
        return None
    try:
        return read_day(text)
    except ValueError:
        problems[name] = _NOT_A_DATE.format(what=what)
        return None


def _exams(form: Typed, problems: dict[str, str]) -> tuple[Exam, ...]:
    """Every row in which something stands. The kind of scan is taken from the words where they
    say it: "CT head" is CT."""
    kept = [row for row in form.rows if any(row.values())]
    form.rows[:] = kept or form.rows[:1]
    return exams_of(kept, problems)


def exams_of(rows: list[dict[str, str]], problems: dict[str, str]) -> tuple[Exam, ...]:
    """What the rows mean, and what of them could not be read."""
    found = []
    for number, row in enumerate(rows, 1):
        name = f"exam-{number}-date"
        day = day_of(row["date"], name, problems, f"the date of scan {number}")
        row["modality"] = row["modality"] or modality_of(row["description"])
        found.append(Exam(row["description"], day, row["modality"], row["code"].upper()))
    return tuple(found)


def lines_of(address: str) -> tuple[str, ...]:
    return tuple(line.strip(" ,") for line in address.splitlines() if line.strip(" ,"))


def _urgency(form: Typed, problems: dict[str, str]) -> dict[str, Any]:
    """Blue Light is its own reason; what makes it so is asked for besides (hazard H39)."""
    text = form.get("priority")
    priority = Priority(int(text)) if text in {str(each.value) for each in Priority} else None
    if priority is None:
        problems["priority"] = "Choose Standard, Batch or Blue Light"
        priority = Priority.NORMAL
    is_blue = priority is Priority.BLUE_LIGHT
    reason = Reason.BLUE_LIGHT if is_blue else _one_of(Reason, form.get("reason"))
    return {
        "priority": priority,
        "reason": None if reason is Reason.BLUE_LIGHT and not is_blue else reason,
        "eligibility": _one_of(Eligibility, form.get("eligibility")) if is_blue else None,
        "reason_words": form.get("reason_words") if reason is Reason.OTHER else "",
    }


def _one_of(words: Any, text: str) -> Any:
    return words(text) if text in {each.value for each in words} else None


def _hospital(form: Typed, trust: Organisation | None) -> tuple[Any, list[Any]]:
    """The chosen one, while its name still stands there; else the one that is called so; else
    those that it can mean."""
    chosen = hospitals.by_key(trust, form.get("institution"))
    if chosen is not None and form.get("where") in ("", chosen.full_name):
        form.texts["where"] = chosen.full_name
        return chosen, []
    form.texts["institution"] = ""
    found = hospitals.called(trust, form.get("where"))
    if len(found) != 1:
        return None, found
    form.texts |= {"institution": str(found[0].pk), "where": found[0].full_name}
    return found[0], []
