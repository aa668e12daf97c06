"""Every address of the product, as the resolver has them, and how to make one that exists.

A route with an id in it needs an example: add a line to EXAMPLES when you add the route. The
example belongs to Northgate Surgery's patient Agnes and, where a department is asked, to the one
that vets here; OTHER_PLACES says who of the same role must find nothing at all there.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.world import World

Example = Callable[[World], dict[str, Any]]


@dataclass(frozen=True)
class Route:
    """A named address; `parameters` as the path declares them: `{"patient_id": "uuid"}`."""

    name: str
    path: str
    parameters: dict[str, str] = field(hash=False, default_factory=dict)

    def __str__(self) -> str:
        return self.name or self.path


def routes() -> list[Route]:
    """Every one that a request can reach, in the resolver's order."""
    return list(_walk(get_resolver(), "", ""))


def _walk(resolver: URLResolver, path: str, namespace: str) -> Iterator[Route]:
    for entry in resolver.url_patterns:
        whole = path + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from _walk(entry, whole, inner)
        elif isinstance(entry, URLPattern):
            name = f"{namespace}{entry.name}" if entry.name else ""
            yield Route(name, whole, _parameters(whole))


def _parameters(path: str) -> dict[str, str]:
    found = re.findall(r"<(?:(\w+):)?(\w+)>", path)
    return {name: converter or "str" for converter, name in found}


def agnes(world: World) -> dict[str, Any]:
    """One patient for a whole test."""
    if not hasattr(world, "agnes"):
        world.agnes = world.patient()
    return {"patient_id": world.agnes.pk}


# Route → what its address needs. A route whose only parameter is `patient_id` needs no line.
EXAMPLES: dict[str, Example] = {}


def example(route: Route, world: World) -> dict[str, Any] | None:
    """Arguments that exist; None where nobody has said how to make them."""
    if route.name in EXAMPLES:
        return EXAMPLES[route.name](world)
    if set(route.parameters) == {"patient_id"}:
        return agnes(world)
    return None if route.parameters else {}


def absent(route: Route, arguments: dict[str, Any]) -> dict[str, Any]:
    """The same with ids that nobody has."""
    made_up = {"uuid": uuid.uuid4, "int": lambda: 999_999_999}
    return {
        name: made_up[kind]() if (kind := route.parameters[name]) in made_up else value
        for name, value in arguments.items()
    }


def address(route: Route, arguments: dict[str, Any]) -> str:
    return reverse(route.name, kwargs=arguments or None)
