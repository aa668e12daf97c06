"""What the central team types to plan a drill."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from messaging.drill_states import HOURS

LENGTHS = (("30", "30 minutes"), ("60", "1 hour"), ("120", "2 hours"), ("240", "4 hours"))
CLOCKS = (
    ("60", "A minute: 72 hours take 72 minutes"),
    ("600", "Ten minutes: 72 hours take 12 hours"),
    ("3600", "An hour, as in earnest"),
)


class PlanForm(forms.Form):
    """Which destination, who takes part, when, and why. No day and no time: now."""

    destination = forms.ChoiceField(
        error_messages={
            "required": "Choose a destination",
            "invalid_choice": "Choose a destination",
        }
    )
    places = forms.MultipleChoiceField(
        error_messages={
            "required": "Choose who takes part",
            "invalid_choice": "Choose places of the list",
        }
    )
    reason = forms.CharField(
        max_length=300,
        error_messages={
            "required": "Enter what the drill is for",
            "max_length": "Use 300 characters or fewer",
        },
    )
    day = forms.DateField(
        required=False, error_messages={"invalid": "Enter the day like 2026-11-22"}
    )
    time = forms.TimeField(required=False, error_messages={"invalid": "Enter the time like 14:30"})
    minutes = forms.ChoiceField(
        choices=LENGTHS,
        error_messages={"required": "Choose how long", "invalid_choice": "Choose how long"},
    )
    hour_seconds = forms.ChoiceField(
        choices=CLOCKS,
        error_messages={
            "required": "Choose how long an hour of the clock takes",
            "invalid_choice": "Choose how long an hour of the clock takes",
        },
    )

    def __init__(
        self, *args: Any, destinations: list[tuple[str, str]], places: list[tuple[str, str]],
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(*args, **kwargs)
        self.fields["destination"].choices = destinations  # type: ignore[attr-defined]
        self.fields["places"].choices = places  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        if bool(said.get("day")) != bool(said.get("time")) and not self.errors:
            self.add_error("time", "Enter both the day and the time, or neither to start now")
        return said

    @property
    def starts_at(self) -> datetime:
        """London time, as typed; now where nothing was."""
        said = self.cleaned_data
        if not said["day"]:
            return timezone.now()
        return timezone.make_aware(datetime.combine(said["day"], said["time"]))

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=int(self.cleaned_data["minutes"]))

    @property
    def clock(self) -> int:
        """One of messaging.drill_states.HOURS."""
        return next(each for each in HOURS if str(each) == self.cleaned_data["hour_seconds"])

    @property
    def problems(self) -> list[dict[str, str]]:
        """For the page's error summary."""
        return [
            {"text": str(error), "href": f"#{name.replace('_', '-')}"}
            for name, errors in self.errors.items()
            for error in errors
        ]
