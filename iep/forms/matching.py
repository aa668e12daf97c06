"""What a person said on the matching page."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms


class MatchForm(forms.Form):
    """The decision: whose, which line of the ticket, which code."""

    patient = forms.UUIDField()
    exam = forms.IntegerField(required=False)
    exam_code = forms.CharField(max_length=20, required=False)
    why = forms.CharField(max_length=300, required=False)


class NumberForm(forms.Form):
    """An NHS number or a hospital number that somebody keyed."""

    number = forms.CharField(
        max_length=40, error_messages={"required": "Enter an NHS number or a hospital number."}
    )


class WhyForm(forms.Form):
    """A reason."""

    why = forms.CharField(max_length=300, required=False)


@dataclass(frozen=True)
class Problem:
    """What is wrong, and beside which field it is said."""

    field: str
    sentence: str


__all__ = ["MatchForm", "NumberForm", "Problem", "WhyForm"]
