"""How many images came of how many that were announced, and how that is said (hazard H40)."""

from __future__ import annotations

from collections.abc import Iterable

from iep.models import Study, Transaction


def counted(studies: Iterable[Study]) -> tuple[int, str]:
    """How many images are here, and where that is less than announced: how many of how many."""
    images = announced = 0
    for each in studies:
        images += each.received
        announced += max(each.received, each.expected or 0)
    return images, "" if images == announced else f"{images} of {announced} images, taken as it is."


def arrived(done: Transaction, short: str) -> str:
    """The requester's mail; `short` is of `counted`."""
    place = done.institution.full_name
    if short:
        count = short.partition(",")[0]
        came = f"{count} from {place} are here. The rest does not come: it was taken as it is."
    else:
        came = f"All {done.images} images from {place} are here."
    return (
        f"{came} The service desk matches them to the patient next, and tells you when they are "
        "in PACS."
    )
