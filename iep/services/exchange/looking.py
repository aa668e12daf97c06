"""What machines have of a transaction's patient: ours or theirs, and whether it is the same."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from iep import dicom
from iep.dicom.peers import FoundStudy
from iep.errors import NotAccepted
from iep.look_alikes import normalised
from iep.models import Institution, Node, Study, Transaction
from iep.models.directory import NodeKind
from iep.queries.ticketing.people import patient_at, s_number_of
from iep.services.lanes.lines import peer_of
from iep.states.studies import Origin, StudyState
from iep.states.transactions import Direction
from iep.states.transfers import TransferState

ENDED = (TransferState.CANCELLED.value,)


@dataclass(frozen=True)
class Found:
    """A study that a machine has, and what a person has to know before ticking it."""

    study: FoundStudy
    differs: tuple[str, ...]  # what of the patient is not as the transaction has it: in words
    is_foreign: bool  # not made by us: to be sent on only for care, with the reason
    is_chosen: bool = False  # a transfer of this transaction has it already

    @property
    def words(self) -> str:
        """`CT head`; with the modality before it where the description does not begin with it."""
        return named(self.study.modalities, self.study.description)


# --- Looking -------------------------------------------------------------------------------------


def our_pacs(thing: Transaction) -> Node:
    """The PACS of our side of it. Raises NotAccepted "no_pacs"."""
    nodes = Node.objects.filter(is_our_pacs=True, institution__organisation=thing.organisation_id)
    node = nodes.order_by("-is_default", "pk").first()
    if node is None:
        raise NotAccepted("no_pacs", "Our PACS is not in the directory of institutions.")
    return node


def find_at_pacs(thing: Transaction) -> list[Found]:
    """Our studies of its patient, newest first. Raises NotAccepted, iep.dicom.DicomFailure."""
    number = _our_number(thing)
    keys = {"patient_id": number} if number else _name_and_birth_date(thing)
    return _found(thing, our_pacs(thing), **keys)


def _our_number(thing: Transaction) -> str:
    """The patient's number here. What the other side calls their local number is theirs."""
    if thing.direction == Direction.OUT and thing.local_number:
        return thing.local_number
    trust = thing.organisation
    patient = thing.patient
    if patient is None and thing.nhs_number:
        patient = patient_at(trust, nhs_number=thing.nhs_number)
    return s_number_of(patient, trust) if patient is not None else ""


def find_at_theirs(thing: Transaction) -> list[Found]:
    """Their studies of its patient, where their machine can be asked (plain DICOM).

    Raises NotAccepted "no_machine", iep.dicom.DicomFailure.
    """
    return _found(thing, _their_machine(thing), **_whose(thing))


def offered(thing: Transaction) -> list[Found]:
    """What can be downloaded: what they put on the exchange, or what their machine has.

    Raises NotAccepted "no_machine", iep.dicom.DicomFailure.
    """
    if not is_gateway(thing):
        return find_at_theirs(thing)
    busy = set(thing.transfers.exclude(state__in=ENDED).values_list("study_uid", flat=True))
    return [
        Found(as_found(each), (), is_foreign=False, is_chosen=each["study_uid"] in busy)
        for each in thing.exams
        if each.get("study_uid")
    ]


def _their_machine(thing: Transaction) -> Node:
    node = node_of(thing)
    if node.kind != NodeKind.DIMSE:
        raise NotAccepted("no_machine", "They send the list of studies themselves.")
    return node


def node_of(thing: Transaction) -> Node:
    if thing.node is None:
        name = thing.institution.name
        raise NotAccepted("no_machine", f"{name} has no machine in the directory.")
    return thing.node


def _whose(thing: Transaction) -> dict[str, object]:
    if thing.nhs_number:
        return {"nhs_number": thing.nhs_number}
    return _name_and_birth_date(thing)


def _name_and_birth_date(thing: Transaction) -> dict[str, object]:
    return {"family_name": thing.family_name, "birth_date": thing.birth_date}


def _found(thing: Transaction, node: Node, **keys: object) -> list[Found]:
    answers = dicom.find_studies(peer_of(node), **keys)  # type: ignore[arg-type]
    foreign = _foreign(thing, [each.study_uid for each in answers])
    names = _names_of_others(thing)
    chosen = set(thing.transfers.exclude(state__in=ENDED).values_list("study_uid", flat=True))
    rows = [
        Found(
            study=each,
            differs=differences(thing, each),
            is_foreign=each.study_uid in foreign or normalised(each.institution_name) in names,
            is_chosen=each.study_uid in chosen,
        )
        for each in answers
    ]
    return sorted(rows, key=lambda row: (row.study.acquired_on is None, _newest_first(row)))


def _newest_first(row: Found) -> int:
    return -row.study.acquired_on.toordinal() if row.study.acquired_on else 0


def _foreign(thing: Transaction, uids: Iterable[str]) -> set[str]:
    """Those that came to us from elsewhere."""
    rows = Study.objects.filter(study_uid__in=list(uids), organisation=thing.organisation_id)
    came = rows.exclude(origin=Origin.PACS.value).exclude(state=StudyState.DISCARDED.value)
    return set(came.values_list("study_uid", flat=True))


def _names_of_others(thing: Transaction) -> set[str]:
    others = Institution.objects.exclude(organisation=thing.organisation_id)
    pairs = others.values_list("name", "aliases__name")
    return {normalised(name) for pair in pairs for name in pair if name} - {""}


def differences(thing: Transaction, study: FoundStudy) -> tuple[str, ...]:
    """What of the patient is not as the transaction has it; what they do not say is not it."""
    family = study.patient_name.split("=")[0].partition("^")[0]
    pairs = (
        ("name", normalised(thing.family_name), normalised(family)),
        ("date of birth", thing.birth_date, study.birth_date),
        ("NHS number", thing.nhs_number, re.sub(r"\D", "", study.nhs_number)),
    )
    return tuple(words for words, ours, theirs in pairs if ours and theirs and ours != theirs)


_SAID = {
    "MR": ("mri",), "CR": ("xr", "x-ray"), "DX": ("xr", "x-ray"), "US": ("ultrasound",),
    "PT": ("pet",), "MG": ("mammogram",),
}  # fmt: skip


def named(modalities: Iterable[str], description: str) -> str:
    """The description, with the modality before it unless it is there, as people say it too."""
    kind = "/".join(modalities)
    said = {kind.lower(), *_SAID.get(kind, ())}
    if kind and said.isdisjoint(description.lower().split()):
        return f"{kind} {description}".strip()
    return description.strip() or kind or "Images"


def is_gateway(thing: Transaction) -> bool:
    return thing.node is not None and thing.node.kind == NodeKind.GATEWAY


def as_found(exam: dict[str, str]) -> FoundStudy:
    modalities = tuple(each for each in exam.get("modality", "").split("/") if each)
    day = exam.get("acquired_on", "")
    return FoundStudy(
        study_uid=exam["study_uid"],
        description=exam.get("description", ""),
        modalities=modalities,
        acquired_on=date.fromisoformat(day) if day else None,
        instances=int(exam["images"]) if exam.get("images", "").isdecimal() else None,
    )
