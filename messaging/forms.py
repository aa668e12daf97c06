"""What an operator writes about a message or a partner."""

from __future__ import annotations

from django import forms
from django.http import QueryDict


class ReasonForm(forms.Form):
    """Why, in the person's words."""

    reason = forms.CharField(max_length=300)

    def __init__(self, data: QueryDict, *, missing: str) -> None:
        super().__init__(data)
        self.fields["reason"].error_messages = {
            "required": missing,
            "max_length": "Use 300 characters or fewer.",
        }

    @property
    def problem(self) -> str:
        """What is wrong with it; "" when nothing is."""
        return next((str(error) for error in self.errors.get("reason", [])), "")


def page_of(data: QueryDict) -> int:
    """`page=3`; the first where it says nothing sensible."""
    text = data.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
