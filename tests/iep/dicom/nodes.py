"""Institutions and their machines, as a person of the desk enters them."""

from iep.models import Institution, Node
from iep.models.directory import NodeKind


def node(title: str = "FAR", **changes: object) -> Node:
    """A machine of a hospital of that name, which may call."""
    place, _ = Institution.objects.get_or_create(code=title[:12], name=title, city="Leicester")
    words = {"kind": NodeKind.DIMSE, "ae_title": title, "may_call": True, **changes}
    return Node.objects.create(institution=place, name=f"{title}-1", **words)
