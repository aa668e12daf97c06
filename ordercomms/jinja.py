"""The Jinja environment: NHS components, our formats and tags, Django's url and static."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse
from jinja2 import Environment


def environment(**options: Any) -> Environment:
    env = Environment(**options)  # noqa: S701  autoescape is in Django's options, and on
    env.globals.update({"static": static, "url": reverse})
    return env
