"""Structured logs: an event's name and ids; never a name, a number or a birth date."""

import logging.config
from typing import Any


def configure(options: dict[str, Any]) -> None:
    """Called by Django with settings.LOGGING."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "root": {"handlers": ["console"], "level": options["level"]},
        }
    )
