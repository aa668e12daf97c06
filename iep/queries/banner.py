"""Whose page it is: our record, or a person as a ticket, a partner or the images wrote them down.

Nobody is guessed: words are shown as words, with whose they are; where the images of one page name
two people, or are matched to two records, the page has no banner and says so itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from iep.models import Disc, Study, Ticket, Transaction, Transfer
from iep.queries.arrival.arrivals import Identity, identities_of
from iep.states.discs import DiscState
from iep.states.studies import FileState, StudyState
from iep.states.transactions import Direction, TransactionKind
from patients.models import Patient

NOT_MATCHED = "not matched to a hospital record"
NOT_ALL_MATCHED = "not all images are matched to a hospital record yet"


@dataclass(frozen=True)
class Written:
    """A person as somebody wrote them down: `whose` says who, and that it is no record of ours."""

    whose: str
    family_name: str
    given_names: str
    birth_date: date | None
    nhs_number: str
    number: str  # of the hospital: the S number, or what the images have for it
    title: str = ""


@dataclass(frozen=True)
class Banner:
    """At most one of the two; neither where it may be two people. `differs`: what was written is
    not what our record has, so the page shows the words as well."""

    patient: Patient | None = None
    person_written: Written | None = None
    differs: bool = False
    numbers: Sequence[dict[str, Any]] | None = None  # the record's, where they are at hand

    @property
    def context(self) -> dict[str, object]:
        """What templates/base.html draws it from."""
        return {"banner": self, "patient": self.patient, "person_written": self.person_written}


class _Words(Protocol):
    """A ticket, a form, or a transaction: a person in somebody's words."""

    family_name: str
    given_names: str
    nhs_number: str


def of_form(new: _Words, born: date | None, s_number: str, record: Patient | None) -> Banner:
    """Of a request that is not sent yet; `record` is ours, found under its numbers."""
    if record is not None:
        return Banner(patient=record)
    whose = f"As the request says – {NOT_MATCHED}"
    return Banner(person_written=_written(new, born, s_number, whose))


def of_ticket(ticket: Ticket, studies: Iterable[Study] | None = None) -> Banner:
    """`studies`: its own, some of which somebody may have matched, where the page has them."""
    studies, number = _studies(ticket) if studies is None else studies, ticket.s_number
    return _of(ticket, ticket.birth_date, number, ticket.patient, "As the ticket says", studies)


def of_transaction(thing: Transaction, studies: Iterable[Study] | None = None) -> Banner:
    """As of_ticket."""
    studies = _studies(thing) if studies is None else studies
    patient = thing.patient or (thing.ticket.patient if thing.ticket else None)
    born, number = thing.birth_date, thing.local_number
    return _of(thing, born, number, patient, _author(thing), studies)


def _studies(of: Ticket | Transaction) -> Iterable[Study]:
    return of.studies.select_related("patient__practice")


def _author(thing: Transaction) -> str:
    if not (thing.family_name or thing.nhs_number or thing.local_number):
        return "Nobody has said whose images these are"
    if thing.ticket is not None:
        return "As the ticket says"
    if thing.kind == TransactionKind.DIRECT:
        return "As the images say"
    theirs = thing.direction == Direction.IN
    return f"As {thing.institution.name} says" if theirs else "As this transaction says"


def _of(
    words: _Words, born: date | None, number: str, patient: Patient | None, author: str,
    studies: Iterable[Study],
) -> Banner:  # fmt: skip
    live = [each for each in studies if each.state != StudyState.DISCARDED]
    found = {each.patient_id: each.patient for each in live if each.patient_id}
    if patient is not None:
        found[patient.pk] = patient
    if len(found) > 1:
        return Banner()
    record = next(iter(found.values()), None)
    whole = record is not None and (patient is not None or all(each.patient_id for each in live))
    if record is not None and whole:
        numbers = getattr(words, "numbers", None) if patient is not None else None
        return Banner(patient=record, differs=_differs(words, born, record), numbers=numbers)
    standing = NOT_ALL_MATCHED if record is not None else NOT_MATCHED
    return Banner(person_written=_written(words, born, number, f"{author} – {standing}"))


def _differs(words: _Words, born: date | None, record: Patient) -> bool:
    """Whether our record has another name, birth date or NHS number than was written."""
    pairs = (
        (words.family_name.casefold(), record.family_name.casefold()),
        (words.given_names.casefold(), record.given_names.casefold()),
        (words.nhs_number, record.nhs_number),
        (born, record.birth_date),
    )
    return any(said and said != held for said, held in pairs)


def _written(words: _Words, born: date | None, number: str, whose: str) -> Written:
    return Written(whose, words.family_name, words.given_names, born, words.nhs_number, number)


def of_study(study: Study, identities: Sequence[Identity] | None = None) -> Banner:
    """Our record where somebody has matched it; else what its images say, if they say one thing.
    `identities`: what they say, where the page has it at hand."""
    if study.patient is not None:
        return Banner(patient=study.patient)
    if identities is None and study.state != StudyState.STOPPED:
        kept = study.files.filter(state=FileState.KEPT.value)
        identities = tuple(identities_of(kept))
    if study.state == StudyState.STOPPED or name_two_people(identities or ()):
        return Banner()
    return Banner(person_written=_of_header(study))


def name_two_people(identities: Sequence[Identity]) -> bool:
    """Whether the images differ in something that tells people apart."""
    return any(differs for each in identities for _, _, differs in each.values)


def _of_header(study: Study) -> Written:
    """A person name of DICOM: family^given^middle^prefix^suffix, the first of its groups
    (PS3.5 6.2.1)."""
    parts = [each.strip() for each in study.header_name.split("=")[0].split("^")] + [""] * 4
    given = " ".join(each for each in parts[1:3] if each)
    return Written(
        f"As the images say – {NOT_MATCHED}", parts[0], given, study.header_birth_date,
        study.header_nhs_number, study.header_patient_id, parts[3],
    )  # fmt: skip


def of_transfer(transfer: Transfer) -> Banner:
    """Of whatever it is carried for."""
    if transfer.transaction is not None:
        return of_transaction(transfer.transaction)
    return of_study(transfer.study) if transfer.study is not None else Banner()


def of_disc(disc: Disc, identities: Sequence[Identity], studies: Iterable[Study]) -> Banner:
    """Of its ticket, unless what is on it names two people or somebody else."""
    found = list(studies)
    is_stopped = disc.state == DiscState.STOPPED or name_two_people(identities)
    if is_stopped or any(_is_of_another(each, disc.ticket) for each in found):
        return Banner()
    return of_ticket(disc.ticket, found)


def _is_of_another(study: Study, ticket: Ticket) -> bool:
    """Whether nobody has matched it yet and its images name another person than the ticket."""
    said = _of_header(study)
    pairs = (
        (said.family_name.casefold(), ticket.family_name.casefold()),
        (said.birth_date, ticket.birth_date),
    )
    return study.patient_id is None and any(mine and mine != theirs for mine, theirs in pairs)
