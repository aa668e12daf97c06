"""What an operator writes about a message or a partner, and chooses for a replay."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from nhsuk.dates import LIKE_MOMENT, read_moment


class MomentField(forms.Field):
    """A date and a 24-hour time, as a person types them; `wrong` is said of anything else."""

    def __init__(self, *, wrong: str) -> None:
        super().__init__(required=False)
        self.wrong = wrong

    def to_python(self, value: Any) -> datetime | None:
        text = str(value or "").strip()
        try:
            return read_moment(text) if text else None
        except ValueError:
            raise forms.ValidationError(self.wrong) from None


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


class HandleForm(ReasonForm):
    """What was done about a message; by telephone also with whom, and when."""

    spoken_to = forms.CharField(
        max_length=120,
        required=False,
        error_messages={"max_length": "Use 120 characters or fewer for the name."},
    )
    spoken_at = MomentField(
        wrong=f"Enter when you spoke, with the date and the time, like {LIKE_MOMENT}"
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        when: datetime | None = data.get("spoken_at")
        if data.get("spoken_to") and not when and "spoken_at" not in self.errors:
            self.add_error("spoken_at", "Enter when you spoke")
        if when and when > timezone.now():
            self.add_error("spoken_at", "You cannot have spoken in the future")
        if when and not data.get("spoken_to"):
            self.add_error("spoken_to", "Enter whom you spoke to")
        return data


class CorrectionForm(forms.Form):
    """The edited text of a message, and why."""

    text = forms.CharField(strip=False, error_messages={"required": "The message is empty"})
    reason = forms.CharField(
        max_length=300,
        error_messages={
            "required": "Enter why you correct it",
            "max_length": "Use 300 characters or fewer.",
        },
    )


class ReplayForm(forms.Form):
    """Narrower than the cause: one partner, from a moment, until a moment; and how fast."""

    partner = forms.IntegerField(required=False)
    after = MomentField(
        wrong=f"Enter the date and the time from which to send back, like {LIKE_MOMENT}"
    )
    before = MomentField(
        wrong=f"Enter the date and the time until which to send back, like {LIKE_MOMENT}"
    )
    per_minute = forms.IntegerField(required=False)
    highest = forms.IntegerField(required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        after, before = data.get("after"), data.get("before")
        if after and before and after >= before:
            self.add_error("before", "The end must be after the beginning")
        return data


def problems_of(form: forms.Form) -> dict[str, str]:
    """Field to what is wrong with it, the first thing of each."""
    return {name: str(errors[0]) for name, errors in form.errors.items()}


def page_of(data: QueryDict) -> int:
    """`page=3`; the first where it says nothing sensible."""
    text = data.get("page", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
