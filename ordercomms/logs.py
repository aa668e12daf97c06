"""Structured logs: an event's name and ids; never a name, a number or a birth date.

Rooms write `structlog.get_logger(__name__).info("message_parked", message_id=7)`. What libraries
write by the standard module takes the same way out. People do not put identifiers in; `_without_
identifiers` is the net below them: anything shaped like an NHS number, and the part of a database
error that quotes the row.
"""

import logging.config
import os
import re
from typing import Any

import structlog

NUMBER = re.compile(r"(?<![\w.])\d{3}[ -]?\d{3}[ -]?\d{4}(?![\w])")
QUOTED_ROW = re.compile(r"(DETAIL|CONTEXT|Failing row contains):?[^\n]*")
_GIVEN = (pair.partition("=") for pair in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
RESOURCE: dict[str, Any] = {key.strip(): value.strip() for key, _, value in _GIVEN if key.strip()}
RESOURCE["service.name"] = os.environ.get("OTEL_SERVICE_NAME", "ordercomms")
QUIET = ("django.server", "granian.access", "axes", "kombu", "amqp", "urllib3")


def configure(options: dict[str, Any]) -> None:
    """Called by Django with settings.LOGGING: `{"level": "INFO", "as_json": True}`."""
    shared = _shared()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "lines": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": _last_steps(as_json=options.get("as_json", True)),
                }
            },
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
            "root": {"handlers": ["console"], "level": options["level"]},
            "loggers": {name: {"level": "WARNING"} for name in QUIET},
        }
    )


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _last_steps(*, as_json: bool) -> list[Any]:
    end = structlog.processors.JSONRenderer(default=str) if as_json else _plain_line
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        *([_with_resource] if as_json else []),
        without_identifiers,
        end,
    ]


def _with_resource(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """What wrote the line, as OpenTelemetry's resource attributes: OTEL_SERVICE_NAME and
    OTEL_RESOURCE_ATTRIBUTES ("host.name=a,deployment.environment=b"), and the process."""
    return event | {"resource": RESOURCE | {"process.pid": os.getpid()}}


def without_identifiers(logger: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Blank what looks like an identifier in every text of the event, at any depth."""
    return {key: _blanked(value) for key, value in event.items()}


def _blanked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _blanked(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_blanked(inner) for inner in value]
    if isinstance(value, bool | int | float | None):
        return value
    return NUMBER.sub("[number]", QUOTED_ROW.sub("[row]", str(value)))


def _plain_line(logger: Any, name: str, event: dict[str, Any]) -> str:
    """For a person who watches: `10:42:01 info message_parked message_id=7`."""
    exception = event.pop("exception", "")
    stamp, level = event.pop("timestamp", "")[11:19], event.pop("level", "")
    fields = " ".join(f"{key}={value!r}" for key, value in event.items() if key != "event")
    words = "".join(map(_printable, str(event.get("event", ""))))
    return f"{stamp} {level} {words} {fields}".rstrip() + (f"\n{exception}" if exception else "")


def _printable(character: str) -> str:
    """A line break or an escape in a value would let its author write lines of the log."""
    return character if character.isprintable() else ascii(character)[1:-1]
