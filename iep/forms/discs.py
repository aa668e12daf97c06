"""What people say about a disc: dropping it off, collecting it, deciding on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from accounts.models import Site


@dataclass(frozen=True)
class DropOff:
    """A line of the chart as it was typed. None: not answered."""

    site: Site | None
    dropped_by: str
    labelled: bool | None
    form_enclosed: bool | None

    @property
    def problems(self) -> dict[str, str]:
        found = {}
        if self.site is None:
            found["site"] = "Choose the reception where the box is"
        if not self.dropped_by:
            found["dropped_by"] = "Enter the name of who drops the disc off"
        if self.labelled is None:
            found["labelled"] = "Say whether the call reference is on the disc and the envelope"
        if self.form_enclosed is None:
            found["form_enclosed"] = "Say whether the form is in the envelope"
        return found


@dataclass(frozen=True)
class Brought:
    """Brought to the desk by arrangement, as it was typed. None: not answered."""

    arranged: str
    labelled: bool | None
    form_enclosed: bool | None

    @property
    def problems(self) -> dict[str, str]:
        found = {}
        if not self.arranged:
            found["arranged"] = "Say with whom it was arranged"
        if not self.labelled:
            found["brought-labelled"] = (
                "Say whether the call reference is on the disc and the envelope"
                if self.labelled is None
                else "Write the call reference on the disc and on the envelope first"
            )
        if not self.form_enclosed:
            found["brought-form"] = (
                "Say whether the form is in the envelope"
                if self.form_enclosed is None
                else "Put the printed form into the envelope first"
            )
        return found


def brought_of(posted: Mapping[str, str]) -> Brought:
    return Brought(
        arranged=posted.get("arranged", "").strip(),
        labelled=_yes_or_no(posted.get("brought-labelled", "")),
        form_enclosed=_yes_or_no(posted.get("brought-form", "")),
    )


def drop_off_of(posted: Mapping[str, str], sites: tuple[Site, ...]) -> DropOff:
    chosen = posted.get("site", "")
    return DropOff(
        site=next((each for each in sites if str(each.pk) == chosen), None),
        dropped_by=posted.get("dropped_by", "").strip(),
        labelled=_yes_or_no(posted.get("labelled", "")),
        form_enclosed=_yes_or_no(posted.get("form_enclosed", "")),
    )


def _yes_or_no(text: str) -> bool | None:
    return {"yes": True, "no": False}.get(text)
