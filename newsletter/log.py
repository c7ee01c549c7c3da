"""Structured logs: a constant event name plus fields, one JSON line each (or coloured text on a terminal).

An address never belongs in a log. :func:`mask_addresses` is the net below that rule, for messages of other libraries.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_ADDRESS = re.compile(r"[^\s<>\"'@:;,()\[\]]{1,64}@[^\s<>\"'@:;,()\[\]]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def mask_addresses(_: Any, __: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace anything that looks like an email address, and control characters that could forge a line."""
    for key, value in fields.items():
        if isinstance(value, str):
            fields[key] = _CONTROL.sub(" ", _ADDRESS.sub("[address]", value))
    return fields


def configure(*, json: bool | None = None, level: int = logging.INFO) -> None:
    """Set up logging to standard error. ``json`` None: text on a terminal, JSON otherwise."""
    as_json = (not sys.stderr.isatty()) if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_addresses,
    ]
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("werkzeug", "apscheduler", "alembic", "urllib3", "stripe"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def get(room: str) -> Any:
    """The logger of one room; call with an event name and fields: ``log.info("feed.unchanged", feed_id=3)``."""
    return structlog.get_logger(room=room)
