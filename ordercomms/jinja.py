"""The Jinja environment: NHS components, our formats and tags, Django's url and static."""

from typing import Any

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import QueryDict
from django.templatetags.static import static
from django.urls import reverse
from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader

from accounts.policies import SYSTEM
from accounts.roles import deed, role_label, role_may
from nhsuk import charts, formats, tags
from ordercomms.frame import frame_of


def environment(**options: Any) -> Environment:
    """Called by Django, which passes autoescape on and a loader of our templates.

    The NHS components read settings that nobody gave, so undefined values chain.
    """
    options["loader"] = ChoiceLoader([options["loader"], PackageLoader("nhsuk_frontend_jinja")])
    options |= {"undefined": ChainableUndefined, "trim_blocks": True, "lstrip_blocks": True}
    env = Environment(**options)  # noqa: S701  autoescape is in Django's options, and on
    env.filters.update(formats.FILTERS)
    env.filters["doer"] = doer
    env.globals.update(
        {
            "static": static,
            "url": url,
            "query_with": query_with,
            "frame_of": frame_of,
            "help_phone": lambda: settings.HELP_PHONE,
            "messages_of": get_messages,
            "role_label": role_label,
            "role_may": role_may,
            "deed": deed,
            "tag_of": tags.tag,
            "sparkline": charts.sparkline,
        }
    )
    return env


def url(name: str, *args: Any, **kwargs: Any) -> str:
    """The address of a named page: `url("requesting:detail", item.id)`."""
    return reverse(name, args=args or None, kwargs=kwargs or None)


def query_with(data: QueryDict, **changes: Any) -> str:
    """The address's own parameters with these changed; an empty one is left out."""
    changed = data.copy()
    for name, value in changes.items():
        changed.pop(name, None)
        if value:
            changed[name] = value
    return changed.urlencode()


def doer(name: str) -> str:
    """Who did it, as a person reads it: what no person did happened by itself."""
    return "By itself" if name == SYSTEM.name else name
