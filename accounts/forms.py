"""The forms of this room. Words of errors are the ones that people read."""

from typing import Any

from django import forms

UNDO_CHOICES = ((10, "10 seconds"), (20, "20 seconds"), (30, "30 seconds"))


class SignInForm(forms.Form):
    """Username and password; both fields may be pasted into."""

    username = forms.CharField(
        max_length=150, error_messages={"required": "Enter your username"}, strip=True
    )
    password = forms.CharField(
        max_length=200, error_messages={"required": "Enter your password"}, strip=False
    )


class PlaceForm(forms.Form):
    """Which of a person's own organisations to work for."""

    membership = forms.TypedChoiceField(
        coerce=int,
        error_messages={
            "required": "Choose where you are working",
            "invalid_choice": "Choose where you are working",
        },
    )

    def __init__(self, *args: Any, choices: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["membership"].choices = choices


class SettingsForm(forms.Form):
    """S1: how long a sent request can be taken back."""

    undo_seconds = forms.TypedChoiceField(
        coerce=int,
        choices=UNDO_CHOICES,
        error_messages={
            "required": "Choose how long you can undo",
            "invalid_choice": "Choose 10, 20 or 30 seconds",
        },
    )


def error_list(form: forms.Form) -> list[dict[str, str]]:
    """A form's errors as the error summary lists them: each a link to its field."""
    return [
        {"text": str(message), "href": f"#{name}" if name != "__all__" else ""}
        for name, messages in form.errors.items()
        for message in messages
    ]
