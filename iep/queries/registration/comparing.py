"""Ticket, DICOM header and hospital record beside each other, with what differs marked (I4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher

from iep.models import Study, Ticket
from nhsuk.formats import cdate_text, nhsno_text
from patients.matching import HospitalNumber, name_key
from patients.models import Patient
from patients.queries import by_identifier

Pieces = tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Row:
    """One item in three columns; each cell is (text, differs) pieces that together are its text."""

    code: str
    label: str
    ticket: Pieces
    header: Pieces
    record: Pieces
    is_different: bool


def header_names(study: Study) -> tuple[str, str]:
    """Family and given names of the header's PN (PS3.5 6.2.1): the alphabetic group."""
    parts = study.header_name.split("=")[0].split("^")
    return parts[0].strip(), " ".join(part.strip() for part in parts[1:3] if part.strip())


def hospital_number(study: Study, patient: Patient) -> str:
    """The patient's number at the study's trust, as it stands now; "" where there is none."""
    rows = patient.identifiers.filter(
        issuer=study.organisation.ods_code, former_since__isnull=True
    ).order_by("pk")
    return rows.values_list("value", flat=True).first() or ""


def holder_of(trust: str, number: str, born: date | None) -> Patient | None:
    """Whose number it is here, when it may be ours or theirs: another hospital may have given the
    same number to somebody else, and then it says nothing."""
    holder = by_identifier(trust, number) if number else None
    return holder if holder is not None and holder.birth_date == born else None


def numbers_of_header(study: Study) -> tuple[HospitalNumber, ...]:
    """A number of ours, where the header says so or our number is exactly that; else theirs says
    nothing here."""
    trust = study.organisation.ods_code
    number = study.header_patient_id
    if number and study.header_issuer == trust:
        return (HospitalNumber(trust, number),)
    if not study.header_issuer and holder_of(trust, number, study.header_birth_date):
        return (HospitalNumber(trust, number),)
    return ()


def compare_rows(study: Study, record: Patient | None) -> list[Row]:
    """One row for each item, in the order of the screen."""
    return [
        _row(code, label, said)
        for code, label, said in zip(_CODES, _LABELS, _texts(study, record), strict=True)
    ]


_CODES = (
    "name", "birth_date", "nhs_number", "s_number", "sex", "exam", "acquired", "accession",
    "images",
)  # fmt: skip
_LABELS = ("Name", "Born", "NHS No.", "S number", "Sex", "Exam", "Acquired", "Accession", "Images")
Texts = tuple[str, str, str]


def _texts(study: Study, record: Patient | None) -> list[Texts]:
    ticket = study.ticket
    return [
        (
            _name(ticket.family_name, ticket.given_names) if ticket else "",
            _name(*header_names(study)),
            _name(record.family_name, record.given_names) if record else "",
        ),
        _dates(
            ticket.birth_date if ticket else None,
            study.header_birth_date,
            record.birth_date if record else None,
        ),
        (
            nhsno_text(ticket.nhs_number) if ticket and ticket.nhs_number else "",
            nhsno_text(study.header_nhs_number) if study.header_nhs_number else "",
            nhsno_text(record.nhs_number) if record and record.nhs_number else "",
        ),
        (
            ticket.s_number if ticket else "",
            _their_number(study),
            hospital_number(study, record) if record else "",
        ),
        ("", _SEXES.get(study.header_sex, study.header_sex), _sex(record)),
        (_exams(ticket), _exam(study.description, study.code), ""),
        (_days(ticket), _acquired(study), ""),
        ("", study.accession, study.our_accession),
        ("", _images(study), ""),
    ]


THEIRS = " (theirs)"  # a number that another hospital gave: nothing to compare it with


def _their_number(study: Study) -> str:
    number = study.header_patient_id
    return number + THEIRS if number and not numbers_of_header(study) else number


_SEXES = {"F": "Female", "M": "Male", "O": "Other", "U": ""}


def _sex(record: Patient | None) -> str:
    return _SEXES.get(record.gender, "") if record else ""


def _name(family: str, given: str) -> str:
    return ", ".join(part for part in (family, given) if part)


def _dates(*days: date | None) -> Texts:
    first, second, third = (cdate_text(day) if day else "" for day in days)
    return first, second, third


def _exams(ticket: Ticket | None) -> str:
    rows = ticket.exams.all() if ticket else []
    return "; ".join(_exam(row.description, row.code) for row in rows)


def _exam(words: str, code: str) -> str:
    return f"{words} ({code})" if words and code else words or code


def _days(ticket: Ticket | None) -> str:
    rows = ticket.exams.all() if ticket else []
    return "; ".join(cdate_text(row.acquired_on) for row in rows if row.acquired_on)


def _acquired(study: Study) -> str:
    """Day, time and offset as the images have them."""
    if study.acquired_on is None:
        return ""
    clock = study.acquired_time.partition(".")[0].replace(":", "")
    time = f" {clock[:2]}:{clock[2:4]}" if len(clock) in (4, 6) and clock.isdigit() else ""
    offset = f" {study.utc_offset}" if time and study.utc_offset else ""
    return f"{cdate_text(study.acquired_on)}{time}{offset}"


def _images(study: Study) -> str:
    if study.expected and study.received < study.expected:
        return f"{study.received} of {study.expected}"
    return str(study.received)


COMPARED = frozenset({"name", "birth_date", "nhs_number", "s_number", "sex"})


def _row(code: str, label: str, said: Texts) -> Row:
    """Ticket and header are held against the record; without one, against each other."""
    ticket, header, record = said
    if code == "exam" or code not in COMPARED:
        return Row(code, label, _whole(ticket), _whole(header), _whole(record), False)
    against = record or ticket
    if _same(code, ticket, against) and _same(code, header, against):
        return Row(code, label, _whole(ticket), _whole(header), _whole(record), False)
    return Row(
        code, label, _marked(code, ticket, against), _marked(code, header, against),
        _marked(code, record, header if not _same(code, header, against) else ticket), True,
    )  # fmt: skip


def _same(code: str, left: str, right: str) -> bool:
    """Nothing is not a difference; names are the same in whatever case and with any accents."""
    if not (left and right) or THEIRS in left + right:
        return True
    if code == "name":
        return all(
            name_key(mine) == name_key(theirs)
            for mine, theirs in zip(left.split(", "), right.split(", "), strict=False)
        )
    return left.upper() == right.upper()


def _whole(text: str) -> Pieces:
    return ((text, False),) if text else ()


def _marked(code: str, text: str, against: str) -> Pieces:
    """The text in pieces: those that `against` does not have are marked, letter by letter."""
    if _same(code, text, against):
        return _whole(text)
    # Not lower(): a letter may become two, and the places would no longer fit.
    mine, theirs = ([each.casefold() for each in side] for side in (text, against))
    pieces: list[tuple[str, bool]] = []
    for kind, start, end, _, _ in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if start < end:
            pieces.append((text[start:end], kind != "equal"))
    if not any(differs for _, differs in pieces):  # something is missing: all of it is looked at
        return ((text, True),)
    return tuple(pieces)
