"""Whether a question is for this patient and this test. Plain Python: no database, no clock.

A question's `applies_when` is a table of conditions and every one must hold. An unknown condition
is an error, never a question left out. Recorded sex is not a condition: what matters is whether
a pregnancy is possible, and a record may not say.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .errors import UnknownCondition


class AsksWhen(Protocol):
    """A question, as far as this module reads it."""

    @property
    def applies_when(self) -> Mapping[str, Any]: ...


class Examined(Protocol):
    """A service, as far as this module reads it."""

    code: str
    discipline: str
    modality: str
    is_ionising: bool
    irradiates_uterus_region: bool
    uses_contrast: bool


_OF_THE_SERVICE: dict[str, Callable[[Examined, Any], bool]] = {
    "services": lambda service, codes: service.code in codes,
    "discipline": lambda service, discipline: service.discipline == discipline,
    "modalities": lambda service, modalities: service.modality in modalities,
    "ionising": lambda service, wanted: service.is_ionising == wanted,
    "contrast": lambda service, wanted: service.uses_contrast == wanted,
    "region": lambda service, region: region == "uterus" and service.irradiates_uterus_region,
}
# Someone whose age is not known is asked: leaving the question out is the worse mistake.
_OF_THE_PATIENT: dict[str, Callable[[int | None, Any], bool]] = {
    "age_from": lambda age, first: age is None or age >= first,
    "age_to": lambda age, last: age is None or age <= last,
}
CONDITIONS = frozenset({*_OF_THE_SERVICE, *_OF_THE_PATIENT})


def _known(conditions: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in conditions:
        if name not in CONDITIONS:
            raise UnknownCondition(name)
    return conditions


def concerns(conditions: Mapping[str, Any], service: Examined) -> bool:
    """Whether the service's half of the conditions holds, whoever the patient is."""
    return all(
        _OF_THE_SERVICE[name](service, value)
        for name, value in _known(conditions).items()
        if name in _OF_THE_SERVICE
    )


def question_applies(question: AsksWhen, age_years: int | None, service: Examined) -> bool:
    """Whether to ask it of a patient of this age, in whole years; None when not known."""
    conditions = question.applies_when
    return concerns(conditions, service) and all(
        _OF_THE_PATIENT[name](age_years, value)
        for name, value in conditions.items()
        if name in _OF_THE_PATIENT
    )
