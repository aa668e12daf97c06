"""Whose images these are: a person compares, decides, and may take it back (ux.md I4, H41)."""

from __future__ import annotations

from django.db import transaction

from accounts.policies import Acting
from iep.errors import NotAccepted
from iep.models import Study, TicketExam
from iep.queries.matching import Row, compare_rows
from patients.models import Patient

__all__ = ["compare", "match", "unmatch", "vouch"]


def compare(study: Study) -> list[Row]:
    """Ticket, header and hospital record beside each other, item by item."""
    return compare_rows(study)


def match(
    study: Study,
    *,
    patient: Patient,
    exam: TicketExam | None,
    exam_code: str,
    why: str = "",
    by: Acting,
) -> Study:
    """The study is this patient's: registered in the RIS and on its way to PACS, all or nothing.

    `exam_code` is the sender's unless `why` says why not. Raises NotAccepted where name, birth date
    and one number do not agree, unless another person vouched for it (`vouch`); or where the study
    does not wait to be matched.
    """
    raise NotImplementedError


def vouch(study: Study, *, patient: Patient, why: str, by: Acting) -> Study:
    """The first of two persons says that it is the same person although something differs."""
    raise NotImplementedError


def unmatch(study: Study, *, why: str, by: Acting) -> Study:
    """Nobody's again; the RIS is asked to cancel. Raises NotAccepted once an image has left."""
    raise NotImplementedError
