"""What a person of the central team says of a link."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import forms
from django.utils import timezone

_HOURS = {"": None, "1": 1, "4": 4, "12": 12}


class DeclareForm(forms.Form):
    """That a link is down, or that it is over, and why."""

    reason = forms.CharField(
        max_length=300,
        error_messages={
            "required": "Enter a reason",
            "max_length": "Use 300 characters or fewer for the reason",
        },
    )
    hours = forms.ChoiceField(
        choices=[(value, value) for value in _HOURS],
        required=False,
        error_messages={"invalid_choice": "Choose for how long"},
    )

    @property
    def until(self) -> datetime | None:
        """When it lifts itself; None: when a person says so."""
        hours = _HOURS[self.cleaned_data["hours"]]
        return timezone.now() + timedelta(hours=hours) if hours else None

    @property
    def problems(self) -> list[dict[str, str]]:
        """For the page's error summary."""
        return [
            {"text": str(error), "href": f"#{name}"}
            for name, errors in self.errors.items()
            for error in errors
        ]
