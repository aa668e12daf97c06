"""What was typed and ticked on the trauma page."""

from __future__ import annotations

from django import forms

from iep.asking import MODALITIES
from iep.services.trauma import People

MOST_TICKED = 50


class FindForm(forms.Form):
    """One number: S number or NHS number, typed or scanned."""

    number = forms.CharField(max_length=20, strip=True, required=False)


class PeopleForm(forms.Form):
    """Who asks and who receives; filled in already, and open to change."""

    other_name = forms.CharField(max_length=120)
    other_phone = forms.CharField(max_length=60)
    other_email = forms.CharField(max_length=120)
    requester_name = forms.CharField(max_length=120)
    requester_phone = forms.CharField(max_length=60)
    requester_email = forms.CharField(max_length=120)
    consultant = forms.CharField(max_length=120)

    def people(self) -> People:
        """Empty fields stay empty: the ticket says which are missing."""
        self.is_valid()
        said = {name: self.cleaned_data.get(name, "") for name in self.fields}
        return People(**said)


class SendForm(PeopleForm):
    """The studies that are ticked, the statement, the report that was read."""

    centre = forms.IntegerField(required=False)
    is_ed_trauma = forms.BooleanField(required=False)
    has_read = forms.BooleanField(required=False)
    seen = forms.CharField(max_length=64, required=False)
    what = forms.CharField(max_length=120, required=False)
    modality = forms.ChoiceField(choices=list(MODALITIES.items()), required=False)
    is_empty = forms.BooleanField(required=False)  # PACS answered, and had nothing

    def people(self) -> People:
        self.is_valid()
        names = PeopleForm.base_fields
        return People(**{name: self.cleaned_data.get(name, "") for name in names})

    def value(self, name: str) -> object:
        self.is_valid()
        return self.cleaned_data.get(name)

    def studies(self) -> list[str]:
        return self.data.getlist("study")[:MOST_TICKED]  # type: ignore[union-attr]
